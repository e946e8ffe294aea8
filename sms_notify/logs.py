"""The log: one event, one line, nothing in it that a terminal or another line could mistake for something else.

Numbers are masked (`+31*****678`); texts, passwords and tokens are never handed to the log at all.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime

_FEWEST_DIGITS = 8  # with the country code; a time of day behind +00 has fewer
_BETWEEN = r"(?:[\s./()_\u2010-\u2015-]|%20)"
_NUMBER = re.compile(
    rf"((?<![0-9])\+[\s(]{{0,2}}|(?<![0-9A-Za-z.,:])00[\s-]?|%2[Bb]|(?<![0-9A-Za-z.,:/+-])0(?=[1-9](?:{_BETWEEN}{{0,2}}[0-9]){{7,9}}(?![0-9])))"
    rf"([1-9](?:{_BETWEEN}{{0,3}}[0-9]){{6,14}})(?![0-9])"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}[-./][0-9]{2}[-./][0-9]{4}")
_DECIMAL = re.compile(r"\+?[0-9]+\.[0-9]+")
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message"}


class LineFormatter(logging.Formatter):
    """`2026-11-22T14:05:00.123Z INFO event key=value …`; what is not printable is written as an escape."""

    def format(self, record: logging.LogRecord) -> str:
        at = (
            datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        )
        extras = [f"{key}={_value(value)}" for key, value in vars(record).items() if key not in _PLAIN]
        where = f" at={_place(record)}" if record.exc_info else ""
        return " ".join((at, record.levelname, printable(record.getMessage()), *extras)) + where


def _place(record: logging.LogRecord) -> str:
    """Type and place of an exception, never its text: texts of other people's exceptions quote URLs."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None or error.__traceback__ is None:
        return "-"
    frame = error.__traceback__
    while frame.tb_next is not None:
        frame = frame.tb_next
    return f"{type(error).__name__}@{frame.tb_frame.f_code.co_name}:{frame.tb_lineno}"


def _value(value: object) -> str:
    if type(value) is int:  # most are, and have nothing to escape
        return str(value)
    text = printable(str(value)).replace('"', '\\"')
    return f'"{text}"' if " " in text or not text else text


def bounded(text: str, most: int) -> str:
    """What a stranger wrote, for the log: on one line, and at most `most` characters of it."""
    return printable(text if len(text) <= most else f"{text[:most]}…")


def printable(text: str) -> str:
    """`text` on one line: control characters, line separators and lone surrogates as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def masked(number: str) -> str:
    """Enough of a number to recognise one's own: the country and the last three digits. The word in the place of an erased
    number hides nothing.
    """
    if number.isalpha():
        return number
    return (
        f"{number[:3]}{'*' * max(0, len(number) - 6)}{number[-3:]}" if len(number) > 6 else "*" * len(number)
    )


def unnumbered(text: str) -> str:
    """`text` without a whole phone number in it: with +, 00, %2B or a national 0; blanks, dots, dashes and brackets within."""
    if "+" not in text and "0" not in text:
        return text
    return _NUMBER.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    digits = "".join(filter(str.isdigit, found[2].replace("%20", "")))
    if len(digits) < _FEWEST_DIGITS or _DATE.search(found[0]) or _DECIMAL.fullmatch(found[0]):
        return found[0]
    return masked(f"+{digits}" if found[1] != "0" else f"0{digits}")


def configure(level: str) -> None:
    """Sends the log to standard error. Other people's libraries speak up from WARNING only."""
    # Not looked up, as no line shows it: a sixth of a line's price ("Optimization" in the how-to of Python's logging).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("sms_notify").setLevel(level)
