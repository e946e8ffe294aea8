"""Putting texts into a gateway's outbox and taking them back: the row is on the disk before each request and after each answer.

Crash windows: between row and answer the row says the worst, that the text may lie there; `settle` says so for good when another
process finds it. Nothing here raises for a gateway; a StoreError goes up, and the row stands as it was before the request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from sms_notify.delivery.open_ways import usable_sender
from sms_notify.delivery.protection import hold_against
from sms_notify.delivery.sender import Clock, Commit, Luck
from sms_notify.gateways.base import Failed, Removed, Scheduled, Submission, WithOutbox
from sms_notify.policy import armed_texts
from sms_notify.policy.account import Account
from sms_notify.policy.armed_texts import LEFT_AFTER, ArmedFor, ArmedState, ArmedText
from sms_notify.policy.outcomes import Fate, Refusal
from sms_notify.store import armed_rows
from sms_notify.store.tx import Tx


def unheard(_text: ArmedText, _failed: Failed) -> None:
    """Nobody asks why."""


def untold(_tx: Tx, _text: ArmedText) -> None:
    """Nothing follows of what has left."""


class Arming:
    """The outbox of one gateway. `minute` is its minute for an instant (`registry.minute_for`); `failed` hears of each answer
    that is no OK. `left` belongs to the commit that says that a text has left, and gets it as it was before we asked.
    """

    def __init__(
        self,
        commit: Commit,
        gateway: WithOutbox,
        clock: Clock,
        luck: Luck,
        minute: Callable[[datetime], datetime],
        account: Account,
        failed: Callable[[ArmedText, Failed], None] = unheard,
        left: Callable[[Tx, ArmedText], None] = untold,
    ) -> None:
        self._commit = commit
        self._gateway = gateway
        self._clock = clock
        self._luck = luck
        self.minute = minute
        self._account = account
        self._failed = failed
        self._left = left

    def arm(self, text: ArmedText) -> ArmedText:
        """Has the gateway keep a new text until `due_at`, or the first minute from then on that can be said clearly.

        Comes back ARMED, UNSURE where the answer was lost, or GONE where it was refused: that is held against the number, the
        sender or the account, as of any other text. GONE and without a row where nothing was asked for now, because a removal
        by this number is under way, which might take it.
        """
        text = replace(text, due_at=self.minute(text.due_at), state=ArmedState.ASKED)
        text = replace(text, reference=text.reference or self._luck.reference())
        text, sender = self._commit(lambda tx: self._begun(tx, text))
        if not text.id:
            return text
        message = Submission(text.number, text.body, text.reference, sender=sender)
        answer = self._schedule(
            message, text.due_at
        )  # a crash from here on: asked, and nobody knows the answer
        if isinstance(answer, Scheduled):
            return self._keep(armed_texts.taken(text, answer.outboxid, answer.at))
        self._failed(text, answer)
        text = armed_texts.not_taken(text, answer.fate)
        self._commit(lambda tx: self._not_taken(tx, text, message, answer))
        return text

    def remove(self, text: ArmedText) -> ArmedText:
        """Takes one back by its id. Comes back GONE, or FIRED where it has left; REMOVING where it is to be asked again."""
        return self._removed(text)[0]

    def remove_by_number(
        self, unsure: ArmedText, following: ArmedText | None = None, between: Sequence[ArmedText] = ()
    ) -> ArmedText:
        """Takes back a text without an id. By its number the gateway takes the next one that is due: this one, where it lies
        there, else one of those `between`, else the `following` one, which nobody needs any more and which is then removed by
        its id. Where that one is not there any more, the number has taken it, and so nothing before it was there.

        No other text to that number may be due before it, or none at all without a `following`: nothing is asked where one has
        come to lie there since the caller looked, and none is armed before the answer (`_begun`).
        """
        pair = [unsure] if following is None else [unsure, following]
        if not self._commit(lambda tx: self._begun_by_number(tx, pair, between)):
            return unsure
        unsure = self._keep(self._settled(unsure, self._gateway.remove(number=unsure.number)), unsure)
        if following is not None and not self._removed(following)[1]:
            cleared = [replace(text, state=ArmedState.GONE) for text in (unsure, *between)]
            return self._keep_all(cleared)[0]
        return unsure

    def _removed(self, text: ArmedText) -> tuple[ArmedText, bool]:
        """By its id; and False where the gateway had it no more."""
        before, text = text, self._keep(replace(text, state=ArmedState.REMOVING))
        answer = self._gateway.remove(outboxid=text.outboxid)
        there = isinstance(answer, Removed) or answer.refusal is not Refusal.NOTHING_SCHEDULED
        return self._keep(self._settled(text, answer), before), there

    def _begun(self, tx: Tx, text: ArmedText) -> tuple[ArmedText, str]:
        if armed_rows.is_removed_by_number(tx, text.gateway, text.number):
            return replace(text, state=ArmedState.GONE), ""
        id_ = armed_rows.add(tx, text, self._clock())
        return replace(text, id=id_), usable_sender(tx, self._account) or self._account.sender

    def _begun_by_number(self, tx: Tx, pair: Sequence[ArmedText], between: Sequence[ArmedText]) -> bool:
        """False, and nothing written, where the number might take another one of ours."""
        now, until = self._clock(), pair[1].due_at if len(pair) > 1 else None
        if armed_rows.waits_beside(tx, [*pair, *between], until, now):
            return False
        for text in pair:
            armed_rows.change(tx, replace(text, state=ArmedState.REMOVING), now)
        return True

    def _schedule(self, message: Submission, due_at: datetime) -> Scheduled | Failed:
        """A refused time is asked about once more and no oftener: what was refused is not scheduled."""
        answer = self._gateway.schedule(message, due_at)
        time = isinstance(answer, Failed) and answer.refusal is Refusal.TIME
        return (
            self._gateway.schedule(message, due_at)
            if time and due_at > self._clock() + LEFT_AFTER
            else answer
        )

    def _not_taken(self, tx: Tx, text: ArmedText, message: Submission, failed: Failed) -> None:
        now = self._clock()
        armed_rows.change(tx, text, now)
        if failed.fate is Fate.REFUSED and failed.refusal is not Refusal.TIME:
            about = f"a text to {text.reader} for its outbox"
            hold_against(tx, self._account, message, about, failed.outcome, now)

    def _settled(self, text: ArmedText, answer: Removed | Failed) -> ArmedText:
        if isinstance(answer, Removed):
            return armed_texts.removed(text)
        self._failed(text, answer)
        return armed_texts.not_removed(text, answer.refusal, self._clock())

    def _keep(self, text: ArmedText, before: ArmedText | None = None) -> ArmedText:
        """`before`: what it was when the gateway was asked to take it back."""

        def write(tx: Tx) -> None:
            armed_rows.change(tx, text, self._clock())
            if text.state is ArmedState.FIRED:
                self._left(tx, before or text)

        self._commit(write)
        return text

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
