"""Phrases in the language of a reader: times, lengths of time, numbers, and who can be told what by a text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sms_notify.alert import Alert, EndReason, Severity
from sms_notify.wording.content import Crowd, Reader, Silent, TextedIncident, Tone
from sms_notify.wording.languages import Words
from sms_notify.wording.templates import local, one_line, severity_word, tellable_address, zone_of

_NAME = 30  # characters of a person's
_MANY = 9_999  # the largest number that a text tells of what it does not list
_WEEK = 7  # days from which on the day of the week says nothing
_TWO_DAYS = 48  # hours


def head_of(tone: Tone, words: Words) -> str:
    """The first word of a text about firing incidents."""
    if tone is Tone.NEWS:
        return words.firing
    heads = {
        Tone.ESCALATED: words.escalated,
        Tone.RAISED: words.raised,
        Tone.REMINDER: words.reminder,
        Tone.UNHEARD: words.unheard,
        Tone.UNACKNOWLEDGED: words.unacknowledged,
        Tone.FLAPPING: words.flapping,
    }
    return heads[tone]


def rank_word(alert: Alert, words: Words) -> str:
    """How bad it is: our own word for it, else the source's."""
    return severity_word(alert) if alert.severity is Severity.OTHER else words.rank(alert.severity)


def end_of(told: TextedIncident, words: Words) -> str:
    """The first word of a text about what has ended: by hand where somebody is named, OK where its source found it well."""
    if told.closed_by:
        return words.closed.format(one_line(told.closed_by, _NAME))
    reasons = {EndReason.NO_DATA: words.no_data, EndReason.NO_LONGER_WATCHED: words.unwatched}
    return reasons.get(told.alert.end_reason, words.ok)


def counted(form: str, number: int, said: str = "") -> str:
    """`form` for so many: `{} autre|{} autres` is `1 autre`, `2 autres`. `said` is what stands for the number."""
    one, _, many = form.partition("|")
    return (many if many and number != 1 else one).format(said or number)


def weekday(at: datetime, words: Words) -> str:
    """`Mon`."""
    return words.weekdays.split()[at.weekday()]


def day_and_time(at: datetime, words: Words) -> str:
    """`Mon 30 Nov 09:00`."""
    month = words.months.split()[at.month - 1]
    return f"{words.date.format(weekday(at, words), at.day, month)} {at:%H:%M}"


def clock(at: datetime, reader: Reader, words: Words, other: datetime | None = None) -> str:
    """`14:05`; of another day than the reader's, or than `other` in the same text, `Tue 14:05`, from a week on `12 Oct`."""
    another = other is not None and other.date() != at.date()
    return _clock(at, local(reader.now, zone_of(reader.timezone)), words, another=another)


def _clock(at: datetime, now: datetime | None, words: Words, *, another: bool = False) -> str:
    days = abs((now.date() - at.date()).days) if now else 0
    if days >= _WEEK:
        return words.day.format(at.day, words.months.split()[at.month - 1])
    return f"{weekday(at, words)} {at:%H:%M}" if days or another else f"{at:%H:%M}"


def since_words(begun: datetime, reader: Reader, words: Words) -> str:
    """`since 14:05`, `since Tue 14:05`; from a week on `for 42d`."""
    zone = zone_of(reader.timezone)
    at = local(begun, zone)
    if at is None:
        return ""
    now = local(reader.now, zone)
    lasted = (
        now.astimezone(UTC) - at.astimezone(UTC) if now else timedelta()
    )  # clocks were set back meanwhile
    if lasted.days >= _WEEK:
        return words.lasting.format(f"{lasted.days}{words.days}")
    return f"{words.since} {_clock(at, now, words)}"


def heard_words(heard: datetime, reader: Reader, words: Words) -> str:
    """`last heard 3d ago`."""
    at, now = local(heard, zone_of("UTC")), local(reader.now, zone_of("UTC"))
    if at is None or now is None or now < at:
        at = local(heard, zone_of(reader.timezone))
        return f"{words.last_heard} {day_and_time(at, words)}" if at else ""
    return f"{words.last_heard} {words.ago.format(age(now - at, words))}"


def age(lasted: timedelta, words: Words) -> str:
    """In its largest unit, whole: `3d`, `25h`, `40m`."""
    hours = int(lasted.total_seconds()) // 3600
    if hours >= _TWO_DAYS:
        return f"{hours // 24}{words.days}"
    return f"{hours}h" if hours else f"{lasted.seconds // 60}m"


def hidden_words(hidden: int, words: Words) -> str:
    """`+7 not shown`, empty where nothing was hidden."""
    return f"+{min(hidden, _MANY)} {words.hidden}" if hidden > 0 else ""


def again_words(told: Iterable[TextedIncident], words: Words) -> str:
    """`may be the second`, of what its reader may have been told already; else empty."""
    return words.again if any(one.again for one in told) else ""


def ack_words(address: str, words: Words) -> str:
    """`ack: https://…`; empty where there is none to tell."""
    return words.ack.format(address) if tellable_address(address) else ""


def silence_words(until: datetime | None, silent: Silent, reader: Reader, words: Words) -> str:
    """`next text 14:20`, empty where no silence is announced; said of nothing but what waits until then."""
    at = local(until, zone_of(reader.timezone))
    told = {Silent.CRITICAL: words.next_critical, Silent.OTHERS: words.others}.get(silent, words.next_text)
    return f"{told} {clock(at, reader, words)}" if at else ""


def crowd_words(told: int, crowd: Crowd, words: Words) -> str:
    """`11 of 36`, `12 of 25 left`; the number alone where nothing is left for another text."""
    if not crowd.left:
        return str(told)
    return (words.some_left if crowd.more else words.some).format(told, told + crowd.left)
