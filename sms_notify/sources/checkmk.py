"""A notification script of Checkmk: its context in the environment (NOTIFY_…) in, alerts out.

The macros are those of Nagios. What is more: whether it is about the host or the service (WHAT), tags and labels, and
events of the Event Console (EC_ID), which all come as one service.
https://docs.checkmk.com/latest/en/notifications.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sms_notify.alert import Delivery
from sms_notify.sources import input_limits, nagios
from sms_notify.sources.host_check import delivery_of
from sms_notify.sources.macros import check_of, read

SOURCE = "checkmk"
_PREFIX = "NOTIFY_"
_LABELS = ("NOTIFY_HOSTTAG_", "NOTIFY_HOSTLABEL_", "NOTIFY_SERVICELABEL_")
MACROS = nagios.MACROS | {"last-state": ("PREVIOUS{}HARDSTATE", "LAST{}STATE"), "event": ("EC_ID",)}


def parse(arguments: Sequence[str], environment: Mapping[str, str], at: datetime) -> Delivery:
    """What one call tells; `at` is when it was made. Arguments come before the environment, and are mostly labels.

    Raises ParseError where nothing of it is a notification.
    """
    said = read(arguments, _environment(environment), (_PREFIX,), MACROS)
    check = check_of(said, SOURCE, at)
    labels = {**_labels(environment), **check.labels}
    event = said.line("event")
    identity = {**check.identity, "event": event} if event else check.identity
    return delivery_of(replace(check, identity=identity, labels=labels))


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """As Nagios would have it: nothing of a service where it is about the host, and whole seconds."""
    found = dict(environment)
    if found.get("NOTIFY_WHAT", "").upper() == "HOST":
        found = {name: text for name, text in found.items() if "SERVICE" not in name}
    found.setdefault("NOTIFY_TIMET", found.get("NOTIFY_MICROTIME", "")[:-6])
    return found


def _labels(environment: Mapping[str, str]) -> dict[str, str]:
    labels = {"site": input_limits.one_line(environment.get("NOTIFY_OMD_SITE", ""))}
    for prefix in _LABELS:
        for name, text in environment.items():
            if name.startswith(prefix):
                labels[input_limits.label_name(name.removeprefix(prefix).lower())] = input_limits.one_line(
                    text
                )
    return {name: text for name, text in labels.items() if name and text}
