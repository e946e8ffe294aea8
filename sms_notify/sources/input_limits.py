"""What may be stored and told of a text from outside: how long, in which characters.

What is beyond is cut, never refused: a label set that is too large is a mistake or an attack, and the other alerts
of the same request must be told all the same. All limits are in characters; a text message holds 459 at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sms_notify.alert import fingerprint_of

MAX_NAME = 256
MAX_VALUE = 4_096
MAX_PAIRS = 200
MAX_GROUP = 1_024
# 10 MiB of `{},` would become three million alerts; a real alert takes more than 100 bytes.
MAX_ALERTS = 100_000
# Kept inside what every database calls an integer.
MAX_HIDDEN = 1_000_000

_FINGERPRINT = re.compile(r"[0-9a-zA-Z_-]{1,64}")
# PostgreSQL refuses NUL in a text, and no encoder takes a lone surrogate.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_BREAKS = re.compile("\r\n?|[\x85\u2028\u2029]")
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_CONTROLS = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f]")
_NO_NAME = re.compile(r"[^a-zA-Z0-9_]")


def storable(text: str, limit: int = MAX_VALUE) -> str:
    """The first `limit` characters, without what a database or an encoder refuses."""
    text = text[:limit]
    return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub("\ufffd", text)


def plain(text: str, limit: int = MAX_VALUE) -> str:
    """Text of a program that meant a terminal: storable, lines end in \\n, no colours, no other control characters."""
    lines = _BREAKS.sub("\n", text[: 2 * limit]).replace("\t", " ")
    return storable(_CONTROLS.sub("", _COLOURS.sub("", lines)).strip(), limit)


def one_line(text: str, limit: int = MAX_VALUE) -> str:
    """As `plain`, with every run of blanks and line ends as one blank: fit for a label."""
    return " ".join(plain(text, limit).split())


def label_name(text: str) -> str:
    """`text` as Prometheus lets a label be called; empty where nothing of it is left."""
    name = _NO_NAME.sub("_", text.strip()[:MAX_NAME])
    if not name.strip("_"):
        return ""
    return f"_{name}"[:MAX_NAME] if name[0].isdigit() else name


def bounded(texts: Mapping[str, str]) -> dict[str, str]:
    """At most MAX_PAIRS; the longest names are dropped: people write short ones, machines long ones."""
    names: Iterable[str] = texts
    if len(texts) > MAX_PAIRS:
        names = sorted(texts, key=lambda name: (len(name), name))[:MAX_PAIRS]
    kept: dict[str, str] = {}
    for name in names:
        kept.setdefault(storable(name, MAX_NAME), storable(texts[name]))
    return kept


def fingerprint(given: str, labels: Mapping[str, str]) -> str:
    """The source's own name where it is fit to be stored and printed; else one of ours.

    Ours is taken from the labels as they were sent, so that two alerts that differ only beyond what `bounded`
    keeps stay two.
    """
    if not given:
        return fingerprint_of(labels)
    return given if _FINGERPRINT.fullmatch(given) else fingerprint_of({"fingerprint": given})


def hidden(count: object) -> int:
    """How many alerts a source says it left out; 0 where it says nothing sensible."""
    return min(count, MAX_HIDDEN) if type(count) is int and count > 0 else 0
