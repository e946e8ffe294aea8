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
# second peer sends one within its peer-timeout (15 s). The window must stay under a group_interval: an alert that
# Alertmanager ended because Prometheus fell silent fires again with its first start, and that is news.
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

    `stale` says that it was closed because nothing was heard of it, not because it ended. `flapping` counts the
    episodes of its key at its beginning where those were too many to tell each; else 0. `severity` is the worst of it
    so far, and `raised` counts how often its steps began anew: it rose, or an acknowledgement ended. `by_hand`: somebody
    closed it, and its source has not ended it since.
    """

    id: int
    opened_at: datetime
    starts_at: datetime | None = None
    ended_at: datetime | None = None
    closed_at: datetime | None = None
    stale: bool = False
    flapping: int = 0
    severity: Severity = Severity.CRITICAL
    raised: int = 0
    by_hand: bool = False

    def goes_on(self, alert: Alert, known_start: datetime | None) -> bool:
        """Of one that was closed by hand: whether a firing is still what was closed. A later start is not, nor what is worse."""
        if alert.severity.rank < self.severity.rank:
            return False
        start = alert.starts_at if alert.start_told else None
        if start is None or self.closed_at is None:
            return True
        later = known_start is not None and start - known_start > SAME_START
        return not later and start <= self.closed_at


def hear(alert: Alert, latest: Episode | None, now: datetime) -> Heard:
    """What `alert` means for the latest episode of its key: FIRST, RAISED, DUPLICATE, RESOLVED, STALE, CLOSED or NEVER_FIRED."""
    open_now = latest is not None and latest.closed_at is None
    if latest is not None and latest.by_hand:
        ended = alert.status is not Status.FIRING
        return Heard.CLOSED if ended or latest.goes_on(alert, latest.starts_at) else Heard.FIRST
    if alert.status is Status.FIRING:
        if latest is not None and latest.closed_at is None:
            return Heard.RAISED if alert.severity.rank < latest.severity.rank else Heard.DUPLICATE
        return Heard.STALE if latest and _old_copy(alert, latest, now) else Heard.FIRST
    if latest is None:
        return Heard.NEVER_FIRED
    if not open_now and not latest.stale:
        return Heard.DUPLICATE
    return Heard.STALE if _of_an_earlier_episode(alert, latest) else Heard.RESOLVED


def hear_shared(
    alert: Alert, latest: Episode | None, own: Episode | None, others: bool, now: datetime
) -> Heard:
    """As `hear`, where several sources report one problem: `own` is what this one told of the latest episode, if it did.

    It has ended when the last of them says so; `others` says that another still reports it.
    """
    open_now = latest is not None and latest.closed_at is None
    if latest is not None and latest.by_hand:
        return _hear_closed(alert, latest, own)
    word = hear(alert, own, now)
    if word is Heard.STALE:
        return word
    if alert.status is Status.FIRING:
        return hear(replace(alert, starts_at=None), latest, now)
    if word is Heard.RESOLVED and open_now and others:
        return Heard.STILL_OPEN
    ended = latest is not None and not open_now and not latest.stale
    return Heard.DUPLICATE if ended and word is Heard.RESOLVED else word


def _hear_closed(alert: Alert, latest: Episode, own: Episode | None) -> Heard:
    """Each source ends its own part; what was no part of the incident when it was closed is news."""
    if alert.status is not Status.FIRING:
        return Heard.CLOSED if own is not None else Heard.NEVER_FIRED
    part_of_it = own is not None and own.closed_at is None
    return Heard.CLOSED if own and part_of_it and latest.goes_on(alert, own.starts_at) else Heard.FIRST


def _old_copy(alert: Alert, closed: Episode, now: datetime) -> bool:
    if alert.starts_at is None or closed.ended_at is None or closed.closed_at is None:
        return False
    return alert.starts_at <= closed.ended_at and timedelta(0) <= now - closed.closed_at < OLD_COPY_WINDOW


def _of_an_earlier_episode(alert: Alert, latest: Episode) -> bool:
    return bool(alert.ends_at and latest.starts_at and alert.ends_at < latest.starts_at)


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
