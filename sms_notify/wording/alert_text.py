"""Our own wording of a notice.

Order of value: status, severity, what, where, the address to acknowledge at, when the next text comes, since when,
how it is. The least valuable field shrinks first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from sms_notify.alert import OWN_ID, Status
from sms_notify.wording import gsm
from sms_notify.wording.alert_fields import as_told, briefly, what_and_summary, where_of, without_port
from sms_notify.wording.alert_list import Listing, by_place, groups_of
from sms_notify.wording.composed import Composed, text_of
from sms_notify.wording.content import Notice, Reader, Text, Tone
from sms_notify.wording.languages import (
    Words,
    ack_words,
    acked_words,
    again_words,
    day_and_time,
    end_of,
    head_of,
    hidden_words,
    silence_words,
    words_of,
)
from sms_notify.wording.shrinking import Field, clipped, fixed, shrink, variable
from sms_notify.wording.templates import local, one_line, severity_word, since, tidy, zone_of

_MANY = 9_999  # the largest number that a text of news tells

# Which field gives way, in this order, and down to how many characters; 0 = it may go altogether.
_ONE = (
    ("calm", 0),
    ("summary", 12),
    ("summary", 0),
    ("when", 0),
    ("silence", 0),
    ("where", 8),
    ("where", 0),
    ("what", 8),
)
_SEVERAL = (("calm", 0), ("what", 100), ("when", 0), ("silence", 0), ("what", 8))
# The same while the address is kept. Where that is not enough, it goes, and all else begins anew.
_ONE_AND_ACK = (*_ONE[:5], ("where", 16), ("what", 16))
_SEVERAL_AND_ACK = (("calm", 0), ("what", 60), ("when", 0), ("silence", 0), ("what", 24))


_Wording = Callable[[Callable[[str], str]], Sequence[Field]]
"""The fields of a text whose places are told by the given function."""


def built_in(notice: Notice, reader: Reader, max_parts: int) -> Composed:
    """`notice` in at most `max_parts` (1 to 3) parts."""
    words = words_of(reader)
    if len(notice.incidents) == 1:
        text, _ = _fitted(_one(notice, reader, words), notice, max_parts)
        return Composed(text, named=frozenset((notice.incidents[0].tag,)))
    listings: list[Listing] = []
    text, fields = _fitted(_several(notice, reader, words, listings), notice, max_parts)
    what = next(field for field in fields if field.name == "what")
    shown = tidy(what.text) in text.body
    if not shown:
        return Composed(text)
    listing = listings[-1]
    return Composed(text, named=listing.named(what.width), counted=listing.counted(what.width))


def _fitted(wording: _Wording, notice: Notice, max_parts: int) -> tuple[Text, Sequence[Field]]:
    text, fields = shrink(wording(as_told), (), max_parts)
    if text.parts <= max_parts:
        return text, fields
    whole, one = wording(without_port), len(notice.incidents) == 1
    if notice.ack:
        text, fields = shrink(whole, _ONE_AND_ACK if one else _SEVERAL_AND_ACK, max_parts)
        if text.parts <= max_parts:
            return text, fields
        whole = [field for field in whole if field.name != "ack"]
    text, fields = shrink(whole, _ONE if one else _SEVERAL, max_parts)
    return text_of(gsm.fit(text.body, max_parts)), fields


def _one(notice: Notice, reader: Reader, words: Words) -> _Wording:
    alert = notice.incidents[0].alert
    # What its sender's own id tells apart has the name and the place of another: its words must stand there.
    brief = OWN_ID not in alert.annotations and (
        notice.status is Status.RESOLVED or notice.tone is Tone.FLAPPING
    )
    what, summary = (briefly if brief else what_and_summary)(alert, words)
    where = where_of(alert)
    before = [*_head(notice, words), clipped("what", what)]
    after = [
        clipped("summary", summary, lead=": " if what or where else " "),
        *_times(notice, "{}x"),
        *_tail(notice, reader, words),
    ]
    return lambda place: [*before, clipped("where", place(where)), *after]


def _several(notice: Notice, reader: Reader, words: Words, listings: list[Listing]) -> _Wording:
    """The last of `listings` is what the fields tell."""
    head, after = _head(notice, words), [*_times(notice, "({}x)"), *_tail(notice, reader, words)]
    count = f"{min(len(notice.incidents), _MANY)}x"

    def fields(place: Callable[[str], str]) -> Sequence[Field]:
        groups = by_place(groups_of(notice.incidents, words, place))
        listings.append(Listing(groups))
        counted = fixed("count", count if len(groups) == 1 else f"{count}:")
        return [*head, counted, variable("what", listings[-1].at), *after]

    return fields


def _head(notice: Notice, words: Words) -> list[Field]:
    if notice.status is not Status.FIRING:
        return [fixed("status", end_of(notice.incidents[0].closed_by, words))]
    head, alerts = fixed("status", head_of(notice.tone, words)), [told.alert for told in notice.incidents]
    if len({alert.severity for alert in alerts}) > 1:
        return [head]  # each rank is told with its number
    return [head, fixed("severity", severity_word(alerts[0]))]


def _times(notice: Notice, form: str) -> list[Field]:
    if notice.times <= 0 or notice.tone is not Tone.FLAPPING or notice.status is not Status.FIRING:
        return []
    return [fixed("times", form.format(min(notice.times, _MANY)))]


def _tail(notice: Notice, reader: Reader, words: Words) -> list[Field]:
    tag = one_line(notice.incidents[0].tag, 12)
    flaps = notice.tone is Tone.FLAPPING and notice.status is Status.FIRING
    told = (
        ("hidden", hidden_words(notice.hidden, words) if notice.hidden else "", ", "),
        ("acked", acked_words(notice, words), ", "),
        ("when", _when(notice, reader, words), " "),
        ("calm", words.calm if flaps else "", ", "),
        ("again", again_words(notice.incidents, words), ", "),
        (
            "silence",
            silence_words(notice.silent_until, notice.silent, reader, words) if notice.silent_until else "",
            ", ",
        ),
        ("tag", f"#{tag}" if tag else "", " "),
        ("ack", ack_words(notice.ack) if notice.ack else "", " "),
    )
    return [fixed(name, text, lead) for name, text, lead in told if text]


def _when(notice: Notice, reader: Reader, words: Words) -> str:
    begun = [begin for begin in map(since, notice.incidents) if begin]
    heard = local(notice.incidents[0].heard_at, zone_of(reader.timezone))
    if heard is not None and notice.status is Status.FIRING:
        return f"{words.last_heard} {day_and_time(heard, words)}"
    if notice.status is Status.FIRING:
        at = local(min(begun, default=None), zone_of(reader.timezone))
        return f"{words.since} {at:%H:%M}" if at else ""
    ends = [local(told.alert.ends_at, zone_of("UTC")) for told in notice.incidents]
    ended = [end for end in ends if end]
    known = len(begun) == len(ended) == len(notice.incidents)
    lasted = max(ended) - min(begun) if known else timedelta(-1)
    return f"{words.after} {_duration(lasted, words)}" if lasted >= timedelta(0) else ""


def _duration(lasted: timedelta, words: Words) -> str:
    minutes, hours = lasted.seconds // 60, lasted.seconds // 3600
    if lasted.days:
        return f"{lasted.days}{words.days}{hours}h" if hours else f"{lasted.days}{words.days}"
    if hours:
        return f"{hours}h{minutes % 60:02}m"
    return f"{minutes}m" if minutes else f"{lasted.seconds}s"
