"""What the webhooks take, as JSON Schema (2020-12, the dialect of OpenAPI 3.1), from the tables that the parsers read."""

from __future__ import annotations

from typing import Any

from sms_notify.alert import Severity, Status
from sms_notify.sources import generic, grafana, input_limits, zabbix
from sms_notify.sources.status_words import DOUBTFUL_WORDS, RESOLVED_WORDS

Json = dict[str, Any]

# 2^53: further on, a number is no longer the same in every JSON library; and no time needs more.
_MOST = 9_007_199_254_740_991
_SECONDS = "seconds or, where that would be after the year 5138, milliseconds since 1970"


def schemas() -> Json:
    """The schemas by the names under which the document refers to them."""
    return {
        "Text": {
            "description": f"Text of at most {input_limits.MAX_VALUE} characters; what is longer is cut. A number or a boolean"
            " counts as its JSON, null as missing.",
            "type": ["string", "number", "boolean", "null"],
            "minimum": -_MOST,
            "maximum": _MOST,
        },
        "Texts": {
            "description": f"At most {input_limits.MAX_PAIRS} are kept.",
            "type": "object",
            "additionalProperties": _ref("Text"),
        },
        "Status": {"type": "string", "enum": [*Status], "description": "Left out: firing."},
        "AlertmanagerAlert": _object({**_common(), **_times()}),
        "Alertmanager": _payload("AlertmanagerAlert"),
        "GrafanaAlert": _object({**_common(), **_times(), **_of_grafana()}),
        "Grafana": _payload("GrafanaAlert"),
        "PrometheusAlert": _object(
            {name: part for name, part in {**_common(), **_times()}.items() if name != "status"}
        ),
        "Prometheus": {
            "type": "array",
            "maxItems": input_limits.MAX_ALERTS,
            "items": _ref("PrometheusAlert"),
        },
        "UptimeKuma": _uptime_kuma(),
        "Zabbix": _zabbix(),
        "Alert": _object(alert_fields()),
        "Alerts": _alerts(),
    }


def _common() -> Json:
    """What Alertmanager and its kin write of an alert."""
    return {
        "status": _ref("Status"),
        "labels": _ref("Texts"),
        "annotations": _ref("Texts"),
        "fingerprint": {**_ref("Text"), "description": "Its name; left out: its labels name it."},
    }


def _times() -> Json:
    return {name: {"type": "string", "format": "date-time"} for name in ("startsAt", "endsAt")}


def _payload(alert: str) -> Json:
    fields = {
        "alerts": {"type": "array", "maxItems": input_limits.MAX_ALERTS, "items": _ref(alert)},
        "status": _ref("Status"),
        "groupKey": {"type": "string", "description": "Names the group; what comes together shares a text."},
        "truncatedAlerts": {"type": "integer", "minimum": 0, "maximum": input_limits.MAX_HIDDEN},
    }
    return {**_object(fields), "required": ["alerts"]}


def _of_grafana() -> Json:
    told = {name: {"type": "string", "description": f"The annotation {name}."} for name in grafana.ALONG}
    return {**told, "values": {"type": ["object", "null"], "additionalProperties": {"type": "number"}}}


def _uptime_kuma() -> Json:
    beat = {
        "status": {"type": "integer", "enum": [*range(4)], "description": "Down, up, pending, maintenance."}
    }
    monitor = {name: _ref("Text") for name in ("id", "name", "hostname", "port", "url")}
    tag = _object({"name": _ref("Text"), "value": _ref("Text")})
    fields = {
        "heartbeat": _object({**beat, "msg": _ref("Text"), "time": {"type": "string"}})
        | {"type": ["object", "null"]},
        "monitor": _object({**monitor, "tags": {"type": "array", "items": tag}})
        | {"type": ["object", "null"]},
        "msg": {
            **_ref("Text"),
            "description": "Told where there is no heartbeat: a test, a certificate that expires.",
        },
    }
    return {**_object(fields), "required": ["heartbeat", "monitor", "msg"]}


def _zabbix() -> Json:
    """A macro may be spelled in many ways; one is in the table."""
    about = (
        "Each parameter is called as its macro, or alike: EVENT.ID, EventId, event_id and eventid are the same. At least"
        " one of EVENT.NAME, ALERT.SUBJECT and ALERT.MESSAGE, and EVENT.ID in an update. A macro that Zabbix did not"
        " fill counts as missing."
    )
    return _object({name: _ref("Text") for name in sorted(zabbix.MACROS.split())}) | {"description": about}


def alert_fields() -> Json:
    """Every field of an alert that /alerts looks at; the others are passed over."""
    text, labels = _ref("Text"), {**generic.LABELS, **generic.GRADES}
    moment = {"type": "number", "exclusiveMinimum": 0, "maximum": _MOST, "description": _SECONDS}
    well, doubtful = (", ".join(sorted(words)) for words in (RESOLVED_WORDS, DOUBTFUL_WORDS))
    about = f"{well} are resolved; {doubtful} where an opposite word opened it; any other word is firing."
    status = {"type": "string", "description": about}
    time = {"anyOf": [{"type": "string", "format": "date-time"}, moment]}
    severities = ", ".join(Severity)
    return {
        **{name: {**text, "description": f"The label {label}."} for name, label in labels.items()},
        **{
            name: {**text, "description": f"The annotation {to}."} for name, to in generic.ANNOTATIONS.items()
        },
        "severity": {**text, "description": f"The label severity; understood as {severities}."},
        "labels": {**_ref("Texts"), "description": "They count before the fields beside them."},
        "annotations": _ref("Texts"),
        "fingerprint": {**text, "description": "Its name; left out: its labels name it."},
        **dict.fromkeys(generic.STATUS, status),
        **{
            name: {**text, "description": "The sender's own id."}
            for name in (*generic.OWN_IDS, *generic.ROW_IDS)
        },
        "resolved": {"type": "boolean"},
        **dict.fromkeys((*generic.STARTS, *generic.ENDS), time),
    }


def _alerts() -> Json:
    """An object that has `alerts` is a list of them, whatever else it has."""
    alert = _ref("Alert")
    known = [{"required": [name]} for name in alert_fields() if name in generic.SPEAKING]
    return {
        "description": "One alert, a list of alerts, or an object with such a list.",
        "anyOf": [
            {**alert, "type": "object", "anyOf": known, "not": {"required": ["alerts"]}},
            {"type": "array", "maxItems": input_limits.MAX_ALERTS, "items": alert},
            _payload("Alert"),
        ],
    }


def _object(fields: Json) -> Json:
    return {"type": "object", "properties": fields}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
