"""What the monitoring systems of a story send, as the bytes and arguments that their parsers read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sms_notify.alert import Handed, fingerprint_of
from sms_notify.config.durations import DurationError, parse_duration
from sms_notify.sources.times import rfc3339
from sms_notify.stories.models import GrafanaEvent, Piped, WebhookEvent

SENDER = "http://alertmanager.example:9093"
_NEVER = "0001-01-01T00:00:00Z"
_PROMISED = timedelta(minutes=4)  # of Prometheus, with its usual settings
_EPOCH_OPTIONS = (
    "since",
    "last-ok",
    "time",
)  # of a hook: seconds since 1970, here a duration since the start


@dataclass(slots=True)
class Rule:
    """What a source remembers of its alerts: since when each fires, by its name for them."""

    began: dict[tuple[str, str], datetime] = field(default_factory=dict)


def webhook(given: WebhookEvent, rule: Rule, start: datetime, now: datetime) -> bytes:
    """One POST of an Alertmanager, or of a Grafana. `now` is the source's own clock."""
    org = str(given.org) if isinstance(given, GrafanaEvent) else ""
    alerts = [_alert(one, "firing", rule, org, start, now) for one in given.firing]
    alerts += [_alert(one, "resolved", rule, org, start, now) for one in given.resolved]
    first = alerts[0]["labels"].get("alertname", "") if alerts else ""
    body = {
        "version": "4",
        "receiver": "sms-notify",
        "status": given.status or ("firing" if given.firing else "resolved"),
        "groupKey": f'{{}}:{{alertname="{first}"}}' if given.group is None else given.group,
        "externalURL": given.sender or SENDER,
        "truncatedAlerts": given.truncated,
        "alerts": alerts,
    }
    if isinstance(given, GrafanaEvent):
        body["orgId"] = given.org
    return _json(body)


def posted_by_prometheus(given: WebhookEvent, rule: Rule, start: datetime, now: datetime) -> bytes:
    """One POST of a Prometheus: an alert that fires ends four minutes from now, unless it is said to end elsewhen."""
    alerts = [_alert(one, "firing", rule, "", start, now) for one in given.firing]
    alerts += [_alert(one, "resolved", rule, "", start, now) for one in given.resolved]
    ahead = rfc3339(now + _PROMISED)
    bare = [
        {name: alert[name] for name in ("labels", "annotations", "startsAt", "endsAt")} for alert in alerts
    ]
    return _json([alert | ({"endsAt": ahead} if alert["endsAt"] == _NEVER else {}) for alert in bare])


BODIES: Mapping[str, Callable[[WebhookEvent, Rule, datetime, datetime], bytes]] = {
    "alertmanager": webhook,
    "grafana": webhook,
    "prometheus": posted_by_prometheus,
}


def _alert(
    one: Mapping[str, Any], status: str, rule: Rule, org: str, start: datetime, now: datetime
) -> dict[str, Any]:
    labels = {name: text for name, text in one.items() if not name.startswith("$")}
    fingerprint = one.get("$fingerprint") or fingerprint_of(labels)
    told = {name: one[f"${name}"] for name in ("summary", "description") if f"${name}" in one}
    resolved = status == "resolved"
    began = rule.began.pop((org, fingerprint), now) if resolved else rule.began.get((org, fingerprint), now)
    if "$starts" in one:
        began = start + one["$starts"]
    if not resolved:
        rule.began[org, fingerprint] = began
    ended = start + one["$ends"] if "$ends" in one else now
    return {
        "status": status,
        "labels": labels,
        "annotations": told | one.get("$annotations", {}),
        "startsAt": rfc3339(began),
        "endsAt": rfc3339(ended) if resolved or "$ends" in one else _NEVER,
        "fingerprint": fingerprint,
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def posted(value: object) -> bytes:
    """The body of a POST; a text is a body as it stands."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else _json(value)


def of_monitor(hook: str, options: Mapping[str, str], start: datetime, now: datetime) -> Handed:
    """A call of `nagios` or `icinga` with these options."""
    words = [f"--{name}={_since(name, text, start)}" for name, text in options.items()]
    return Handed(hook, now, tuple(words))


def _since(name: str, text: str, start: datetime) -> str:
    if name not in _EPOCH_OPTIONS:
        return text
    try:
        size = parse_duration(text.removeprefix("-"))
    except DurationError:
        return text  # seconds since 1970, or what the parser makes nothing of
    at: datetime = start + (-size if text.startswith("-") else size)
    return str(int(at.timestamp()))


def of_script(arguments: Sequence[str], now: datetime) -> Handed:
    """A call of Zabbix' alert script: SENDTO SUBJECT MESSAGE."""
    return Handed("zabbix", now, tuple(arguments))


def of_pipe(piped: Piped, now: datetime) -> Handed:
    """A call of `pipe` with this standard input."""
    words = [f"--label={name}={text}" for name, text in piped.label.items()]
    words += [f"--{name}={text}" for name in ("name", "severity") if (text := getattr(piped, name))]
    words += [f"--{flag}" for flag in ("one", "resolved") if getattr(piped, flag)]
    return Handed("pipe", now, tuple(words), {}, piped.text.encode("utf-8", "surrogatepass"))
