"""A store that fails at a commit: it is not made, or it is made and nobody hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from sms_notify.errors import StoreError
from sms_notify.store.database import Database
from sms_notify.store.tx import Tx


class Loss(StrEnum):
    NOT_MADE = "the server died before it made the commit"
    UNHEARD = "the commit was made and its answer was lost"


class LossyStore:
    """A real one beneath; all but its transactions is its own."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._left, self._how = 0, Loss.NOT_MADE

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def lose(self, nth: int, how: Loss) -> None:
        """The n-th commit from now on, and no other."""
        self._left, self._how = nth, how

    @property
    def lost(self) -> bool:
        return self._left <= 0

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        self._left -= 1
        now = self._left == 0
        with self._store.transaction() as tx:
            yield tx
            if now and self._how is Loss.NOT_MADE:
                raise StoreError("the connection was lost")
        if now:
            raise StoreError("the connection was lost")
