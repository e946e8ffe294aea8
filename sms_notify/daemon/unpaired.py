"""Two addresses that send alerts of one name, and are not known as a pair: perhaps two installations, whose alerts with
equal labels are one problem here.
"""

from __future__ import annotations

from collections.abc import Collection

from sms_notify.alert import INSTALLATION, Delivery, Status

_MOST = 20_000  # alerts that are remembered, the oldest go first: 4 MB


class Senders:
    """Which address sent what. Kept in memory, so a restart begins anew; one thread calls it."""

    def __init__(self) -> None:
        self._by_alert: dict[tuple[str, str], str] = {}
        self._found: set[frozenset[str]] = set()

    def unpaired(self, delivery: Delivery, listed: Collection[str]) -> tuple[str, str] | None:
        """The two addresses where an alert of this delivery came from another one before, and not both are `listed`; each
        two once. What a named installation sends is told apart already.
        """
        here, known = _plain(delivery.sender), {_plain(url) for url in listed}
        for alert in delivery.alerts if here else ():
            if alert.status is not Status.FIRING or INSTALLATION in alert.fingerprint:
                continue
            there = self._by_alert.get((alert.source, alert.fingerprint), here)
            self._remember(alert.source, alert.fingerprint, here)
            both = frozenset((there, here))
            if len(both) > 1 and both not in self._found and not both <= known:
                self._found.add(both)
                return there, here
        return None

    def _remember(self, source: str, fingerprint: str, sender: str) -> None:
        self._by_alert[source, fingerprint] = sender
        if len(self._by_alert) > _MOST:
            del self._by_alert[next(iter(self._by_alert))]


def _plain(url: str) -> str:
    return url.strip().rstrip("/").lower()
