"""`send --wait`: until it is known what became of each text, or the time for it is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from sms_notify.cli.common import account_of, command_node
from sms_notify.config.durations import DurationError, parse_duration
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import wall_clock
from sms_notify.delivery.reports import Reports
from sms_notify.errors import UsageError
from sms_notify.gateways.registry import client_of
from sms_notify.policy.records import Message
from sms_notify.policy.vocabulary import State
from sms_notify.store import messages
from sms_notify.store.database import open_store
from sms_notify.store.tx import Tx

T = TypeVar("T")
NOT_KNOWN = 3  # the exit code where the time was over first
_LOOK_EVERY = 0.2  # seconds
_FIRST_QUESTION, _SLOWEST = 1.0, 10.0  # seconds between two questions to the gateway; twice as long each time
_ASKED_ABOUT = (State.SENT, State.BUFFERED)
_ARRIVED = (State.DELIVERED, State.NO_REPORT)  # as far as the gateway ever says


def timeout_of(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except DurationError as error:
        raise UsageError(f"--timeout {text}: {error} ({error.advice})") from None


def wait_for(settings: Settings, ids: Sequence[int], timeout: timedelta) -> list[Message]:
    """How it stands with these messages when all have ended, or at the end of the time.

    The gateway is asked from here as well, so that no daemon need run; a report moves a message forward, whoever asks.
    """
    store, ends = open_store(settings.storage_url), time.monotonic() + timeout.total_seconds()

    def commit(job: Callable[[Tx], T]) -> T:
        with store.transaction() as tx:
            return job(tx)

    pause, ask_at = _FIRST_QUESTION, time.monotonic() + _FIRST_QUESTION
    while True:
        with store.reading() as tx:
            found = messages.by_ids(tx, ids)
        now = time.monotonic()
        if all(message.state.final for message in found) or now >= ends:
            return sorted(found, key=lambda message: message.id)
        if now >= ask_at:
            for message in found:
                if message.state in _ASKED_ABOUT and message.smsid:
                    client = client_of(account_of(settings, message.gateway))
                    Reports(commit, client, command_node(), wall_clock).ask(message)
            pause = min(2 * pause, _SLOWEST)
            ask_at = time.monotonic() + pause
        time.sleep(_LOOK_EVERY)


def exit_code(found: Sequence[Message]) -> int:
    """0 where every text arrived, or its gateway gives no reports; 1 where one did not; 3 where one is not known of yet."""
    states = [message.state for message in found]
    if any(state.lost for state in states):
        return 1
    return 0 if all(state in _ARRIVED for state in states) else NOT_KNOWN


def say_state(message: Message) -> str:
    known = "" if message.state.final else ", and nothing more is known yet"
    return f"m{message.id} to {message.recipient}: {message.state}{known}"
