"""What is shipped to run sms-notify as a service, judged by the programs that read it: systemd's, /bin/sh, logrotate.

No container is built and no unit is started here, for both would need an engine that this machine may not have: of the
Containerfile its parts are tried (what it copies makes the package, its health check knows a daemon), not the whole.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import Site
from daemons import eventually
from systems import INTEGRATIONS, filled_in

from sms_notify import hook, spool
from sms_notify.alert import Alert, Status
from sms_notify.daemon.systemd import ROUND_WITHIN
from sms_notify.sources.hook_record import parse

pytestmark = pytest.mark.real
ROOT = INTEGRATIONS.parent
UNIT = INTEGRATIONS / "systemd" / "sms-notify.service"
SYSUSERS = INTEGRATIONS / "systemd" / "sms-notify.sysusers"
TMPFILES = INTEGRATIONS / "systemd" / "sms-notify.tmpfiles"
CRON = INTEGRATIONS / "cron" / "sms-notify.cron"
LOGROTATE = INTEGRATIONS / "logrotate" / "sms-notify"
CONTAINERFILE = INTEGRATIONS / "container" / "Containerfile"
COMPOSE = INTEGRATIONS / "container" / "compose.yml"
SHIPPED_PROGRAM = "/opt/sms-notify/bin/sms-notify"
SHIPPED_HOOK = "/opt/sms-notify/lib/python3.11/site-packages/sms_notify/hook.py"


def passes(*command: str | Path, **more: str) -> str:
    """What a command said on both outputs; it must have ended with 0."""
    words = [str(word) for word in command]
    outcome = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **more})
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout + outcome.stderr


def unit() -> configparser.SectionProxy:
    """The [Service] of the unit; of a key that is there twice, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=", comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text("utf-8"))
    return parser["Service"]


def seconds(span: str) -> int:
    number, word = re.fullmatch(r"(\d+)(s|min|)", span).groups()  # type: ignore[union-attr]
    return int(number) * (60 if word == "min" else 1)


# --- systemd ---


def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "sms-notify"
    copy = tmp_path / "sms-notify.service"
    copy.write_text(filled_in(UNIT, {SHIPPED_PROGRAM: str(program)}), "utf-8")

    assert passes("systemd-analyze", "verify", "--recursive-errors=no", copy) == ""


def test_the_unit_is_as_closed_as_promised() -> None:
    said = passes("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", UNIT)

    level = re.search(r"exposure level for sms-notify\.service: ([\d.]+)", said)
    assert level is not None
    print(f"    exposure {level[1]}")
    assert f"says {level[1]};" in (UNIT.parent / "README.md").read_text("utf-8")


def test_the_unit_fits_the_daemon() -> None:
    service = unit()

    assert (service["Type"], service["NotifyAccess"], service["Restart"]) == ("notify", "main", "always")
    assert service["ExecReload"] == "kill -HUP $MAINPID"
    assert seconds(service["TimeoutStopSec"]) >= 60  # a request under way (60 s at most) may end
    assert 20 <= seconds(service["WatchdogSec"]) < ROUND_WITHIN
    assert service["ReadWritePaths"] == f"-{hook.FOLDER.decode()}"
    assert service["LimitCORE"] == "0"


def test_users_groups_and_folders_come_out_as_the_page_on_hooks_has_them(tmp_path: Path) -> None:
    lines = "#m nagios          sms-notify-spool\n"
    users = tmp_path / "sms-notify.conf"
    users.write_text(filled_in(SYSUSERS, {lines: lines[1:]}), "utf-8")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)

    passes("systemd-sysusers", f"--root={root}", users)
    passes("systemd-tmpfiles", f"--root={root}", "--create", TMPFILES)

    groups = {
        name: (int(number), set(members.split(",")))
        for name, _, number, members in (
            line.split(":") for line in (root / "etc" / "group").read_text("utf-8").splitlines()
        )
    }
    passwd = [line.split(":") for line in (root / "etc" / "passwd").read_text("utf-8").splitlines()]
    uid, home, shell = next((int(row[2]), row[5], row[6]) for row in passwd if row[0] == "sms-notify")
    assert groups["sms-notify-spool"][1] == {"sms-notify", "nagios"}
    assert (home, shell) == ("/var/lib/sms-notify", "/usr/sbin/nologin")
    folder = (root / hook.FOLDER.decode().lstrip("/")).stat()
    assert folder.st_mode & 0o7777 == spool.FOLDER_MODE == 0o3770
    assert (folder.st_uid, folder.st_gid) == (uid, groups["sms-notify-spool"][0])
    assert (root / "etc" / "sms-notify").stat().st_mode & 0o7777 == 0o750


def test_what_is_shipped_makes_no_user_that_nobody_asked_for(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()

    passes("systemd-sysusers", f"--root={tmp_path}", SYSUSERS)

    names = {line.partition(":")[0] for line in (tmp_path / "etc" / "passwd").read_text("utf-8").splitlines()}
    assert names == {"sms-notify"}


# --- cron ---


def cron_lines() -> tuple[dict[str, str], list[str]]:
    """Settings and commands of the crontab, read as cron(8) reads a file of /etc/cron.d."""
    settings, commands = {}, []
    for line in CRON.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if setting := re.fullmatch(r"([A-Z]+)=(.*)", line):
            settings[setting[1]] = setting[2]
            continue
        *_, user, command = line.split(None, 6)
        assert user == "root"
        assert "%" not in command  # it would end the command
        commands.append(command)
    return settings, commands


def run_job(command: str, folder: Path, job: str, body: str) -> list[Alert]:
    """A line of the crontab as cron runs it, its `job` being the script `body`; what was handed over by it."""
    settings, _ = cron_lines()
    script = folder / "job"
    script.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
    script.chmod(0o755)
    handed = folder / "spool"
    shutil.rmtree(handed, ignore_errors=True)
    handed.mkdir()
    assert settings["HOOK"].count(SHIPPED_HOOK) == 1
    assert command.count(job) == 1
    environment = {
        "SHELL": settings["SHELL"],
        "HOOK": settings["HOOK"].replace(SHIPPED_HOOK, str(hook.__file__)),
        "SMS_NOTIFY_SPOOL": str(handed),
        "PATH": "/usr/bin:/bin",  # cron's
    }
    line = [settings["SHELL"], "-c", command.replace(job, str(script))]
    outcome = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert (outcome.stdout, outcome.stderr) == ("", "")  # else cron would mail it
    records = [spool.read(path.read_bytes()) for path in sorted(handed.iterdir())]
    return [alert for record in records for alert in parse(record).alerts]


def test_a_job_of_cron_that_fails_is_told_and_its_success_ends_that(tmp_path: Path) -> None:
    command = cron_lines()[1][0]

    def ran(body: str) -> Alert:
        (told,) = run_job(command, tmp_path, "/usr/local/sbin/backup", body)
        return told

    failed = ran("seq 1 9; echo 'disk \"full\" $(id) `id`' >&2; exit 3")
    silent = ran("exit 1")
    worked = ran("echo all is well")

    assert (failed.status, silent.status) == (Status.FIRING, Status.FIRING)
    assert failed.labels == {"alertname": "BackupFailed", "host": "db1", "severity": "critical"}
    assert failed.annotations["summary"] == "ended with exit code 3"
    assert failed.annotations["description"] == '6\n7\n8\n9\ndisk "full" $(id) `id`'
    assert silent.annotations["summary"] == "ended with exit code 1"
    assert worked.status is Status.RESOLVED
    assert worked.fingerprint == failed.fingerprint == silent.fingerprint


def test_a_job_of_cron_that_is_silent_hands_nothing_over(tmp_path: Path) -> None:
    command = cron_lines()[1][1]

    assert run_job(command, tmp_path, "/usr/local/sbin/check-queues", "exit 0") == []
    told = run_job(command, tmp_path, "/usr/local/sbin/check-queues", "echo queue a; echo queue b >&2")
    assert [alert.annotations["summary"] for alert in told] == ["queue a", "queue b"]
    assert {alert.labels["severity"] for alert in told} == {"warning"}


# --- logrotate ---


def test_logrotate_empties_the_log_under_a_program_that_goes_on_appending(
    tmp_path: Path, open_folder: Path
) -> None:
    log = open_folder / "sms-notify.log"
    writer = subprocess.Popen(
        ["/bin/sh", "-c", 'while read -r line; do echo "$line" >&2; done 2>>"$0"', log],
        stdin=subprocess.PIPE,
        text=True,
    )
    assert writer.stdin is not None
    try:
        print("before", file=writer.stdin, flush=True)
        assert eventually(lambda: log.exists() and log.read_text("utf-8") == "before\n")
        config = tmp_path / "rotate"
        changes = {
            "/var/log/sms-notify/sms-notify.log {": f"{log} {{",
            "su sms-notify sms-notify": "su root root",
        }
        config.write_text(filled_in(LOGROTATE, changes), "utf-8")
        config.chmod(0o644)
        passes("logrotate", "--force", "--state", tmp_path / "state", config)
        print("after", file=writer.stdin, flush=True)
        assert eventually(lambda: log.read_text("utf-8") == "after\n"), log.read_bytes()
        assert (open_folder / "sms-notify.log.1").read_text("utf-8") == "before\n"
    finally:
        writer.stdin.close()
        writer.wait(20)


# --- the container ---


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions and their arguments, lines joined and comments left out."""
    lines = [
        line for line in CONTAINERFILE.read_text("utf-8").splitlines() if line and not line.startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def copied() -> list[str]:
    sources = []
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from="):
            sources += rest.split()[:-1]
    return sources


def test_the_containerfile_holds_known_instructions_that_parse() -> None:
    known = {
        "ARG",
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "ENV",
        "USER",
        "VOLUME",
        "EXPOSE",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    assert {word for word, _ in instructions()} == known
    for word, rest in instructions():
        if word == "RUN":
            passes("/bin/sh", "-n", "-c", rest)
        if word in ("VOLUME", "ENTRYPOINT", "CMD"):
            assert all(isinstance(item, str) for item in json.loads(rest))
    users = [rest for word, rest in instructions() if word == "USER"]
    assert users
    assert users[-1] not in ("0", "root", "0:0")


def test_every_package_in_the_container_is_pinned_by_its_hash() -> None:
    installs = [
        part
        for word, rest in instructions()
        if word == "RUN"
        for part in rest.split("&&")
        if " install " in part and "pip" in part
    ]

    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert {"--no-deps", "--no-build-isolation"} <= set(shlex.split(installs[1]))


def test_the_files_that_the_container_copies_are_enough_to_build_the_package(tmp_path: Path) -> None:
    assert set(copied()) >= {"sms_notify", "pyproject.toml", "requirements/packaged.txt"}
    for name in copied():
        source, target = ROOT / name, tmp_path / "src" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)

    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    outcome = subprocess.run(command, cwd=tmp_path / "src", capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stderr
    assert len(list((tmp_path / "dist").glob("sms_notify-*.whl"))) == 1


def test_the_health_check_knows_a_daemon_that_serves_from_one_that_is_gone(site: Site) -> None:
    check = next(rest for word, rest in instructions() if word == "HEALTHCHECK")
    _, _, code = json.loads(check.partition(" CMD ")[2])
    command = [sys.executable, "-c", code.replace("127.0.0.1:9601", site.address)]

    assert subprocess.run(command, check=False).returncode == 0
    site.stop()
    assert subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode != 0


def test_the_compose_file_mounts_what_the_image_keeps() -> None:
    service = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]["sms-notify"]
    volumes = json.loads(next(rest for word, rest in instructions() if word == "VOLUME"))

    mounted = {mount.split(":")[1] for mount in service["volumes"]}
    assert mounted == {*volumes, "/etc/sms-notify"}
    assert seconds(service["stop_grace_period"].replace("2m", "2min")) == seconds(unit()["TimeoutStopSec"])
