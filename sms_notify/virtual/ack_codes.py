"""The unguessable ends of links that acknowledge, where nobody has to guess them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE_LENGTH = 10  # of the real ones, so that a text with a link has as many parts


def ack_codes() -> Callable[[], str]:
    """Codes as long as the real ones, and the same in every replay."""

    def spelled() -> Iterator[str]:
        for number in count(1):
            letters, rest = "", number
            for _ in range(_CODE_LENGTH):
                rest, digit = divmod(rest, len(_LETTERS))
                letters = _LETTERS[digit] + letters
            yield letters

    made = spelled()
    return lambda: next(made)
