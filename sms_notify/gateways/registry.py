"""The gateway types that there are, and what each brings. Whoever needs something of one type asks here.

Another type is another folder beside `sms1601`, another class in `GatewaySettings` and a case in these functions; its
codes need numbers of their own, for the ledger tells no types apart.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sms_notify.gateways.base import ByHand, Report
from sms_notify.gateways.sms1601 import responses, scheduled_time
from sms_notify.gateways.sms1601.error_codes import CODES, ErrorCode, explain_code
from sms_notify.gateways.sms1601.scheduled_time import Datum
from sms_notify.gateways.sms1601.settings import (
    TEXT_LIMITS,
    Gateway1601Settings,
    PasswordEncoding,
    TextEncoding,
)
from sms_notify.policy.account import TextLimits
from sms_notify.policy.outcomes import Fate, Outcome, Reason

__all__ = ["ErrorCode", "GatewaySettings", "PasswordEncoding", "TextEncoding", "explain_code"]

GatewaySettings = Gateway1601Settings
KNOWN_CODES: Collection[int] = CODES.keys()
MOST_PARTS = TEXT_LIMITS.most_parts
"""Of a text, by the gateway that takes the most."""


def client_of(settings: GatewaySettings) -> ByHand:
    """One account's client. Imported when one is made: it costs `requests`, and most commands need none."""
    from sms_notify.gateways.sms1601.client import SmsGateway1601

    return SmsGateway1601(settings, time.monotonic)


def limits_of(settings: GatewaySettings) -> TextLimits:  # noqa: ARG001 - those of its type
    """What a text may be that leaves by this account."""
    return TEXT_LIMITS


def refused(code: int) -> Outcome:
    """What it comes to that a gateway refuses a text with this code."""
    return Outcome(Fate.REFUSED, Reason.ERROR_CODE, code, refusal=explain_code(code).refusal)


def delivery_token(settings: GatewaySettings) -> str:
    """The secret part of the address of its call-backs. Raises UsageError without a password."""
    from sms_notify.gateways.sms1601 import client

    return client.delivery_token(settings)


def read_callback(settings: GatewaySettings, parameters: Mapping[str, str]) -> Report | None:
    """What a delivery call-back says, or None where it is not one."""
    return responses.read_callback(parameters, zone=ZoneInfo(settings.timezone))


def minute_for(settings: GatewaySettings, at: datetime) -> Datum:
    """The minute that the gateway is asked for, so that a text goes at `at` (aware)."""
    return scheduled_time.datum(at, ZoneInfo(settings.timezone))


def minute_instead(settings: GatewaySettings, at: datetime, now: datetime) -> Datum | None:
    """The minute to ask for once more after `Refusal.TIME`; None: it is due, so send it now."""
    return scheduled_time.after_121(at, now, ZoneInfo(settings.timezone))
