"""The dead man's switch at work: each round looks at what lies in the outboxes, and does what is due for each reader.

It is pushed ahead only while the daemon can do its work: half of one that lives is dead to whoever waits for a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.delivery.arming import Arming, settle
from sms_notify.delivery.open_ways import open_gateway
from sms_notify.delivery.sender import Clock, Commit
from sms_notify.gateways.base import Failed
from sms_notify.oncall.roster import Roster
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.policy.directory import Person
from sms_notify.policy.site_alive import (
    USUAL,
    Ahead,
    Deed,
    Move,
    ReaderTexts,
    SiteAlive,
    kept_of,
    next_move,
    pause_after,
    push_at,
)
from sms_notify.store import armed_rows
from sms_notify.store.tx import Tx
from sms_notify.wording.content import Reader
from sms_notify.wording.silent_site import compose_silent_site

_PURPOSE = ArmedFor.SITE_ALIVE
_KEPT = timedelta(days=1)  # rows of what was taken back
_MOST_MOVES = 20  # for one reader in one round
_TRIES_AT_ONCE = 3
_NEXT_LOOK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Outboxes:
    """The gateways of one configuration, in order of preference. `answers` asks one whether it answers at all, at no cost."""

    armings: Mapping[str, Arming]
    answers: Callable[[str], bool] = lambda _: True

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.armings)


@dataclass(frozen=True, slots=True)
class SwitchView:
    """What one look at the store shows: who is to be texted, and what lies there."""

    readers: tuple[Person, ...]
    lying: Sequence[ArmedText]
    beside: Sequence[tuple[str, str, datetime]]
    first: Mapping[str, str]  # by number, the gateway that takes texts to it now
    disarmed: bool

    @property
    def leaving(self) -> Sequence[Person]:
        """Who is no reader any more, but has a text there; it is pushed ahead until one for a reader lies there."""
        readers = {person.number for person in self.readers}
        left = (Person(t.recipient, t.number) for t in self.lying if t.number not in readers)
        return tuple({person.number: person for person in left}.values())

    def texts_of(self, number: str, gateways: tuple[str, ...]) -> ReaderTexts:
        beside = [(name, at) for name, to, at in self.beside if to == number]
        return ReaderTexts([text for text in self.lying if text.number == number], gateways, beside)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a reader's requests went: after a lost answer the gateway is first asked whether it answers at all, so that no heap
    of texts grows in its outbox.
    """

    failures: int = 0
    at: datetime | None = None
    lost: bool = False
    why: str = ""

    def waits(self, now: datetime) -> bool:
        """A clock that was set back makes nobody wait for long."""
        return self.at is not None and timedelta() < self.at - now <= timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class SwitchMoved:
    """One move and what it came to, for whoever logs; `text` as it was where nothing lies there any more."""

    deed: Deed
    text: ArmedText
    why: str = ""


class SiteSwitch:
    """For one configuration. `fit` gives the reasons why the daemon cannot do its work, none when all is well."""

    def __init__(
        self,
        site_alive: SiteAlive | None,
        site: str,
        outboxes: Outboxes,
        roster: Callable[[], Roster],
        commit: Commit,
        clock: Clock,
        fit: Callable[[], Sequence[str]] = tuple,
        moved: Callable[[SwitchMoved], None] = lambda _: None,
    ) -> None:
        self.site_alive = site_alive
        self._site = site
        self._outboxes = outboxes
        self._roster = roster
        self._commit = commit
        self._clock = clock
        self._fit = fit
        self._moved = moved
        self._paces: dict[str, Pace] = {}
        self._why = ""
        self._idless: set[str] = set()  # gateways that kept a text and gave no id: none could be taken back
        # By an earlier process, or by a store that refused what a gateway had answered.
        self._interrupted = True
        self.empty = False  # nothing is to lie there, and nothing does

    def keep_once(self) -> float:
        """Does all that is due; returns the seconds until something is due again. Raises StoreError; then nothing was asked."""
        if self._fit():
            return _NEXT_LOOK.total_seconds()
        if self._interrupted:
            self._commit(lambda tx: settle(tx, _PURPOSE, self._clock()))
        self._interrupted = True
        view = self.look()
        kept = [self._keep(person.number, person) for person in view.readers]
        for person in view.leaving:
            self._keep(person.number, None if any(kept) or not kept else person)
        self._interrupted = False
        after = self.look()
        self.empty = self.site_alive is None and not after.lying
        return self._pause(after).total_seconds()

    def clear(self) -> Sequence[ArmedText]:
        """Takes all back, in a few tries at once; returns what may lie there still."""
        self._commit(lambda tx: settle(tx, _PURPOSE, self._clock()))
        for _ in range(_TRIES_AT_ONCE):
            self._paces.clear()
            for number in dict.fromkeys(text.number for text in self.look().lying):
                self._keep(number, None)
        return self.look().lying

    def look(self) -> SwitchView:
        return self._commit(self._look)

    def why(self, number: str) -> str:
        """Why the last request for a reader did not end with OK; empty where it did."""
        return self._paces.get(number, Pace()).why or next(iter(self._fit()), "")

    def failures(self, number: str) -> int:
        """How many requests for a reader have failed in a row."""
        return self._paces.get(number, Pace()).failures

    def ahead(self, gateway: str) -> Ahead | None:
        if self.site_alive is None or gateway not in self._outboxes.armings:
            return None
        return Ahead(self.site_alive.after, self._outboxes.armings[gateway].minute)

    def failed(self, _text: ArmedText, failed: Failed) -> None:
        """For the armings: what the gateway said."""
        self._why = f"error {failed.code}" if failed.code is not None else str(failed.reason)

    def _look(self, tx: Tx) -> SwitchView:
        now, site = self._clock(), self.site_alive
        disarmed = armed_rows.disarmed_since(tx) is not None
        readers = self._roster().who(tx, site.notify, now) if site is not None and not disarmed else ()
        names = self._outboxes.names
        lying, beside = armed_rows.lying(tx, _PURPOSE), armed_rows.beside(tx, _PURPOSE, now)
        numbers = {person.number for person in readers} | {text.number for text in lying if readers}
        first = {number: open_gateway(tx, names, number) or names[0] for number in numbers}
        return SwitchView(readers, lying, beside, first, disarmed)

    def _keep(self, number: str, person: Person | None) -> bool:
        """Whether all is as it should be for one reader."""
        for _ in range(_MOST_MOVES):
            view, now = self.look(), self._clock()
            gateway = self._gateway(number, view)
            texts = view.texts_of(number, self._outboxes.names)
            ahead = self.ahead(gateway) if person else None  # no gateway: it was disarmed meanwhile
            move = next_move(texts, ahead, now)
            if move is None:
                return ahead is None or kept_of(texts, ahead, now) is not None
            pace = self._paces.get(number, Pace())
            if move.deed is not Deed.FIRED and (pace.waits(now) or not self._hears(number, move, gateway)):
                return False
            self._do(move, person, number, gateway)
        return False

    def _gateway(self, number: str, view: SwitchView) -> str:
        """The one that takes texts; after each failure the next one."""
        names = self._outboxes.names
        if number not in view.first:
            return ""
        start = names.index(view.first[number])
        return names[(start + self._paces.get(number, Pace()).failures) % len(names)]

    def _hears(self, number: str, move: Move, gateway: str) -> bool:
        """After a lost answer, before another text is put there."""
        pace = self._paces.get(number, Pace())
        if move.deed is not Deed.ARM or not (pace.lost or gateway in self._idless):
            return True
        if gateway not in self._idless and self._outboxes.answers(gateway):
            return True
        self._paces[number] = self._later(pace)
        return False

    def _do(self, move: Move, person: Person | None, number: str, gateway: str) -> None:
        self._why = ""
        if move.deed is Deed.ARM and person is not None and move.due_at is not None:
            text = self._outboxes.armings[gateway].arm(self._text(person, gateway, move.due_at))
            if text.state is ArmedState.UNSURE and not self._why:
                self._idless.add(gateway)
                self._why = "it gives no outboxID"
            self._note(number, text.state is ArmedState.ARMED, lost=text.state is ArmedState.UNSURE)
        elif move.text is not None:
            text = self._undo(move, move.text)
        else:
            return
        self._moved(SwitchMoved(move.deed, text, self._why))

    def _undo(self, move: Move, text: ArmedText) -> ArmedText:
        if move.deed is Deed.FIRED:
            text = replace(text, state=ArmedState.FIRED)
            self._commit(lambda tx: armed_rows.change(tx, text, self._clock()))
            return text
        arming = self._outboxes.armings[text.gateway]
        by_id = move.deed is Deed.REMOVE
        text = arming.remove(text) if by_id else arming.remove_by_number(text, move.following, move.between)
        self._note(text.number, text.state.final, lost=False)
        return text

    def _note(self, number: str, well: bool, *, lost: bool) -> None:
        pace = self._paces.get(number, Pace())
        if well:
            self._paces[number] = Pace()
            self._commit(lambda tx: armed_rows.forget(tx, self._clock() - _KEPT))
        else:
            self._paces[number] = replace(self._later(pace), lost=lost or pace.lost, why=self._why)

    def _later(self, pace: Pace) -> Pace:
        after = self.site_alive.after if self.site_alive is not None else USUAL
        failures = pace.failures + 1
        return replace(pace, failures=failures, at=self._clock() + pause_after(failures, after))

    def _text(self, person: Person, gateway: str, due_at: datetime) -> ArmedText:
        known = self._roster().directory.known(person)  # who may have another number by now
        reader = Reader(known.timezone, known.language, due_at)
        body = compose_silent_site(self._site, self._clock(), reader)
        return ArmedText(_PURPOSE, gateway, person.name, person.number, body, due_at, "")

    def _pause(self, view: SwitchView) -> timedelta:
        """Until the next push, or until a reader's pause is over; what cannot be done now is looked at soon."""
        now = self._clock()
        waits = [pace.at - now for pace in self._paces.values() if pace.at is not None and pace.waits(now)]
        if self.site_alive is None:
            return min([_NEXT_LOOK, *waits])
        pushes = [text.due_at - push_at(self.site_alive.after) - now for text in view.lying]
        ahead = [push for push in pushes if push > timedelta()]
        late = [_NEXT_LOOK] if not waits and len(ahead) < len(pushes) else []
        return min([self.site_alive.after / 3, *waits, *ahead, *late])
