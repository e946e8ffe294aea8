"""A text that must never be printed: password, its SHA-1, tokens.

The value comes out by `reveal()` alone, so that every place that uses a secret can be found by that word.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Holds a secret; `repr`, `str`, f-strings and tracebacks that show locals print `***`."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)
