"""The alerts that an Alertmanager knows, and since when it runs, as its API (v2) writes them. Any bytes in, a value out.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sms_notify.silences.silence import id_of, json_of
from sms_notify.sources.times import parse_rfc3339


@dataclass(frozen=True, slots=True)
class ListedAlert:
    """An alert that fires. `silence_id`: a silence that covers it, empty for none; `suppressed`: something else keeps it from
    everybody, as another alert that inhibits it, or a time at which it is muted.
    """

    silence_id: str = ""
    suppressed: bool = False

    @property
    def quiet(self) -> bool:
        """Whether Alertmanager tells nobody of it, its end neither."""
        return bool(self.silence_id) or self.suppressed


def read_listed(body: bytes) -> Mapping[str, ListedAlert] | None:
    """The alerts of a list by their fingerprints.

    None where `body` is not such a list, or where one alert of it cannot be read: an alert that is missing here counts
    as over, so half a list must not be taken for one.
    """
    found = json_of(body)
    if not isinstance(found, list):
        return None
    listed: dict[str, ListedAlert] = {}
    for entry in found:
        fingerprint = id_of(entry.get("fingerprint")) if isinstance(entry, dict) else None
        if fingerprint is None:
            return None
        listed[fingerprint] = _alert(entry.get("status"))
    return listed


def read_muted(body: bytes) -> frozenset[str]:
    """The fingerprints in a list of groups that each group with them mutes by time. What cannot be read is not muted."""
    found, muted, told = json_of(body), set[str](), set[str]()
    for group in _some(found):
        for entry in _some(group.get("alerts")) if isinstance(group, dict) else ():
            fingerprint = id_of(entry.get("fingerprint")) if isinstance(entry, dict) else None
            status = entry.get("status") if fingerprint is not None else None
            by = _some(status.get("mutedBy")) if isinstance(status, dict) else []
            if fingerprint is not None:
                (muted if by else told).add(fingerprint)
    return frozenset(muted - told)


def with_muted(listed: Mapping[str, ListedAlert], muted: Container[str]) -> Mapping[str, ListedAlert]:
    """Muted by time is suppressed as well."""
    return {name: replace(one, suppressed=one.suppressed or name in muted) for name, one in listed.items()}


def read_started(body: bytes) -> datetime | None:
    """Since when it runs (its status calls that `uptime`), aware UTC; None where `body` does not say so."""
    found = json_of(body)
    return parse_rfc3339(found.get("uptime")) if isinstance(found, dict) else None


def _alert(status: Any) -> ListedAlert:
    """What cannot be read counts as neither silenced nor suppressed: then nothing is concluded from its absence later."""
    if not isinstance(status, dict):
        return ListedAlert()
    silenced = _some(status.get("silencedBy"))
    by_others = bool(_some(status.get("inhibitedBy")))
    silence_id = (id_of(silenced[0]) or "") if silenced else ""
    return ListedAlert(silence_id, by_others or (status.get("state") == "suppressed" and not silenced))


def _some(found: object) -> list[Any]:
    return found if isinstance(found, list) else []
