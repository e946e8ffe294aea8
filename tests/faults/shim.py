"""The test's side of `shim.c`: what breaks in a process of ours, told while it runs."""

from __future__ import annotations

import errno
import mmap
import os
import struct
import subprocess
from enum import IntEnum
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
_CLOCK = struct.Struct("=q")
_CELL = struct.Struct("=i")
FOR_EVER = 1 << 30


class Call(IntEnum):
    """As in `shim.c`."""

    PREAD = 0
    PWRITE = 1
    SYNC = 2
    TRUNCATE = 3
    CONNECT = 4
    SEND = 5
    RECV = 6


KILL_BEFORE, KILL_AFTER, HALF = -1, -2, -3
FULL, BROKEN_DISK, READ_ONLY = errno.ENOSPC, errno.EIO, errno.EROFS


def built(folder: Path) -> Path:
    """The library, made by the machine's own compiler."""
    library = folder / "shim.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return library


class Shim:
    """One process at a time has it; what was told stays told for the next one."""

    def __init__(self, library: Path, folder: Path, files: Path, shadow: Path | None = None) -> None:
        control = folder / "control"
        control.write_bytes(bytes(4096))
        with control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)
        self.environment = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "SHIM_CONTROL": str(control),
            "SHIM_FOLDER": str(files),
        }
        if shadow is not None:
            shadow.mkdir()
            self.environment["SHIM_SHADOW"] = str(shadow)

    def break_(self, call: Call, what: int, *, skip: int = 0, times: int = FOR_EVER) -> None:
        """After `skip` calls, so many `times`: an errno, a death before or after it, or half of the bytes."""
        self.mend(call)
        self._write(0, call, skip)
        self._write(2, call, what)
        self._write(1, call, times)

    def mend(self, *calls: Call) -> None:
        """All of them where none is named."""
        for call in calls or tuple(Call):
            self._write(1, call, 0)

    def broke(self, call: Call, times: int = 1) -> bool:
        """Whether the fault that was told to come so many `times` has come as often."""
        return self._read(1, call) <= 0 < times

    def seen(self, call: Call) -> int:
        return self._read(3, call)

    def step_clock(self, seconds: float) -> None:
        """Sets the wall clock so much further than the machine's, at once."""
        _CLOCK.pack_into(self._map, 0, int(seconds * 1e9))

    def _write(self, row: int, call: Call, value: int) -> None:
        _CELL.pack_into(self._map, self._place(row, call), value)

    def _read(self, row: int, call: Call) -> int:
        value: int = _CELL.unpack_from(self._map, self._place(row, call))[0]
        return value

    @staticmethod
    def _place(row: int, call: Call) -> int:
        return _CLOCK.size + _CELL.size * (row * len(Call) + call)
