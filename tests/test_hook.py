"""The hooks as processes of their own: what they leave in the folder, whatever befalls them."""

from __future__ import annotations

import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sms_notify import hook
from sms_notify.alert import Handed, Status
from sms_notify.sources.text import parse as parse_text
from sms_notify.spool import read

FILE = hook.__file__
PYTHON = next(p for p in ("/usr/bin/python3", sys.executable) if Path(p).exists())
NOTHING = {"PATH": "/usr/bin:/bin"}
PROBLEM = ("--type=PROBLEM", "--host=web1", "--state=DOWN")
# What an interpreter without `site` has loaded before its first line, and what is built into it.
FREE = {"posix", "sys", "time"}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def command(*words: str) -> list[str]:
    return [PYTHON, "-IS", FILE, *words]


def call(
    *words: str, stdin: bytes = b"", environment: Mapping[bytes, bytes] | None = None, **options: object
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*words), input=stdin, env=environment or NOTHING, capture_output=True, check=False, **options
    )


def whole(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(hook.TEMPORARY))


def only(folder: Path) -> Handed:
    [path] = folder.iterdir()
    return read(path.read_bytes())


# What is handed over.


def test_arguments_arrive_as_the_bytes_they_are(spool: Path) -> None:
    words = [
        "--output=quotes ' \" $(id) `id` | ; \\",
        "two\nlines\r\n",
        "",
        "--",
        "--spool",
        "emoji \U0001f525",
    ]
    raw = [word.encode() for word in words] + [b"latin \xe9\xff"]

    done = subprocess.run(
        [*command("nagios", "--spool", str(spool)), *raw], env=NOTHING, capture_output=True, check=True
    )

    assert (done.stdout, done.stderr) == (b"", b"")
    assert [argument.encode("utf-8", "surrogateescape") for argument in only(spool).arguments] == raw


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX", "en_US.ISO-8859-1", ""])
def test_no_locale_changes_a_byte(spool: Path, locale: str) -> None:
    given = b"h\xc3\xa9 \xe9\xff"
    environment = {b"LC_ALL": locale.encode(), b"NAGIOS_HOSTNAME": given}

    done = subprocess.run(
        [*command("nagios", "--spool", str(spool)), given], env=environment, capture_output=True, check=False
    )

    handed = only(spool)
    assert done.returncode == 0
    assert handed.arguments[0].encode("utf-8", "surrogateescape") == given
    assert handed.environment["NAGIOS_HOSTNAME"].encode("utf-8", "surrogateescape") == given


def test_macros_are_kept_of_the_environment_and_nothing_else(spool: Path) -> None:
    macros = {"NAGIOS_HOSTNAME": "web1", "ICINGA_STATE": "a=b", "SMS_NOTIFY_LABEL_team": "dba"}
    others = {
        "HOME": "/root",
        "NAGIOS": "x",
        "SMS_NOTIFY_PASSWORD": "secret",
        "SMS_NOTIFY_SPOOL": str(spool),
        "NAGIOS__HOSTSNMPCOMMUNITY": "secret",
    }

    done = call("icinga", environment={**NOTHING, **macros, **others})

    assert done.returncode == 0
    assert only(spool).environment == macros
    assert b"secret" not in next(spool.iterdir()).read_bytes()


@pytest.mark.parametrize("name", ["zabbix", "pipe"])
def test_zabbix_and_pipe_take_nothing_of_the_environment(spool: Path, name: str) -> None:
    words = ("to", "subject", "message") if name == "zabbix" else ("--label", "host=db1")

    call(name, "--spool", str(spool), *words, stdin=b"x", environment={**NOTHING, "NAGIOS_HOSTNAME": "x"})

    assert only(spool).environment == {}
    assert only(spool).arguments == words


def test_a_text_that_looks_like_an_option_stays_a_text(spool: Path) -> None:
    elsewhere = spool / "elsewhere"

    done = call("zabbix", "--spool", str(spool), "ops", "--spool", str(elsewhere))

    assert done.returncode == 0
    assert only(spool).arguments == ("ops", "--spool", str(elsewhere))


@pytest.mark.parametrize("name", ["nagios", "icinga", "pipe"])
@pytest.mark.parametrize("where", [0, 2])
@pytest.mark.parametrize("spelled", ["--spool {}", "--spool={}"])
def test_the_folder_may_be_named_before_the_words_and_after_them(
    spool: Path, name: str, where: int, spelled: str
) -> None:
    told = ["--label", "a=b"] if name == "pipe" else ["--host", "web1"]
    words = [*told]
    words[where:where] = spelled.format(spool).split(" ")

    assert call(name, *words, stdin=b"x").returncode == 0
    assert only(spool).arguments == tuple(told)


def test_pipe_takes_the_whole_of_standard_input(spool: Path) -> None:
    body = random.Random(1).randbytes(200_000) + b"\x00\n\xff"

    done = call("pipe", f"--spool={spool}", "--severity", "critical", stdin=body)

    assert done.returncode == 0
    assert only(spool).body == body
    assert only(spool).arguments == ("--severity", "critical")


@pytest.mark.parametrize("stdin", [b"", b" \n\t\n"])
def test_a_job_that_says_nothing_is_no_alert(spool: Path, stdin: bytes) -> None:
    assert call("pipe", "--spool", str(spool), stdin=stdin).returncode == 0
    assert list(spool.iterdir()) == []


def test_an_end_needs_no_words(spool: Path) -> None:
    assert call("pipe", "--spool", str(spool), "--name", "backup", "--resolved").returncode == 0
    assert only(spool).arguments == ("--name", "backup", "--resolved")


def test_of_too_much_the_whole_lines_are_kept_and_the_exit_says_so(spool: Path) -> None:
    line = b"x" * 99 + b"\n"

    done = call("pipe", "--spool", str(spool), stdin=b"y" * 50 + b"\n" + line * 12_000)

    assert done.returncode == 75
    assert only(spool).body == b"y" * 50 + b"\n" + line * 9_999
    assert b"the rest is NOT" in done.stderr


@pytest.mark.parametrize("body", [b"[" + b" " * 1_100_000 + b"]", b"x" * 1_100_000])
def test_of_too_much_without_an_end_nothing_is_kept(spool: Path, body: bytes) -> None:
    done = call("pipe", "--spool", str(spool), stdin=body)

    assert done.returncode == 75
    assert list(spool.iterdir()) == []
    assert b"the first 0 are stored" in done.stderr


def test_the_largest_record_is_within_the_limit_of_the_reader() -> None:
    words = [b"N=" + b"x" * (hook.WORDS_LIMIT // hook.MOST_WORDS)] * (hook.MOST_WORDS // 2)

    record = hook.encode("pipe", 1, words, words, b"x" * hook.BODY_LIMIT)

    assert len(record) <= hook.RECORD_LIMIT
    assert len(read(record).arguments) == hook.MOST_WORDS // 2


def test_every_option_that_pipe_lets_pass_is_understood_by_its_reader() -> None:
    words = [f"{option.decode()}=a=b" for option in hook.PIPE_OPTIONS]
    at = read(hook.encode("pipe", 1, [], [], b"")).at

    [alert] = parse_text(b"it is over", [*words, *(flag.decode() for flag in hook.PIPE_FLAGS)], at).alerts

    assert "not_understood" not in alert.annotations
    assert alert.labels == {"a": "b", "severity": "a=b", "alertname": "a=b"}
    assert alert.status is Status.RESOLVED


# Where to, and for whom.


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
def test_the_folders_group_may_read_it_whatever_the_umask(spool: Path, mask: int) -> None:
    call("nagios", "--spool", str(spool), *PROBLEM, umask=mask)

    [path] = spool.iterdir()
    assert path.stat().st_mode & 0o7777 == 0o640


def test_it_needs_no_home_no_directory_and_no_descriptors(spool: Path) -> None:
    line = 'exec "$@" <&- >&- 2>&-'
    done = subprocess.run(
        ["/bin/sh", "-c", line, "sh", *command("nagios", "--spool", str(spool), *PROBLEM)],
        cwd="/",
        env={},
        check=False,
    )

    assert done.returncode == 0
    assert only(spool).arguments == PROBLEM


def test_the_environment_names_the_folder_and_the_option_comes_before_it(spool: Path, tmp_path: Path) -> None:
    environment = {**NOTHING, "SMS_NOTIFY_SPOOL": str(spool)}
    other = tmp_path / "other"
    other.mkdir()

    assert call("nagios", *PROBLEM, environment=environment).returncode == 0
    assert call("nagios", "--spool", str(other), *PROBLEM, environment=environment).returncode == 0

    assert only(spool) != only(other)
    assert only(spool).arguments == only(other).arguments == PROBLEM


def test_what_is_told_later_has_the_later_name(spool: Path) -> None:
    for number in range(5):
        call("nagios", "--spool", str(spool), f"--output={number}")

    told = [read(path.read_bytes()) for path in whole(spool)]
    assert [handed.arguments[0][-1] for handed in told] == list("01234")
    assert sorted(handed.at for handed in told) == [handed.at for handed in told]


# What it cannot do.

WRONG = [
    (),
    ("nagois", "x"),
    ("nagios",),
    ("icinga", "--spool=x"),
    ("nagios", "--spool"),
    ("nagios", "--spool=", "x"),
    ("checkmk",),
    ("checkmk", "--team=dba"),
    ("zabbix",),
    ("zabbix", "to"),
    ("zabbix", "to", "", " "),
    ("zabbix", "{ALERT.SENDTO}", "{ALERT.SUBJECT}", "{ALERT.MESSAGE}"),
    ("pipe", "--label"),
    ("pipe", "--label", "host"),
    ("pipe", "--label", "=x"),
    ("pipe", "--labels", "a=b"),
    ("pipe", "--resolved=yes"),
    ("pipe", "text"),
    ("nagios", *["x"] * 3_001),
]


@pytest.mark.parametrize("words", WRONG, ids=lambda words: " ".join(words)[:40])
def test_wrong_use_is_told_at_once(spool: Path, words: Sequence[str]) -> None:
    done = call(*words, stdin=b"x", environment={**NOTHING, "SMS_NOTIFY_SPOOL": str(spool)})

    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"nothing was handed over" in done.stderr
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize("words", [("--help",), ("nagios", "--help"), ("pipe", "-h")])
def test_help_is_help(words: Sequence[str]) -> None:
    done = call(*words)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"Usage: ")


def test_a_missing_folder_is_told_with_what_to_do(tmp_path: Path) -> None:
    done = call("nagios", "--spool", str(tmp_path / "gone"), *PROBLEM)

    assert done.returncode == 75
    assert done.stderr.count(b"\n") == 1
    assert b"gone: No such file or directory; make the folder" in done.stderr


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert call("nagios", "--spool", str(tmp_path / "file"), *PROBLEM).returncode == 75


# Loads interpreter and hook first, and only then becomes somebody else: that user may not read our home.
AS_NOBODY = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("hook", sys.argv[1])
hook = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hook)
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
hook.run(sys.argv[2:])
"""


def test_without_permission_nothing_is_stored_and_that_is_told() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        words = [sys.executable, "-c", AS_NOBODY, hook.__file__, "nagios", "--spool", folder]

        done = subprocess.run([*words, *PROBLEM], env=NOTHING, capture_output=True, check=False)

        assert done.returncode == 75
        assert b"Permission denied; the caller's user must be in the folder's group" in done.stderr


def test_a_write_that_fails_midway_leaves_nothing_behind(spool: Path) -> None:
    done = call(
        "nagios",
        "--spool",
        str(spool),
        "--output=" + "x" * 5_000,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096)),
    )

    assert done.returncode == 75
    assert b"NOT stored" in done.stderr
    assert list(spool.iterdir()) == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[list[str]]:
    """How to run a command that sees a full disk at tmp_path/disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    line = f'mount -t tmpfs -o size=16k tmpfs {disk} && head -c 16384 /dev/zero >{disk}/.full; exec "$@"'
    wrapped = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", line, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*wrapped, "true"], check=False).returncode:
        pytest.skip("no mounts of one's own on this machine")
    return wrapped


def test_a_full_disk_is_told(full_disk: list[str], tmp_path: Path) -> None:
    hooked = [*full_disk, *command("nagios", "--spool", str(tmp_path / "disk"), *PROBLEM)]

    done = subprocess.run(hooked, env=NOTHING, capture_output=True, check=False)

    assert done.returncode == 75
    assert b"No space left on device; make room" in done.stderr


# Killed.

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import sms_notify.hook as hook

class Deadly:
    "Every system call of the hook; at the given one the process is killed, before it or after it."
    def __init__(self, real, at): self.real, self.at, self.calls = real, at, 0
    def __getattr__(self, name):
        found = getattr(self.real, name)
        if not callable(found): return found
        def called(*words, **named):
            self.calls += 1
            if self.calls == self.at: os.kill(os.getpid(), signal.SIGKILL)
            return found(*words, **named)
        return called

at = 1
while True:
    if os.fork() == 0:
        hook.posix = Deadly(hook.posix, at)
        hook.run(["nagios", "--spool", sys.argv[2], "--output=" + str(at)])
    ended = os.waitstatus_to_exitcode(os.wait()[1])
    print(at, ended)
    if ended == 0: break
    at += 1
"""


def test_a_kill_at_any_system_call_leaves_a_whole_file_or_a_temporary_one(spool: Path) -> None:
    root = str(Path(FILE).parent.parent)
    told = subprocess.run(
        [sys.executable, "-c", KILLED, root, str(spool)], capture_output=True, text=True, check=True
    )

    ends = dict(line.split() for line in told.stdout.splitlines())
    found = {read(path.read_bytes()).arguments[0].removeprefix("--output=") for path in whole(spool)}
    assert set(ends.values()) == {"-9", "0"}
    assert len(ends) > 8  # open, open, fchmod, write, fsync, rename, fsync, …
    assert {at for at, end in ends.items() if end == "0"} <= found
    assert 1 < len(found) < len(ends)  # some were whole when the kill came, and most were not


def test_of_hooks_that_are_killed_at_random_none_is_half_written_and_none_that_exited_0_is_missing(
    spool: Path,
) -> None:
    luck = random.Random(7)
    running = [
        (str(n), subprocess.Popen(command("nagios", "--spool", str(spool), f"--output={n}"), env=NOTHING))
        for n in range(60)
    ]
    done = set()
    for number, process in luck.sample(running, len(running)):
        if luck.random() < 0.5:
            process.kill()
        if process.wait() == 0:
            done.add(number)

    found = {read(path.read_bytes()).arguments[0].removeprefix("--output=") for path in whole(spool)}
    assert done
    assert done <= found


def test_two_hundred_at_once_are_two_hundred_records(spool: Path) -> None:
    with ThreadPoolExecutor(40) as pool:
        ends = list(
            pool.map(lambda n: call("nagios", "--spool", str(spool), f"--output={n}").returncode, range(200))
        )

    assert ends == [0] * 200
    assert {read(path.read_bytes()).arguments[0] for path in spool.iterdir()} == {
        f"--output={n}" for n in range(200)
    }


# What it costs.


def test_it_imports_nothing_that_is_not_there_already(spool: Path) -> None:
    line = (
        "import sys; before = set(sys.modules); sys.argv = sys.argv[1:]; file = sys.argv[0];"
        "import posix; leave = posix._exit;"
        "posix._exit = lambda code: print(code, *(set(sys.modules) - before));"
        "exec(compile(open(file).read(), file, 'exec'), {'__name__': '__main__'}); sys.stdout.flush(); leave(0)"
    )

    done = subprocess.run(
        [PYTHON, "-IS", "-c", line, FILE, "nagios", "--spool", str(spool), *PROBLEM],
        env=NOTHING,
        capture_output=True,
        text=True,
        check=True,
    )

    code, *loaded = done.stdout.split()
    assert code == "0"
    assert set(loaded) <= FREE
    assert only(spool).arguments == PROBLEM


def test_the_console_script_loads_the_hook_and_nothing_more(spool: Path) -> None:
    line = (
        "import sys; before = set(sys.modules); import posix; from sms_notify.cli import main; leave = posix._exit;"
        "posix._exit = lambda code: (print(code, *(set(sys.modules) - before)), sys.stdout.flush(), leave(code));"
        "main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", line, "nagios", "--spool", str(spool), *PROBLEM],
        capture_output=True,
        text=True,
        check=True,
    )

    code, *loaded = done.stdout.split()
    assert code == "0"
    assert set(loaded) <= FREE | {"sms_notify", "sms_notify.cli", "sms_notify.hook"}
    assert only(spool).arguments == PROBLEM


# The commands.


def ours(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "sms_notify", *words], input=stdin, capture_output=True, check=False
    )


def test_the_command_with_a_configuration_before_it_hands_over_too(spool: Path) -> None:
    words = ["--resolved", "--name", "backup", "--label", "host=db1", "--severity", "critical"]

    done = ours("--config", "any.yml", "pipe", "--spool", str(spool), *words, stdin=b"done")

    assert (done.returncode, done.stderr) == (0, b"")
    handed = only(spool)
    assert handed.body == b"done"
    assert set(handed.arguments) == {"--label=host=db1", "--name=backup", "--severity=critical", "--resolved"}


def test_hook_path_prints_the_file_that_runs_alone(spool: Path) -> None:
    path = ours("hook-path").stdout.decode().strip()

    done = subprocess.run([PYTHON, "-IS", path, "nagios", "--spool", str(spool), *PROBLEM], check=False)

    assert done.returncode == 0
    assert only(spool).arguments == PROBLEM


@pytest.mark.parametrize("name", hook.HOOKS)
def test_every_hook_has_its_help_with_an_example(name: str) -> None:
    assert b"Example:" in ours(name, "--help").stdout
