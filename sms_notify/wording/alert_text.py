"""Our own wording of a notice.

Order of value: status, severity, what, where, the address to acknowledge at, when the next text comes, since when,
how it is. The least valuable field shrinks first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from sms_notify.alert import OWN_ID, Status
from sms_notify.wording import gsm
from sms_notify.wording.acknowledged import acked_words
from sms_notify.wording.alert_fields import briefly, told_place, unless_said, what_and_news
from sms_notify.wording.alert_list import Listing, by_place, groups_of, of_several_ranks
from sms_notify.wording.composed import Composed, text_of
from sms_notify.wording.content import Notice, Reader, Text, Tone
from sms_notify.wording.languages import Words, words_of
from sms_notify.wording.part_of_text import is_one_of_a_pair, of_words, still_words, tags_of
from sms_notify.wording.phrases import (
    ack_words,
    again_words,
    end_of,
    head_of,
    heard_words,
    hidden_words,
    rank_word,
    silence_words,
    since_words,
)
from sms_notify.wording.place import Telling, as_told, without_ports
from sms_notify.wording.shrinking import Field, clipped, fixed, sentence, shrink, variable
from sms_notify.wording.templates import local, since, tidy, zone_of

_MANY = 9_999  # the largest number that a text of news tells

# Which field gives way, in this order, and down to how many characters; 0 = it may go altogether.
_ONE = (
    ("calm", 0),
    ("summary", 12),
    ("summary", 0),
    ("when", 0),
    ("silence", 0),
    ("still", 0),
    ("where", 8),
    ("where", 0),
    ("what", 8),
)
_SEVERAL = (
    *(("tags", 0), ("calm", 0), ("what", 100), ("when", 0), ("silence", 0), ("still", 0)),
    ("what", 8),
)
# The same while the address is kept. Where that is not enough, it goes, and all else begins anew.
_ONE_AND_ACK = (*_ONE[:5], ("where", 16), ("what", 16))
_SEVERAL_AND_ACK = (
    *(("tags", 0), ("calm", 0), ("what", 60), ("when", 0), ("silence", 0)),
    ("what", 24),
)


_Wording = Callable[[Telling], Sequence[Field]]
"""The fields of a text whose places are told by the given function."""


def built_in(notice: Notice, reader: Reader, max_parts: int) -> Composed:
    """`notice` in at most `max_parts` (1 to 3) parts."""
    words = words_of(reader)
    if len(notice.incidents) == 1:
        wording = _one(notice, reader, words)
        text = _without_said(wording, max_parts) or _fitted(wording, notice, max_parts)[0]
        return Composed(text, named=frozenset((notice.incidents[0].tag,)))
    listings: list[Listing] = []
    text, fields = _fitted(_several(notice, reader, words, listings), notice, max_parts)
    what = next(field for field in fields if field.name == "what")
    shown = tidy(what.text) in text.body
    if not shown:
        return Composed(text)
    listing = listings[-1]
    return Composed(text, named=listing.named(what.width), counted=listing.counted(what.width))


def _without_said(wording: _Wording, max_parts: int) -> Text | None:
    """Without the labels whose values the summary says; None where there are none, or it cannot be told whole."""
    whole = wording(as_told)
    summary = next(field.text for field in whole if field.name == "summary")
    briefer = wording(partial(unless_said, summary)) if "=" in sentence(whole) else whole
    if sentence(briefer) == sentence(whole):
        return None
    text, _ = shrink(briefer, _ONE[:1], max_parts)
    return text if text.parts <= max_parts else None


def _fitted(wording: _Wording, notice: Notice, max_parts: int) -> tuple[Text, Sequence[Field]]:
    """The port of a host may be all that tells two places apart: of one alert it gives way after the summary."""
    one = len(notice.incidents) == 1
    text, fields = shrink(wording(as_told), _ONE[:2] if one else _SEVERAL[:1], max_parts)
    if text.parts <= max_parts:
        return text, fields
    whole = wording(without_ports)
    if notice.ack:
        text, fields = shrink(whole, _ONE_AND_ACK if one else _SEVERAL_AND_ACK, max_parts)
        if text.parts <= max_parts:
            return text, fields
        whole = [field for field in whole if field.name != "ack"]
    text, fields = shrink(whole, _ONE if one else _SEVERAL, max_parts)
    return text_of(gsm.fit(text.body, max_parts)), fields


def _one(notice: Notice, reader: Reader, words: Words) -> _Wording:
    told = notice.incidents[0]
    alert = told.alert
    # What its sender's own id tells apart has the name and the place of another: its words must stand there.
    over = notice.status is Status.RESOLVED or notice.tone is Tone.FLAPPING
    what, news = (briefly if over and OWN_ID not in alert.annotations else what_and_news)(alert, words)
    place = told_place(told)
    before = [*_head(notice, words), clipped("what", what)]
    after = [
        fixed("apart", " ".join(told.apart)),
        clipped("summary", news, lead=": " if what or place or told.apart else " "),
        *_times(notice, "{}x"),
        *_tail(notice, reader, words),
    ]
    return lambda telling: [*before, clipped("where", " ".join(telling((place,))[0])), *after]


def _several(notice: Notice, reader: Reader, words: Words, listings: list[Listing]) -> _Wording:
    """The last of `listings` is what the fields tell."""
    head, after = _head(notice, words), [*_times(notice, "({}x)"), *_tail(notice, reader, words)]
    count = f"{min(len(notice.incidents), _MANY)}x"

    def fields(telling: Telling) -> Sequence[Field]:
        groups = by_place(groups_of(notice.incidents, words, telling))
        listings.append(Listing(groups, words))
        what = variable("what", listings[-1].at)
        if of_several_ranks(groups):
            return [*head, what, *after]  # each rank has its number
        return [*head, fixed("count", count if len(groups) == 1 else f"{count}:"), what, *after]

    return fields


def _head(notice: Notice, words: Words) -> list[Field]:
    first, *others = (told.alert for told in notice.incidents)
    firing = notice.status is Status.FIRING
    status = head_of(notice.tone, words) if firing else end_of(notice.incidents[0], words)
    status = f"{words.late}: {status}" if notice.late else status
    ranked = firing or (bool(notice.still.incidents) and is_one_of_a_pair(notice))
    if not ranked or any(alert.severity is not first.severity for alert in others):
        return [fixed("status", status)]  # of several ranks each is told with its number
    return [fixed("status", status), fixed("severity", rank_word(first, words))]


def _times(notice: Notice, form: str) -> list[Field]:
    if notice.times <= 0 or notice.tone is not Tone.FLAPPING or notice.status is not Status.FIRING:
        return []
    return [fixed("times", form.format(min(notice.times, _MANY)))]


def _tail(notice: Notice, reader: Reader, words: Words) -> list[Field]:
    first, *others = tags_of(notice)
    flaps = notice.tone is Tone.FLAPPING and notice.status is Status.FIRING
    partly = notice.still.incidents
    told = (
        ("of", of_words(notice, words) if partly else "", ": "),
        ("still", still_words(notice, words) if partly else "", ", "),
        ("hidden", hidden_words(notice.hidden, words) if notice.hidden else "", ", "),
        ("acked", acked_words(notice.incidents, words) if notice.status is Status.FIRING else "", ", "),
        ("when", _when(notice, reader, words), " "),
        ("calm", words.calm if flaps else "", ", "),
        ("again", again_words(notice.incidents, words), ", "),
        (
            "silence",
            silence_words(notice.silent_until, notice.silent, reader, words) if notice.silent_until else "",
            ", ",
        ),
        ("tag", first, " "),
        ("tags", " ".join(others), " "),
        ("ack", ack_words(notice.ack, words) if notice.ack else "", " "),
    )
    return [fixed(name, text, lead) for name, text, lead in told if text]


def _when(notice: Notice, reader: Reader, words: Words) -> str:
    if notice.status is not Status.FIRING:
        return "" if notice.still.told else _lasted(notice, words)
    begun = min(filter(None, map(since, notice.incidents)), default=None)
    told = since_words(begun, reader, words) if begun is not None else ""
    heard = notice.incidents[0].heard_at
    if heard is None:
        return told
    last = heard_words(heard, reader, words)
    return last if notice.tone is Tone.UNHEARD or not told else f"{told}, {last}"


def _lasted(notice: Notice, words: Words) -> str:
    """`after 5m`; of several that lasted differently `after 3m-5m`: from the first beginning to the last end none has lasted."""
    begun = [since(told) for told in notice.incidents]
    ended = [local(told.alert.ends_at, zone_of("UTC")) for told in notice.incidents]
    spans = [end - begin for begin, end in zip(begun, ended, strict=True) if begin and end]
    if len(spans) < len(notice.incidents) or min(spans) < timedelta(0):
        return ""
    shortest, longest = (_duration(one, words) for one in (min(spans), max(spans)))
    return f"{words.after} {longest}" if shortest == longest else f"{words.after} {shortest}-{longest}"


def _duration(lasted: timedelta, words: Words) -> str:
    minutes, hours = lasted.seconds // 60, lasted.seconds // 3600
    if lasted.days:
        return f"{lasted.days}{words.days}{hours}h" if hours else f"{lasted.days}{words.days}"
    if hours:
        return f"{hours}h{minutes % 60:02}m"
    return f"{minutes}m" if minutes else f"{lasted.seconds}s"
