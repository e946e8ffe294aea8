"""YAML as a person would write it: values with quotes only where they need them, comments of bounded width."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from sms_notify.config.document import Value

WIDTH = 110
_CHANGE_COLUMN = 70
_MOST_LINES = 40
_PLAIN = re.compile(r"[A-Za-z0-9+][A-Za-z0-9_.+/-]*(?:[ :][A-Za-z0-9_.+/-]+)*")


def scalar(text: str) -> str:
    """A text, so that our reader finds it again; it guesses no types, so that numbers need no quotes."""
    if _PLAIN.fullmatch(text) and text.lower() != "null":
        return text
    if text and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    code = ord(char)
    return char if char.isprintable() else f"\\x{code:02x}" if code < 256 else f"\\U{code:08x}"


def flow(value: Value) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(below) for below in value) + "]"
    return scalar(value or "")


def key_list(key: str, values: Iterable[str], indent: int) -> list[str]:
    """`key: [a, b]`, or one a line where that is too wide."""
    each = list(values)
    blank = " " * indent
    line = f"{blank}{key}: {flow(list(each))}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{blank}{key}:", *(f"{blank}  - {scalar(value)}" for value in each)]


def change(line: str, why: str = "") -> str:
    """A line that somebody has to look at: it ends in CHANGE."""
    tail = f" # {why}  CHANGE" if why else " # CHANGE"
    return line.ljust(min(_CHANGE_COLUMN, WIDTH - len(tail))) + tail


def comment(text: str, indent: int = 0) -> list[str]:
    """One remark as lines of comment."""
    lead = " " * indent + "# "
    return [lead + line for line in textwrap.wrap(_clean(text), WIDTH - len(lead), break_on_hyphens=False)]


def quoted(text: str, hidden: Iterable[str], indent: int = 0) -> list[str]:
    """A text of somebody else as lines of comment; of what is `hidden` nothing shows."""
    lead = " " * indent + "#     "
    lines = masked(text, hidden).strip().splitlines()
    shown = [lead + part for line in lines[:_MOST_LINES] for part in _pieces(line, WIDTH - len(lead))]
    more = len(lines) - _MOST_LINES
    return [*shown, *([f"{lead}… and {more} more lines"] if more > 0 else [])]


def masked(text: str, hidden: Iterable[str]) -> str:
    """`hidden` has the longest first, so that none leaves a part of another."""
    for secret in hidden:
        text = text.replace(secret, "***")
    return text


def _pieces(line: str, width: int) -> list[str]:
    clean = _clean(line).rstrip()
    return [clean[start : start + width].rstrip() for start in range(0, len(clean), width)]


def _clean(text: str) -> str:
    """What is not a letter to YAML ends a comment or is refused, as do line separators."""
    return "".join(char if char.isprintable() else " " for char in text)
