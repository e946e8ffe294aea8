"""One round of looking at every Alertmanager: what a silence covers is acknowledged, and what was acknowledged with
us gets a silence where that is wanted. Then `ends` looks for what has ended while it was silenced.

The end of the silence that made an acknowledgement takes it back where the alert is listed as firing and nothing else
silences it; whoever acknowledged with us is not asked. Any Alertmanager's silence counts for every incident, for an
incident does not tell which one of a pair has sent it. While one of them does not answer nothing is taken back: its
silence may go on.

A crash, or an answer that was lost, between making a silence and writing it down: the next round finds exactly that
silence in force and takes it for its own. Where it cannot (the list came from another of the pair, too early), a
second one is made. That is harmless: they say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from sms_notify.delivery.sender import Clock, Commit
from sms_notify.policy.episodes import tag_of
from sms_notify.silences.client import AlertmanagerClient, AlertmanagerProblem, Why
from sms_notify.silences.ends import Ends, EndsFound, Resolve
from sms_notify.silences.silence import Silence, covering, matchers_for
from sms_notify.store import silences
from sms_notify.store.silences import BySilence, Wanting
from sms_notify.store.tx import Tx

Acknowledge = Callable[[Tx, Sequence[int], str, str, datetime], Sequence[int]]
"""Acknowledges incidents, by whom, by which silence (its id), as of now; returns those that were open and not acknowledged
yet.
"""
TakeBack = Callable[[Tx, Sequence[int], str, str, datetime], Sequence[int]]
"""Ends what this silence has acknowledged, by whom, its id, as of now; returns those whose acknowledgement ended."""

HoldBack = Callable[[Tx, Sequence[int], datetime], object]
"""Texts about these incidents that have not left wait until their source tells them again."""

_AT_ONCE = 100  # incidents in one transaction: everybody who sends waits for the same thread
_NOT_WORTH = timedelta(
    minutes=1
)  # what a silence must still have to last, or it would have ended when it arrives
_MOST_NAME = 80
_US = "sms-notify"
_NUMBER = re.compile(r"\+?[0-9](?:[ .-]?[0-9]){6,}")


class SilenceEvent(StrEnum):
    """What a round has done, or has to tell."""

    ACKNOWLEDGED = "acknowledged"
    TAKEN_BACK = "taken_back"
    SILENCED = "silenced"
    CANNOT_READ = "cannot_read"
    READS_AGAIN = "reads_again"
    CANNOT_CREATE = "cannot_create"
    CREATES_AGAIN = "creates_again"
    ENDED = "ended"
    SUPPRESSED = "suppressed"
    LET_GO = "let_go"
    COPY_OPENED = "copy_opened"
    COPY_DROPPED = "copy_dropped"
    CANNOT_LIST = "cannot_list"
    LISTS_AGAIN = "lists_again"


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing for the log. A problem is told when it begins, when its reason changes and when it has ended."""

    what: SilenceEvent
    alertmanager: str
    incident_id: int | None = None
    silence_id: str = ""
    by: str = ""
    problem: AlertmanagerProblem | None = None


@dataclass(slots=True)
class _Maker:
    """An Alertmanager that makes silences in this round. `tried` says that it was asked to; then `problem` counts."""

    alertmanager: AlertmanagerClient
    active: Mapping[frozenset[object], Silence] = field(default_factory=dict)
    tried: bool = False
    problem: AlertmanagerProblem | None = None

    @property
    def usable(self) -> bool:
        """A silence that was refused says nothing about the next; any other problem does."""
        return self.problem is None or self.problem.why is Why.REFUSED


class Keeper:
    """Looks after the silences of all Alertmanagers. One thread calls it."""

    def __init__(
        self,
        commit: Commit,
        alertmanagers: Sequence[AlertmanagerClient],
        acknowledge: Acknowledge,
        take_back: TakeBack,
        resolve: Resolve,
        hold_back: HoldBack,
        clock: Clock,
    ) -> None:
        self._commit = commit
        self._alertmanagers = alertmanagers
        self._set_acknowledged = acknowledge
        self._set_taken_back = take_back
        self._hold_back = hold_back
        self._clock = clock
        self._resolve = resolve
        self._told: dict[tuple[str, SilenceEvent], Why] = {}
        self.anew()

    def anew(self) -> None:
        """Another node has looked meanwhile: what was listed or missing before it says nothing any more."""
        self._ends = Ends(self._commit, self._alertmanagers, self._resolve, self._clock)

    def keep_once(self) -> tuple[Kept, ...]:
        """Asks each Alertmanager for its silences, where something may have ended also for its alerts, and makes what is
        to be made; one that fails stops no other. Only ends are not told unless all of them answer.

        A silence that could not be made is tried again in the next round, as long as the incident is open and
        `silence_for` since the acknowledgement has not passed. Raises StoreError.
        """
        kept: list[Kept] = []
        makers: list[_Maker] = []
        every: list[Silence] = []
        silent = False
        for alertmanager in self._alertmanagers:
            active = alertmanager.active()
            kept += self._change(
                alertmanager, SilenceEvent.CANNOT_READ, SilenceEvent.READS_AGAIN, _problem_in(active)
            )
            if isinstance(active, AlertmanagerProblem):
                silent = True
                continue
            every += active
            kept += self._acknowledge(alertmanager, active)
            if alertmanager.settings.create_silences:
                makers.append(_Maker(alertmanager, {frozenset(s.matchers): s for s in active}))
        kept += self._create(makers)
        if silent:
            return (*kept, *self._tell_ends(self._ends.skip()))
        over = self._over(every)
        looked = self._ends.look(every, anyway=bool(over))
        if suppressed := list(looked.suppression.began):
            now = self._clock()
            self._commit(lambda tx: self._hold_back(tx, suppressed, now))
        return (*kept, *self._take_back(over, looked), *self._tell_ends(looked))

    def _over(self, active: Sequence[Silence]) -> list[BySilence]:
        """Those whose silence is in force no more."""
        ids = {silence.id for silence in active}
        return [one for one in self._commit(silences.acknowledged) if one.silence_id not in ids]

    def _take_back(self, over: Sequence[BySilence], found: EndsFound) -> list[Kept]:
        """Of those that fire. What is listed no more is for `ends` to judge; what another silence covers, is that one's."""
        kept: list[Kept] = []
        for one in over if found.asked and not found.problems else ():
            firing = [found.listed[name] for name in one.fingerprints if name in found.listed]
            if firing and all(firing):
                self._replace(one, firing[0])
            elif (firing or not one.fingerprints) and self._end(one):
                kept.append(Kept(SilenceEvent.TAKEN_BACK, "", one.id, one.silence_id, one.by))
        return kept

    def _replace(self, one: BySilence, silence_id: str) -> None:
        self._commit(lambda tx: silences.replaced(tx, one.id, one.silence_id, silence_id))

    def _end(self, one: BySilence) -> Sequence[int]:
        now = self._clock()
        return self._commit(lambda tx: self._set_taken_back(tx, [one.id], one.by, one.silence_id, now))

    def _acknowledge(self, alertmanager: AlertmanagerClient, active: Sequence[Silence]) -> list[Kept]:
        covered = self._covered(active)
        kept: list[Kept] = []
        for start in range(0, len(covered), _AT_ONCE):
            some = covered[start : start + _AT_ONCE]
            kept += self._commit(partial(self._write, alertmanager=alertmanager, covered=some))
        return kept

    def _covered(self, active: Sequence[Silence]) -> list[tuple[int, Silence]]:
        """Found outside a transaction: a thousand silences and as many incidents take their time."""
        if not active:
            return []
        found: dict[int, Silence | None] = {}
        for one in self._commit(silences.uncovered):
            # one that was there when it was less severe says nothing of what it is now
            silence = covering([silence for silence in active if silence.id not in one.known], one.labels)
            found[one.id] = (
                silence if found.get(one.id, silence) is not None else None
            )  # of several alerts, each
        return [(id_, silence) for id_, silence in found.items() if silence is not None]

    def _write(
        self, tx: Tx, alertmanager: AlertmanagerClient, covered: Sequence[tuple[int, Silence]]
    ) -> list[Kept]:
        now = self._clock()
        kept = []
        for id_, silence in covered:
            by = _by(silence)
            # not where it has ended, or somebody was quicker, since we looked
            if self._set_acknowledged(tx, [id_], by, silence.id, now):
                kept.append(Kept(SilenceEvent.ACKNOWLEDGED, alertmanager.name, id_, silence.id, by))
        return kept

    def _create(self, makers: Sequence[_Maker]) -> list[Kept]:
        if not makers:
            return []
        since = self._clock() - max(maker.alertmanager.settings.silence_for for maker in makers)
        kept: list[Kept] = []
        for incident in self._commit(lambda tx: silences.wanting(tx, since)):
            if any(incident.labels.values()):  # Alertmanager takes no silence of empty labels alone
                kept += self._silence(incident, makers)
        for maker in makers:
            if maker.tried:
                kept += self._change(
                    maker.alertmanager, SilenceEvent.CANNOT_CREATE, SilenceEvent.CREATES_AGAIN, maker.problem
                )
        return kept

    def _silence(self, incident: Wanting, makers: Sequence[_Maker]) -> list[Kept]:
        """One silence, by the first Alertmanager that makes it."""
        for maker in makers:
            if not maker.usable or _end(incident, maker) < self._clock() + _NOT_WORTH:
                continue
            made = _make(incident, maker)
            if isinstance(made, str):
                return [self._made(incident, maker.alertmanager, made)]
            if made.why is Why.NO_ANSWER:  # it may have been made; the next round sees
                break
        return []

    def _made(self, incident: Wanting, alertmanager: AlertmanagerClient, silence_id: str) -> Kept:
        name, now = alertmanager.name, self._clock()
        self._commit(lambda tx: silences.made(tx, incident.id, name, silence_id, now))
        return Kept(SilenceEvent.SILENCED, name, incident.id, silence_id, _unnumbered(incident.acked_by))

    def _tell_ends(self, looked: EndsFound) -> list[Kept]:
        kept = [
            Kept(SilenceEvent.ENDED, end.alertmanager, end.incident_id, end.silence_id)
            for end in looked.ended
        ]
        kept += [Kept(SilenceEvent.SUPPRESSED, by, id_) for id_, by in looked.suppression.began.items()]
        kept += [Kept(SilenceEvent.LET_GO, "", id_) for id_ in looked.suppression.let_go]
        kept += [Kept(SilenceEvent.COPY_OPENED, "", id_) for id_ in looked.copies.opened]
        kept += [Kept(SilenceEvent.COPY_DROPPED, "", id_) for id_ in looked.copies.dropped]
        for alertmanager in self._alertmanagers if looked.asked else ():
            problem = looked.problems.get(alertmanager.name)
            kept += self._change(alertmanager, SilenceEvent.CANNOT_LIST, SilenceEvent.LISTS_AGAIN, problem)
        return kept

    def _change(
        self,
        alertmanager: AlertmanagerClient,
        begins: SilenceEvent,
        ends: SilenceEvent,
        problem: AlertmanagerProblem | None,
    ) -> list[Kept]:
        """By the reason alone: a detail may differ every time, and a line a round helps nobody."""
        key = (alertmanager.name, begins)
        before = self._told.pop(key, None)
        if problem is not None:
            self._told[key] = problem.why
        if before == self._told.get(key):
            return []
        return [Kept(begins if problem else ends, alertmanager.name, problem=problem)]


def _problem_in(active: tuple[Silence, ...] | AlertmanagerProblem) -> AlertmanagerProblem | None:
    if isinstance(active, AlertmanagerProblem):
        return active
    odd = [silence.id for silence in active if not silence.matchers]
    if not odd:
        return None
    more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
    return AlertmanagerProblem(Why.ODD_SILENCE, f"silence {odd[0]}{more}: a matcher cannot be read")


def _make(incident: Wanting, maker: _Maker) -> str | AlertmanagerProblem:
    maker.tried = True
    existing = maker.active.get(frozenset(matchers_for(incident.labels)))
    if existing is not None:
        return existing.id
    made = maker.alertmanager.create(
        incident.labels,
        incident.acked_at,
        _end(incident, maker),
        _unnumbered(incident.acked_by) or _US,
        f"acknowledged in {_US}, incident {tag_of(incident.id)}",
    )
    if isinstance(made, AlertmanagerProblem):
        maker.problem = made
    return made


def _end(incident: Wanting, maker: _Maker) -> datetime:
    """Counted from the acknowledgement, however late the silence is made."""
    return incident.acked_at + maker.alertmanager.settings.silence_for


def _by(silence: Silence) -> str:
    """Whoever made it, as one line, and enough of its id to find it."""
    return f"{_line(silence.created_by)} (silence {silence.id[:8]})".lstrip()


def _unnumbered(name: str) -> str:
    """Everybody may read Alertmanager's silences, and somebody may be known to us by a number alone."""
    return _NUMBER.sub("[number]", _line(name))


def _line(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.split())[:_MOST_NAME].rstrip()
