"""A sentence of fields, and how it is made to fit: which field gives way, and down to what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from sms_notify.wording import gsm
from sms_notify.wording.composed import text_of
from sms_notify.wording.content import Text
from sms_notify.wording.templates import FREE_TEXT, tidy


class Field(NamedTuple):
    """One field of the sentence in reading order, as it is worded now; `at(width)` words it in that many characters.

    A tuple, for a text has eight of them: a frozen dataclass takes three times as long to make.
    """

    name: str
    text: str
    at: Callable[[int], str]
    lead: str = " "
    width: int = FREE_TEXT

    def narrowed(self, width: int) -> Field:
        return self._replace(text=self.at(width), width=width)


def variable(name: str, at: Callable[[int], str]) -> Field:
    return Field(name, at(FREE_TEXT), at)


def fixed(name: str, text: str, lead: str = " ") -> Field:
    """All of it or, at width 0, nothing."""
    return Field(name, text, lambda width: text if width else "", lead)


def clipped(name: str, text: str, lead: str = " ") -> Field:
    return Field(name, gsm.clip(text, FREE_TEXT), partial(gsm.clip, text), lead)


def sentence(fields: Iterable[Field]) -> str:
    """The lead of the first goes as well: it dangles."""
    return tidy(_joined(fields))


def _joined(fields: Iterable[Field]) -> str:
    return "".join([field.lead + field.text for field in fields if field.text])


def shrink(
    fields: Sequence[Field], steps: Iterable[tuple[str, int]], max_parts: int
) -> tuple[Text, Sequence[Field]]:
    """Narrows the fields that `steps` name, one after the other, down to their floor, until the sentence fits."""
    text = text_of(sentence(fields))
    for name, floor in steps:
        if text.parts <= max_parts:
            break
        at = next((at for at, field in enumerate(fields) if field.name == name), None)
        if at is not None:
            fields = [*fields[:at], _narrowed(at, floor, fields, max_parts), *fields[at + 1 :]]
            text = text_of(sentence(fields))
    return text, fields


def _narrowed(at: int, floor: int, fields: Sequence[Field], max_parts: int) -> Field:
    """The widest field that makes the sentence, which is too long, fit; its floor where none does. At 0 it goes as a whole."""
    field = fields[at]
    if not floor:
        return field.narrowed(0)
    before, after = _joined(fields[:at]), _joined(fields[at + 1 :])

    def fits(width: int) -> bool:
        body = before + _joined([field.narrowed(width)]) + after
        return gsm.parts(body) <= max_parts or gsm.parts(tidy(body)) <= max_parts  # tidy only takes away

    widest = min(field.width, len(field.text))
    return field.narrowed(largest_below(fits, min(floor, widest), widest))


def largest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The largest width from `low` to `high` that fits; `low` where none does."""
    return high if fits(high) else largest_below(fits, low, high)


def largest_below(fits: Callable[[int], bool], low: int, high: int) -> int:
    """As `largest`, where `high` is known not to fit."""
    best = low
    while low < high:
        middle = (low + high) // 2
        if fits(middle):
            best, low = middle, middle + 1
        else:
            high = middle
    return best
