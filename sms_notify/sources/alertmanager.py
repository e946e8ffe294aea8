"""Alertmanager's webhook, payload version 4: bytes in, alerts out.

Lenient where a field is missing, because an alert that is dropped here is a page that nobody gets; strict
where the body is not this payload at all, because then somebody has set up the wrong address and must hear of
it.
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from sms_notify.alert import Alert, Delivery, Status, fingerprint_of
from sms_notify.errors import ParseError
from sms_notify.sources.times import parse_rfc3339

SOURCE = "alertmanager"

# What one alert may weigh. A label set beyond this is a mistake or an attack; it is cut, so that the other
# alerts of the payload are still told. All in characters; a text message holds 459 at most.
MAX_NAME = 256
MAX_VALUE = 4_096
MAX_PAIRS = 200
MAX_GROUP = 1_024
# 10 MiB of `{},` would become three million alerts; a real alert takes more than 100 bytes.
MAX_ALERTS = 100_000
# Kept inside what every database calls an integer.
MAX_HIDDEN = 1_000_000

_FINGERPRINT = re.compile(r"[0-9a-zA-Z_-]{1,64}")
# PostgreSQL refuses NUL in a text, and no encoder takes a lone surrogate.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def parse(body: bytes) -> Delivery:
    """The alerts of one webhook request, in the order sent, each with its own status (never the group's).

    Raises ParseError where the body is not JSON (RFC 8259) or holds no list of alerts. `version` is not
    looked at: what has alerts is taken. Two alerts with one fingerprint are both kept; the order tells which
    is newer.
    """
    payload = _object(body)
    alerts = payload.get("alerts")
    if not isinstance(alerts, list):
        raise ParseError('no list "alerts" in the body: this is not what an Alertmanager webhook sends')
    if len(alerts) > MAX_ALERTS:
        raise ParseError(f"{len(alerts)} alerts in one body; at most {MAX_ALERTS} are taken")
    default = _status(payload.get("status"), Status.FIRING)
    return Delivery(
        source=SOURCE,
        alerts=tuple(_alert(alert, default, f"alerts[{index}]") for index, alert in enumerate(alerts)),
        group=_storable(_text(payload.get("groupKey"), "groupKey"), MAX_GROUP),
        hidden=_hidden(payload.get("truncatedAlerts")),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"the body is not JSON: {error}") from None
    if isinstance(payload, list):
        raise ParseError(
            "the body is a list, as Prometheus posts it to Alertmanager; here Alertmanager itself posts"
        )
    if not isinstance(payload, dict):
        raise ParseError("the body is not a JSON object: this is not what an Alertmanager webhook sends")
    return payload


def _alert(alert: object, default: Status, where: str) -> Alert:
    if not isinstance(alert, dict):
        raise ParseError(f"{where} is not an object")
    labels = _texts(alert.get("labels"), f"{where}.labels")
    return Alert(
        source=SOURCE,
        fingerprint=_fingerprint(alert.get("fingerprint"), labels, f"{where}.fingerprint"),
        status=_status(alert.get("status"), default),
        labels=_bounded(labels),
        annotations=_bounded(_texts(alert.get("annotations"), f"{where}.annotations")),
        starts_at=parse_rfc3339(alert.get("startsAt")),
        ends_at=parse_rfc3339(alert.get("endsAt")),
    )


def _status(word: object, default: Status) -> Status:
    """A word that is neither counts as firing: an alert too many is better than one too few."""
    if word is None or word == "":
        return default
    return Status.RESOLVED if isinstance(word, str) and word.strip().lower() == "resolved" else Status.FIRING


def _fingerprint(given: object, labels: Mapping[str, str], where: str) -> str:
    """The source's own name where it is fit to be stored and printed; else one of ours.

    Ours is taken from the labels as they were sent, so that two alerts that differ only beyond what
    `_bounded` keeps stay two.
    """
    text = _text(given, where)
    if not text:
        return fingerprint_of(labels)
    return text if _FINGERPRINT.fullmatch(text) else fingerprint_of({"fingerprint": text})


def _texts(pairs: object, where: str) -> dict[str, str]:
    if pairs is None:
        return {}
    if not isinstance(pairs, dict):
        raise ParseError(f"{where} is not an object")
    return {name: value if isinstance(value, str) else _text(value, where) for name, value in pairs.items()}


def _text(value: object, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        raise ParseError(f"{where} is nested too deeply") from None


def _bounded(texts: Mapping[str, str]) -> dict[str, str]:
    """At most MAX_PAIRS; the longest names are dropped: people write short ones, machines long ones."""
    names: Iterable[str] = texts
    if len(texts) > MAX_PAIRS:
        names = sorted(texts, key=lambda name: (len(name), name))[:MAX_PAIRS]
    kept: dict[str, str] = {}
    for name in names:
        kept.setdefault(_storable(name, MAX_NAME), _storable(texts[name], MAX_VALUE))
    return kept


def _storable(text: str, limit: int) -> str:
    return _UNSTORABLE.sub("\ufffd", text[:limit])


def _hidden(count: object) -> int:
    return min(count, MAX_HIDDEN) if type(count) is int and count > 0 else 0
