"""Telling by a command, with real processes."""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sms_notify.channels.base import ChannelResult, Ended, Note, body_of, subject_of
from sms_notify.channels.command import CommandChannel
from sms_notify.channels.settings import CommandSettings

AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
NOTE = Note("gateway main: error 108", "no credits are left\nsince 14:05", AT, urgent=False)
KEEP = "import os, sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read() + b'\\0' + os.environb[b'SMS_NOTIFY_SUBJECT'])"


def tell(*argv: str, note: Note = NOTE, timeout: float = 20.0) -> ChannelResult:
    return CommandChannel(CommandSettings("command", argv, timeout)).tell(note)


def shell(script: str, timeout: float = 20.0) -> ChannelResult:
    return tell("/bin/sh", "-c", script, timeout=timeout)


@pytest.fixture
def life() -> Iterator[tuple[int, int]]:
    """A pipe whose writing end processes inherit by its path: it ends when the last of them does."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    yield reading, writing
    os.close(reading)


def everybody_is_gone(life: tuple[int, int]) -> bool:
    reading, writing = life
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], 10)
    return bool(ready) and os.read(reading, 1) == b""


def test_the_note_is_json_on_stdin_and_the_subject_in_the_environment(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert tell(sys.executable, "-c", KEEP, str(kept)) == ChannelResult(Ended.TOLD)
    told, subject = kept.read_bytes().split(b"\0")
    assert told.endswith(b"}\n")
    assert json.loads(told) == {
        "subject": "gateway main: error 108",
        "body": "no credits are left\nsince 14:05",
        "at": "2026-11-22T14:05:00Z",
        "urgent": False,
        "source": "sms-notify",
    }
    assert subject == b"gateway main: error 108"


@pytest.mark.parametrize(
    "hostile",
    [
        "$(touch {0})",
        "`touch {0}`",
        "; touch {0}",
        "| touch {0}",
        "\n touch {0}\n",
        "--help",
        "x\0y",
        "\ud800",
    ],
)
def test_a_hostile_note_reaches_no_shell(tmp_path: Path, hostile: str) -> None:
    touched, kept = tmp_path / "touched", tmp_path / "kept"
    note = Note(hostile.format(touched), hostile.format(touched), AT, urgent=True)
    assert tell(sys.executable, "-c", KEEP, str(kept), note=note) == ChannelResult(Ended.TOLD)
    told, subject = kept.read_bytes().split(b"\0")
    assert json.loads(told)["body"] == body_of(note)
    assert subject.decode() == json.loads(told)["subject"] == subject_of(note)
    assert b"\n" not in subject
    assert not touched.exists()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(subject=st.text(max_size=400), body=st.text(max_size=400))
def test_any_note_can_be_told(tmp_path: Path, subject: str, body: str) -> None:
    kept = tmp_path / "kept"
    script = 'cat > "$0"; [ "$SMS_NOTIFY_SUBJECT" ] || true'
    assert tell(
        "/bin/sh", "-c", script, str(kept), note=Note(subject, body, AT, urgent=True)
    ) == ChannelResult(Ended.TOLD)
    assert json.loads(kept.read_bytes())["subject"] == subject_of(Note(subject, body, AT, urgent=True))


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("exit 0", ChannelResult(Ended.TOLD)),
        ("exit 3", ChannelResult(Ended.REFUSED, "exit 3")),
        ("echo out; echo err >&2; exit 1", ChannelResult(Ended.REFUSED, "exit 1: out err")),
        (
            "printf 'a\\033[31m\\n+32470000001\\n\\377'; exit 1",
            ChannelResult(Ended.REFUSED, "exit 1: a [31m +[number]"),
        ),
        ("kill -9 $$", ChannelResult(Ended.REFUSED, "ended by signal 9")),
    ],
)
def test_the_exit_code_is_the_answer(script: str, outcome: ChannelResult) -> None:
    assert shell(script) == outcome


def test_a_command_that_does_not_read_its_note_has_told_nevertheless() -> None:
    long = Note("x", "y" * 1_000_000, AT, urgent=True)
    assert tell("/bin/sh", "-c", "exec <&-; exit 0", note=long) == ChannelResult(Ended.TOLD)
    assert tell("/bin/true", note=long) == ChannelResult(Ended.TOLD)


def test_a_command_that_hangs_is_killed_with_its_children(life: tuple[int, int]) -> None:
    begun = time.monotonic()
    # Popen closes what it does not hand over, so that the shell opens the pipe by its path
    writing = f"/proc/{os.getpid()}/fd/{life[1]}"
    outcome = shell(f"exec 9>{writing}; echo begun; sleep 300 & trap '' TERM INT HUP; sleep 300", timeout=1.0)
    assert outcome.ended is Ended.UNKNOWN
    assert outcome.detail.startswith("killed at its time limit")
    assert everybody_is_gone(life)
    assert time.monotonic() - begun < 30


def test_a_child_that_outlives_its_command_is_not_waited_for_and_ends(life: tuple[int, int]) -> None:
    begun = time.monotonic()
    writing = f"/proc/{os.getpid()}/fd/{life[1]}"
    assert shell(f"exec 9>{writing}; sleep 300 & exit 0", timeout=60) == ChannelResult(Ended.TOLD)
    assert everybody_is_gone(life)
    assert time.monotonic() - begun < 30


def test_output_without_end_is_thrown_away() -> None:
    outcome = shell("echo begun; exec cat /dev/zero", timeout=2.0)
    assert outcome == ChannelResult(Ended.UNKNOWN, "killed at its time limit: begun")
    much = shell("head -c 50000000 /dev/zero | tr '\\0' x; exit 4")
    assert much.detail == ("exit 4: " + "x" * 200)[:200]


@pytest.mark.parametrize("name", ["/no/such/program", "/etc/passwd", "/etc", "x\0y"])
def test_what_is_no_program_is_misconfigured(name: str) -> None:
    assert tell(name).ended is Ended.MISCONFIGURED


def test_a_script_without_its_first_line_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "tell").write_text("exit 0\n")
    (tmp_path / "tell").chmod(0o755)
    assert tell(str(tmp_path / "tell")) == ChannelResult(
        Ended.MISCONFIGURED, "cannot be started: Exec format error"
    )


def test_secrets_of_our_environment_do_not_reach_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_PASSWORD", "kanarie")
    script = f"env > {tmp_path / 'env'}"
    assert shell(script) == ChannelResult(Ended.TOLD)
    shown = (tmp_path / "env").read_text()
    assert "SMS_NOTIFY_SUBJECT=gateway main: error 108" in shown
    assert "kanarie" not in shown


def test_no_descriptor_and_no_zombie_is_left() -> None:
    before, others = len(os.listdir("/proc/self/fd")), children()
    for script in ("exit 0", "exit 1", "sleep 9 & exit 0"):
        shell(script)
    assert len(os.listdir("/proc/self/fd")) == before
    assert children() == others


def children() -> set[str]:
    """Also the dead that nobody has waited for; a server of other tests may be among them."""
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(
            FileNotFoundError
        ):  # a thread that ends meanwhile; another one has its children then
            found.update((task / "children").read_text().split())
    return found
