"""Whether two nodes run the same configuration, as a short text: equal where what they decide and send by is equal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from sms_notify.config.settings import Settings
from sms_notify.secret import Secret

# Where a node keeps, listens and reads is its own matter; `lines` and `warnings` are of the file, and not of what it says.
_ITS_OWN = ("storage_url", "web", "source", "spool", "lines", "warnings", "watch_secrets")


def digest_of(settings: Settings) -> str:
    """No secret is part of it, nor could be found from it."""
    told = [_plain(getattr(settings, one.name)) for one in fields(Settings) if one.name not in _ITS_OWN]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    """The same in every process: sets have an order of their own in each."""
    if isinstance(value, Secret | Enum):
        return "" if isinstance(value, Secret) else str(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, [_plain(getattr(value, one.name)) for one in fields(value)]]
    if isinstance(value, Mapping):
        return sorted((str(_plain(key)), _plain(one)) for key, one in value.items())
    if isinstance(value, Set):
        return sorted(str(_plain(one)) for one in value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    # A pattern is its text; what has no words but its address in memory says nothing.
    said = str(getattr(value, "pattern", value))
    return type(value).__name__ if " object at 0x" in said or said.startswith("<function") else said
