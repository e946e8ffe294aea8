"""Rows in memory that know what has become of them since they were loaded."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """Rows of one table by key, which knows what has become of each since it was loaded."""

    __slots__ = ("_loaded", "rows")

    def __init__(self) -> None:
        self._loaded: dict[K, V] = {}
        self.rows: dict[K, V] = {}

    def load(self, key: K, row: V) -> bool:
        """Takes in a stored row; False where it is known: what this step has made of it stands."""
        if key in self._loaded or key in self.rows:
            return False
        self._loaded[key] = self.rows[key] = row
        return True

    def get(self, key: K) -> V | None:
        return self.rows.get(key)

    def before(self, key: K) -> V | None:
        """The row as it was loaded; None where this step has made it."""
        return self._loaded.get(key)

    def put(self, key: K, row: V) -> None:
        self.rows[key] = row

    def remove(self, key: K) -> None:
        self.rows.pop(key, None)

    def rebase(self, key: K, row: V) -> None:
        """The store will have this row when the others are written, for a statement of its own changes it before."""
        if key in self._loaded:
            self._loaded[key] = row

    @property
    def used(self) -> bool:
        """False where nothing was loaded and nothing was made: then there is nothing to write."""
        return bool(self.rows or self._loaded)

    @property
    def new(self) -> list[V]:
        return [row for key, row in self.rows.items() if key not in self._loaded]

    @property
    def changed(self) -> list[V]:
        """Those that differ from what was loaded: what is the same again is not written."""
        both = ((row, self._loaded.get(key)) for key, row in self.rows.items())
        return [row for row, was in both if was is not None and row is not was and row != was]

    @property
    def touched(self) -> dict[K, V]:
        """New and changed ones, by key."""
        return {key: row for key, row in self.rows.items() if self._loaded.get(key) != row}

    @property
    def gone(self) -> list[K]:
        return [key for key in self._loaded if key not in self.rows]
