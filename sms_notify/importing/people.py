"""Telephone numbers of receivers → people with names: one number, one person."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sms_notify.config.phone import Number, NumberError, parse_number
from sms_notify.importing.reading import Reading, Source
from sms_notify.importing.sachet import SachetReceiver, SachetRecipient

_LONGEST_NAME = 24
_MOST_WORDS = 3
_AFTER = re.compile(r"""['"]?[\s,\]]*\s#\s*(.+)""")
_NAME_ENDS = re.compile(r"[(,;:/]| - ")


@dataclass(frozen=True, slots=True)
class ImportedPerson:
    """`number` is E.164, or what was written where that cannot be texted (`usable` is false then)."""

    name: str
    number: str
    usable: bool


def people_of(reading: Reading, receivers: Iterable[SachetReceiver]) -> dict[str, ImportedPerson]:
    """Everybody, by what `to` says. Notes what cannot be texted."""
    listed = [entry for receiver in receivers if not receiver.chats for entry in receiver.to]
    first: dict[str, SachetRecipient] = {}
    for entry in listed:
        first.setdefault(entry.text, entry)
    numbers = {text: _number(reading, entry) for text, entry in first.items()}
    names = _names(reading.source, listed, numbers)
    made: dict[str, ImportedPerson] = {}
    for entry in listed:
        key = _key(entry, numbers)
        if key not in made:
            name = names.get(key) or _free("person", {*names.values(), *(p.name for p in made.values())})
            made[key] = ImportedPerson(name, key, numbers[entry.text] is not None)
    return {entry.text: made[_key(entry, numbers)] for entry in listed}


def _key(entry: SachetRecipient, numbers: dict[str, Number | None]) -> str:
    number = numbers[entry.text]
    return number.e164 if number else entry.text


def _number(reading: Reading, entry: SachetRecipient) -> Number | None:
    try:
        number = parse_number(entry.text)
    except NumberError as fault:
        return _with_plus(reading, entry, fault)
    if not number.assigned:
        what = "is in no number range that we know"
        reading.note(entry.place, what, "check the digits; texts are sent to it anyway")
    return number


def _with_plus(reading: Reading, entry: SachetRecipient, fault: NumberError) -> Number | None:
    """Many providers take a country code without +; it is believed where that makes a number that exists."""
    try:
        number = parse_number(f"+{entry.text}") if entry.text[:1] in tuple("123456789") else None
    except NumberError:
        number = None
    if number and number.assigned:
        reading.note(entry.place, "has no +: its first digits are taken for the country code", "check it")
        return number
    reading.note(entry.place, f"{fault.what}: it is not texted", fault.advice)
    return None


def _names(
    source: Source, listed: Iterable[SachetRecipient], numbers: dict[str, Number | None]
) -> dict[str, str]:
    """The names that comments beside the numbers give: `- "+31612345678"  # Alice`."""
    each = list(listed)
    on_line = Counter(entry.line for entry in each)
    found: dict[str, str] = {}
    for entry in each:
        key = _key(entry, numbers)
        name = _name(source.line(entry.line), entry.text) if on_line[entry.line] == 1 else ""
        if name and key not in found:
            found[key] = name if name not in found.values() else _free(f"{name}-", set(found.values()), 2)
    return found


def _name(line: str, text: str) -> str:
    """The comment behind `text` where it looks like a name, in small letters."""
    before, _, after = line.partition(text)
    comment = _AFTER.match(after) if "#" not in before else None
    if comment is None or "://" in comment[1]:
        return ""
    plain = unicodedata.normalize("NFKD", _NAME_ENDS.split(comment[1])[0]).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    name = "-".join(words)
    fits = 0 < len(words) <= _MOST_WORDS and len(name) <= _LONGEST_NAME and not name[0].isdigit()
    return name if fits else ""


def _free(stem: str, taken: set[str], start: int = 1) -> str:
    number = start
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"
