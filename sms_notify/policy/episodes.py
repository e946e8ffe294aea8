"""Episodes: from the first firing of an alert until it is resolved, or has not been heard of for a day.

An incident is known by source and fingerprint, never by its start: a pair of Prometheus servers tells one
outage with two starts, and Alertmanager repeats itself byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.alert import Alert, Severity, Status
from sms_notify.policy.vocabulary import Heard

STALE_AFTER = timedelta(hours=24)

# How long after an episode's end a firing that began before that end is taken for an old copy. Alertmanager's
# second peer sends one within its peer-timeout (15 s). It is held so long, and then told: an alert that Alertmanager
# ended because Prometheus fell silent fires again with its first start, and that is news.
OLD_COPY_WINDOW = timedelta(minutes=1)

# A pair of Prometheus servers tells one outage with two starts, and Zabbix an age without its seconds.
SAME_START = timedelta(minutes=5)

# No 0/o and 1/l/i, for it is read aloud at night; no m, with which the ids of messages begin.
# The first one is not a digit, so that a tag is never taken for an incident's number.
_TAG_LETTERS = "abcdefghjknpqrstuvwxyz23456789"
_TAG_SIZE = 22 * len(_TAG_LETTERS) ** 3
_TAG_STEP = 387_421  # odd and no divisor of the size, so that neighbours look nothing alike


@dataclass(frozen=True, slots=True)
class Episode:
    """An incident as far as the next alert about it is concerned; all times are aware UTC.

    `unheard` says that nothing was heard of it for so long that it may have ended. `ended_at` without `closed_at`: it has
    ended, and may be back in a moment, as it was before. `by_hand`: somebody closed it, and its source has not ended it
    since.
    """

    id: int
    opened_at: datetime
    starts_at: datetime | None = None
    ended_at: datetime | None = None
    closed_at: datetime | None = None
    unheard: bool = False
    level: Severity = Severity.CRITICAL
    by_hand: bool = False

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    def goes_on(self, alert: Alert, known_start: datetime | None) -> bool:
        """Of one that was closed by hand: whether a firing is still what was closed. A later start is not, nor what is worse."""
        if alert.severity.rank < self.level.rank:
            return False
        start = alert.starts_at if alert.start_told else None
        if start is None or self.closed_at is None:
            return True
        if known_start is None:
            return start <= self.closed_at
        return (
            start - known_start <= SAME_START
        )  # by the clock of its source alone, which may be ahead of ours


def hear(alert: Alert, latest: Episode | None, severity: Severity, now: datetime) -> Heard:
    """What `alert` means for the latest episode of its key, which is as severe as `severity` with it: FIRST, RAISED,
    MILDER, RESUMED, DUPLICATE, RESOLVED, HELD_COPY, CLOSED or NEVER_FIRED.
    """
    if latest is not None and latest.by_hand:
        ended = alert.status is not Status.FIRING
        return Heard.CLOSED if ended or latest.goes_on(alert, latest.starts_at) else Heard.FIRST
    if latest is None:
        return Heard.FIRST if alert.status is Status.FIRING else Heard.NEVER_FIRED
    if not latest.is_open:
        again = Heard.HELD_COPY if is_copy(alert, latest, now) else Heard.FIRST
        return again if alert.status is Status.FIRING else Heard.DUPLICATE
    return _hear_open(alert, latest, severity) if alert.status is Status.FIRING else Heard.RESOLVED


def _hear_open(alert: Alert, latest: Episode, severity: Severity) -> Heard:
    worse = severity.rank < latest.level.rank
    later = alert.starts_at is not None and alert.starts_at != latest.starts_at
    if latest.unheard and (later or not worse):
        return Heard.FIRST if later else Heard.RESUMED
    if severity is latest.level:
        return Heard.DUPLICATE
    return Heard.RAISED if worse else Heard.MILDER


def hear_shared(
    alert: Alert, latest: Episode | None, own: Episode | None, severity: Severity, others: bool, now: datetime
) -> Heard:
    """As `hear`, where several sources report one problem: `own` is what this one told of the latest episode, if it did.

    It has ended when the last of them says so; `others` says that another still reports it.
    """
    if latest is not None and latest.by_hand:
        return _hear_closed(alert, latest, own)
    word = hear(alert, own, severity, now)
    if word is Heard.HELD_COPY and not (latest is not None and latest.is_open):
        return word
    if alert.status is Status.FIRING:
        return hear(replace(alert, starts_at=None), latest, severity, now)
    open_now = latest is not None and latest.is_open
    if word is Heard.RESOLVED and open_now and others:
        return Heard.STILL_OPEN
    return Heard.DUPLICATE if latest is not None and not open_now and word is Heard.RESOLVED else word


def _hear_closed(alert: Alert, latest: Episode, own: Episode | None) -> Heard:
    """Each source ends its own part; what was not a part of the incident when it was closed is news."""
    if alert.status is not Status.FIRING:
        return Heard.CLOSED if own is not None else Heard.NEVER_FIRED
    part_of_it = own is not None and own.closed_at is None
    return Heard.CLOSED if own and part_of_it and latest.goes_on(alert, own.starts_at) else Heard.FIRST


def is_copy(alert: Alert, closed: Episode, now: datetime) -> bool:
    """Whether it may be an old copy of an episode that has ended just now: its start is that of it."""
    if alert.starts_at is None or closed.closed_at is None or closed.unheard:
        return False
    # Of what began before our clock was set back the end may lie ahead of us; its start tells a copy from news all the same.
    just = now - closed.closed_at < OLD_COPY_WINDOW
    return just and alert.starts_at == closed.starts_at


def tag_of(incident_id: int) -> str:
    """The short name by which people speak of an incident: four characters, distinct for 594,000 in a row."""
    rounds, within = divmod(incident_id, _TAG_SIZE)
    number = (within * _TAG_STEP) % _TAG_SIZE
    letters = ""
    for _ in range(4):
        number, digit = divmod(number, len(_TAG_LETTERS))
        letters = _TAG_LETTERS[digit] + letters
    return letters + (str(rounds) if rounds else "")


def incident_of(tag: str) -> int | None:
    """The incident that `tag` names (with or without its `#`), or None where no incident can bear that name."""
    tag = tag.removeprefix("#").lower()
    letters, rounds = tag[:4], tag[4:]
    spelled = (
        len(letters) == 4 and all(letter in _TAG_LETTERS for letter in letters) and not letters[0].isdigit()
    )
    if not spelled or (rounds and not (rounds.isascii() and rounds.isdigit() and len(rounds) <= 9)):
        return None
    number = 0
    for letter in letters:
        number = number * len(_TAG_LETTERS) + _TAG_LETTERS.index(letter)
    return number * pow(_TAG_STEP, -1, _TAG_SIZE) % _TAG_SIZE + int(rounds or 0) * _TAG_SIZE
