"""One alert as Alertmanager posts it: some 1.2 kB, with a number that makes it another alert than the last. Or several."""

from __future__ import annotations

import json
import re

ALERT = re.compile(rb"host(\d{8})")  # how a text tells which alert it is about
_NUMBER = "########"
_LABELS = {
    "alertname": "HostDown",
    "cluster": "eu-west-1",
    "instance": f"host{_NUMBER}",
    "job": "node-exporter",
    "severity": "critical",
    "team": "platform",
}
_ANNOTATIONS = {
    "summary": "The host has not answered for five minutes",
    "description": "Prometheus could not scrape the node exporter of the host for five minutes; it is either down,"
    " overloaded, or cut off from the network. Look at its console first, then at the switch.",
    "runbook_url": "https://runbooks.example.org/platform/host-down",
}
_ALERT = {
    "status": "firing",
    "labels": _LABELS,
    "annotations": _ANNOTATIONS,
    "startsAt": "2026-11-22T12:00:00.000Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=up+%3D%3D+0",
    "fingerprint": f"bench{_NUMBER}",
}
_PAYLOAD = {
    "version": "4",
    "groupKey": f'{{}}:{{alertname="HostDown", instance="host{_NUMBER}"}}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "sms",
    "groupLabels": {"alertname": "HostDown"},
    "commonLabels": _LABELS,
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example.org:9093",
}
_MARK = _NUMBER.encode()
_HEAD = json.dumps(_PAYLOAD).encode()[:-1] + b', "alerts": ['
_ONE = json.dumps(_ALERT).encode()


def content(number: int, alerts: int = 1) -> bytes:
    """A body with so many alerts, called `number`·`alerts` and on."""
    names = [b"%08d" % (number * alerts + at) for at in range(alerts)]
    told = b", ".join(_ONE.replace(_MARK, name) for name in names)
    return _HEAD.replace(_MARK, names[0]) + told + b"]}"


def request(number: int, port: int, token: str, alerts: int = 1) -> bytes:
    """A whole HTTP request with that content."""
    body = content(number, alerts)
    head = (
        f"POST /alertmanager HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
