"""What an answer does: to the message, to what else would meet the same problem, and to whoever must hear of it.

The rule is `policy/retry_policy.py`; here it becomes rows, in the one transaction that also closes the attempt.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sms_notify.delivery.moves import context_of, taken_after_all
from sms_notify.delivery.protection import protect
from sms_notify.policy.account import Account, TextLimits
from sms_notify.policy.answers import (
    UNREPORTED,
    entry_of,
    is_current,
    poll_at,
    proves,
)
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.outcomes import Outcome, Refusal
from sms_notify.policy.records import Entry, Message
from sms_notify.policy.refused_text import RefusedText
from sms_notify.policy.retry_policy import (
    Reaction,
    Then,
    for_numeric_sender,
    react,
)
from sms_notify.policy.rows import Rows
from sms_notify.policy.self_alert_notes import name_of
from sms_notify.policy.vocabulary import State
from sms_notify.store import breakers, messages, outbox
from sms_notify.store.tx import Tx
from sms_notify.wording import gsm
from sms_notify.wording.content import Text

_log = logging.getLogger(__name__)


class Settling:
    """Writes down how attempts at one account ended. `dice` gives a number in [0, 1) that spreads retries.

    `retired`: the configuration has changed this account, or names it no more. What its last requests are answered
    says nothing of the account of today, so it closes nothing and tells nobody.
    """

    def __init__(
        self, account: Account, node: str, dice: Callable[[], float], *, retired: bool = False
    ) -> None:
        self._account = account
        self._node = node
        self._dice = dice
        self._retired = retired

    def settle(self, tx: Tx, claimed: Message, outcome: Outcome, now: datetime) -> None:
        """Closes the attempt and moves the message.

        A report may have overtaken the answer, or the lease may have ended; then only what is new is kept.
        """
        outbox.close_attempt(tx, claimed.reference, outcome, now)
        standing = outbox.standing(tx, claimed, self._account.name, outcome.smsid)
        message = claimed if standing.untouched else messages.get(tx, claimed.id)
        proven = proves(message, outcome)
        if proven:
            message = outbox.came_from(tx, message, self._account.name)
        reaction = for_numeric_sender(
            outcome, react(outcome), message.sender, bool(self._account.other_sender)
        )
        if not self._retired and (reaction.then is not Then.SENT or standing.to_forget):
            self._protect(tx, message, outcome, reaction, now)
        current = is_current(message, claimed.reference)
        smsid = self._smsid_for(message, outcome, standing.smsid_of)
        if (current or proven) and reaction.then is Then.SENT:
            self._sent(tx, message, smsid, outcome, now)
            return
        if smsid:
            outbox.keep_smsid(tx, message, smsid)
        if current or proven:
            self._not_sent(tx, message, outcome, reaction, now)

    def _smsid_for(self, message: Message, outcome: Outcome, smsid_of: int | None) -> str | None:
        """The id to be noted with the message: of this gateway, and nobody else's, which the gateway should never give."""
        if not outcome.smsid or message.gateway != self._account.name:
            return None
        if smsid_of in (None, message.id):
            return outcome.smsid
        _log.error("gateway gave one id to two messages", extra={"id": message.id})
        return None

    def _protect(self, tx: Tx, message: Message, outcome: Outcome, reaction: Reaction, now: datetime) -> None:
        """Opens what must be opened, tells what must be told."""
        if reaction.then is Then.SENT:
            breakers.succeed(tx, self._account.name, now)
            return
        about = f"text m{message.id} to {name_of(message.recipient, message.number)}"
        protect(tx, self._account, message, about, outcome, reaction, now)

    def _sent(self, tx: Tx, message: Message, smsid: str | None, outcome: Outcome, now: datetime) -> None:
        entry, at = entry_of(message, outcome, now), poll_at(self._account, outcome, now)
        then = None if at is not None else UNREPORTED
        outbox.mark_sent(tx, message, at, entry, self._node, now, smsid=smsid, then=then)
        if message.state is State.UNKNOWN_FINAL:
            taken_after_all(tx, message, self._node, now)

    def _not_sent(
        self, tx: Tx, message: Message, outcome: Outcome, reaction: Reaction, now: datetime
    ) -> None:
        entry = entry_of(message, outcome, now)
        if reaction.then is not Then.UNKNOWN:
            self._refused(tx, message, outcome, reaction, entry, now)
        elif message.state is State.SUBMITTING:
            outbox.mark_ambiguous(tx, message, entry, self._node, now)

    def _refused(
        self, tx: Tx, message: Message, outcome: Outcome, reaction: Reaction, entry: Entry, now: datetime
    ) -> None:
        working = context_of(tx, message.id, self._node, now)
        working.load_breakers()
        working.load_ids()
        rows, tried = working.rows, outbox.tried_gateways(tx, message)
        pause = reaction.pause(message.attempts, self._dice()) if reaction.then is Then.RETRY else timedelta()
        shorter = partial(_shorter, self._account.limits, rows)
        refused = RefusedText(self._account, rows, tried, shorter)
        refused.settle(rows.messages.rows[message.id], outcome, reaction, entry, pause)
        working.flush()


def _shorter(limits: TextLimits, rows: Rows, message: Message, refusal: Refusal | None) -> Text:
    if refusal is Refusal.NO_TEXT:
        tags = " ".join(f"#{tag_of(n.incident_id)}" for n in rows.of_message(message.id))
        body = gsm.fit(gsm.to_gsm(f"ALERT {message.receiver} {tags} (its text was empty)"), 1)
    elif refusal is Refusal.TOO_MANY_PARTS and message.recuts == 0:
        body = within_bytes(message.body, limits.most_parts, limits)
    else:
        body = within_bytes(message.body, 1, limits)
    return Text(body, gsm.parts(body), gsm.septets(body))


def within_bytes(body: str, parts: int, limits: TextLimits) -> str:
    """`body` cut to so many parts also for a gateway that counts the bytes of UTF-8: the count that was refused
    is not ours, so the strictest one is taken.
    """
    room = limits.room(parts)
    cut = gsm.fit(body, parts)
    while len(cut.encode("utf-8")) > room or gsm.septets(cut) > room:
        excess = max(len(cut.encode("utf-8")), gsm.septets(cut)) - room
        cut = gsm.clip(cut, gsm.septets(cut) - max(1, excess // 2))
    return cut
