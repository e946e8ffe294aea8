"""Keeps the next steps of escalations in the outboxes of gateways: arms what is missing, takes back what is not wanted.

One thread, beside those that send: none of them waits for it. What it does is worked out anew each time from the rows, so that a
crash at any point is made good by the next pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.delivery.arming import Arming, settle
from sms_notify.delivery.sender import Clock, Commit
from sms_notify.engine import Engine
from sms_notify.engine.armed_escalations import OutboxWork
from sms_notify.policy.armed_steps import ArmedKey, key_of
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.store.tx import Tx

_AT_ONCE = 10  # requests of one pass: what is to be done may have changed after them
_PAUSE = timedelta(seconds=5)  # of a gateway that did not do what it was asked to
_PAUSE_OF_ONE = timedelta(minutes=1)  # of a text that a gateway did not take


@dataclass(frozen=True, slots=True)
class KeptSteps:
    """What one pass has done: each text as it stands now. `beyond` is how many texts find no room in the outbox;
    `news_of_beyond`: in the pass before there were none.
    """

    texts: Sequence[ArmedText] = ()
    beyond: int = 0
    news_of_beyond: bool = False


class StepKeeper:
    """`armings` are those of the gateways that the configuration names."""

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Tx]],
        commit: Commit,
        engine: Callable[[], Engine],
        armings: Mapping[str, Arming],
        clock: Clock,
    ) -> None:
        self._reading = reading
        self._commit = commit
        self._engine = engine
        self._armings = armings
        self._clock = clock
        self.anew()
        self._beyond = 0
        self._gateways: dict[str, datetime] = {}  # when each may be asked again
        self._refused: dict[ArmedKey, datetime] = {}

    def anew(self) -> None:
        """Another node has done this meanwhile."""
        self._nothing_lies = False  # then nothing need be read where no receiver is armed
        self._begun = False

    def keep_once(self) -> KeptSteps:
        """One pass. Raises StoreError; the next pass goes on."""
        if not self._begun:  # an answer that an earlier process waited for will not come
            self._commit(lambda tx: settle(tx, ArmedFor.ESCALATION, self._clock()))
            self._begun = True
        now, engine = self._clock(), self._engine()
        if self._nothing_lies and not engine.armed.receivers:
            return KeptSteps()
        texts: list[ArmedText] = []
        work = self._look(engine, now)
        if work.left:  # what is told by now is not armed again
            texts += self._commit(lambda tx: engine.settle_armed(tx, self._clock()))
            work = self._look(engine, now)
        for text in (*work.remove, *work.arm):
            if len(texts) < _AT_ONCE and self._may_ask(text, now):
                texts.append(self._ask(text, now))
        self._nothing_lies = not work.lying and not texts
        before, self._beyond = self._beyond, work.beyond
        return KeptSteps(texts, work.beyond, work.beyond > 0 and not before)

    def _look(self, engine: Engine, now: datetime) -> OutboxWork:
        with self._reading() as tx:
            return engine.armed.look(tx, self._minute, now)

    def _minute(self, at: datetime) -> datetime:
        """One that no gateway's clock has twice, whichever is asked: else each look would find the text at another minute."""
        while (clear := max(arming.minute(at) for arming in self._armings.values())) != at:
            at = clear
        return at

    def _may_ask(self, text: ArmedText, now: datetime) -> bool:
        known = text.gateway in self._armings
        free = self._gateways.get(text.gateway, now) <= now
        return known and free and (text.id > 0 or self._refused.get(key_of(text), now) <= now)

    def _ask(self, text: ArmedText, now: datetime) -> ArmedText:
        arming, is_new = self._armings[text.gateway], not text.id
        done = arming.arm(text) if is_new else _take_back(arming, text)
        not_taken = is_new and done.state is not ArmedState.ARMED
        if not_taken or done.state in (ArmedState.UNSURE, ArmedState.REMOVING):
            self._gateways[text.gateway] = now + _PAUSE
        if not_taken:
            self._refused = {key: at for key, at in self._refused.items() if at > now}
            self._refused[key_of(text)] = now + _PAUSE_OF_ONE
        return done


def _take_back(arming: Arming, text: ArmedText) -> ArmedText:
    """By its number where its answer was lost: no other text to it lies there."""
    return arming.remove(text) if text.outboxid else arming.remove_by_number(text)
