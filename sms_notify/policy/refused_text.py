"""What becomes of a text that a gateway has not taken: once more, shorter, elsewhere, to others, or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sms_notify.alert import Severity
from sms_notify.policy.account import Account
from sms_notify.policy.bars import closed_to_all, way_for
from sms_notify.policy.directory import Person, group_of
from sms_notify.policy.escalation import hurry
from sms_notify.policy.outcomes import Outcome, Refusal
from sms_notify.policy.records import Draft, Entry, Message
from sms_notify.policy.retry_policy import Reaction, Then
from sms_notify.policy.rows import Rows
from sms_notify.policy.self_alert_notes import note_lost, note_unaddressed
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.policy.withdrawal import fail, is_untrue, take_back, take_back_needless_ends
from sms_notify.wording.content import Text

_MOST_RECUTS = 2

Shorten = Callable[[Message, Refusal | None], Text]
"""Fewer words for a message; what was refused about it, None = to one part."""


class RefusedText:
    """Decides it for one account. `tried` are the gateways by which this message was tried."""

    def __init__(self, account: Account, rows: Rows, tried: frozenset[str], shorten: Shorten) -> None:
        self._account = account
        self._rows = rows
        self._tried = tried
        self._shorten = shorten
        self._now = rows.now

    def settle(
        self, message: Message, outcome: Outcome, reaction: Reaction, entry: Entry, pause: timedelta
    ) -> None:
        then, group = reaction.then, group_of(message.number)
        if is_untrue(self._rows, message.id) and take_back(self._rows, message):
            take_back_needless_ends(self._rows, message)
        elif (there := self._readdressed(message)) is not None:
            self._requeue(there, timedelta(), entry)
        elif self._unaddressed(message):
            self._give_up(message)
        elif then in (Then.FAIL, Then.ELSEWHERE) and group is not None:
            self._to_members(message, group, entry)
        elif then in (Then.RECUT, Then.REWORD):
            self._recut(message, outcome, entry)
        elif then is Then.ELSEWHERE:
            self._elsewhere(message, entry)
        elif then is Then.FAIL:
            self._fail(message, entry)
        else:
            self._retry(message, outcome, entry, pause)

    def _readdressed(self, message: Message) -> Message | None:
        """A reload has given its reader another number meanwhile; what the old one was refused for does not matter."""
        reader = self._account.directory.people.get(message.recipient)
        if reader is None or reader.number == message.number or not self._unaddressed(message):
            return None
        return replace(message, number=reader.number)

    def _unaddressed(self, message: Message) -> bool:
        """A reload has taken its number out of the configuration while it was under way: it is not tried again."""
        numbers = self._account.numbers
        return numbers is not None and message.kind.configured and message.number not in numbers

    def _give_up(self, message: Message) -> None:
        self._rows.move(message, State.CANCELLED, Entry(Cause.NOT_CONFIGURED))
        if message.kind.alarming:
            note_unaddressed(self._rows, (n.incident_id for n in self._rows.of_message(message.id)))

    def _retry(self, message: Message, outcome: Outcome, entry: Entry, pause: timedelta) -> None:
        urgent = message.severity is Severity.CRITICAL and message.parts > 1
        if outcome.refusal is Refusal.NO_CREDITS and urgent:
            message = _cut(message, self._shorten(message, None))  # one credit may be left
        self._fail_over(self._requeue(message, pause, entry))

    def _requeue(self, message: Message, pause: timedelta, entry: Entry) -> Message:
        """Back to the queue; to the preferred gateway's where nobody serves this one's any more."""
        again = self._rows.move(replace(message, not_before=self._now + pause), State.QUEUED, entry)
        if self._account.gone:
            return self._hand_over(again, self._account.gateways[0], Cause.GATEWAY_GONE)
        return again

    def _hand_over(self, message: Message, gateway: str, cause: Cause) -> Message:
        """Another gateway has given no reason to wait."""
        there = replace(message, gateway=gateway, not_before=min(message.not_before, self._now))
        return self._rows.move(there, State.QUEUED, Entry(cause))

    def _recut(self, message: Message, outcome: Outcome, entry: Entry) -> None:
        """Once or twice shorter, at once; then it is given up, for then it is not its length that is refused."""
        if message.recuts >= _MOST_RECUTS:
            self._fail(message, entry)
            return
        self._requeue(_cut(message, self._shorten(message, outcome.refusal)), timedelta(), entry)

    def _elsewhere(self, message: Message, entry: Entry) -> None:
        """To a gateway that does not refuse the number, though it may have to wait there; else it has failed."""
        there = way_for(self._rows.breakers, self._account.gateways, message)
        if there is None:
            self._fail(message, entry)
            return
        again = self._rows.move(replace(message, not_before=self._now), State.QUEUED, entry)
        self._hand_over(again, there, Cause.FAIL_OVER)

    def _fail(self, message: Message, entry: Entry) -> None:
        state = State.FAILED if message.ambiguous == 0 else State.UNKNOWN_FINAL
        moved = self._rows.move(message, state, entry)
        note_lost(self._rows, message, state, f"{entry.reason} {entry.code or ''}".strip())
        if state.bad_end:
            fail(self._rows, moved)

    def _to_members(self, message: Message, group: str, entry: Entry) -> None:
        """A group that the gateway does not know, or refuses: those of it that we know are texted one by one."""
        members = self._account.directory.known_members(group)
        for person in members:
            self._tell_instead(message, person)
        if members:
            hurry(self._rows, self._rows.move(message, State.FAILED, entry))
        else:
            self._fail(message, entry)

    def _tell_instead(self, message: Message, person: Person) -> None:
        """Where the person has no text yet about all that the group's message tells."""
        rows, told = self._rows, self._rows.of_message(message.id)
        owed = [n for n in told if not rows.has(n.incident_id, person.number, n.kind, n.nth)]
        if told and not owed:
            return
        gateway = self._account.gateways[0] if self._account.gone else message.gateway
        draft = Draft(
            message.kind, message.receiver, person, message.severity, gateway,
            Text(message.body, message.parts, 0), self._now, message.expires_at,
            f"instead of m{message.id} to {message.recipient}", message.lane,
        )  # fmt: skip
        there = rows.write_message(draft)
        for n in owed:
            rows.tell(replace(n, person=person, id=0), there)

    def _fail_over(self, message: Message) -> None:
        """A critical page does not wait where nothing is taken, nor where it failed twice, if it was not tried elsewhere."""
        if message.severity is not Severity.CRITICAL or self._account.gone:
            return
        breakers = self._rows.breakers
        there = way_for(breakers, self._account.gateways, message)
        if there is None or closed_to_all(breakers, there) is not None:
            return
        closed = closed_to_all(breakers, message.gateway) is not None
        if closed or (message.attempts > 1 and there not in self._tried):
            self._hand_over(message, there, Cause.FAIL_OVER)


def _cut(message: Message, text: Text) -> Message:
    return replace(message, body=text.body, parts=text.parts, recuts=message.recuts + 1)
