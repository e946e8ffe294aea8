"""What a status field says: over, firing, or a word that ends only what its opposite opened.

The whole value counts, in any case, without the emoji, marks and blanks around it: `✅ Up` is up, and `NOT OK` is not ok.
"""

from __future__ import annotations

import re
from enum import StrEnum

RESOLVED_WORDS = frozenset(
    (
        *("ok", "up", "resolved", "recovered", "recovery", "closed", "clear", "cleared", "normal", "healthy"),
        *("good", "green", "passing", "pass", "passed", "success", "successful", "succeeded", "fixed"),
        *("restored", "end", "ended"),
    )
)
DOUBTFUL_WORDS = frozenset(("0", "false", "inactive", "available", "done"))
"""One system's word for well is another one's word for down: Uptime Kuma's 0 is down, and `healthy: false` is bad."""

OPENING_WORDS = frozenset(
    (
        *("1", "2", "3", "true", "active", "firing", "alerting", "alert", "alarm", "alarming", "problem"),
        *("down", "unavailable", "critical", "warning", "error", "failed", "failing", "failure"),
        *("triggered", "open", "pending", "running", "started", "busy"),
    )
)
"""The opposites: what one of these has opened a doubtful word ends."""

_LONGEST = 256  # what is longer is not a word, and megabytes of marks would take minutes
_MARKS = re.compile(r"\A[\W_]+|[\W_]+\Z")

TRUE_WORDS = frozenset(("true", "yes"))
"""Of a field `resolved`. A number there may count something."""


class StatusWord(StrEnum):
    """What one status field says."""

    NOTHING = "nothing"
    OVER = "over"
    PERHAPS_OVER = "perhaps_over"
    OPENED = "opened"
    FIRING = "firing"  # a word that we do not know: an alert too many is better than one too few


def bare(value: object) -> str:
    """The word of a status field in small letters; empty where it holds none, no single value, or a long text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    text = value.strip() if isinstance(value, str) else ""
    return _MARKS.sub("", text.casefold()) if len(text) <= _LONGEST else ""


def said(value: object) -> StatusWord:
    """What `value`, the whole of a status field, says. What is not a text, number or truth fires."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return StatusWord.NOTHING
    word = bare(value)
    if word in RESOLVED_WORDS:
        return StatusWord.OVER
    if word in DOUBTFUL_WORDS:
        return StatusWord.PERHAPS_OVER
    return StatusWord.OPENED if word in OPENING_WORDS else StatusWord.FIRING
