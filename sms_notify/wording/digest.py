"""Many things in one text: what was held in a storm or in quiet hours, and what could not be told in time.

The numbers come first and are exact; the names come in as far as there is room, the most urgent first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from sms_notify.alert import Severity
from sms_notify.wording.acknowledged import acked_words
from sms_notify.wording.composed import Composed, parts_allowed, text_of
from sms_notify.wording.content import Digest, Merged, Reader, TextedIncident, Tone
from sms_notify.wording.incident_summary import IncidentList, ListedIncident, Part, TextDraft, listed
from sms_notify.wording.languages import words_of
from sms_notify.wording.part_of_text import of_how_many, still_firing
from sms_notify.wording.phrases import (
    ack_words,
    clock,
    counted,
    crowd_words,
    end_of,
    head_of,
    hidden_words,
    silence_words,
)
from sms_notify.wording.place import Telling, as_told, without_ports
from sms_notify.wording.templates import local, one_line, zone_of

_CONFIRMED = timedelta(hours=6)  # longer than sources that repeat wait to say so


def compose_digest(digest: Digest, reader: Reader, max_parts: int) -> Composed:
    """What `reader` is told at once, in at most `max_parts` (1 to 3) parts; never by a template.

    Raises ValueError for a digest of nothing.
    """
    if not digest.held and not digest.over:
        raise ValueError("a digest tells at least one incident")
    draft = _filled(_Wording(digest, reader), parts_allowed(max_parts))
    return Composed(text_of(draft.body), named=draft.named(), counted=draft.counted())


def _filled(wording: _Wording, max_parts: int) -> TextDraft:
    """Everything named where that is possible at all, if need be without the tag; else the fullest ending that
    leaves room for the most urgent name; else the numbers alone."""
    told, shorter = wording.parts(as_told), wording.parts(without_ports)
    endings = list(wording.endings(shorter[0].listing.tag))
    for parts, ending in ((told, endings[0]), (shorter, endings[0]), (shorter, endings[1])):
        draft = wording.draft(parts, ending, max_parts)
        if draft.fill_whole():
            return draft
    for ending in endings:
        draft = wording.draft(shorter, ending, max_parts)
        if draft.fits() and draft.fill():
            return draft
    draft.parts[0].listing.add_a_name_in_part(draft.fits)
    return draft


class _Wording:
    """A digest in the words and on the clock of one reader."""

    def __init__(self, digest: Digest, reader: Reader) -> None:
        self.digest, self.reader, self.words = digest, reader, words_of(reader)
        self.until = local(digest.silent_until, zone_of(reader.timezone))
        storm = digest.why is Merged.STORM
        # Without a silence the reader needs no count of what is held.
        self.few = digest.why is Merged.CROWD or (storm and self.until is None)
        said = self.few and digest.tone in (Tone.FLAPPING, Tone.UNHEARD)  # by the first word, for all of them
        held = (replace(told, flapping=False, heard_at=None) if said else told for told in digest.held)
        self.open = listed((told for told in held if not told.ended), self.words)
        ended = [told for told in digest.held if told.ended]
        self.ended = listed((told for told in ended if not told.alert.end_reason), self.words)
        self.over = self._ends([*digest.over, *(told for told in ended if told.alert.end_reason)])
        self.since = local(digest.since, zone_of(reader.timezone))
        self.news = bool(self.open or self.ended)
        self.announced = digest.promises and self.news

    def _ends(self, over: Iterable[TextedIncident]) -> dict[str, list[ListedIncident]]:
        """By their word: what was lost sight of is not OK."""
        by_word: dict[str, list[TextedIncident]] = {}
        for told in sorted(over, key=lambda one: (one.closed_by, one.alert.end_reason)):
            by_word.setdefault(end_of(told, self.words), []).append(told)
        return {word: listed(those, self.words) for word, those in by_word.items()}

    def draft(self, parts: list[Part], ending: str, max_parts: int) -> TextDraft:
        hidden = hidden_words(self.digest.hidden, self.words)
        after = (hidden and f", {hidden}") + self._still()
        return TextDraft(parts, max_parts, self._before(), after + ending)

    def _still(self) -> str:
        """`: 1 of 2, /var #k3fb still firing`, of ends alone."""
        ended, still = self.digest.over, self.digest.still
        if self.digest.held or not ended or not still.incidents:
            return ""
        told = (of_how_many(len(ended), still, self.words), still_firing(ended, still, self.words))
        return f", {', '.join(filter(None, told))}"

    def endings(self, first: str) -> Iterator[str]:
        """What follows, the fullest first: who takes care of it goes first, then `first`, the tag, then the silence, the
        address last."""
        silence = silence_words(self.digest.silent_until, self.digest.silent, self.reader, self.words)
        silence = "" if self.announced else silence
        ack, tag = ack_words(self.digest.ack, self.words), one_line(first, 12)
        silence, tag, ack = silence and f", {silence}", tag and f" #{tag}", ack and f" {ack}"
        if acked := acked_words(self.digest.held, self.words):
            yield f", {acked}{silence}{tag}{ack}"
        yield from (silence + tag + ack, silence + ack, ack, silence + tag, silence, tag, "")

    def _before(self) -> str:
        """What is said where nothing was held but ends; else the first part says it."""
        if self.news or self.digest.why not in (Merged.QUIET, Merged.LATE):
            return ""
        return f"{self._named_wait()}{self._since()}: "

    def parts(self, telling: Telling) -> list[Part]:
        """The open ones first; their places are told by `telling`."""

        def part(
            incidents: list[ListedIncident], say: Callable[[IncidentList], str], extra: bool = False
        ) -> Part:
            ranked = incidents is self.open  # nobody need know how severe it was
            return Part(IncidentList(incidents, telling, self.words, ranked=ranked), say, extra)

        ends = [part(over, _after(word)) for word, over in self.over.items()]
        if not self.news:
            return ends
        if self.few:
            head = _after(self._firing(), crowd_words(len(self.open), self.digest.crowd, self.words))
            firing = [part(self.open, head)] if self.open else []
            resolved = counted(self.words.resolved, len(self.ended))
            return [*firing, *([part(self.ended, _counts(resolved))] if self.ended else []), *ends]
        first = part(self.open or self.ended, _counts(self._head()))
        named = [part(self.ended, _extra(self.words.resolved_are), True)] if self.open and self.ended else []
        return [first, *ends, *named]

    def _head(self) -> str:
        """`37 more until 14:20`, `210 more since 14:09: 180 resolved, 30 open` and the like."""
        words, opened, ended = self.words, len(self.open), len(self.ended)
        numbers = [counted(words.resolved, ended)] if ended else []
        numbers += [counted(words.open, opened, self._said(opened))] if opened else []
        if self.digest.why is Merged.QUIET:
            return f"{words.held}{self._since()}: {', '.join(numbers)}"
        head = self._all_held(opened + ended)
        if opened and ended:
            return f"{head}{', ' if self.announced else ': '}{', '.join(numbers)}"
        if opened and self.announced:
            return head
        if opened and not self._is_of_now():
            return head
        return f"{head}, {counted(words.all_open if opened else words.all_resolved, opened + ended)}"

    def _is_of_now(self) -> bool:
        """Whether somebody can have confirmed of late what has not ended: a daemon that was away for days knows nothing."""
        now, since = self.reader.now, self.digest.since
        return self.digest.why is not Merged.LATE and (
            now is None or since is None or now - since < _CONFIRMED
        )

    def _all_held(self, number: int) -> str:
        words = self.words
        if self.digest.why is Merged.LATE:
            return f"{words.late}, {self._said(number)}{self._since()}"
        if self.announced and self.until:
            return f"{counted(words.more, number)}{words.until} {clock(self.until, self.reader, words)}"
        return f"{counted(words.more, number)}{self._since()}"

    def _said(self, number: int) -> str:
        return crowd_words(number, self.digest.crowd, self.words)

    def _firing(self) -> str:
        """The severity stands here where it is that of all, and something is critical."""
        word, severities = head_of(self.digest.tone, self.words), {one.severity for one in self.open}
        return f"{word} {self.words.rank(Severity.CRITICAL)}" if severities == {Severity.CRITICAL} else word

    def _named_wait(self) -> str:
        return self.words.late if self.digest.why is Merged.LATE else self.words.held

    def _since(self) -> str:
        if self.since is None:
            return ""
        return f" {self.words.since} {clock(self.since, self.reader, self.words, self.until)}"


def _after(word: str, some: str = "") -> Callable[[IncidentList], str]:
    """`OK 3x HostDown: web1, web2, +1`; `OK 5x: 3x HostDown, 2x DiskFull`; `OK 5x` without room for a name. `some` says how
    many of them are told, where that is not all: `FIRING critical 3 of 5: …`.
    """

    def say(listing: IncidentList) -> str:
        if some and some != str(listing.count):
            return f"{word} {some}: {listing.say()}" if listing.told else f"{word} {some}"
        if not listing.told:
            return f"{word} {listing.count}x"
        return (
            f"{word} {listing.say(': ')}"
            if len(listing.kinds) == 1
            else f"{word} {listing.count}x: {listing.say()}"
        )

    return say


def _counts(head: str) -> Callable[[IncidentList], str]:
    return lambda listing: f"{head}: {listing.say()}" if listing.told else head


def _extra(word: str) -> Callable[[IncidentList], str]:
    return lambda listing: f"{word}: {listing.say()}" if listing.told else ""
