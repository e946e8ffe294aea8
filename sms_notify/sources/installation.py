"""The name of the installation that sent something: that of its token, or of the path that it posts to.

Two installations may have equal labels, and so equal fingerprints; the copies of a pair have one name, because nothing
but the name tells them from two.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from sms_notify.alert import INSTALLATION, MONITOR, Acknowledged, Alert, Delivery, Unacknowledged
from sms_notify.sources import input_limits

NAME = r"[A-Za-z0-9_.-]{1,32}"
_NAME = re.compile(NAME)
A = TypeVar("A", Alert, Acknowledged, Unacknowledged)


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def sent_by(delivery: Delivery, name: str) -> Delivery:
    """The same from the installation of this name; as it is where that is empty."""
    if not name:
        return delivery
    return replace(
        delivery,
        alerts=tuple(_alert(alert, name) for alert in delivery.alerts),
        acks=tuple(_named(ack, name) for ack in delivery.acks),
        unacks=tuple(_named(unack, name) for unack in delivery.unacks),
    )


def _named(one: A, name: str) -> A:
    return replace(one, fingerprint=f"{one.fingerprint}{INSTALLATION}{name}")


def _alert(alert: Alert, name: str) -> Alert:
    """What it was known by without the name is one of its names from before."""
    return replace(
        _named(alert, name),
        labels=input_limits.bounded({MONITOR: name, **alert.labels}),
        own_id=f"{alert.own_id}{INSTALLATION}{name}" if alert.own_id else "",
        alike=f"{alert.alike}{INSTALLATION}{name}" if alert.alike else "",
        before=(*(f"{one}{INSTALLATION}{name}" for one in alert.before), alert.fingerprint, *alert.before),
    )
