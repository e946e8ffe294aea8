"""The machine-facing surface as an OpenAPI 3.1 document, built from the tables that the parsers themselves read.

https://spec.openapis.org/oas/v3.1.0

It tells what is meant, which is less than what is taken: a parser is lenient, because an alert that is refused for a
field is a page that nobody gets. Whatever fits these schemas is accepted; much that does not fit them is too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sms_notify.alert import Delivery
from sms_notify.policy.outcomes import DeliveryStatus
from sms_notify.sources import alertmanager, generic, grafana, installation, prometheus, uptime_kuma, zabbix
from sms_notify.web.body import MAX_BODY
from sms_notify.web.http_limits import HttpLimits
from sms_notify.web.schemas import Json, schemas

Parser = Callable[[bytes], Delivery]

# Of this description, not of the program: nobody is told without a token which version runs here.
_VERSION = "1"
_ABOUT = (
    "Alerts in, text messages out. What is accepted is on disk before the answer is sent.\n\n"
    "Every webhook is also there with a slash at its end, and none ever redirects. The Content-Type of a request is not"
    " looked at. The pages for people are not part of this."
)


@dataclass(frozen=True, slots=True)
class _Webhook:
    """Who posts to a door, what they post (the name of a schema), and one body that is accepted."""

    who: str
    schema: str
    example: object
    lines: bool = False  # also one alert a line


_LABELS = {"alertname": "DiskFull", "instance": "db1", "severity": "critical"}
_TOLD = {"status": "firing", "labels": _LABELS, "annotations": {"summary": "/var is at 97 %"}}
_WEBHOOKS: Mapping[Parser, _Webhook] = {
    alertmanager.parse: _Webhook(
        "Alertmanager's webhook, payload version 4",
        "Alertmanager",
        {"version": "4", "groupKey": '{}:{alertname="DiskFull"}', "alerts": [_TOLD]},
    ),
    grafana.parse: _Webhook(
        "A webhook contact point of Grafana's alerting, version 9 or later",
        "Grafana",
        {"version": "1", "orgId": 1, "alerts": [{**_TOLD, "values": {"B": 97.2}}]},
    ),
    zabbix.parse: _Webhook(
        "A webhook media type of Zabbix, its parameters as one object",
        "Zabbix",
        {"EVENT.ID": "17", "EVENT.VALUE": "1", "EVENT.NAME": "Disk is full", "HOST.HOST": "db1"},
    ),
    prometheus.parse: _Webhook(
        "Prometheus or vmalert, as it posts to an Alertmanager",
        "Prometheus",
        [
            {
                "labels": _LABELS,
                "annotations": {"summary": "/var is at 97 %"},
                "endsAt": "2100-01-01T00:00:00Z",
            }
        ],
    ),
    uptime_kuma.parse: _Webhook(
        "A webhook notification of Uptime Kuma, its body as application/json",
        "UptimeKuma",
        {
            "heartbeat": {"status": 0, "time": "2026-11-22 13:14:36.500", "msg": "timeout"},
            "monitor": {"id": 29, "name": "Shop", "url": "https://shop.example/"},
            "msg": "[Shop] [Down] timeout",
        },
    ),
    generic.parse: _Webhook(
        "Anything that can post JSON",
        "Alerts",
        {"name": "DiskFull", "host": "db1", "severity": "critical", "summary": "/var is at 97 %"},
        lines=True,
    ),
}


def document(webhooks: Mapping[str, Parser], *, tokens: bool, users: bool) -> Json:
    """The document for these webhooks (path → parser), where bearer tokens or users are asked for, or neither.

    Raises KeyError for a parser that nobody has described here.
    """
    schemes = {"token": tokens, "user": users}
    security: list[Json] = [{name: []} for name, asked in schemes.items() if asked]
    # Without a login only this machine's own names are answered.
    asked_of = ("401",) if security else ("421",)
    guarded = {status: _ref("responses", _REFUSALS[status][0]) for status in asked_of}
    return {
        "openapi": "3.1.0",
        "info": {"title": "sms-notify", "version": _VERSION, "description": _ABOUT},
        "security": security,
        "tags": [{"name": "alerts"}, {"name": "operation"}],
        "paths": {**_posts(webhooks, guarded), **_gets(guarded), "/-/reload": _reload(guarded)},
        "components": {
            "securitySchemes": {name: _SCHEMES[name] for name, asked in schemes.items() if asked},
            "responses": _responses(bool(security)),
            "schemas": schemas(),
        },
    }


def encoded(described: Json) -> bytes:
    """As it is served: UTF-8, one line."""
    return json.dumps(described, ensure_ascii=False).encode() + b"\n"


_SCHEMES: Mapping[str, Json] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "One of the tokens in web.webhook_tokens_file that has the role.",
    },
    "user": {"type": "http", "scheme": "basic", "description": "A user of web.users, UTF-8."},
}


def _posts(webhooks: Mapping[str, Parser], guarded: Json) -> Json:
    plain = {path: {"post": _post(path, _WEBHOOKS[parse], guarded)} for path, parse in webhooks.items()}
    named = {f"{path}/{{name}}": _named(path, plain[path]["post"]) for path in plain}
    return {**plain, **named}


def _named(path: str, post: Json) -> Json:
    schema = {"type": "string", "pattern": f"^{installation.NAME}$"}
    about = "The installation that sends: alerts of two installations with equal labels stay two problems."
    name: Json = {"name": "name", "in": "path", "required": True, "description": about, "schema": schema}
    return {"parameters": [name], "post": {**post, "operationId": f"{path.strip('/')}Named"}}


def _post(path: str, webhook: _Webhook, guarded: Json) -> Json:
    refusals = ("400", "403", "408", "413", "415", "431", "503")
    content: Json = {
        "application/json": {"schema": _ref("schemas", webhook.schema), "example": webhook.example}
    }
    if webhook.lines:
        content["application/x-ndjson"] = {"schema": {"type": "string", "description": "One alert a line."}}
    return {
        "operationId": path.strip("/").replace("/", "_"),
        "tags": ["alerts"],
        "summary": webhook.who,
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _ref("responses", "Accepted"),
            **guarded,
            **{status: _ref("responses", _REFUSALS[status][0]) for status in refusals},
        },
    }


def _gets(guarded: Json) -> Json:
    foreign = {"403": _ref("responses", "Foreign")}
    metrics = {**_said("Metrics", _METRICS), **guarded, **foreign, "503": _ref("responses", "Unavailable")}
    delivery = _get("delivery", _CALL_BACK, _said("Always, so that nobody learns which secrets exist"), True)
    return {
        "/metrics": _get("metrics", "For Prometheus", metrics),
        "/-/healthy": _get("healthy", "Whether the process serves", _said("It does"), True),
        "/-/ready": _get("ready", "Whether alerts become texts", {**_said("They do"), **_NOT_READY}, True),
        "/delivery/{token}": {"parameters": _call_back(), **delivery},
        "/watch/{secret}": _heartbeat(),
        "/openapi.json": _get("openapi", "This document", {"200": _DOCUMENT, **foreign}, True),
    }


def _heartbeat() -> Json:
    """Open to all who know the secret of the address."""
    about = "The end of the address: `watch[].secret`."
    schema = {"type": "string", "maxLength": 256, "pattern": "^[^/]+$"}
    secret: Json = {"name": "secret", "in": "path", "required": True, "description": about, "schema": schema}
    answers = {
        **_said("The sign of life is on disk"),
        "404": {
            "description": "No watch has this address.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        "503": _ref("responses", "Unavailable"),
    }
    told = _get("watch", "A job's sign of life for a watch", answers, True)["get"]
    return {"parameters": [secret], "get": told, "post": {**told, "operationId": "watchPosted"}}


def _reload(guarded: Json) -> Json:
    about = "Not taken over, nothing has changed: every fault with file, line, key and advice, one a line."
    answers = {
        **_said("The new configuration runs"),
        **guarded,
        "500": {"description": about, "content": {"text/plain": {"schema": {"type": "string"}}}},
        "503": _ref("responses", "Unavailable"),
    }
    return {"post": _get("reload", "Read the configuration again", answers)["get"]}


_CALL_BACK = "The gateway's delivery call-back: what became of a text"


def _call_back() -> list[Json]:
    """The secret of the address, and the gateway's own words; all of these may be missing or wrong."""
    about = "The secret of the address that `sms-notify delivery-url` prints."
    schema = {"type": "string", "maxLength": 256, "pattern": "^[^/]+$"}
    words: Json = {name: {"type": "string"} for name in ("smsid", "status", "datum", "referentie")}
    words["status"]["examples"] = [*DeliveryStatus]
    return [
        {"name": "token", "in": "path", "required": True, "description": about, "schema": schema},
        *({"name": name, "in": "query", "schema": word} for name, word in words.items()),
    ]


_METRICS = ("text/plain", "application/openmetrics-text")
_NOT_READY: Json = {
    "503": {
        "description": "Not ready: why, one reason a line.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}
_DOCUMENT: Json = {
    "description": "OpenAPI 3.1.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}


def _get(name: str, about: str, responses: Json, open_to_all: bool = False) -> Json:
    operation: Json = {"operationId": name, "tags": ["operation"], "summary": about, "responses": responses}
    return {"get": operation | ({"security": []} if open_to_all else {})}


def _said(what: str, kinds: tuple[str, ...] = ("text/plain",)) -> Json:
    content = {kind: {"schema": {"type": "string"}} for kind in kinds}
    return {"200": {"description": f"{what}.", "content": content}}


# Status → the name of the response, and what it means to who gets it.
_REFUSALS: Mapping[str, tuple[str, str]] = {
    "400": (
        "NotUnderstood",
        "Nothing was stored: no alert in it can be read. Sending the same body again does not help.",
    ),
    "401": ("Unauthorized", "Neither a valid token nor a user with the right password; nothing was stored."),
    "403": (
        "Foreign",
        "A web page in a browser asked (Origin or Sec-Fetch-Site); nothing was stored or shown.",
    ),
    "408": ("TooSlow", "Nothing was stored: the body did not arrive in time. The connection is closed."),
    "413": (
        "TooLarge",
        f"Nothing was stored: the body is over {MAX_BODY} bytes. Send fewer alerts at a time.",
    ),
    "415": ("Compressed", "Nothing was stored: send it without Content-Encoding."),
    "421": ("NotOurName", "No login is configured, and the Host is not one of this machine's own names."),
    "431": (
        "HeadersTooLarge",
        f"Nothing was stored: the headers are over {HttpLimits().header_bytes} bytes.",
    ),
    "503": (
        "Unavailable",
        "A problem of sms-notify. Send it again: alerts that were stored after all are recognised.",
    ),
}
_HEADERS: Mapping[str, tuple[str, str, str]] = {
    "401": ("WWW-Authenticate", "The schemes that are configured.", "string"),
    "503": ("Retry-After", "Seconds.", "integer"),
}


def _responses(guarded: bool) -> Json:
    accepted: Json = {
        "type": "object",
        "required": ["accepted"],
        "properties": {
            "accepted": {"type": "integer", "minimum": 0, "description": "How many alerts."},
            "refused": {"type": "integer", "minimum": 1, "description": "Alerts that could not be read."},
            "reasons": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Why, of the first ones.",
            },
        },
    }
    told = {name: _refusal(status, about) for status, (name, about) in _REFUSALS.items()}
    del told["NotOurName" if guarded else "Unauthorized"]
    about = "Every alert of the request that can be read is on disk."
    return {"Accepted": {"description": about, "content": {"application/json": {"schema": accepted}}}, **told}


def _refusal(status: str, about: str) -> Json:
    refusal: Json = {"description": about, "content": {"text/plain": {"schema": {"type": "string"}}}}
    if status in _HEADERS:
        header, told, kind = _HEADERS[status]
        refusal["headers"] = {header: {"description": told, "schema": {"type": kind}}}
    return refusal


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
