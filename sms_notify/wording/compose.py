"""From what is to be told to the text that leaves: our own wording, or a template's, made to fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from sms_notify.alert import Severity, Status
from sms_notify.wording import gsm
from sms_notify.wording.acknowledged import acked_words
from sms_notify.wording.alert_fields import speaks_of, title_of, what_and_news
from sms_notify.wording.alert_text import built_in
from sms_notify.wording.composed import Composed, parts_allowed, text_of
from sms_notify.wording.content import Notice, Reader, Text, TextedIncident, Tone
from sms_notify.wording.languages import WORDS, Words, words_of
from sms_notify.wording.news import summary_of
from sms_notify.wording.part_of_text import of_words, still_words
from sms_notify.wording.phrases import ack_words, again_words, heard_words, hidden_words, silence_words
from sms_notify.wording.place import needed_of, without_port
from sms_notify.wording.shrinking import largest
from sms_notify.wording.templates import FREE_TEXT, LABEL, Template, one_line, render

__all__ = ["WORDS", "Composed", "compose", "compose_reported"]


def compose(notice: Notice, reader: Reader, template: Template | None, max_parts: int) -> Text:
    """What `reader` is told: GSM 03.38 only, at most `max_parts` (1 to 3) parts. None = our own wording."""
    return compose_reported(notice, reader, template, max_parts).text


def compose_reported(notice: Notice, reader: Reader, template: Template | None, max_parts: int) -> Composed:
    """As `compose`, and says whether a template let us down. Raises ValueError for a notice of nothing."""
    if not notice.incidents:
        raise ValueError("a notice tells at least one incident")
    max_parts = parts_allowed(max_parts)
    # a template would say OK
    over = notice.status is Status.RESOLVED
    closed = any(told.closed_by or (over and told.alert.end_reason) for told in notice.incidents)
    if template is None or closed or not template.source.strip() or _misleads(template, notice):
        return built_in(notice, reader, max_parts)
    whole = render(template, notice, reader)
    if whole.fallback is not None:
        built = built_in(notice, reader, max_parts)
        return replace(built, fallback=whole.fallback, detail=whole.detail)
    body = _by_template(whole.text, template, notice, reader, max_parts)
    named, counted = _named_by(body, notice, reader), _counted_by(body, notice, reader)
    return Composed(text_of(body), named=named, counted=counted)


# A template's wording.


def _misleads(template: Template, notice: Notice) -> bool:
    """Whether a template that knows no `kind` would say that something fires of which nobody knows, or that comes and goes."""
    said = {Tone.UNHEARD: ("kind",), Tone.FLAPPING: ("kind", "times")}.get(notice.tone, ())
    return notice.status is Status.FIRING and bool(said) and template.names.isdisjoint(said)


def _by_template(whole: str, template: Template, notice: Notice, reader: Reader, max_parts: int) -> str:
    """Free text gives way first, then what we append (tags last), then labels; only then is the whole cut."""

    @cache  # rendering is what costs, and several searches try the same widths
    def wording(text: int, label: int = LABEL) -> str:
        told = whole if text >= FREE_TEXT else render(template, notice, reader, text, label).text
        return _with_numbers(told, template, notice, reader) if told else ""

    for ending in _endings(whole, template, notice, reader):

        def fits(width: int, ending: str = ending) -> bool:
            return gsm.parts(wording(width) + ending) <= max_parts

        text = largest(fits, 12, FREE_TEXT)
        if fits(text) and (body := wording(text)):
            return body + ending
    label = largest(lambda width: gsm.parts(wording(0, width)) <= max_parts, 8, LABEL)
    for body in (wording(0), wording(0, label)):
        if body and gsm.parts(body) <= max_parts:
            return body
    return _cut(wording(FREE_TEXT), template, notice, reader, max_parts)


def _cut(body: str, template: Template, notice: Notice, reader: Reader, max_parts: int) -> str:
    """What is left of a text that no shrinking makes fit: the tag is put after the cut, an address never cut."""
    if notice.ack and "ack" in template.names:
        bare = replace(notice, ack="")
        without = render(template, bare, reader)
        if without.fallback is not None:
            return built_in(notice, reader, max_parts).text.body
        return _by_template(without.text, template, bare, reader, max_parts)
    tag = f"#{one_line(notice.incidents[0].tag, 12)}"
    cut = gsm.fit(body, max_parts)
    return gsm.fit(body, max_parts, f"{gsm.CUT} {tag}") if tag in body and tag not in cut else cut


def _with_numbers(text: str, template: Template, notice: Notice, reader: Reader) -> str:
    """A template made for one alert must not make several sound like one, nor what is late like news."""
    count = len(notice.incidents)
    if count > 1 and "count" not in template.names:
        text = f"{count}x {text}"
    if notice.hidden > 0 and "hidden" not in template.names:
        text = f"{hidden_words(notice.hidden, words_of(reader))}, {text}"
    return f"{words_of(reader).late}: {text}" if notice.late else text


def _endings(whole: str, template: Template, notice: Notice, reader: Reader) -> Iterator[str]:
    """What a template is silent about and yet is appended where it fits: the most first, nothing last."""
    words = words_of(reader)
    ack = "" if "ack" in template.names else ack_words(notice.ack, words)
    silence = (
        ""
        if "silent_until" in template.names
        else silence_words(notice.silent_until, notice.silent, reader, words)
    )
    heard = notice.incidents[0].heard_at
    last = heard_words(heard, reader, words) if heard is not None else ""
    again = ", ".join(filter(None, (last, again_words(notice.incidents, words))))
    silent = "acknowledged_by" in template.names or notice.status is not Status.FIRING
    acked = "" if silent else acked_words(notice.incidents, words)
    ack, silence = ack and f" {ack}", silence and f", {silence}"
    again, acked = again and f", {again}", acked and f", {acked}"
    still = "".join(f", {told}" for told in (of_words(notice, words), still_words(notice, words)) if told)
    missing = dict.fromkeys(_tags_missing(whole, notice, words))
    tags = _apart(whole, notice) + still + again + "".join(f" #{tag}" for tag in missing)
    yield from dict.fromkeys((acked + silence + tags + ack, silence + tags + ack, tags + ack, tags, ack, ""))


def _apart(whole: str, notice: Notice) -> str:
    """What tells the only problem of a text from others that are open and read alike."""
    told = notice.incidents[0].apart if len(notice.incidents) == 1 else ()
    return "".join(f" {part}" for part in told if not speaks_of(whole, part))


def _tags_missing(whole: str, notice: Notice, words: Words) -> list[str]:
    """Of what the template names nothing of: each critical problem, else the first where nothing at all is named."""
    silent = [told for told in notice.incidents if not _stands_in(whole, told, words)]
    critical = [told for told in silent if told.alert.severity is Severity.CRITICAL]
    first = silent[:1] if len(silent) == len(notice.incidents) else []
    listed = critical if notice.status is Status.FIRING else []
    return [one_line(told.tag, 12) for told in listed or first if told.tag]


def _named_by(body: str, notice: Notice, reader: Reader) -> frozenset[str]:
    if len(notice.incidents) == 1:
        return frozenset((notice.incidents[0].tag,))
    words = words_of(reader)
    return frozenset(told.tag for told in notice.incidents if _stands_in(body, told, words))


def _stands_in(body: str, told: TextedIncident, words: Words) -> bool:
    """Whether it tells what and where, or the tag."""
    what = (title_of(told.alert, words), *what_and_news(told.alert, words), summary_of(told.alert))
    where = all(any(speaks_of(body, name) for name in (part, without_port(part))) for part in needed_of(told))
    return speaks_of(body, one_line(told.tag, 12)) or (where and any(speaks_of(body, name) for name in what))


def _counted_by(body: str, notice: Notice, reader: Reader) -> frozenset[str]:
    """All of them, where they are of one kind and the text tells its name and how many."""
    kinds, many = {title_of(told.alert, words_of(reader)) for told in notice.incidents}, len(notice.incidents)
    told = len(kinds) == 1 and speaks_of(body, *kinds) and re.search(rf"(?<!\d){many}(?!\d)", body)
    return frozenset(one.tag for one in notice.incidents if told)
