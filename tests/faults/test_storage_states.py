"""Whatever happens to the file, and in whatever order: what was accepted is told, or the trouble is loud. Never neither.

Loud is: `/-/ready` gives a reason, or the operator was told, or the daemon has ended and said why.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from scenes import Scene, eventually
from shim import BROKEN_DISK, FULL, HALF, Call

PATIENCE = 25.0  # seconds in which what is wrong must have been told past the database
TIMES = st.integers(1, 6)


class Storage(RuleBasedStateMachine):
    """One daemon over one file. `library` is the shim."""

    library: Path

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.scene = Scene(Path(self.folder.name), self.library)
        self.file = self.scene.data / "sms.db"
        self.heard = 0  # of the operator's notes, those about an earlier fault
        self.scene.start()
        self.scene.tell()

    def breaks(self) -> None:
        self.heard = len(self.scene.complaints())

    def running(self) -> bool:
        return self.scene.alive

    @precondition(running)
    @rule(severity=st.sampled_from(["critical", "warning"]))
    def tell(self, severity: str) -> None:
        self.scene.tell(severity, within=0.5)

    @precondition(running)
    @rule(call=st.sampled_from([Call.PREAD, Call.PWRITE, Call.SYNC]), skip=st.integers(0, 5), times=TIMES)
    def a_call_fails(self, call: Call, skip: int, times: int) -> None:
        self.breaks()
        self.scene.shim.break_(call, BROKEN_DISK, skip=skip, times=times)

    @precondition(running)
    @rule(call=st.sampled_from([Call.PREAD, Call.PWRITE]), skip=st.integers(0, 5), times=TIMES)
    def a_call_does_half(self, call: Call, skip: int, times: int) -> None:
        self.breaks()
        self.scene.shim.break_(call, HALF, skip=skip, times=times)

    @precondition(running)
    @rule(seconds=st.sampled_from([0.5, 3.0]))
    def the_disk_is_full_for_a_while(self, seconds: float) -> None:
        self.breaks()
        self.scene.shim.break_(Call.PWRITE, FULL)
        self.scene.tell(within=seconds)
        self.scene.shim.mend()

    @rule(page=st.integers(2, 60), at=st.integers(0, 11), bit=st.integers(0, 7))
    def a_bit_flips_in_the_head_of_a_page(self, page: int, at: int, bit: int) -> None:
        """Where it can be noticed: SQLite has no checksum, so a bit within a value is another value."""
        if not self.file.exists():
            return
        self.breaks()
        with self.file.open("r+b") as file:
            file.seek((page - 1) * 4096 + at)
            byte = file.read(1)
            if byte:
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([byte[0] ^ 1 << bit]))

    @rule(pages=st.integers(1, 20))
    def the_file_is_cut(self, pages: int) -> None:
        if self.file.exists() and self.file.stat().st_size > pages * 4096:
            self.breaks()
            os.truncate(self.file, self.file.stat().st_size - pages * 4096)

    @precondition(running)
    @rule()
    def the_file_is_gone(self) -> None:
        if self.file.exists():
            self.breaks()
            self.file.rename(self.file.with_name("gone"))

    @rule(kill=st.booleans())
    def it_is_started_anew(self, kill: bool) -> None:
        if self.scene.alive:
            self.scene.daemon.kill() if kill else self.scene.daemon.stop()
        self.scene.shim.mend()
        self.scene.start()

    def teardown(self) -> None:
        if not hasattr(self, "scene"):
            return
        try:
            self.scene.shim.mend()
            assert eventually(self.right_or_loud, timeout=PATIENCE), self.what_is_wrong()
        finally:
            self.scene.end()
            self.folder.cleanup()

    def right_or_loud(self) -> bool:
        return self.scene.all_told() or self.loud()

    def loud(self) -> bool:
        if not self.scene.alive:
            said = self.scene.daemon.said()
            return self.scene.daemon.process.returncode == 1 and "sms.db" in said and "Traceback" not in said
        return self.scene.ready() not in ("OK", "") or len(self.scene.complaints()) > self.heard

    def what_is_wrong(self) -> str:
        untold = {one.name for one in self.scene.promised} - self.scene.told()
        return f"{untold} told nobody, and nothing says so:\n{self.scene.daemon.said()[-3000:]}"


def test_a_broken_disk_is_right_or_loud(library: Path) -> None:
    Storage.library = library
    run_state_machine_as_test(
        Storage,
        settings=settings(
            max_examples=25,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
