"""How each alert stands in the lists of all Alertmanagers, taken together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sms_notify.silences.listing import ListedAlert

Lists = Mapping[str, Mapping[str, ListedAlert]]
"""What each Alertmanager lists, by its name."""

_NOWHERE = ListedAlert()


@dataclass(frozen=True, slots=True)
class Sight:
    """How an alert was seen last. Without an Alertmanager: in no list yet."""

    alertmanager: str = ""
    listed: ListedAlert = _NOWHERE

    @property
    def quiet(self) -> bool:
        return self.listed.quiet

    @property
    def silence_id(self) -> str:
        return self.listed.silence_id


def merged(lists: Lists) -> dict[str, Sight]:
    """By fingerprint. What one of a pair keeps from nobody is kept from nobody: that one will tell its end."""
    sights: dict[str, Sight] = {}
    for name, listed in lists.items():
        for fingerprint, one in listed.items():
            if fingerprint not in sights or (sights[fingerprint].quiet and not one.quiet):
                sights[fingerprint] = Sight(name, one)
    return sights
