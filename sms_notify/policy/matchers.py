"""Alertmanager's matchers: `severity="critical"`, `{team=~"db|web", env!=test}`.

Alertmanager has two grammars and reads every text with both (its `matcher/compat`, fallback mode): where the
classic one (`pkg/labels`) can read it, that one decides; the UTF-8 one (`matcher/parse`) is for the rest. So is
it here. The classic one forgives much: `a=` is empty, quotes are `"` alone, an unquoted value goes on until the
comma, and a `}` that ends the text is dropped, even that of `web[0-9]{2}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sms_notify.alert import SEVERITY, Severity, SeverityWords
from sms_notify.policy.regex import Regex, RegexError, compile_regex

_RESERVED = "{}!=~,\\\"'`"
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_ASCII_BLANKS = "\t\n\f\r "  # `\s` in Go, which lacks Python's `\v`

_CLASSIC = re.compile(
    rf"[{_ASCII_BLANKS}]*([a-zA-Z_:][a-zA-Z0-9_:]*)[{_ASCII_BLANKS}]*(=~|=|!=|!~)[{_ASCII_BLANKS}]*(.*)",
    re.DOTALL,
)
_CLASSIC_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"|(?:[^"\\]|\\.)*\\?', re.DOTALL)
_CLASSIC_ESCAPE = re.compile(r'\\(["\\n])')
_ESCAPE = re.compile(
    r'\\(?:([abfnrtv"\\])|x([0-7][0-9a-fA-F])|u([0-9a-fA-F]{4})|U(000[0-9a-fA-F]{5}|0010[0-9a-fA-F]{4}))'
)
_ESCAPED = dict(zip('abfnrtv"\\', '\a\b\f\n\r\t\v"\\', strict=True))


class MatcherError(ValueError):
    """`what` is wrong and where: `column` counts characters from 1."""

    def __init__(self, what: str, column: int) -> None:
        self.what = what
        self.column = column
        super().__init__(f"{what} at column {column}")


class Op(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    MATCH = "=~"
    NOT_MATCH = "!~"

    @property
    def negated(self) -> bool:
        return self in (Op.NOT_EQUAL, Op.NOT_MATCH)

    @property
    def regex(self) -> bool:
        return self in (Op.MATCH, Op.NOT_MATCH)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; an absent label counts as empty. Raises RegexError for a bad `value`.

    `words` say which words of severity are critical: each of them is seen as `critical`, too. Without them the label is
    taken as it is written, as Alertmanager takes it.
    """

    name: str
    value: str
    op: Op = Op.EQUAL
    words: SeverityWords | None = field(default=None, repr=False, compare=False)
    regex: Regex | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.op.regex:
            object.__setattr__(self, "regex", compile_regex(self.value))

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.name, "")
        found = self._fits(value)
        if not found and self.words is not None and self.words.severity_of(value) is Severity.CRITICAL:
            found = self._fits(Severity.CRITICAL.value)
        return found is not self.op.negated

    def _fits(self, value: str) -> bool:
        return self.regex.matches(value) if self.regex else value == self.value

    def seeing(self, words: SeverityWords) -> Matcher:
        """The same condition, to which every word of critical rank is `critical` as well; other labels have no ranks."""
        return replace(self, words=words) if self.name == SEVERITY else self

    def __str__(self) -> str:
        name = self.name if not any(_ends_word(char) for char in self.name) else _quoted(self.name)
        return f"{name}{self.op}{_quoted(self.value)}"


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Reads one matcher or a list, with or without braces; a comma may end it. Raises MatcherError.

    An empty text and `{}` are not matchers, and so match everything: whoever asks decides if that is meant.
    """
    classic = _classic(text)
    if isinstance(classic, tuple):
        return classic
    try:
        return _Parser(text).parse()
    except MatcherError as error:
        raise classic or error from None


def _classic(text: str) -> tuple[Matcher, ...] | MatcherError | None:
    """What the classic grammar reads; a MatcherError where only a regular expression is wrong; or None."""
    matchers: list[Matcher] = []
    for start, piece in _pieces(text):
        found = _CLASSIC.fullmatch(piece)
        value = _classic_value(found[3].rstrip(_ASCII_BLANKS)) if found else None
        if not found or value is None:
            return None
        try:
            matchers.append(Matcher(found[1], value, Op(found[2])))
        except RegexError as error:
            return MatcherError(str(error), start + found.start(3) + 1)
    return tuple(matchers)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """What stands between commas outside quotes, and where; the last piece may be missing, the others not."""
    start, end = int(text.startswith("{")), len(text) - text.endswith("}")
    quoted = escaped = False
    for at in range(start, end):
        char = text[at]
        if char == "," and not quoted:
            yield start, text[start:at]
            start = at + 1
        elif char == '"' and not escaped:
            quoted = not quoted
        if char != ",":  # as in Alertmanager, an escape outlives a comma
            escaped = char == "\\" and not escaped
    last = text[start:end].lstrip(_BLANKS)
    if last:
        yield end - len(last), last.rstrip(_BLANKS)


def _classic_value(raw: str) -> str | None:
    found = _CLASSIC_VALUE.fullmatch(raw)
    if not found:
        return None
    body = raw if found[1] is None else found[1]
    return _CLASSIC_ESCAPE.sub(lambda escape: escape[1].replace("n", "\n"), body)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _ends_word(char: str) -> bool:
    return char in _BLANKS or char in _RESERVED


class _Parser:
    """The UTF-8 grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def parse(self) -> tuple[Matcher, ...]:
        braces = self._take("{")
        matchers: list[Matcher] = []
        while self._peek() not in ("", "}"):
            matchers.append(self._matcher())
            if not self._take(",") and self._peek() not in ("", "}"):
                raise self._after_value(matchers[-1])
        self._close(braces)
        return tuple(matchers)

    def _peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at] in _BLANKS:
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _take(self, char: str) -> bool:
        found = self._peek() == char
        self.at += found
        return found

    def _error(self, what: str, at: int | None = None) -> MatcherError:
        return MatcherError(what, (self.at if at is None else at) + 1)

    def _close(self, braces: bool) -> None:
        if braces and not self._take("}"):
            raise self._error("`}` is missing")
        if self._peek():
            what = "there is a `}` without a `{`" if self._peek() == "}" else "something follows the `}`"
            raise self._error(what)

    def _matcher(self) -> Matcher:
        name = self._name()
        op = self._operator()
        start, value = self._value()
        try:
            return Matcher(name, value, op)
        except RegexError as error:
            raise self._error(str(error), start) from None

    def _name(self) -> str:
        start = self.at
        if self._peek() == ",":
            raise self._error("there is a comma too many")
        name = self._word()
        if not name:
            raise self._error("a label name is expected", start)
        return name

    def _operator(self) -> Op:
        self._peek()
        start = self.at
        while self.at < min(start + 2, len(self.text)) and self.text[self.at] in "=!~":
            self.at += 1
        found = self.text[start : self.at]
        if found == "=!":  # `a=!b`: nobody means a value that begins with `!`
            raise self._error("`=!` is written `!=`", start)
        if found in tuple(Op):
            return Op(found)
        raise self._error(_no_operator(found), start)

    def _value(self) -> tuple[int, str]:
        char = self._peek()
        start = self.at
        if char in ("", ",", "}"):
            raise self._error('a value is missing (for a label that is empty or absent write "")')
        if char != '"' and char in _RESERVED:
            raise self._error(_must_quote(char))
        return start, self._word()

    def _after_value(self, last: Matcher) -> MatcherError:
        char = self._peek()
        if char in _RESERVED and char != '"':
            return self._error(_must_quote(char))
        return self._error(f"a comma is expected after `{last}`")

    def _word(self) -> str:
        if self._peek() == '"':
            return self._string()
        start = self.at
        while self.at < len(self.text) and not _ends_word(self.text[self.at]):
            self.at += 1
        return self.text[start : self.at]

    def _string(self) -> str:
        start = self.at
        self.at += 1
        found: list[str] = []
        while (char := self.text[self.at : self.at + 1]) != '"':
            if not char:
                raise self._error('the closing `"` is missing', start)
            found.append(self._escaped() if char == "\\" else char)
            self.at += 1
        self.at += 1
        return "".join(found)

    def _escaped(self) -> str:
        """One of Go's escapes (`strconv.Unquote`); leaves `at` on its last character."""
        found = _ESCAPE.match(self.text, self.at)
        if not found:
            shown = self.text[self.at : self.at + 2]
            raise self._error(f"`{shown}` in quotes is not an escape; a backslash is written `\\\\`")
        self.at = found.end() - 1
        number = found[2] or found[3] or found[4]
        return _ESCAPED[found[1]] if found[1] else chr(int(number, 16))


def _must_quote(char: str) -> str:
    if char in "'`":
        return f'values are quoted with `"`, not with `{char}`'
    return f"`{char}` must stand in double quotes"


def _no_operator(found: str) -> str:
    if found == "==":
        return "`==` is written `=`"
    if found in ("~", "~="):
        return f"`{found}` is written `=~`"
    return "an operator is expected after the label name: one of =, !=, =~, !~"
