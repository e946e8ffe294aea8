"""Single fields of the gateway's reports: a status, a time, a reference."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from sms_notify.policy.outcomes import DeliveryStatus

_REFERENCE = re.compile(r"[!-~]{1,75}")
_GAPS = re.compile(r"[ \t_-]+")


def status_in(text: str) -> DeliveryStatus | None:
    """`delivered`, `NOT_DELIVERED` and ` Not  Delivered ` are the gateway's words too."""
    word = _GAPS.sub(" ", text).strip().upper()
    return DeliveryStatus(word) if word in DeliveryStatus.__members__.values() else None


def reference_in(text: str) -> str:
    """A reference as we make them (printable ASCII, at most 75 characters); anything else is none of ours."""
    return text if _REFERENCE.fullmatch(text) else ""


def instant_in(stamp: str, form: str, zone: tzinfo) -> datetime | None:
    """Aware UTC, or None for a time that cannot be.

    In the hour that autumn has twice the first is taken (fold=0); the error is one hour, once a year. The
    hour that spring leaves out is read as if the clock had not yet moved (PEP 495).
    """
    try:
        local = datetime.strptime(stamp, form)  # noqa: DTZ007 - the zone is the gateway's, put on below
        return local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
