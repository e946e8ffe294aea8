"""Hears from the other nodes that there is something to send: LISTEN on a connection of its own.

Only speed depends on it. What was said while it was cut is not said again, and every sender looks by itself each second.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import psycopg

from sms_notify.errors import StoreError
from sms_notify.store.postgres_tx import PostgresConnection

CHANNEL = "sms_notify"
_log = logging.getLogger(__name__)


class Listener:
    """`connect` makes a connection; `ours` is the process of the server that writes for this node, and says nothing new to it."""

    def __init__(self, connect: Callable[[], PostgresConnection], ours: Callable[[], int | None]) -> None:
        self._connect = connect
        self._ours = ours
        self._connection: PostgresConnection | None = None

    def heard(self, seconds: float) -> bool:
        """True as soon as another node has said so, and after a gap, in which it may have."""
        try:
            if self._connection is None:
                self._open()
                return True
            said = self._connection.notifies(timeout=seconds, stop_after=1)
            return any(one.pid != self._ours() for one in said)
        except (psycopg.Error, StoreError) as error:
            _log.debug("not heard from other nodes: %s", error)
            self.close()
            time.sleep(seconds)
            return False

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> None:
        connection = self._connect()
        try:
            connection.execute(f"listen {CHANNEL}".encode())
        except BaseException:
            connection.close()
            raise
        self._connection = connection
