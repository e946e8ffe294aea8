"""A webhook notification of Uptime Kuma, with its "application/json" body: `heartbeat`, `monitor` and `msg`.

https://github.com/louislam/uptime-kuma/blob/master/server/notification-providers/webhook.js

Both objects are null in a test and in a notice that a certificate or a domain expires.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sms_notify.alert import SEVERITY, Alert, Delivery, Status, fingerprint_of
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_alert
from sms_notify.sources.times import parse_rfc3339

SOURCE = "uptime-kuma"
DOWN, UP, PENDING, MAINTENANCE = "0123"


def parse(body: bytes) -> Delivery:
    """The alert of one request; none where the monitor is pending or in maintenance, for then it is neither up nor down.

    Raises ParseError where the body is not JSON, or not Uptime Kuma's.
    """
    payload = json_alert.loads(body)
    if not isinstance(payload, dict) or not {"heartbeat", "monitor", "msg"} & payload.keys():
        raise ParseError('neither "heartbeat" nor "msg" in the body: this is not what Uptime Kuma sends')
    beat, monitor = _object(payload, "heartbeat"), _object(payload, "monitor")
    if not beat:
        return Delivery(SOURCE, _notice(monitor, json_alert.text_of(payload.get("msg"), "msg")))
    if _status(beat) in (PENDING, MAINTENANCE):
        return Delivery(SOURCE, ())
    return Delivery(SOURCE, (_state(beat, monitor),))


def _object(payload: Mapping[str, Any], name: str) -> dict[str, Any]:
    given = payload.get(name)
    return {} if given is None else json_alert.entry_of(given, name)


def _status(beat: Mapping[str, Any]) -> str:
    return json_alert.text_of(beat.get("status"), "heartbeat.status")


def _state(beat: Mapping[str, Any], monitor: Mapping[str, Any]) -> Alert:
    """A monitor's id is only its Uptime Kuma's own, so that the name belongs to what it is known by."""
    up = _status(beat) == UP
    labels = _labels(monitor)
    id_ = monitor.get("id", beat.get("monitorID"))
    identity = {"monitor": json_alert.text_of(id_, "monitor.id"), "name": labels.get("alertname", "")}
    said = input_limits.plain(json_alert.text_of(beat.get("msg"), "heartbeat.msg"))
    moment = parse_rfc3339(_utc(beat.get("time")))
    return Alert(
        source=SOURCE,
        fingerprint=fingerprint_of(identity),
        status=Status.RESOLVED if up else Status.FIRING,
        labels=input_limits.bounded({SEVERITY: "critical", **labels}),
        annotations=input_limits.bounded({"summary": said} if said else {}),
        starts_at=None if up else moment,
        ends_at=moment if up else None,
        start_told=False,  # of a beat: one that is sent again has a later time
    )


def _notice(monitor: Mapping[str, Any], said: str) -> tuple[Alert, ...]:
    """Nothing ends it, and other words are another notice."""
    summary = input_limits.plain(said)
    if not summary:
        return ()
    labels = {SEVERITY: "warning", **_labels(monitor)}
    words = {"text": summary, "monitor": json_alert.text_of(monitor.get("id"), "monitor.id")}
    notice = Alert(
        source=SOURCE,
        fingerprint=fingerprint_of(words),
        status=Status.FIRING,
        labels=input_limits.bounded(labels),
        annotations={"summary": summary},
        once=True,
        start_told=False,
    )
    return (notice,)


def _labels(monitor: Mapping[str, Any]) -> dict[str, str]:
    """What was chosen by a tag comes first: `severity`, `team`, and the like."""
    name = input_limits.one_line(json_alert.text_of(monitor.get("name"), "monitor.name"))
    labels = {"alertname": name, **_place(monitor), **_tags(monitor.get("tags"))}
    return {label: text for label, text in labels.items() if text}


def _place(monitor: Mapping[str, Any]) -> dict[str, str]:
    """Uptime Kuma leaves `https://` in the address of a monitor that has none."""
    url = json_alert.text_of(monitor.get("url"), "monitor.url").strip()
    host = input_limits.one_line(json_alert.text_of(monitor.get("hostname"), "monitor.hostname"))
    port = json_alert.text_of(monitor.get("port"), "monitor.port")
    try:
        found = urlsplit(url).hostname or ""
    except ValueError:
        found = ""
    target = url if found and not host else f"{host}:{port}" if host and port else ""
    return {"host": host or found, "instance": host or found, "target": input_limits.one_line(target)}


def _tags(given: object) -> dict[str, str]:
    """`[{"name": "severity", "value": "warning"}]`; a tag without a value is a label that says yes."""
    tags = [tag for tag in given if isinstance(tag, dict)] if isinstance(given, list) else []
    named = (
        (input_limits.label_name(json_alert.text_of(tag.get("name"), "tag")), tag.get("value"))
        for tag in tags
    )
    return {
        name: input_limits.one_line(json_alert.text_of(value, "tag")) or "yes"
        for name, value in named
        if name
    }


def _utc(time: object) -> object:
    """`2026-11-22 13:14:36.500`, in UTC → RFC 3339."""
    return f"{time.strip().replace(' ', 'T', 1)}Z" if isinstance(time, str) and " " in time.strip() else time
