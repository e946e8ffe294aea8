"""Is killed before the n-th line of a copy; driven by test_migrate_store.py. The arguments are both addresses and n; with 0 it
is not killed, and prints how many lines there are.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from types import FrameType
from typing import Any

from crash_driver import PACKAGE

from sms_notify.store import whole_copy
from sms_notify.store.database import open_store
from sms_notify.store.table_shapes import shapes
from sms_notify.store.whole_copy import copy_whole

# Each batch, commit and mark passes one of these.
TRACED = tuple(str(PACKAGE / "store" / name) for name in ("whole_copy.py", "sqlite.py", "postgres.py"))


def main() -> None:
    source, target, n = open_store(sys.argv[1]), open_store(sys.argv[2]), int(sys.argv[3])
    whole_copy._BATCH = 20
    shapes()
    lines = itertools.count(1)
    last = 0

    def within(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal last
        if event == "line" and (last := next(lines)) == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return within

    def called(frame: FrameType, event: str, arg: Any) -> Any:
        return within if frame.f_code.co_filename.startswith(TRACED) else None

    sys.settrace(called)
    copy_whole(source, target, lambda _: None)
    sys.settrace(None)
    print(last)


if __name__ == "__main__":
    main()
