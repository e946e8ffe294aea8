#!/usr/bin/env python3
"""The packages on a bare Debian, installed as a user does it; a text is sent through each, and the simulator asked for it.

Runs as root in a system of its own, which it changes: `make test-packages`. Standard library only, for nothing else is
there. Each step prints a line; the first that fails ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DIST = PROJECT / "dist"
ETC = Path("/etc/sms-notify")
STATE = Path("/var/lib/sms-notify")
SPOOL = Path("/var/spool/sms-notify")
HOME = Path("/opt/sms-notify")
UNIT = Path("/usr/lib/systemd/system/sms-notify.service")
ENABLED = Path("/etc/systemd/system/multi-user.target.wants/sms-notify.service")
PATIENCE = 60.0
Words = Sequence["str | Path"]


def main() -> int:
    apt_get("update")
    step("the Debian package", debian_package)
    step("the wheel, without a network", wheel)
    return 0


def step(what: str, check: Callable[[], None]) -> None:
    began = time.monotonic()
    check()
    print(f"== {what}: {time.monotonic() - began:.0f} s", flush=True)


# --- the Debian package ---


def debian_package() -> None:
    (package,) = DIST.glob("sms-notify_*.deb")
    apt_get("install", package)
    as_a_debian_user_expects()
    configured_by_its_own_example()
    with simulator(["/usr/bin/sms-notify"], ETC / "password") as gateway:
        point_at(ETC / "sms-notify.yml", gateway)
        run(*as_user("sms-notify"), "sms-notify", "check-config", "--online")
        with serving(ETC / "sms-notify.yml", [*as_user("sms-notify"), *exec_start()]) as port:
            post_comes(gateway, port, "db1")
            hook_comes(gateway, "web1")
        upgraded(package, gateway)
    removed_and_purged()


def as_a_debian_user_expects() -> None:
    expect(run("sms-notify", "--version").startswith("sms-notify, version "), "the program is on the PATH")
    expect(owner_and_mode(ETC) == ("sms-notify", 0o750), f"{ETC} is the daemon's alone")
    expect(owner_and_mode(STATE) == ("sms-notify", 0o750), f"{STATE} is the daemon's alone")
    expect(owner_and_mode(SPOOL) == ("sms-notify", 0o3770), f"{SPOOL} is sticky and setgid")
    expect(os.readlink(ENABLED) in (str(UNIT), str(UNIT).removeprefix("/usr")), "the service is enabled")
    expect(not (ETC / "sms-notify.yml").exists(), "nothing passes for a configuration yet")
    expect(f"ConditionPathExists={ETC}/sms-notify.yml" in UNIT.read_text("utf-8"), "so the unit waits for it")
    expect(run("systemd-analyze", "verify", UNIT) == "", "systemd understands the unit")
    conffiles = run("dpkg-query", "--show", "--showformat=${Conffiles}", "sms-notify")
    expect("/etc/sms-notify/sms-notify.yml.example" in conffiles, "the example is a conffile")
    expect(any(HOME.rglob("*.pyc")), "it is compiled, as its user could not do that")
    expect(
        len(list(Path("/usr/share/man/man1").glob("sms-notify*.1.gz"))) > 20, "man pages"
    )  # docker drops none
    completion = "/usr/share/bash-completion/completions/sms-notify"
    expect("_sms_notify" in run("bash", "-c", f". {completion} && complete -p sms-notify"), "bash completes")
    expect(
        run("sms-notify", "hook-path").strip() == os.path.realpath("/usr/lib/sms-notify/hook.py"), "the hook"
    )
    expect(not run("dpkg", "--verify", "sms-notify"), "every file is as it was packed")


def configured_by_its_own_example() -> None:
    """The commands that the example's comments say, with a password and a token put into the two files."""
    example = ETC / "sms-notify.yml.example"
    for line in re.findall(
        r"^#   sudo (install .*?)(?:\s{2,}.*)?$", example.read_text("utf-8"), re.MULTILINE
    ):
        run(*shlex.split(line))
    (ETC / "password").write_text("a password with ümlauts\n", "utf-8")
    (ETC / "tokens").write_text("a-token-of-24-letters-or-more\n", "utf-8")
    expect(
        owner_and_mode(ETC / "sms-notify.yml") == ("root", 0o640),
        "the configuration is not the daemon's to change",
    )
    expect(owner_and_mode(ETC / "password") == ("sms-notify", 0o600), "the password is its user's alone")


def upgraded(package: Path, gateway: str) -> None:
    kept = (ETC / "sms-notify.yml").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        apt_get("install", next_revision(package, Path(folder)))
    expect((ETC / "sms-notify.yml").read_bytes() == kept, "an upgrade keeps the configuration")
    ledger = run(*as_user("sms-notify"), "sms-notify", "messages")
    expect("db1" in ledger and "web1" in ledger, "an upgrade keeps the database")
    with serving(ETC / "sms-notify.yml", [*as_user("sms-notify"), *exec_start()]) as port:
        post_comes(gateway, port, "db2")


def next_revision(package: Path, folder: Path) -> Path:
    """The same package with a higher version, quickly packed."""
    run("dpkg-deb", "-R", package, folder / "tree")
    control = folder / "tree" / "DEBIAN" / "control"
    control.write_text(
        re.sub(r"^(Version: .*)$", r"\1+next", control.read_text("utf-8"), flags=re.MULTILINE), "utf-8"
    )
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", folder / "tree", folder / "next.deb")
    folder.chmod(0o755)
    return folder / "next.deb"


def removed_and_purged() -> None:
    apt_get("remove", "sms-notify")
    expect(not HOME.exists() and not UNIT.exists(), "nothing of the program is left")
    expect((ETC / "sms-notify.yml").exists() and (STATE / "sms-notify.db").exists(), "what the user made is")
    apt_get("purge", "sms-notify")
    left = [path for path in (ETC, STATE, SPOOL, ENABLED) if path.exists() or path.is_symlink()]
    expect(not left, f"a purge leaves nothing: {left}")


def exec_start() -> list[str]:
    """What the installed unit starts."""
    (line,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)
    return shlex.split(line)


# --- the wheel ---


def wheel() -> None:
    (package,) = DIST.glob("sms_notify-*.whl")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        venv, without_network = folder / "venv", ["unshare", "--net"]
        run(sys.executable, "-m", "venv", venv)
        run(
            *without_network,
            venv / "bin" / "pip",
            "install",
            "--quiet",
            "--no-index",
            "--find-links",
            DIST / "wheels",
            f"{package}[ical,apprise]",
        )
        expect((venv / "share/man/man1/sms-notify.1").exists(), "man pages come with the wheel")
        expect(
            (venv / "share/sms-notify/integrations/nagios/sms-notify.cfg").exists(), "so do the integrations"
        )
        program = str(venv / "bin" / "sms-notify")
        expect("sms-notify" in run(program, "--version"), "the program runs")
        configuration = configured_by_hand(folder)
        with simulator([program], folder / "password") as gateway:
            point_at(configuration, gateway)
            with serving(configuration, [program, "serve", "--config", str(configuration)]) as port:
                post_comes(gateway, port, "db3")


def configured_by_hand(folder: Path) -> Path:
    """Root's own, in one folder."""
    for name, content in (("password", "secret"), ("tokens", "a-token-of-24-letters-or-more")):
        (folder / name).write_text(f"{content}\n", "utf-8")
        (folder / name).chmod(0o600)
    configuration = folder / "sms-notify.yml"
    example = (PROJECT / "packaging" / "debian" / "sms-notify.yml.example").read_text("utf-8")
    configuration.write_text(example.replace(str(STATE), str(folder)) + f"spool: {folder}/spool\n", "utf-8")
    return configuration


# --- a text on its way ---


@contextlib.contextmanager
def simulator(program: Sequence[str], password_file: Path) -> Iterator[str]:
    """The address of a simulated gateway, while it runs."""
    command = [
        *program,
        "simulator",
        "--listen",
        f"127.0.0.1:{free_port()}",
        "--username",
        "acme",
        "--password-file",
        str(password_file),
    ]
    with running(command):
        gateway = f"http://{command[len(program) + 2]}"
        eventually(lambda: answers(f"{gateway}/api/texts"), "the simulator answers")
        yield gateway


@contextlib.contextmanager
def serving(configuration: Path, command: Sequence[str]) -> Iterator[int]:
    """The port of a daemon that is ready; it must end cleanly on SIGTERM."""
    port = free_port()
    text = re.sub(r"listen: 127\.0\.0\.1:\d+", f"listen: 127.0.0.1:{port}", configuration.read_text("utf-8"))
    configuration.write_text(text, "utf-8")
    with running(command):
        eventually(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), "the daemon is ready")
        yield port


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[None]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
            os.kill(innermost(process.pid), signal.SIGTERM)
            expect(process.wait(PATIENCE) == 0, f"{command[0]} ends on SIGTERM")
        except BaseException:
            process.kill()
            log.seek(0)
            print(f"-- {shlex.join(command)}:\n{log.read()}", flush=True)
            raise


def innermost(pid: int) -> int:
    """The program itself, where another one (runuser, buildah) has started it and may not pass signals on."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = [child for thread in threads for child in thread.read_text("ascii").split()]
    return innermost(int(children[0])) if children else pid


def point_at(configuration: Path, gateway: str) -> None:
    """Without waiting for a group and without limits, so that each text is there at once."""
    text = re.sub(r"url: \S+", f"url: {gateway}/module/", configuration.read_text("utf-8"))
    text = text.replace("route:\n", "route:\n  group_wait: 0s\n")
    configuration.write_text(f"{text}\nlimits: off\n", "utf-8")


def post_comes(gateway: str, port: int, host: str) -> None:
    alert = {"name": "DiskFull", "host": host, "severity": "critical", "summary": "/var is at 97 %"}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer a-token-of-24-letters-or-more"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/alerts", json.dumps(alert).encode(), headers)
    with opener().open(request, timeout=20) as answer:
        expect(answer.status == 200, "the alert is taken")
    comes(gateway, host)


def hook_comes(gateway: str, host: str) -> None:
    """By the hook's own file, as a user who only may hand over."""
    run("useradd", "--system", "--groups", "sms-notify-spool", "nagios")
    hook = ["/usr/bin/python3", "-IS", "/usr/lib/sms-notify/hook.py", "nagios"]
    run(*as_user("nagios"), *hook, "--type=PROBLEM", f"--host={host}", "--state=DOWN", "--output=no answer")
    comes(gateway, host)


def comes(gateway: str, host: str) -> None:
    def there() -> bool:
        with opener().open(f"{gateway}/api/texts", timeout=20) as answer:
            texts = json.load(answer)
        return any(text["number"] == "32470000001" and host in text["text"] for text in texts)

    eventually(there, f"the text about {host} came to the phone")


# --- this machine ---


def run(*words: str | Path) -> str:
    command = [str(word) for word in words]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise SystemExit(
            f"{shlex.join(command)}: exit {outcome.returncode}\n{outcome.stdout}{outcome.stderr}"
        )
    return outcome.stdout


def apt_get(*words: str | Path) -> None:
    run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "--no-install-recommends", *words)


def as_user(name: str) -> list[str]:
    return ["runuser", "-u", name, "--"]


def owner_and_mode(path: Path) -> tuple[str, int]:
    found = path.stat()
    return pwd.getpwuid(found.st_uid).pw_name, stat.S_IMODE(found.st_mode)


def opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str) -> bool:
    with contextlib.suppress(OSError):
        opener().open(url, timeout=5).close()
        return True
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def eventually(met: Callable[[], bool], what: str) -> None:
    """Looks again until `met`; for what another process does."""
    ends, pause = time.monotonic() + PATIENCE, threading.Event()
    while not (done := met()) and time.monotonic() < ends:
        pause.wait(0.1)
    expect(done, what)


def expect(true: bool, what: str) -> None:
    if not true:
        raise SystemExit(f"NOT SO: {what}")
    print(f"   {what}", flush=True)


if __name__ == "__main__":
    if not shutil.which("dpkg-deb") or not DIST.is_dir():
        raise SystemExit("make packages first, on Debian")
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # as root's is after a login
    sys.exit(main())
