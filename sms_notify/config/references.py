"""Names that must exist or be unique: the words for what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sms_notify.config.document import Place, Value
from sms_notify.config.phone import Number, NumberError, parse_number
from sms_notify.config.validation import Found, entries, mapping, word


def near(name: str, known: Iterable[str], what: str) -> str:
    known = list(known)
    closest = difflib.get_close_matches(name, known, 1, cutoff=0.6)
    if closest:
        return f"did you mean `{closest[0]}`?"
    return f"known {what}: {', '.join(known)}" if known else f"there are no {what} yet"


def check_unique(found: Found, key: str) -> None:
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries(found.document.data.get(key))):
        name = word(mapping(entry).get("name"))
        place: Place = (key, index, "name")
        if name in seen:
            what = f"`{name}` is the name of another one, on line {seen[name]}"
            found.wrong(place, what, "give each a name of its own")
        elif name:
            seen[name] = found.document.fault(place, "").line


def read_number(found: Found, place: Place, text: str) -> Number | None:
    if not text.strip():
        return None
    try:
        number = parse_number(text)
    except NumberError as fault:
        found.wrong(place, fault.what, fault.advice)
        return None
    if not number.assigned:
        found.warn(
            place, "is in no number range that we know", "check the digits; texts are sent to it anyway"
        )
    elif number.takes_no_texts:
        what = f"is {number.takes_no_texts} by its numbering plan, which texts seldom reach"
        found.warn(place, what, "write the number of a mobile phone; texts are sent to it anyway")
    return number


def check_people_named(found: Found, place: Place, members: Value) -> None:
    """Whether each entry of the list at `place` is a name of `people`."""
    people = mapping(found.document.data.get("people"))
    for index, member in enumerate(entries(members)):
        if word(member).strip() and word(member) not in people:
            what = f"`{member}` is nobody in people"
            found.wrong((*place, index), what, near(word(member), people, "people"))
