"""Regular expressions that cannot hang the daemon: RE2's syntax on Python's backtracking engine.

Alertmanager's engine (RE2) takes linear time; Python's may take 2^n steps: `^(\\w+\\s?)*$` needed 7.5 s
for 26 characters. So every expression is read here first and the number of ways in which it can match is
counted; one that repeats a repeat is refused, and the length that is matched is cut so that the ways stay
under a budget.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MAX_LENGTH = 2048
"""Characters of a label value that are ever matched; what is longer is matched by its beginning."""

_BUDGET = 100_000_000  # ways to try: some 0.2 s for the worst value that anybody can send
_SHORTEST = 200  # an expression that needs a shorter limit than this is refused
_MOST = 10**12  # counts saturate here, long before they grow into thousands of digits
_MAX_REPEAT = 1000  # RE2's own limit for {n,m}, nested ones multiplied
_MAX_PATTERN = 4096
_MAX_DEPTH = 50

_BOUNDS = re.compile(r"\{([0-9]{1,6})(?:(,)([0-9]{0,6}))?\}")
_GROUP = re.compile(r"\((?:\?(?:P<[A-Za-z_][A-Za-z0-9_]*>|[ims]*(?:-[ims]+)?:))?(?!\?)")
_FLAGS = re.compile(r"\(\?[ims]+\)")


class RegexError(ValueError):
    """`what` is wrong at `position`, counted in characters from 0."""

    def __init__(self, what: str, position: int) -> None:
        self.what = what
        self.position = position
        super().__init__(f"{what} at character {position + 1} of the regular expression")


@dataclass(frozen=True, slots=True)
class _Ways:
    """At most `factor` x n^`degree` ways to match n characters; `repeat` is the longest product of {n}."""

    factor: int = 1
    degree: int = 0
    repeat: int = 1

    @property
    def fixed(self) -> bool:
        return self.factor == 1 and self.degree == 0

    def then(self, other: _Ways) -> _Ways:
        factor = min(self.factor * other.factor, _MOST)
        return _Ways(factor, self.degree + other.degree, max(self.repeat, other.repeat))

    def either(self, other: _Ways) -> _Ways:
        factor = min(self.factor + other.factor, _MOST)
        return _Ways(factor, max(self.degree, other.degree), max(self.repeat, other.repeat))


@dataclass(frozen=True, slots=True)
class Regex:
    """A compiled expression, anchored at both ends; `limit` is how many characters of a value it looks at."""

    pattern: re.Pattern[str]
    limit: int

    def matches(self, value: str) -> bool:
        return self.pattern.fullmatch(value[: self.limit]) is not None


def compile_regex(source: str) -> Regex:
    """Reads `source` as Alertmanager does. `\\d \\w \\s \\b` are ASCII, as in RE2. Raises RegexError."""
    if len(source) > _MAX_PATTERN:
        raise RegexError(f"is longer than {_MAX_PATTERN} characters", _MAX_PATTERN)
    limit = _limit(_Reader(source).read())
    try:
        return Regex(re.compile(source, re.ASCII), limit)
    except (re.error, OverflowError, RecursionError) as error:
        raise RegexError(_why(error), getattr(error, "pos", None) or 0) from None


def _why(error: Exception) -> str:
    if isinstance(error, re.error):
        return "flags such as (?i) must come first" if "global flags" in error.msg else error.msg
    return "is too large"


def _limit(ways: _Ways) -> int:
    degree = ways.degree
    if degree == 0:
        limit = MAX_LENGTH if ways.factor <= _BUDGET else 0
    else:
        # n unbounded repeats in a row split a text in about n^degree / degree! ways
        limit = int(min(MAX_LENGTH, (_BUDGET * math.factorial(degree) / ways.factor) ** (1 / degree)))
    if limit < _SHORTEST:
        raise RegexError("can take too long: it has too many repeats that can share the same text", 0)
    return limit


class _Reader:
    """Recursive descent over RE2's grammar; what only Python knows (look-around) is refused."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.depth = 0

    def read(self) -> _Ways:
        ways = self._alternatives()
        if self.at < len(self.source):
            raise RegexError("unbalanced parenthesis", self.at)
        return ways

    def _next(self) -> str:
        return self.source[self.at : self.at + 1]

    def _alternatives(self) -> _Ways:
        ways = self._sequence()
        while self._next() == "|":
            self.at += 1
            ways = ways.either(self._sequence())
        return ways

    def _sequence(self) -> _Ways:
        ways = _Ways()
        while self._next() not in ("", "|", ")"):
            start = self.at
            ways = ways.then(self._repeated(self._atom(), start))
        return ways

    def _atom(self) -> _Ways:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            self._class()
        elif char == "\\":
            self._escape()
        elif char in "*+?":
            raise RegexError(f"`{char}` has nothing to repeat", self.at)
        else:
            self.at += 1
        return _Ways()

    def _group(self) -> _Ways:
        start = self.at
        flags = _FLAGS.match(self.source, start)
        if flags:
            self.at = flags.end()
            return _Ways()
        opening = _GROUP.match(self.source, start)
        if not opening:
            raise RegexError("`(?` of this kind is not in Alertmanager's syntax (RE2)", start)
        self.at = opening.end()
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise RegexError("has too many groups within groups", start)
        ways = self._alternatives()
        self.depth -= 1
        if self._next() != ")":
            raise RegexError("has a `(` without its `)`", start)
        self.at += 1
        return ways

    def _escape(self) -> None:
        after = self.source[self.at + 1 : self.at + 2]
        if after and after in "123456789":
            raise RegexError(f"`\\{after}` (a back-reference) is not in Alertmanager's syntax (RE2)", self.at)
        if after == "Z":
            raise RegexError("`\\Z` is not in Alertmanager's syntax (RE2); both ends are fixed", self.at)
        self.at += 2

    def _class(self) -> None:
        """Skips `[…]`. A bare `[` and a doubled `-&~|` are read differently by the two engines: refused."""
        start = self.at
        self.at += 2 if self.source.startswith("[^", start) else 1
        first = True
        while first or self._next() != "]":
            if self.at >= len(self.source):
                raise RegexError("has a `[` without its `]`", start)
            self._member(self.source[self.at : self.at + 2])
            first = False
        self.at += 1

    def _member(self, pair: str) -> None:
        if pair[0] == "[" or pair in ("--", "&&", "~~", "||"):
            raise RegexError(f"`{pair[0]}` within `[…]` is written `\\{pair[0]}`", self.at)
        if pair[0] == "\\":
            self._escape()
        else:
            self.at += 1

    def _repeated(self, ways: _Ways, start: int) -> _Ways:
        bounds = self._bounds()
        if bounds is None:
            return ways
        if self._next() == "?":  # a lazy repeat tries the same ways in another order
            self.at += 1
        if self._next() in ("*", "+", "?", "{") and self._bounds() is not None:
            raise RegexError("repeats a repeat", self.at - 1)
        least, most = bounds
        if most is None:
            return self._unbounded(ways, least, start)
        return self._bounded(ways, least, most, start)

    def _bounds(self) -> tuple[int, int | None] | None:
        char = self._next()
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if char in simple:
            self.at += 1
            return simple[char]
        if self.source.startswith("{,", self.at):
            raise RegexError("`{,n}` is written `{0,n}`", self.at)
        found = _BOUNDS.match(self.source, self.at)
        if not found:
            return None
        self.at = found.end()
        least = int(found[1])
        if not found[2]:
            return least, least
        return least, int(found[3]) if found[3] else None

    def _unbounded(self, ways: _Ways, least: int, start: int) -> _Ways:
        if not ways.fixed:
            what = "repeats a group that itself has a choice or a repeat in it, which can take forever"
            raise RegexError(what, start)
        return self._sized(_Ways(1, 1, ways.repeat * max(least, 1)), start)

    def _bounded(self, ways: _Ways, least: int, most: int, start: int) -> _Ways:
        if most < least:
            raise RegexError("repeats at most less often than at least", start)
        self._sized(_Ways(repeat=ways.repeat * max(most, 1)), start)
        # the sum of factor^k for k in least..most is at most (factor + 1)^most
        choices = (ways.factor + (least < most)) ** most
        factor = most - least + 1 if ways.fixed else min(choices, _MOST)
        return _Ways(factor, ways.degree * most, ways.repeat * max(most, 1))

    @staticmethod
    def _sized(ways: _Ways, start: int) -> _Ways:
        if ways.repeat > _MAX_REPEAT:
            raise RegexError(f"repeats more than {_MAX_REPEAT} times", start)
        return ways
