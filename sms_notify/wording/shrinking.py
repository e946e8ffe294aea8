"""A sentence of fields, and how it is made to fit: which field gives way, and down to what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sms_notify.wording import gsm
from sms_notify.wording.templates import FREE_TEXT, tidy


@dataclass(slots=True)
class Field:
    """One field of the sentence in reading order: `at(width)` words it in that many characters."""

    name: str
    at: Callable[[int], str]
    lead: str = " "
    width: int = FREE_TEXT

    def __str__(self) -> str:
        return self.at(self.width)


def fixed(name: str, text: str, lead: str = " ") -> Field:
    """All of it or, at width 0, nothing."""
    return Field(name, lambda width: text if width else "", lead)


def clipped(name: str, text: str, lead: str = " ") -> Field:
    return Field(name, lambda width: gsm.clip(text, width), lead)


def sentence(fields: Iterable[Field]) -> str:
    body = ""
    for field in fields:
        if words := field.at(field.width):
            body += field.lead + words if body else words
    return tidy(body)


def shrink(fields: Sequence[Field], steps: Iterable[tuple[str, int]], max_parts: int) -> None:
    """Narrow the fields that `steps` name, one after the other, down to their floor, until the sentence fits."""
    by_name = {field.name: field for field in fields}
    for name, floor in steps:
        if name not in by_name:
            continue
        if gsm.parts(sentence(fields)) <= max_parts:
            return
        _narrow(by_name[name], floor, fields, max_parts)


def _narrow(field: Field, floor: int, fields: Sequence[Field], max_parts: int) -> None:
    """The widest `field` that makes the sentence fit; its floor where none does. At 0 it goes as a whole."""

    def fits(width: int) -> bool:
        field.width = width
        return gsm.parts(sentence(fields)) <= max_parts

    widest = min(field.width, len(str(field)))
    field.width = largest(fits, min(floor, widest), widest) if floor else 0


def largest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The largest width from `low` to `high` that fits; `low` where none does."""
    if fits(high):
        return high
    best = low
    while low < high:
        middle = (low + high) // 2
        if fits(middle):
            best, low = middle, middle + 1
        else:
            high = middle
    return best
