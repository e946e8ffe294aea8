"""One problem of a story: since when it fires and how badly, who took care of it, and when it flapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from oracle_story import rank_of

CALM = 600
FLAPS, WITHIN = 4, 1800
DAY = 24 * 3600
NEVER = 10**9
REPEATS = ("alertmanager", "grafana")


@dataclass(frozen=True)
class Change:
    """From `at` on it fires with this severity, or is over."""

    at: int
    firing: bool
    severity: str


@dataclass
class Stretch:
    """It fires from `begin` until `end` (None: at the end of the story still); `severities` since when."""

    begin: int
    end: int | None = None
    severities: list[tuple[int, str]] = field(default_factory=list)

    @property
    def worst(self) -> str:
        return min((severity for _, severity in self.severities), key=rank_of)

    @property
    def rises(self) -> list[int]:
        pairs = zip(self.severities, self.severities[1:], strict=False)
        return [at for (_, was), (at, now) in pairs if rank_of(now) < rank_of(was)]

    @property
    def owed_rises(self) -> list[int]:
        """Rises above what is believed, which falls in silence once it was milder for `calm`."""
        found, believed = [], rank_of(self.severities[0][1])
        for (before, was), (at, now) in zip(self.severities, self.severities[1:], strict=False):
            if rank_of(was) > believed and at - before >= CALM:
                believed = rank_of(was)
            if rank_of(now) < believed:
                found.append(at)
                believed = rank_of(now)
        return found

    @property
    def unfallen_rises(self) -> list[int]:
        """Those after which it was never milder: what fell again is owed to nobody any more."""
        return [
            at
            for at in self.owed_rises
            if all(
                rank_of(severity) <= rank_of(self.severity_at(at))
                for since, severity in self.severities
                if since > at
            )
        ]

    def severity_at(self, at: int) -> str:
        """The severity from a moment on."""
        return [severity for since, severity in self.severities if since <= at][-1]


@dataclass
class Member:
    """One alert of a problem, as one source knows it."""

    name: str
    source: str
    labels: Mapping[str, str]
    firing: bool = False
    severity: str = ""
    heard: set[str] = field(default_factory=set)
    started: str = ""
    ended: tuple[int, str] = (-1_000, "")
    """When it ended last, and with which start."""
    acknowledged_there: int | None = None
    closed: str | None = None
    """How bad it was when somebody closed it by hand; None: nobody did since its source ended it."""


@dataclass
class Problem:
    """Whatever is at one place."""

    place: str
    members: dict[tuple[str, ...], Member] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    acks: list[int] = field(default_factory=list)
    unacks: list[int] = field(default_factory=list)
    explained: list[int] = field(default_factory=list)
    """When its source ended it and said why, or somebody closed it: no recovery."""
    closed_by: str = ""
    suppressed: list[tuple[int, int]] = field(default_factory=list)
    """When Alertmanager inhibits it."""
    unheard: list[tuple[int, int]] = field(default_factory=list)
    """When its source, which repeats, said nothing for too long."""
    anew: list[int] = field(default_factory=list)
    """When it began again though nobody told its end."""
    hearings: list[int] = field(default_factory=list)
    flaps: bool = True

    def note(self, at: int) -> None:
        """What its members make of it now."""
        firing = [member for member in self.members.values() if member.firing]
        severity = min((member.severity for member in firing), key=rank_of, default="")
        last = self.changes[-1] if self.changes else Change(-1, False, "")
        if (last.firing, last.severity) != (bool(firing), severity):
            self.changes.append(Change(at, bool(firing), severity))

    def hear(self, at: int) -> bool:
        """Notes that something was heard of it; returns whether it was silent for so long that a beginning is news."""
        silent = bool(self.hearings) and at - self.hearings[-1] > DAY
        if self.unheard and self.unheard[-1][1] > at:
            self.unheard[-1] = (self.unheard[-1][0], at)
        self.hearings.append(at)
        return silent

    def fall_silent(self, now: int) -> None:
        """Until `now` nothing was heard of it: for longer than a day, and twice the longest gap."""
        if not self.open_now or not all(member.source in REPEATS for member in self.members.values()):
            return
        gaps = [b - a for a, b in zip(self.hearings, self.hearings[1:], strict=False)]
        due = self.hearings[-1] + max(DAY, 2 * max(gaps, default=0))
        if due < now and not (self.unheard and self.unheard[-1][0] == due):
            self.unheard.append((due, NEVER))

    def begin_anew(self, at: int, severity: str) -> None:
        self.changes += [Change(at, False, ""), Change(at, True, severity)]
        self.anew.append(at)

    @property
    def open_now(self) -> bool:
        return bool(self.changes) and self.changes[-1].firing

    @property
    def worst(self) -> str:
        """Of its members, whatever they are by now."""
        return min((member.severity for member in self.members.values()), key=rank_of)

    def unheard_at(self, at: float) -> bool:
        return any(since <= at < until for since, until in self.unheard)

    def suppressed_at(self, at: float) -> bool:
        return any(since <= at < until for since, until in self.suppressed)

    @property
    def notice(self) -> bool:
        """Words alone, which nothing can end."""
        return any(member.source == "notice" for member in self.members.values())

    @cached_property
    def stretches(self) -> list[Stretch]:
        found: list[Stretch] = []
        for change in self.changes:
            if change.firing and (not found or found[-1].end is not None):
                found.append(Stretch(change.at))
            if change.firing:
                found[-1].severities.append((change.at, change.severity))
            elif found:
                found[-1].end = change.at
        return found

    @property
    def open(self) -> bool:
        return bool(self.stretches) and self.stretches[-1].end is None

    @cached_property
    def bouts(self) -> list[tuple[int, int]]:
        """From its fourth beginning within half an hour until it was calm."""
        if not self.flaps:
            return []
        starts = sorted(
            [one.begin for one in self.stretches] + [at for one in self.stretches for at in one.rises]
        )
        found: list[tuple[int, int]] = []
        for number, at in enumerate(starts):
            if number >= FLAPS - 1 and at - starts[number - FLAPS + 1] <= WITHIN:
                calm = self._calm_after(at)
                if found and at <= found[-1][1]:
                    found[-1] = (found[-1][0], max(calm, found[-1][1]))
                else:
                    found.append((at, calm))
        return found

    def _calm_after(self, at: int) -> int:
        """When nothing had changed for `calm`, from a moment on."""
        for change in self.changes:
            if at < change.at <= at + CALM:
                at = change.at
        return at + CALM

    def in_bout(self, at: float) -> bool:
        """Also while the first texts of a bout are on their way."""
        return any(begin <= at <= calm + 60 for begin, calm in self.bouts)

    def stretch_at(self, at: float) -> Stretch | None:
        return next(
            (one for one in self.stretches if one.begin <= at and (one.end is None or at < one.end)), None
        )

    @property
    def restarts(self) -> list[int]:
        """Whatever may begin its turns anew and end an acknowledgement."""
        rises = [at for one in self.stretches for at in one.rises]
        return sorted(
            [*(one.begin for one in self.stretches), *rises, *self.unacks, *(c for _, c in self.bouts)]
        )

    def acknowledged(self, at: float) -> int | None:
        """Since when somebody takes care of it at a moment; None where nobody does, or may no longer."""
        taken = [ack for ack in self.acks if ack <= at]
        if not taken or any(taken[-1] < other <= at for other in self.restarts):
            return None
        if any(taken[-1] == back for back in self.unacks):
            return None  # both came at once, from the spool
        return taken[-1]
