"""Why a text is still queued, and when it is tried next. No rule stands here: policy and store are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, partial

from sms_notify.barring import say_breaker
from sms_notify.policy import bars
from sms_notify.policy.bars import Breaker
from sms_notify.policy.holds import Hold
from sms_notify.policy.records import Message
from sms_notify.policy.ruleset import Timing
from sms_notify.policy.vocabulary import State
from sms_notify.store import breakers, messages
from sms_notify.store.queue_places import QueuePlace, asked_at, places_in_queue
from sms_notify.store.tx import Tx
from sms_notify.wording.clock import Says


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
    """Of a queued message; None where it is not queued. `gateways` in order of preference."""
    return waits_of(tx, [message], gateways, now).get(message.id)


def first_waits(
    tx: Tx, incident_ids: Iterable[int], gateways: tuple[str, ...], now: datetime
) -> dict[int, QueueWait]:
    """By incident, of the text about it that may leave first; nothing where none is queued."""
    about = messages.queued_about(tx, incident_ids)
    queued = {message.id: message for waiting in about.values() for message in waiting}
    waits = waits_of(tx, queued.values(), gateways, now)
    return {
        id_: min(
            (waits[message.id] for message in waiting),
            key=lambda wait: (wait.next_at is None, wait.next_at or now),
        )
        for id_, waiting in about.items()
    }


def waits_of(
    tx: Tx, asked: Iterable[Message], gateways: tuple[str, ...], now: datetime
) -> dict[int, QueueWait]:
    """As `wait_of`, of many by their ids, in a few questions. Only where texts leave is a place in the queue asked for: behind a
    closed gateway there may be very many.
    """
    known, asks = breakers.all_open(tx), cache(partial(asked_at, tx))
    queued = {message.id: message for message in asked if message.state is State.QUEUED}
    shut_out = {id_: _shut_out(message, gateways, known, asks, now) for id_, message in queued.items()}
    waits = {id_: wait for id_, wait in shut_out.items() if wait is not None}
    places = places_in_queue(tx, queued.keys() - waits.keys(), now)
    return waits | {id_: _in_queue(queued[id_], place, now) for id_, place in places.items()}


def _shut_out(
    message: Message,
    gateways: tuple[str, ...],
    known: Sequence[Breaker],
    asks: Callable[[str], datetime | None],
    now: datetime,
) -> QueueWait | None:
    """Of what its gateway does not take, whatever its place in the queue. `asks`: when a gateway is asked next."""
    closed = bars.closed_to_all(known, message.gateway)
    if closed is None:  # a tick passes a text to a barred number on to another gateway, or ends it
        bar = bars.bar_of(known, message.gateway, message.number)
        if bar is None:
            return None
        return QueueWait(StillQueued.BARRED, message.gateway, now, message.expires_at, bar)
    asked = asks(message.gateway) or now
    over = bars.fail_over_of(known, gateways, message, Timing().failover_after)
    if over is None or over.at > max(asked, now):
        at = max(asked, message.not_before)
        return QueueWait(StillQueued.BREAKER, message.gateway, at, message.expires_at, closed)
    leaves = max(over.at, now)
    return QueueWait(StillQueued.BREAKER, message.gateway, leaves, message.expires_at, closed, over.gateway)


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
_BRIEFLY = {
    **_SAID,
    StillQueued.BREAKER: "gateway {gateway} is closed, next try {at}",
    StillQueued.BARRED: "gateway {gateway} bars the number",
}
_GOES_OVER_BRIEFLY = "gateway {gateway} is closed, leaves by {leaves_by} from {at} on"


def say_wait(wait: QueueWait, clock: Says) -> str:
    """`no text leaves at main since 12:04 CET (error 108: …); main is asked again at 12:10 CET`."""
    return _filled(_GOES_OVER if wait.leaves_by else _SAID[wait.why], wait, clock)


def say_wait_briefly(wait: QueueWait, clock: Says) -> str:
    """`gateway main is closed, next try 12:10 CET`: for a list, where the gateway says elsewhere why it is closed."""
    return _filled(_GOES_OVER_BRIEFLY if wait.leaves_by else _BRIEFLY[wait.why], wait, clock)


def _filled(words: str, wait: QueueWait, clock: Says) -> str:
    return words.format(
        at="" if wait.next_at is None else clock(wait.next_at),
        bar="" if wait.breaker is None else say_breaker(wait.breaker, clock),
        gateway=wait.gateway,
        leaves_by=wait.leaves_by,
        ahead=wait.ahead,
    )
