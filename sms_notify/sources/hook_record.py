"""What a command hook handed over, read by whom it concerns."""

from __future__ import annotations

from dataclasses import replace

from sms_notify.alert import Delivery, Handed
from sms_notify.errors import ParseError
from sms_notify.sources import checkmk, icinga, nagios, text, zabbix


def parse(handed: Handed) -> Delivery:
    """The alerts and acknowledgements of one hand-over; there may be none. Raises ParseError, and nothing else."""
    return replace(_parse(handed), handed_at=handed.at)


def _parse(handed: Handed) -> Delivery:
    match handed.hook:
        case "nagios":
            return nagios.parse(handed.arguments, handed.environment, handed.at)
        case "icinga":
            return icinga.parse(handed.arguments, handed.environment, handed.at)
        case "checkmk":
            return checkmk.parse(handed.arguments, handed.environment, handed.at)
        case "zabbix":
            return zabbix.parse_script(handed.arguments, handed.at)
        case "pipe":
            return text.parse(handed.body, handed.arguments, handed.at)
    raise ParseError("handed over by a hook that this version does not know")
