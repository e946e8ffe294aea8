"""Regular expressions with Alertmanager's meaning: RE2's syntax, and time that grows no faster than the value.

Python's own engine backtracks: `^(\\w+\\s?)*$` needed 7.5 s for 26 characters, and labels come from anybody
with an exporter. RE2 takes the same expressions as Alertmanager and never backtracks. A usual one reads a
megabyte in some milliseconds; one as large as `.*a.{900}c` needs 9 s for it, without holding up other threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import re2  # type: ignore[import-untyped]

_MEMORY = 8 * 1024 * 1024  # bytes for one expression and the states that it reaches; RE2's own default
_FOREIGN = "uses `{}`, which is not in Alertmanager's syntax (RE2)"
_FAULTS = {
    "missing )": "has a `(` without its `)`",
    "unexpected )": "has a `)` without its `(`",
    "missing ]": "has a `[` without its `]`",
    "invalid character class range": "has `{}`, which is not a class or range of characters",
    "no argument for repetition operator": "has `{}` with nothing to repeat",
    "bad repetition operator": "has `{}`, which repeats a repeat",
    "invalid repetition size": "has `{}`: at most 1000 repeats, nested ones multiplied, the lower number first",
    "invalid escape sequence": _FOREIGN,
    "invalid perl operator": _FOREIGN,
    "invalid named capture group": "has a group whose name is wrong: `{}`",
    "trailing \\": "ends in a lone `\\`",
    "pattern too large - compile failed": f"is too large: it takes more than {_MEMORY >> 20} MiB",
}
"""RE2's words (`RE2::error`, before the colon) and ours; `{}` is the part it points at."""


class RegexError(ValueError):
    """`what` is wrong, at `position` where RE2 tells it, counted in characters from 0."""

    def __init__(self, what: str, position: int | None = None) -> None:
        self.what = what
        self.position = position
        where = "" if position is None else f" (its character {position + 1})"
        super().__init__(f"the regular expression {what}{where}")


@dataclass(frozen=True, slots=True)
class Regex:
    """A compiled expression that must match a whole value."""

    search: Callable[[bytes], object]

    def matches(self, value: str) -> bool:
        return self.search(_utf8(value)) is not None


def compile_regex(source: str) -> Regex:
    """Reads `source` as Alertmanager's `labels.NewMatcher` does, wrapped in `^(?:…)$`. Raises RegexError."""
    try:
        return Regex(_compiled(f"^(?:{source})$"))
    except re2.error as error:
        raise _fault(source, error) from None


def _compiled(source: str) -> Callable[[bytes], object]:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False  # or RE2 writes to standard error by itself
    options.never_capture = True  # only whether it matches is asked: groups would cost time
    search: Callable[[bytes], object] = re2.compile(_utf8(source), options).search
    return search


def _utf8(text: str) -> bytes:
    """Half a surrogate pair, which YAML and JSON can write, must not end in an exception."""
    return text.encode("utf-8", "surrogatepass")


def _fault(source: str, anchored: re2.error) -> RegexError:
    """Tells what is wrong with `source` itself, without the anchors that the user never wrote."""
    try:
        _compiled(source)
    except re2.error as error:
        return _told(source, error)
    if b"missing )" in anchored.args[0]:  # the `)` of the anchors was quoted too
        return RegexError("has a `\\Q` without its `\\E`")
    return _told(source, anchored)


def _told(source: str, error: re2.error) -> RegexError:
    said = error.args[0].decode("utf-8", "replace")
    kind, _, part = said.partition(": ")
    what = _FAULTS.get(kind, f"is wrong: {said}".replace("{", "{{").replace("}", "}}")).format(part)
    pointed = part and part != source and source.count(part) == 1
    return RegexError(what, source.index(part) if pointed else None)
