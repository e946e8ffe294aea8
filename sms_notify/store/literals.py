"""Words of the vocabulary as SQL. They are literals because a partial index is found by a literal alone, never by a parameter."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


def in_list(words: Iterable[StrEnum]) -> str:
    """`('failed', 'cancelled')`: which words belong to it is said once, by a property of their enum."""
    quoted = (f"'{word}'" for word in words)
    return f"({', '.join(quoted)})"
