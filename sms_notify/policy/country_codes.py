"""The country code at the start of a number, as ITU-T E.164 gives them out: one, two or three digits."""

from __future__ import annotations

# ITU-T list of Recommendation E.164 assigned country codes: zones 1 and 7 are whole, these have two digits,
# every other code has three.
_TWO_DIGITS = frozenset(
    str(code)
    for first, last in ((20, 20), (27, 27), (30, 34), (36, 36), (39, 41), (43, 49), (51, 58), (60, 66))
    for code in range(first, last + 1)
) | {"81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98"}


def country_of(number: str) -> str:
    """`+32470…` → `+32`: what a breaker for a country is keyed by."""
    digits = number.lstrip("+")
    if digits[:1] in ("1", "7"):
        return f"+{digits[:1]}"
    return f"+{digits[:2]}" if digits[:2] in _TWO_DIGITS else f"+{digits[:3]}"
