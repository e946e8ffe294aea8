"""How the dead man's switch stands, for page, metric and command alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sms_notify.oncall.roster import Roster
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.policy.self_alert_notes import name_of
from sms_notify.policy.site_alive import SiteAlive, armed_until
from sms_notify.store import armed_rows
from sms_notify.store.tx import Tx
from sms_notify.wording.clock import Says


class SwitchWord(StrEnum):
    """How it stands, in one word."""

    OFF = "off"  # the configuration has none, and nothing lies there
    ARMED = "armed"
    NOT_ARMED = "not_armed"
    DISARMED = "disarmed"  # by hand, until the next start
    LEFTOVER = "leftover"  # not configured or disarmed, but a text lies there still


@dataclass(frozen=True, slots=True)
class SwitchState:
    """`until` is when the gateway texts the first reader if nothing pushes it ahead."""

    word: SwitchWord
    until: datetime | None
    lying: Sequence[ArmedText]
    fired: ArmedText | None
    unarmed: tuple[str, ...] = ()
    """Whom it is to text and does not: it is armed only where every reader has a text."""


def never_armed(site_alive: SiteAlive | None) -> SwitchState:
    """Where there is no database yet."""
    return SwitchState(SwitchWord.NOT_ARMED if site_alive else SwitchWord.OFF, None, (), None)


def switch_state(tx: Tx, site_alive: SiteAlive | None, roster: Roster, now: datetime) -> SwitchState:
    lying = armed_rows.lying(tx, ArmedFor.SITE_ALIVE)
    disarmed = armed_rows.disarmed_since(tx) is not None
    readers = roster.who(tx, site_alive.notify, now) if site_alive is not None and not disarmed else ()
    armed = armed_until(lying, now)
    unarmed = [person for person in readers if person.number not in armed]
    if site_alive is None or disarmed:
        word = SwitchWord.LEFTOVER if lying else SwitchWord.DISARMED if site_alive else SwitchWord.OFF
    else:
        word = SwitchWord.ARMED if readers and not unarmed else SwitchWord.NOT_ARMED
    names = tuple(name_of(person.name, person.number) for person in unarmed)
    until = min((text.due_at for text in lying if text.due_at > now), default=None)
    return SwitchState(word, until, lying, armed_rows.last_fired(tx, ArmedFor.SITE_ALIVE), names)


_HEADS = {
    SwitchWord.OFF: "site_alive is not configured",
    SwitchWord.ARMED: "site_alive is armed",
    SwitchWord.NOT_ARMED: "site_alive is NOT armed: not everybody is texted if this site falls silent",
    SwitchWord.DISARMED: "site_alive is disarmed until sms-notify starts again",
    SwitchWord.LEFTOVER: "site_alive is to be disarmed, but a text still lies at a gateway",
}


def switch_lines(state: SwitchState, say: Says, now: datetime) -> Iterator[str]:
    """A line for how it stands, one for each text that may lie there, and one for the last that went out."""
    yield _HEADS[state.word] + (f" (without a text: {', '.join(state.unarmed)})" if state.unarmed else "")
    for text in state.lying:
        yield _line(text, say, now)
    if state.fired is not None:
        yield f"the last one {went_out(state.fired, say)}"


def went_out(text: ArmedText, say: Says) -> str:
    """Without an id it may not have lain there."""
    sure = "went out" if text.outboxid else "may have gone out"
    return f"{sure} to {text.reader} at {say(text.due_at)}"


def _line(text: ArmedText, say: Says, now: datetime) -> str:
    sure, to = text.state is ArmedState.ARMED, f"{text.reader} at {say(text.due_at)}"
    if text.due_at > now:
        return f"{text.gateway} {'will' if sure else 'may'} text {to} unless it is pushed ahead"
    was = "was to text" if sure else "may have texted"
    return f"{text.gateway} {was} {to}, and sms-notify did not push it ahead: look whether it runs"
