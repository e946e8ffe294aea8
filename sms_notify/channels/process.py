"""One program, bounded: by an argument list and never by a shell, with all it starts, in time and in output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sms_notify.net.sockets import Deadline

MOST_OUTPUT = 4096
_LOOK_EVERY = 0.02  # seconds between two looks whether it has ended: its children may keep the pipes open
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Finished:
    """`code` as in subprocess (negative: a signal), or None when it was killed at the time limit.

    `output` is the start of what it wrote, errors and all; MOST_OUTPUT bytes, the rest is thrown away.
    """

    code: int | None
    output: bytes


def kept_environment(*names: str) -> dict[str, str]:
    """Those of our variables that a program needs. The others stay here: they may be secrets (`${ENV}`)."""
    wanted = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", *names)
    return {name: os.environ[name] for name in wanted if name in os.environ}


def run(argv: Sequence[str], stdin: bytes, environment: Mapping[str, str], limit: float) -> Finished:
    """Runs `argv` for at most `limit` seconds, then kills it and what it left in its process group.

    Raises OSError where it cannot be started, ValueError for arguments that hold NUL.
    """
    deadline = Deadline(limit)
    with subprocess.Popen(
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        cwd="/",
        bufsize=0,
        start_new_session=True,
    ) as process:
        try:
            output = _talk(process, stdin, deadline)
            exited = _exited(process)
        finally:
            _kill_group(process)
        code = process.wait()
    return Finished(code if exited else None, output)


def _talk(process: subprocess.Popen[bytes], stdin: bytes, deadline: Deadline) -> bytes:
    output = bytearray()
    left = memoryview(stdin)
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - Popen made both pipes
    with selectors.DefaultSelector() as waiting:
        for pipe, event in ((process.stdin, selectors.EVENT_WRITE), (process.stdout, selectors.EVENT_READ)):
            os.set_blocking(pipe.fileno(), False)
            waiting.register(pipe, event, pipe)
        while deadline.left() and not _exited(process):
            for key, _ in waiting.select(min(_LOOK_EVERY, deadline.left())):
                pipe = key.data
                if pipe is process.stdin:
                    left = _write(key.fd, left)
                if not (left if pipe is process.stdin else _read(key.fd, output)):
                    waiting.unregister(pipe)
                    pipe.close()
    if not process.stdout.closed:
        _read(process.stdout.fileno(), output)
    return bytes(output[:MOST_OUTPUT])


def _write(pipe: int, left: memoryview) -> memoryview:
    """What is still to be written; nothing when the program does not read on, which is its good right."""
    try:
        return left[os.write(pipe, left[:_CHUNK]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]


def _read(pipe: int, output: bytearray) -> bool:
    """Whether there may be more."""
    try:
        got = os.read(pipe, _CHUNK)
    except BlockingIOError:
        return True
    output += got[: max(0, MOST_OUTPUT - len(output))]
    return bool(got)


def _exited(process: subprocess.Popen[bytes]) -> bool:
    """Looks without burying it: as long as it is not waited for, its group's number is nobody else's."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone, or no longer ours (setuid)
        os.killpg(process.pid, signal.SIGKILL)
