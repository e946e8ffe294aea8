"""Telephone numbers of receivers → people with names: one number, one person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sms_notify.config.document import Place
from sms_notify.config.phone import Number, NumberError, parse_number
from sms_notify.importing.notes import Weight
from sms_notify.importing.reading import Reading, Source
from sms_notify.importing.sachet import SachetReceiver, SachetRecipient

_LONGEST_NAME = 24
_MOST_WORDS = 3
_AFTER = re.compile(r"""['"]?[\s,\]}]*\s#\s*(.+)""")
_NAME_ENDS = re.compile(r"[(,;:/]| - ")
_BETWEEN_NAMES = re.compile(r"[,;/&+]| and ")


@dataclass(frozen=True, slots=True)
class ImportedPerson:
    """`number` is E.164, or what was written where that cannot be texted (`usable` is false then). `remarks` are the comments
    beside the number that say more than the name.
    """

    name: str
    number: str
    usable: bool
    remarks: tuple[str, ...] = ()


def people_of(reading: Reading, receivers: Iterable[SachetReceiver]) -> dict[str, ImportedPerson]:
    """Everybody, by what `to` says. Notes what cannot be texted."""
    listed = [entry for receiver in receivers if not receiver.chats for entry in receiver.to]
    first: dict[str, SachetRecipient] = {}
    for entry in listed:
        first.setdefault(entry.text, entry)
    numbers = {text: _number(reading, entry) for text, entry in first.items()}
    comments = _comments(reading.source, listed)
    names = _names(listed, numbers, comments)
    made: dict[str, ImportedPerson] = {}
    for entry in listed:
        key = _key(entry, numbers)
        if key not in made:
            name = names.get(key) or _free("person", {*names.values(), *(p.name for p in made.values())})
            said = [comments[one.place] for one in listed if _key(one, numbers) == key]
            made[key] = ImportedPerson(name, key, numbers[entry.text] is not None, _remarks(said))
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
    reading.note(entry.place, f"{fault.what}: it is not texted", fault.advice, Weight.WHO_IS_TOLD)
    return None


def _comments(source: Source, listed: Sequence[SachetRecipient]) -> dict[Place, str]:
    """The comment beside each number, empty where there is none: `- "+31612345678"  # Alice`. Behind several numbers of one line,
    `[…, …]  # Priya, Tom`, it is shared out where it has as many parts.
    """
    by_line: dict[int, list[SachetRecipient]] = {}
    for entry in listed:
        by_line.setdefault(entry.line, []).append(entry)
    found: dict[Place, str] = {}
    for number, entries in by_line.items():
        comment = _comment(source.line(number), entries[-1].text)
        parts = [part.strip() for part in _BETWEEN_NAMES.split(comment)] if len(entries) > 1 else [comment]
        shared = parts if len(parts) == len(entries) else [""] * len(entries)
        found |= {entry.place: part for entry, part in zip(entries, shared, strict=True)}
    return found


def _comment(line: str, text: str) -> str:
    """What stands behind `text` and a `#`."""
    before, _, after = line.partition(text)
    comment = _AFTER.match(after) if "#" not in before else None
    return comment[1].strip() if comment else ""


def _names(
    listed: Iterable[SachetRecipient], numbers: dict[str, Number | None], comments: dict[Place, str]
) -> dict[str, str]:
    """The names that comments beside the numbers give."""
    found: dict[str, str] = {}
    for entry in listed:
        key, name = _key(entry, numbers), _name(comments[entry.place])
        if name and key not in found:
            found[key] = name if name not in found.values() else _free(f"{name}-", set(found.values()), 2)
    return found


def _name(comment: str) -> str:
    """What looks like a name at its beginning, in small letters."""
    if "://" in comment:
        return ""
    words = _words(_NAME_ENDS.split(comment)[0])
    name = "-".join(words)
    fits = 0 < len(words) <= _MOST_WORDS and len(name) <= _LONGEST_NAME and not name[0].isdigit()
    return name if fits else ""


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.findall(r"[a-z0-9]+", plain.lower())


def _remarks(comments: Iterable[str]) -> tuple[str, ...]:
    """Without those that are no more than a name."""
    return tuple(dict.fromkeys(text for text in comments if text and "-".join(_words(text)) != _name(text)))


def _free(stem: str, taken: set[str], start: int = 1) -> str:
    number = start
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"
