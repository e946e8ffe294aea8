"""Why a text is still queued, and when it is tried next. No rule stands here: policy and store are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sms_notify.barring import say_breaker
from sms_notify.policy import bars
from sms_notify.policy.bars import Breaker
from sms_notify.policy.holds import Hold
from sms_notify.policy.records import Message
from sms_notify.policy.ruleset import Timing
from sms_notify.store import breakers
from sms_notify.store.queue_places import QueuePlace, asked_at, place_of
from sms_notify.store.tx import Tx


class StillQueued(StrEnum):
    """What keeps a queued text from leaving."""

    BREAKER = "breaker"  # nothing leaves through its gateway
    BARRED = "barred"  # its gateway refuses the number, or the country
    NOT_BEFORE = "not_before"  # it is tried again after a pause
    BUSY = "busy"  # another text to the same number is under way
    ORDER = "order"  # its reader is to read another text first
    AHEAD = "ahead"  # more urgent or older texts leave before it
    DUE = "due"  # nothing: the next free sender takes it


@dataclass(frozen=True, slots=True)
class QueueWait:
    """`next_at`: when it is tried, or its gateway asked, next; None where that hangs on another text. `breaker` is what its
    gateway refuses, `leaves_by` the gateway to which it goes over at `next_at`.
    """

    why: StillQueued
    gateway: str
    next_at: datetime | None
    expires_at: datetime
    breaker: Breaker | None = None
    leaves_by: str = ""
    ahead: int = 0


def wait_of(tx: Tx, message: Message, gateways: tuple[str, ...], now: datetime) -> QueueWait | None:
    """Of a queued message; None where it is not queued, or is taken by now. `gateways` in order of preference."""
    place = place_of(tx, message.id, now)
    if place is None:
        return None
    known = breakers.all_open(tx)
    closed = bars.closed_to_all(known, message.gateway)
    if closed is not None:
        return _closed(tx, message, gateways, known, closed, now)
    bar = bars.bar_of(known, message.gateway, message.number)
    if bar is not None:  # a tick passes it on to another gateway, or ends it
        return QueueWait(StillQueued.BARRED, message.gateway, now, message.expires_at, bar)
    return _in_queue(message, place, now)


def _closed(
    tx: Tx,
    message: Message,
    gateways: tuple[str, ...],
    known: Sequence[Breaker],
    closed: Breaker,
    now: datetime,
) -> QueueWait:
    over = bars.fail_over_of(known, gateways, message, Timing().failover_after)
    asked = asked_at(tx, message.gateway) or now
    if over is not None and over.at <= max(asked, now):
        leaves = max(over.at, now)
        return QueueWait(
            StillQueued.BREAKER, message.gateway, leaves, message.expires_at, closed, over.gateway
        )
    return QueueWait(
        StillQueued.BREAKER, message.gateway, max(asked, message.not_before), message.expires_at, closed
    )


def _in_queue(message: Message, place: QueuePlace, now: datetime) -> QueueWait:
    if message.not_before > now:
        why, at = StillQueued.NOT_BEFORE, message.not_before
    elif place.busy:
        why, at = StillQueued.BUSY, None
    elif place.follows:
        why, at = StillQueued.ORDER, None
    else:
        why, at = (StillQueued.AHEAD if place.ahead else StillQueued.DUE), now
    return QueueWait(why, message.gateway, at, message.expires_at, ahead=place.ahead)


def say_hold(why: str, by: str, until: datetime, clock: Callable[[datetime], str], news: str = "") -> str:
    """`held until 16:08 UTC: limit (per_number)`. A wait for a group is no fault and sounds like none; of its two settings it
    names the one that decides.
    """
    if why == Hold.GROUP:
        return f"waits for others of its group ({by or why}) until {clock(until)}{news}"
    return f"held until {clock(until)}{news}: {why}{f' ({by})' if by else ''}"


_SAID = {
    StillQueued.BREAKER: "no text leaves {bar}; {gateway} is asked again at {at}",
    StillQueued.BARRED: "barred {bar}",
    StillQueued.NOT_BEFORE: "tried again at {at} by {gateway}",
    StillQueued.BUSY: "another text to this number is under way",
    StillQueued.ORDER: "another text to this number is to be read first",
    StillQueued.AHEAD: "{ahead} more leave by {gateway} before it",
    StillQueued.DUE: "nothing holds it: the daemon sends it by {gateway} when it runs",
}
_GOES_OVER = "no text leaves {bar}; it leaves by {leaves_by} from {at} on"


def say_wait(wait: QueueWait, clock: Callable[[datetime], str]) -> str:
    """`no text leaves at main since 12:04 CET (error 108: …); main is asked again at 12:10 CET`."""
    return (_GOES_OVER if wait.leaves_by else _SAID[wait.why]).format(
        at="" if wait.next_at is None else clock(wait.next_at),
        bar="" if wait.breaker is None else say_breaker(wait.breaker, clock),
        gateway=wait.gateway,
        leaves_by=wait.leaves_by,
        ahead=wait.ahead,
    )
