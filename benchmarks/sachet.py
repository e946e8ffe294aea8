"""One text a notification: what sachet makes of the same requests, in the words that it uses where nobody gives it others.

It has no memory: whatever it is told, each person of the receiver is texted, at once.
https://github.com/messagebird/sachet/blob/master/cmd/sachet/handlers.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reading import OnPhone
from stormy import Arrival

from sms_notify.alert import Alert, Delivery, Status
from sms_notify.wording import gsm


def one_text_each(arrivals: Sequence[Arrival], people: Callable[[Alert], Iterable[str]]) -> list[OnPhone]:
    """What stands on the phones; a text ends where the gateway takes no more of it."""
    return [
        OnPhone(arrival.at, person, gsm.fit(gsm.to_gsm(_words(arrival.delivery)), gsm.MAX_PARTS))
        for arrival in arrivals
        for person in people(arrival.delivery.alerts[0])
    ]


def _words(delivery: Delivery) -> str:
    if len(delivery.alerts) == 1:
        alert = delivery.alerts[0]
        return f"{alert.status.upper()} \n" + "\n".join(f"{k}= {v}" for k, v in sorted(alert.labels.items()))
    told = ""
    for status in Status:
        listed = [alert.labels for alert in delivery.alerts if alert.status is status]
        lines = [f"{labels['alertname']} @{labels['instance']}\n" for labels in listed]
        told += f"{status.capitalize()}: \n{''.join(lines)}" if lines else ""
    return told
