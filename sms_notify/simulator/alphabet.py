"""How a text looks on the air: what the gateway charges for it, and the characters that GSM 03.38 lacks.

The alphabet and the part rule are the standard's, not the client's, so `wording.gsm` is the one copy of them.
"""

from __future__ import annotations

from functools import lru_cache

from sms_notify.wording import gsm


@lru_cache(maxsize=4096)
def is_foreign(character: str) -> bool:
    """Whether `character` cannot be sent as it is."""
    try:
        gsm.encode(character)
    except ValueError:
        return True
    return False


def parts(text: str) -> int:
    """How many parts, and so credits, `text` takes; a foreign character goes on as one `?` (our guess)."""
    return gsm.parts("".join("?" if is_foreign(c) else c for c in text))
