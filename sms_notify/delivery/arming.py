"""Putting texts into a gateway's outbox and taking them back: the row is on the disk before each request and after each answer.

Crash windows: between row and answer the row says the worst, that the text may lie there; `settle` says so for good when another
process finds it. Nothing here raises for a gateway; a StoreError goes up, and the row stands as it was before the request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from sms_notify.delivery.sender import Clock, Commit, Luck
from sms_notify.gateways.base import Failed, Removed, Scheduled, Submission, WithOutbox
from sms_notify.policy import armed_texts
from sms_notify.policy.armed_texts import LEFT_AFTER, ArmedFor, ArmedState, ArmedText
from sms_notify.policy.outcomes import Refusal
from sms_notify.store import armed_rows
from sms_notify.store.tx import Tx


def unheard(_text: ArmedText, _failed: Failed) -> None:
    """Nobody asks why."""


class Arming:
    """The outbox of one gateway. `minute` is its minute for an instant (`registry.minute_for`); `failed` hears of each answer
    that is no OK.
    """

    def __init__(
        self,
        commit: Commit,
        gateway: WithOutbox,
        clock: Clock,
        luck: Luck,
        minute: Callable[[datetime], datetime],
        failed: Callable[[ArmedText, Failed], None] = unheard,
    ) -> None:
        self._commit = commit
        self._gateway = gateway
        self._clock = clock
        self._luck = luck
        self.minute = minute
        self._failed = failed

    def arm(self, text: ArmedText) -> ArmedText:
        """Has the gateway keep a new text until `due_at`, or the first minute from then on that can be said clearly.

        Comes back ARMED, UNSURE where the answer was lost, or GONE where it was refused.
        """
        text = replace(text, due_at=self.minute(text.due_at), state=ArmedState.ASKED)
        text = replace(text, reference=text.reference or self._luck.reference())
        text = replace(text, id=self._commit(lambda tx: armed_rows.add(tx, text, self._clock())))
        answer = self._schedule(text)  # a crash from here on: asked, and nobody knows the answer
        if isinstance(answer, Scheduled):
            return self._keep(armed_texts.taken(text, answer.outboxid, answer.at))
        self._failed(text, answer)
        return self._keep(armed_texts.not_taken(text, answer.fate))

    def remove(self, text: ArmedText) -> ArmedText:
        """Takes one back by its id. Comes back GONE, or FIRED where it has left; REMOVING where it is to be asked again."""
        return self._removed(text)[0]

    def remove_by_number(
        self, unsure: ArmedText, following: ArmedText | None = None, between: Sequence[ArmedText] = ()
    ) -> ArmedText:
        """Takes back a text without an id. By its number the gateway takes the next one that is due: this one, where it lies
        there, else one of those `between`, else the `following` one, which nobody needs any more and which is then removed by
        its id. Where that one is not there any more, the number has taken it, and so nothing before it was there.

        The caller sees to it that no other text to that number is due before it, or none at all without a `following`.
        """
        pair = [unsure] if following is None else [unsure, following]
        self._keep_all([replace(text, state=ArmedState.REMOVING) for text in pair])
        unsure = self._keep(self._settled(unsure, self._gateway.remove(number=unsure.number)))
        if following is not None and not self._removed(following)[1]:
            cleared = [replace(text, state=ArmedState.GONE) for text in (unsure, *between)]
            return self._keep_all(cleared)[0]
        return unsure

    def _removed(self, text: ArmedText) -> tuple[ArmedText, bool]:
        """By its id; and False where the gateway had it no more."""
        text = self._keep(replace(text, state=ArmedState.REMOVING))
        answer = self._gateway.remove(outboxid=text.outboxid)
        there = isinstance(answer, Removed) or answer.refusal is not Refusal.NOTHING_SCHEDULED
        return self._keep(self._settled(text, answer)), there

    def _schedule(self, text: ArmedText) -> Scheduled | Failed:
        """A refused time is asked about once more and no oftener: what was refused is not scheduled."""
        message = Submission(text.number, text.body, text.reference)
        answer = self._gateway.schedule(message, text.due_at)
        time = isinstance(answer, Failed) and answer.refusal is Refusal.TIME
        if time and text.due_at > self._clock() + LEFT_AFTER:
            return self._gateway.schedule(message, text.due_at)
        return answer

    def _settled(self, text: ArmedText, answer: Removed | Failed) -> ArmedText:
        if isinstance(answer, Removed):
            return armed_texts.removed(text)
        self._failed(text, answer)
        return armed_texts.not_removed(text, answer.refusal, self._clock())

    def _keep(self, text: ArmedText) -> ArmedText:
        return self._keep_all([text])[0]

    def _keep_all(self, texts: list[ArmedText]) -> list[ArmedText]:
        def write(tx: Tx) -> None:
            for text in texts:
                armed_rows.change(tx, text, self._clock())

        self._commit(write)
        return texts


def settle(tx: Tx, purpose: ArmedFor, now: datetime) -> list[ArmedText]:
    """At the start, what an earlier process left: an answer that it waited for will not come. Returns what may lie there."""
    found = armed_rows.lying(tx, purpose)
    settled = [armed_texts.interrupted(text) for text in found]
    for before, text in zip(found, settled, strict=True):
        if text != before:
            armed_rows.change(tx, text, now)
    return settled
