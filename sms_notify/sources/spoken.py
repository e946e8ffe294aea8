"""Piped text that reads like what a monitoring system or its script says: a notification, or a state in front of words.

A log may hold such words anywhere, and a wrong end loses a page. So a notification counts only where it begins a line, or
where lines of `Key: value` name host and state between them; a state counts only in front of the words that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sms_notify.sources import input_limits, sentences
from sms_notify.sources.host_check import Check
from sms_notify.sources.status_words import OPENING_WORDS, RESOLVED_WORDS, bare

_BEGINS = re.compile(
    rf"\W*(?:(?:Nagios|Icinga|Icinga2|Naemon|Centreon|Shinken|Checkmk)\b\W*)?(?:(?:Host|Service) )?(?:{sentences.TYPES})\b"
)
_SLASHED = re.compile(r"[^\w/\n]*(?:[\w.-]+/[^\n]+ is [A-Z]+\b|(?:Host|Service) [^\n]+ is [A-Z]+\b)")
# Icinga's mail names the state in a sentence and the rest by keys.
_STATED = re.compile(r"^[^\n:]+ is (OK|WARNING|CRITICAL|UNKNOWN|UP|DOWN)!?[ ]*$", re.MULTILINE)
_KEYED = re.compile(r"(?:Host|Hostname|Host Name)\s?:\s*\S", re.IGNORECASE)
# `OK: …`, `[RESOLVED] …`, `✅ Up - …`; what is counted (`PASSED: 12, FAILED: 3`) is not a state.
_STATE = re.compile(r"[^\w\n]*([A-Za-z]+)(?:\s?[:|\])}>]|\s+[-–—])[\s:|\])}>–—-]*(?=[^\W\d])")
# Without a mark behind it a word may begin a sentence. These do so in nobody's.
_WORD = re.compile(r"[^\w\n]*(RESOLVED|RECOVERED|RECOVERY|FIRING|PROBLEM)\s+(?=[^\W\d])")


def is_one_notification(lines: Sequence[str]) -> bool:
    """Whether several lines are one notification between them: none of them alone is."""
    whole = any(map(_KEYED.match, lines)) and len(lines) > 1
    return whole and not any(map(_said, lines)) and bool(_said("\n".join(lines)))


def notification(source: str, text: str, at: datetime) -> Check | None:
    """What a monitoring system says in `text`; None where it does not read so."""
    said = {name: input_limits.plain(word) for name, word in _said(text).items()}
    host, service = (input_limits.one_line(said.get(name, "").split("\n")[0]) for name in ("HOST", "SERVICE"))
    if not host:
        return None
    return Check(
        source=source, at=at, identity={"host": host, "service": service}, type=said.get("TYPE", ""), host=host,
        service=service, state=said.get("STATE", ""), output=said.get("OUTPUT", ""), comment=said.get("COMMENT", ""),
        author=said.get("AUTHOR", ""), spoken=True,
    )  # fmt: skip


def state(text: str) -> tuple[bool, str]:
    """Whether `text` begins with a word for well, and what it is about: the text without such a word or its opposite."""
    found = _STATE.match(text) or _WORD.match(text)
    word = bare(found[1]) if found else ""
    if found is None or word not in RESOLVED_WORDS | OPENING_WORDS:
        return False, text
    return word in RESOLVED_WORDS, text[found.end() :]


def is_well(text: str) -> bool:
    """Whether it is a word for well and nothing else."""
    return bare(text) in RESOLVED_WORDS


def _said(text: str) -> dict[str, str]:
    """Empty where it does not read like a notification."""
    if not (_BEGINS.match(text) or _SLASHED.match(text) or "\n" in text):
        return {}
    stated = _STATED.search(text)
    told = sentences.read(f"{text}\nState: {stated[1]}" if stated and _KEYED.search(text) else text)
    return told if told.get("HOST") and told.get("STATE") else {}
