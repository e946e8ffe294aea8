"""What somebody asks of one text on its page, and texts that somebody writes there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sms_notify.alert import Severity
from sms_notify.engine.texting import Texting
from sms_notify.engine.working_set import WorkingSet
from sms_notify.policy import bars, by_hand
from sms_notify.policy.by_hand import A_MOMENT, NotTexted, TextAnswer
from sms_notify.policy.directory import Person
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Draft, Message, Notification
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Kind
from sms_notify.store import breakers, messages
from sms_notify.store.tx import Tx
from sms_notify.wording import gsm
from sms_notify.wording.content import Text


class TextsByHand:
    """By one configuration."""

    def __init__(self, plan: Plan, node: str, texting: Texting) -> None:
        self._plan = plan
        self._node = node
        self._texting = texting

    def cancel(self, tx: Tx, message_id: int, by: str, now: datetime) -> bool | None:
        """Somebody takes a text back that waits. False where it does not wait; None where there is no such text."""
        working, message, _ = self._loaded(tx, message_id, now)
        if message is None:
            return None
        done = by_hand.cancel(working.rows, message, by)
        if done:
            self._texting.flush(working)
            working.flush()
        return done

    def may_send_again(self, tx: Tx, message_id: int, now: datetime) -> TextAnswer:
        """What `send_again` would answer; changes nothing."""
        working, message, moved = self._loaded(tx, message_id, now)
        if message is None:
            return TextAnswer(NotTexted.NO_TEXT)
        if message.kind is Kind.MANUAL and not by_hand.is_leaving(message.state):
            return self._may_write(tx, _reader_of(message), now)
        return by_hand.may_send_again(working.rows, message, moved)

    def send_again(self, tx: Tx, message_id: int, by: str, now: datetime) -> TextAnswer:
        """Somebody wants a text told once more: what was written by hand is written once more, of news it is asked what of it
        is owed still.
        """
        working, message, moved = self._loaded(tx, message_id, now)
        if message is None:
            return TextAnswer(NotTexted.NO_TEXT)
        if message.kind is Kind.MANUAL and not by_hand.is_leaving(message.state):
            return self.write(tx, _reader_of(message), message.body, by, now)
        answer = by_hand.send_again(working.rows, message, by, moved)
        if answer.refused is None:
            self._texting.flush(working)
            working.flush()
        return answer

    def write(self, tx: Tx, person: Person, words: str, by: str, now: datetime) -> TextAnswer:
        """A text by hand, by the first gateway that does not bar the number; within the limits of what is not critical."""
        answer = self._may_write(tx, person, now)
        if answer.refused is not None:
            return answer
        barring = bars.barring_of(breakers.all_open(tx), self._plan.gateways, person.number)
        gateway = self._plan.gateway if barring is None else barring.leaves_by
        body = gsm.fit(gsm.to_gsm(words), 1)
        text = Text(body, gsm.parts(body), gsm.septets(body))
        ends = now + self._plan.timing.expiry(Severity.OTHER)
        draft = Draft(
            Kind.MANUAL, "", person, Severity.OTHER, gateway, text, now, ends, by, lane=Lane.REST
        )  # fmt: skip
        return replace(answer, message_id=messages.write(tx, draft, self._node, now))

    def _may_write(self, tx: Tx, person: Person, now: datetime) -> TextAnswer:
        found = messages.by_hand_since(tx, person.number, now - A_MOMENT)
        just = next((message for message in found if not message.state.lost), None)
        if just is not None:
            return TextAnswer(NotTexted.JUST_WRITTEN, just.id)
        barring = bars.barring_of(breakers.all_open(tx), self._plan.gateways, person.number)
        if barring is not None and barring.nowhere:
            return TextAnswer(NotTexted.BARRED)
        leave = self._texting.leave_by_hand(WorkingSet(tx, self._node, now), person.number)
        if leave.slots == 0:
            return TextAnswer(NotTexted.LIMIT, until=leave.free_at, scope=leave.scope)
        return TextAnswer()

    def _loaded(
        self, tx: Tx, message_id: int, now: datetime
    ) -> tuple[WorkingSet, Message | None, list[Notification]]:
        """With what the text was to tell and another tells, or is to tell, by now."""
        working = WorkingSet(tx, self._node, now)
        working.load_ids()
        working.load_context([message_id])
        moved = working.load_moved(message_id)
        return working, working.rows.messages.get(message_id), moved


def _reader_of(message: Message) -> Person:
    return Person(message.recipient, message.number)
