"""What an alert is about: its name, its place, and what is said of it. All in GSM 03.38, on one line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sms_notify.alert import Alert
from sms_notify.wording import gsm
from sms_notify.wording.languages import Words
from sms_notify.wording.templates import FREE_TEXT, one_line

_WHERE = (
    "instance", "host", "hostname", "node", "pod", "service", "job", "device", "deployment", "namespace", "cluster",
)  # fmt: skip
_TEXTS = ("summary", "description", "message")
_PORT = re.compile(r"(\[[^\]]*\]|[^:]*):\d{1,5}")


def where_of(alert: Alert) -> str:
    """The first label that names a place, empty where none does."""
    return _first(alert.labels.get(name, "") for name in _WHERE)


def as_told(place: str) -> str:
    return place


def without_port(place: str) -> str:
    port = _PORT.fullmatch(place)
    return port[1] if port and port[1] else place


def what_and_summary(alert: Alert, words: Words) -> tuple[str, str]:
    """What it is and what is said of it. An alert without a name is told by its text, else by its labels."""
    name, summary = one_line(alert.labels.get("alertname", "")), _summary(alert)
    if name or summary:
        return name, summary
    return words.nameless, _labels(alert)


def briefly(alert: Alert, words: Words) -> tuple[str, str]:
    """As `what_and_summary`, where nobody needs to hear how it is: what is resolved, or comes and goes."""
    name = one_line(alert.labels.get("alertname", "")) or _summary(alert)
    return (name, "") if name else (words.nameless, _labels(alert))


def title_of(alert: Alert, words: Words) -> str:
    """What it is in at most 60 characters; never empty."""
    what, labels = briefly(alert, words)
    return gsm.clip(f"{what} {labels}".strip(), 60)


def speaks_of(body: str, word: str) -> bool:
    """Whether `word` stands in `body` as a whole: `web1` does not in `web10` or `web1.example.org`."""
    whole = rf"(?<![\w.-]){re.escape(word)}(?![\w-]|\.\w|:\d)"
    return bool(word) and re.search(whole, body) is not None


def _summary(alert: Alert) -> str:
    return _first(source.get(name, "") for source in (alert.annotations, alert.labels) for name in _TEXTS)


def _first(values: Iterable[str]) -> str:
    return next(filter(None, map(one_line, filter(None, values))), "")


def _labels(alert: Alert) -> str:
    pairs = (f"{name}={value}" for name, value in sorted(alert.labels.items()) if name != "severity")
    return one_line(" ".join(pair[:FREE_TEXT] for pair in pairs))
