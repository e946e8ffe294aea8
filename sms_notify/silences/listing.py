"""The alerts that an Alertmanager knows, and since when it runs, as its API (v2) writes them. Any bytes in, a value out.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sms_notify.silences.silence import id_of, json_of
from sms_notify.sources.times import parse_rfc3339


def read_listed(body: bytes) -> Mapping[str, str] | None:
    """The fingerprints of a list of alerts, each with the id of a silence that covers it, or with an empty text.

    None where `body` is no such list, or where one alert of it cannot be read: an alert that is missing here counts
    as over, so half a list must not be taken for one.
    """
    found = json_of(body)
    if not isinstance(found, list):
        return None
    listed: dict[str, str] = {}
    for entry in found:
        fingerprint = id_of(entry.get("fingerprint")) if isinstance(entry, dict) else None
        if fingerprint is None:
            return None
        listed[fingerprint] = _silence_of(entry.get("status"))
    return listed


def read_started(body: bytes) -> datetime | None:
    """Since when it runs (its status calls that `uptime`), aware UTC; None where `body` does not say so."""
    found = json_of(body)
    return parse_rfc3339(found.get("uptime")) if isinstance(found, dict) else None


def _silence_of(status: Any) -> str:
    """What cannot be read counts as not silenced: then nothing is concluded from its absence later."""
    ids = status.get("silencedBy") if isinstance(status, dict) else None
    return (id_of(ids[0]) or "") if isinstance(ids, list) and ids else ""
