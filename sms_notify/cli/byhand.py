"""A text by hand to one person, through the daemon's own ledger and queue, and what is said of how it went."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sms_notify.alert import Severity
from sms_notify.barring import advise, barring_of, say_barring, say_breaker
from sms_notify.cli.common import account_of, command_node
from sms_notify.cli.credits import why
from sms_notify.cli.recipients import GROUP, Recipient
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import sender_of, timing_of, wall_clock
from sms_notify.delivery.sender import Commit, Sender
from sms_notify.gateways.registry import GatewaySettings
from sms_notify.policy import bars
from sms_notify.policy.directory import Person
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.ruleset import Timing
from sms_notify.policy.vocabulary import Cause, Kind, State
from sms_notify.store import breakers, messages
from sms_notify.store.database import open_store
from sms_notify.store.messages import Draft, Message
from sms_notify.store.tx import Tx
from sms_notify.wording.clock import Clock
from sms_notify.wording.content import Text

T = TypeVar("T")
Row = dict[str, object]
_QUEUED = (
    "queued"  # beside the words of Fate: it is in the store, and leaves when it can; nobody has taken it yet
)
_WAITS = "waits in the queue: the daemon sends it when it can, so do not send it again"
_LOOK_AGAIN = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Hand:
    """What a text by hand leaves by. `chosen`: somebody named the gateway, so that no other one takes its place."""

    settings: Settings
    account: GatewaySettings
    chosen: bool

    @property
    def gateways(self) -> tuple[str, ...]:
        """In order of preference."""
        return (self.account.name,) if self.chosen else tuple(known.name for known in self.settings.gateways)


def send_to(hand: Hand, person: Person, text: Text) -> Row:
    """By the first gateway that does not bar the number; where all do, nothing is queued, for it would never leave."""
    store, node = open_store(hand.settings.storage_url), command_node()

    def commit(job: Callable[[Tx], T]) -> T:
        with store.transaction() as tx:
            return job(tx)

    barring = commit(lambda tx: barring_of(tx, hand.gateways, person.number))
    if barring is not None and barring.nowhere:
        said = f"{say_barring(barring, near)}: nothing was sent. {advise(barring, person.name)}"
        row = row_of(person, Outcome(Fate.REFUSED, Reason.ERROR_CODE, barring.bars[0].code), said)
        return row | {"reason": str(Cause.BARRED)}
    account = hand.account if barring is None else account_of(hand.settings, barring.leaves_by)
    row = _leave(commit, account, timing_of(hand.settings), node, person, text)
    way = "" if barring is None else f"{say_barring(barring, near)}: "
    return row | {"said": f"{way}{row['said']}"}


def _leave(
    commit: Commit, account: GatewaySettings, timing: Timing, node: str, person: Person, text: Text
) -> Row:
    sender, now = sender_of(account, commit, timing, node), wall_clock()
    expires = now + timing.expiry(Severity.OTHER)
    draft = Draft(Kind.MANUAL, "", person, Severity.OTHER, account.name, text, now, expires)

    def write_and_claim(tx: Tx) -> tuple[int, Message | None]:
        written = messages.write(tx, draft, node, now)
        return written, sender.claim(tx, now, only=written)

    message_id, message = commit(write_and_claim)
    if message is None:
        message = _claim_later(commit, sender, account, message_id)
    if message is None:
        return _left_to_the_daemon(commit, account, person, message_id)
    outcome = sender.submit(message, wall_clock).outcome
    state = commit(lambda tx: messages.get(tx, message_id).state)
    waits = f"; m{message_id} {_WAITS}" if state is State.QUEUED else ""
    said = (
        f"sent as m{message_id}, {text.parts} part(s)"
        if outcome.fate is Fate.SENT
        else why_not(outcome) + waits
    )
    return row_of(person, outcome, said) | {"id": f"m{message_id}", "state": str(state)}


def _claim_later(commit: Commit, sender: Sender, account: GatewaySettings, message_id: int) -> Message | None:
    """Where a text to the same number is under way, its turn comes when that one is answered; None where it does not,
    because nothing leaves, or the daemon was quicker.
    """
    ends = time.monotonic() + account.timeout
    while time.monotonic() < ends:
        message = commit(lambda tx: sender.claim(tx, wall_clock(), only=message_id))
        if message is not None or commit(lambda tx: _settled(tx, account.name, message_id)):
            return message
        time.sleep(_LOOK_AGAIN)
    return None


def _settled(tx: Tx, gateway: str, message_id: int) -> bool:
    state = messages.get(tx, message_id).state
    closed = state is State.QUEUED and bars.closed_to_all(breakers.all_open(tx), gateway) is not None
    return closed or state not in (State.QUEUED, State.SUBMITTING)


def _left_to_the_daemon(commit: Commit, account: GatewaySettings, person: Person, message_id: int) -> Row:
    message = commit(lambda tx: messages.get(tx, message_id))
    about: Row = {"id": f"m{message_id}", "state": str(message.state)}
    if message.state.may_have_arrived:
        said = f"the daemon sent it as m{message_id}"
        return row_of(person, Outcome(Fate.SENT, Reason.OK), said) | about
    if message.state.final:
        said = f"{message.state}: `sms-notify explain m{message_id}` says why"
        return row_of(person, Outcome(Fate.REFUSED, Reason.LOCAL), said) | about
    closed = commit(lambda tx: bars.closed_to_all(breakers.all_open(tx), account.name))
    busy = "another text to this number is under way"
    reason = busy if closed is None else f"no text leaves {say_breaker(closed, near)}"
    row = row_of(person, Outcome(Fate.NOT_SENT, Reason.LOCAL), f"not sent: {reason}; m{message_id} {_WAITS}")
    return row | about | {"fate": _QUEUED}


def name_of(to: Recipient) -> str:
    return to.name if isinstance(to, Person) else f"{GROUP}{to.name}"


def why_not(outcome: Outcome) -> str:
    if outcome.code is None:
        return f"{outcome.fate} ({outcome.reason}) {outcome.detail}".rstrip()
    return f"refused with {why(outcome)}"


def row_of(to: Recipient, outcome: Outcome, said: str) -> Row:
    return {
        "to": name_of(to),
        "fate": str(outcome.fate),
        "reason": str(outcome.reason),
        "code": outcome.code,
        "smsid": outcome.smsid,
        "said": said,
    }


def near(at: datetime) -> str:
    """A time beside today's."""
    return Clock(wall_clock()).at(at)
