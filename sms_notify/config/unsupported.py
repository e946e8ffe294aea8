"""What the documented configuration has and this version does not obey: refused, as nothing would come of it.

A later version deletes the rows of what it obeys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sms_notify.config.document import Document, Place, Value
from sms_notify.errors import Fault

_WHAT = "is not built yet in this version, so that it cannot promise what does not happen"


@dataclass(frozen=True, slots=True)
class _Row:
    """`where` is a pattern of places (`*` = any one step, `**` = any steps); `when` looks at the value there."""

    where: tuple[str, ...]
    when: Callable[[Value], bool] = lambda _: True


def _starts(*words: str) -> Callable[[Value], bool]:
    return lambda value: isinstance(value, str) and value.strip().startswith(words)


_ROWS = (
    _Row(("operator", "*"), _starts("gateway-group:")),
    _Row(("receivers", "**", "notify", "*"), _starts("gateway:")),
)


def not_built(document: Document) -> tuple[list[Fault], set[Place]]:
    """The faults, and the places that need no further judgement."""
    faults: list[Fault] = []
    covered: set[Place] = set()
    for place, value in document.walk():
        for row in _ROWS:
            if _fits(place, row.where) and row.when(value):
                faults.append(document.fault(place, _WHAT, "remove it"))
                covered.add(place)
    return faults, covered


def _fits(place: Place, pattern: tuple[str, ...]) -> bool:
    if not pattern or not place:
        return not pattern and not place
    if pattern[0] == "**":
        return any(_fits(place[start:], pattern[1:]) for start in range(len(place)))
    return pattern[0] in ("*", place[0]) and _fits(place[1:], pattern[1:])
