"""What an answer does: to the message, to what else would meet the same trouble, and to whoever must hear of it.

The rule is `policy/retry_policy.py`; here it becomes rows, in the one transaction that also closes the attempt.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.alert import Severity
from sms_notify.delivery.account import Account, usable_sender, way_for
from sms_notify.gateways.base import TextLimits
from sms_notify.gateways.registry import explain_code
from sms_notify.policy.country_codes import country_of
from sms_notify.policy.directory import Person, group_of
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.outcomes import Fate, Outcome, Refusal
from sms_notify.policy.retry_policy import (
    Break,
    Level,
    Reaction,
    Scope,
    Then,
    Trouble,
    for_numeric_sender,
    react,
)
from sms_notify.policy.vocabulary import Cause, Kind, State
from sms_notify.self_alerts import name_of, report_lost, report_unaddressed
from sms_notify.store import breakers, messages, outbox, pages
from sms_notify.store.messages import Draft, Entry, Message
from sms_notify.store.tx import Tx
from sms_notify.wording import gsm
from sms_notify.wording.content import Text

_log = logging.getLogger(__name__)
_MOST_RECUTS = 2
_OF_NUMBERS = (Scope.NUMBER, Scope.COUNTRY, Scope.NO_LONG)


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
        message = messages.get(tx, claimed.id)
        # A resend that waits, at this gateway or at another, is needless once the first attempt proves to be taken.
        proven = outcome.fate is Fate.SENT and (
            message.state is State.UNKNOWN or (message.state is State.QUEUED and message.ambiguous > 0)
        )
        if proven:
            message = outbox.came_from(tx, message, self._account.name)
        if (
            outcome.smsid
            and message.gateway == self._account.name
            and not outbox.keep_smsid(tx, message, outcome.smsid)
        ):
            _log.error("gateway gave one id to two messages", extra={"id": message.id})
        reaction = for_numeric_sender(
            outcome, react(outcome), message.sender, bool(self._account.other_sender)
        )
        if not self._retired:
            self._protect(tx, message, outcome, reaction, now)
        current = message.reference == claimed.reference and message.state in (
            State.SUBMITTING,
            State.UNKNOWN,
        )
        if current or proven:
            seconds = (now - message.created_at).total_seconds()
            entry = Entry(outcome.reason, outcome.code, seconds, outcome.detail)
            self._move(tx, message, outcome, reaction, entry, now)

    def _protect(self, tx: Tx, message: Message, outcome: Outcome, reaction: Reaction, now: datetime) -> None:
        """Opens what must be opened, tells what must be told."""
        if reaction.then is Then.SENT:
            breakers.succeed(tx, self._account.name, now)
            return
        rule, trouble = reaction.breaks, reaction.trouble
        if rule is not None and rule.scope in _OF_NUMBERS and group_of(message.number) is not None:
            rule = None  # one member's number or country, nobody can say whose
        group = group_of(message.number) or ""  # that one group is refused says nothing of another
        subject = group if rule is None else self._subject(rule.scope, message)
        opened = rule is not None and breakers.fail(tx, self._account.name, rule, subject, outcome, now)
        if (
            rule is not None
            and opened
            and rule.scope is Scope.SENDER
            and usable_sender(tx, self._account) is None
        ):
            whole = Break(Scope.ACCOUNT, 1, _ASK_AGAIN, _ASK_AGAIN)
            breakers.fail(tx, self._account.name, whole, "", outcome, now)
            trouble = Trouble(Level.PAGE)
        if trouble is not None and rule is not None and rule.count > 1 and not opened:
            trouble = replace(trouble, after=max(trouble.after, _FIRST_SIGN))
        elif rule is not None and not opened:
            trouble = None
        if trouble is not None:
            scope = str(rule.scope) if rule is not None else f"error_{outcome.code or outcome.reason}"
            self._report(tx, scope, subject, trouble, message, outcome, now)

    def _report(
        self,
        tx: Tx,
        scope: str,
        subject: str,
        trouble: Trouble,
        message: Message,
        outcome: Outcome,
        now: datetime,
    ) -> None:
        name = self._account.name
        if outcome.code is not None:
            code = explain_code(outcome.code)
            what, advice = f"{name}: error {outcome.code}, {code.meaning}", code.advice
        else:
            what, advice = f"{name}: {outcome.reason}", "Look at the log, and at the gateway's url."
        about = f" (text m{message.id} to {name_of(message)})"
        id_ = breakers.trouble_id(name, scope, subject, outcome.code or outcome.reason)
        breakers.report(tx, id_, trouble, name, what + about, advice, now)

    def _subject(self, scope: Scope, message: Message) -> str:
        subjects = {Scope.SENDER: message.sender, Scope.NUMBER: message.number}
        if scope in (Scope.COUNTRY, Scope.NO_LONG):
            return country_of(message.number)
        return subjects.get(scope, "")

    def _move(
        self, tx: Tx, message: Message, outcome: Outcome, reaction: Reaction, entry: Entry, now: datetime
    ) -> None:
        then = reaction.then
        if then is Then.SENT:
            self._sent(tx, message, outcome, entry, now)
        elif then is Then.UNKNOWN:
            if message.state is State.SUBMITTING:
                outbox.mark_ambiguous(tx, message, entry, self._node, now)
        elif message.kind.alarming and messages.nobody_waits_for(tx, message.id):
            self._take_back(tx, message, now)
        elif self._unaddressed(message):
            messages.move(tx, message, State.CANCELLED, Entry(Cause.NOT_CONFIGURED), self._node, now)
            if message.kind.alarming:
                report_unaddressed(tx, messages.incidents_of(tx, message.id), now)
        elif then in (Then.FAIL, Then.ELSEWHERE) and group_of(message.number) is not None:
            self._to_members(tx, message, entry, now)
        elif then in (Then.RECUT, Then.REWORD):
            self._recut(tx, message, outcome, entry, now)
        elif then is Then.ELSEWHERE:
            self._elsewhere(tx, message, entry, now)
        elif then is Then.FAIL:
            self._fail(tx, message, entry, now)
        else:
            pause = reaction.pause(message.attempts, self._dice()) if then is Then.RETRY else timedelta()
            if (
                outcome.refusal is Refusal.NO_CREDITS
                and message.severity is Severity.CRITICAL
                and message.parts > 1
            ):
                # one credit may be left
                outbox.recut(tx, message, within_bytes(message.body, 1, self._account.limits), 1)
            self._requeue(tx, message, now + pause, entry, now)
            self._fail_over(tx, message, now)

    def _unaddressed(self, message: Message) -> bool:
        """A reload has taken its number out of the configuration while it was under way: it is not tried again."""
        by_hand = message.kind in (Kind.MANUAL, Kind.OPERATOR)
        return (
            self._account.numbers is not None and not by_hand and message.number not in self._account.numbers
        )

    def _requeue(self, tx: Tx, message: Message, at: datetime, entry: Entry, now: datetime) -> None:
        """Back to the queue; to the preferred gateway's where nobody serves this one's any more."""
        outbox.requeue(tx, message, at, entry, self._node, now)
        if self._account.gone:
            there = self._account.gateways[0]
            outbox.hand_over(tx, message, there, Entry(Cause.GATEWAY_GONE), self._node, now)

    def _sent(self, tx: Tx, message: Message, outcome: Outcome, entry: Entry, now: datetime) -> None:
        tracked = self._account.first_poll is not None and outcome.smsid
        poll_at = now + self._account.first_poll if self._account.first_poll is not None and tracked else None
        outbox.mark_sent(tx, message, poll_at, entry, self._node, now)
        if not tracked:
            messages.move(tx, message, State.NO_REPORT, Entry(Cause.REPORTS_OFF), self._node, now)

    def _take_back(self, tx: Tx, message: Message, now: datetime) -> None:
        """What it was to tell ended, or was acknowledged, while it was refused; its end is then no news to its reader."""
        state = State.UNKNOWN_FINAL if message.ambiguous else State.CANCELLED
        ended = messages.all_closed(tx, message.id)
        cause = Cause.RESOLVED_MEANWHILE if ended else Cause.ACKNOWLEDGED
        messages.move(tx, message, state, Entry(cause), self._node, now)
        for resolve in messages.waiting_resolves(tx, message):
            if not messages.beginning_was_told(tx, resolve):
                messages.move(tx, resolve, State.CANCELLED, Entry(Cause.RESOLVED_MEANWHILE), self._node, now)

    def _recut(self, tx: Tx, message: Message, outcome: Outcome, entry: Entry, now: datetime) -> None:
        """Once or twice shorter, at once; then it is given up, for then it is not its length that is refused."""
        if message.recuts >= _MOST_RECUTS:
            self._fail(tx, message, entry, now)
            return
        body = self._shorter(tx, message, outcome)
        outbox.recut(tx, message, body, gsm.parts(body))
        self._requeue(tx, message, now, entry, now)

    def _shorter(self, tx: Tx, message: Message, outcome: Outcome) -> str:
        if outcome.refusal is Refusal.NO_TEXT:
            tags = " ".join(f"#{tag_of(incident)}" for incident in messages.incidents_of(tx, message.id))
            return gsm.fit(gsm.to_gsm(f"ALERT {message.receiver} {tags} (its text was empty)"), 1)
        limits = self._account.limits
        if outcome.refusal is Refusal.TOO_MANY_PARTS and message.recuts == 0:
            return within_bytes(message.body, limits.most_parts, limits)
        return within_bytes(message.body, 1, limits)

    def _elsewhere(self, tx: Tx, message: Message, entry: Entry, now: datetime) -> None:
        """To a gateway that does not refuse the number, though it may have to wait there; else it has failed."""
        there = way_for(tx, self._account.gateways, message)
        if there is None:
            self._fail(tx, message, entry, now)
            return
        outbox.requeue(tx, message, now, entry, self._node, now)
        outbox.hand_over(tx, message, there, Entry(Cause.FAIL_OVER), self._node, now)

    def _to_members(self, tx: Tx, message: Message, entry: Entry, now: datetime) -> None:
        """A group that the gateway does not know, or refuses: those of it that we know are texted one by one."""
        members = self._account.directory.known_members(group_of(message.number) or "")
        told = [person for person in members if self._page(tx, message, person, now)]
        if not told:
            self._fail(tx, message, entry, now)
            return
        messages.move(tx, message, State.FAILED, entry, self._node, now)

    def _page(self, tx: Tx, message: Message, person: Person, now: datetime) -> bool:
        """True where the person has, or now gets, a text about all that the group's message tells."""
        told = pages.told_by(tx, message.id)
        owed = [
            page for page in told if not pages.has(tx, page.incident_id, person.number, page.kind, page.nth)
        ]
        if owed or not told:
            text = Text(message.body, message.parts, gsm.septets(message.body))
            gateway = self._account.gateways[0] if self._account.gone else message.gateway
            draft = Draft(
                message.kind, message.receiver, person, message.severity, gateway, text, now, message.expires_at,
                f"instead of m{message.id} to {message.recipient}", message.lane,
            )  # fmt: skip
            there = messages.write(tx, draft, self._node, now)
            for page in owed:
                pages.tell_also(tx, page.id, person, there)
        return True

    def _fail(self, tx: Tx, message: Message, entry: Entry, now: datetime) -> None:
        state = State.FAILED if message.ambiguous == 0 else State.UNKNOWN_FINAL
        messages.move(tx, message, state, entry, self._node, now)
        report_lost(tx, message, state, f"{entry.reason} {entry.code or ''}".strip(), now)

    def _fail_over(self, tx: Tx, message: Message, now: datetime) -> None:
        """A critical page does not wait where nothing is taken, nor where it failed twice, if it was not tried elsewhere."""
        if message.severity is not Severity.CRITICAL or self._account.gone:
            return
        closed = breakers.closed_to_all(tx, message.gateway) is not None
        there = way_for(tx, self._account.gateways, message)
        untried = outbox.untried_gateways(tx, message, self._account.gateways)
        if there is None or breakers.closed_to_all(tx, there) is not None:
            return
        if closed or (message.attempts > 1 and there in untried):
            outbox.hand_over(tx, message, there, Entry(Cause.FAIL_OVER), self._node, now)


_FIRST_SIGN = timedelta(
    minutes=2
)  # a single failure is no trouble yet; if nothing succeeds until then, it is
_ASK_AGAIN = timedelta(minutes=15)


def within_bytes(body: str, parts: int, limits: TextLimits) -> str:
    """`body` cut to so many parts also for a gateway that counts the bytes of UTF-8: the count that was refused
    is not ours, so the strictest one is taken.
    """
    room = limits.room(parts)
    cut = gsm.fit(body, parts)
    while len(cut.encode("utf-8")) > room or gsm.septets(cut) > room:
        over = max(len(cut.encode("utf-8")), gsm.septets(cut)) - room
        cut = gsm.clip(cut, gsm.septets(cut) - max(1, over // 2))
    return cut
