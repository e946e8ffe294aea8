"""Is killed before each line of a conversion in turn, and looks at what it has left. Driven by test_upgrades.py: the
arguments are a database of an earlier version and a folder to work in; it prints one line of JSON.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from crash_driver import PACKAGE, in_child, killer

from sms_notify.store.conversion import copy_of, version_of
from sms_notify.store.sqlite import SqliteStore

TRACED = (str(PACKAGE / "store" / "conversion.py"), str(PACKAGE / "store" / "sqlite.py"))


def contents(path: Path) -> tuple[int, list[str]]:
    """The version, and every row."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        return version_of(connection), list(connection.iterdump())


def convert(path: Path, n: int | None = None) -> None:
    store = SqliteStore(f"sqlite://{path}")
    store.lock()
    sys.settrace(killer(n, TRACED) if n is not None else None)
    store.convert()
    sys.settrace(None)


def main() -> None:
    before, folder = Path(sys.argv[1]), Path(sys.argv[2])
    path = folder / "x.db"
    shutil.copy(before, path)
    in_child(lambda _: convert(path))
    old, new = contents(before), contents(path)
    found, n, ended = {"old": 0, "new": 0, "copies": 0}, 0, False
    while not ended:
        n += 1
        for left in folder.glob("x.db*"):
            left.unlink()
        shutil.copy(before, path)
        ended, _ = in_child(lambda _, n=n: convert(path, n))
        left_behind = contents(path)
        assert left_behind in (old, new), f"place {n}: version {left_behind[0]}, in part"
        found["old" if left_behind == old else "new"] += 1
        in_child(lambda _: convert(path))
        assert contents(path) == new, f"place {n}: the second start has made something else of it"
        assert contents(copy_of(path, old[0])) == old, f"place {n}: the copy is not what it was"
        found["copies"] += 1
    print(json.dumps(found | {"places": n}))


if __name__ == "__main__":
    main()
