"""How the dead man's switch stands, for page, metric and command alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sms_notify.logs import masked
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
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


SWITCH_OFF = SwitchState(SwitchWord.OFF, None, (), None)
"""Where there is no database: nothing was ever armed."""


def switch_state(tx: Tx, site_alive: SiteAlive | None, now: datetime) -> SwitchState:
    lying = armed_rows.lying(tx, ArmedFor.SITE_ALIVE)
    disarmed = armed_rows.disarmed_since(tx) is not None
    wanted = site_alive is not None and not disarmed
    if not wanted:
        word = SwitchWord.LEFTOVER if lying else SwitchWord.DISARMED if site_alive else SwitchWord.OFF
    else:
        word = SwitchWord.ARMED if armed_until(lying, now) else SwitchWord.NOT_ARMED
    until = min((text.due_at for text in lying if text.due_at > now), default=None)
    return SwitchState(word, until, lying, armed_rows.last_fired(tx, ArmedFor.SITE_ALIVE))


_HEADS = {
    SwitchWord.OFF: "site_alive is not configured",
    SwitchWord.ARMED: "site_alive is armed",
    SwitchWord.NOT_ARMED: "site_alive is NOT armed: nobody is texted if this site falls silent",
    SwitchWord.DISARMED: "site_alive is disarmed until sms-notify starts again",
    SwitchWord.LEFTOVER: "site_alive is to be disarmed, but a text still lies at a gateway",
}


def switch_lines(state: SwitchState, say: Says, now: datetime) -> Iterator[str]:
    """A line for how it stands, one for each text that may lie there, and one for the last that went out."""
    yield _HEADS[state.word]
    for text in state.lying:
        yield _line(text, say, now)
    if state.fired is not None:
        sure = "went out" if state.fired.outboxid else "may have gone out"
        yield f"the last one {sure} to {_who(state.fired)} at {say(state.fired.due_at)}"


def _line(text: ArmedText, say: Says, now: datetime) -> str:
    sure = text.state is ArmedState.ARMED
    if text.due_at > now:
        may = "will text" if sure else "may text"
        return f"{text.gateway} {may} {_who(text)} at {say(text.due_at)} unless it is pushed ahead"
    was = "was to text" if sure else "may have texted"
    return f"{text.gateway} {was} {_who(text)} at {say(text.due_at)}, and sms-notify did not push it ahead: look whether it runs"


def _who(text: ArmedText) -> str:
    return masked(text.number) if text.recipient == text.number else text.recipient
