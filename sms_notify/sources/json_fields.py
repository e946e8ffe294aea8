"""The fields of a JSON alert as their senders spell them, and the state that many write in front of a title."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_MARKS = str.maketrans("", "", "_-. ")
_LONGEST = 64  # no name of ours is longer

# No severities: `[warning] Disk` and `[critical] Disk` may be two rules, and the end of one is not that of the other.
_WELL = "ok|up|resolved|recovered|recovery|closed|cleared|clear|normal"
_ILL = "alerting|alert|alarm|firing|problem|triggered|down|open|no data|nodata"
# `[Alerting] CPU`, `[OK] CPU`, `[Triggered on {host:db1}] CPU`: where is a part of the name.
_TITLE = re.compile(
    rf"[^\w\[]{{0,8}}\[(?:(?P<well>{_WELL})|(?P<ill>{_ILL}))(?P<where> on [^\]]+)?\]\s*(?P<name>.*\w.*)",
    re.IGNORECASE | re.DOTALL,
)


def squeezed(name: str) -> str:
    """`hostName`, `Host_Name` and `HOSTNAME` are one field."""
    return name.translate(_MARKS).casefold() if len(name) <= _LONGEST else name


def spellings(names: Iterable[str]) -> dict[str, str]:
    """Our spelling of each name; the first of two that differ in nothing else."""
    return {squeezed(name): name for name in reversed(tuple(names))}


def spelled(entry: Mapping[str, Any], ours: Mapping[str, str]) -> Mapping[str, Any]:
    """The same under the names that we know. What is spelled as we do counts first, then what stands first."""
    found: dict[str, Any] = {}
    for name, value in entry.items():
        known = ours.get(squeezed(name), name)
        if known not in entry and value is not None:
            found.setdefault(known, value)
    return {**entry, **found} if found else entry


def stated(title: str) -> tuple[str, bool, str]:
    """The state in brackets before a title (empty: none), whether it is one of health, and the title without it."""
    found = _TITLE.fullmatch(title)
    if found is None:
        return "", False, title
    word = found["well"] or found["ill"]
    return word.lower(), bool(found["well"]), f"{found['name']}{found['where'] or ''}"
