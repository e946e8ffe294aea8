"""What is piped in: the output of a job, lines of a log, or JSON.

With a name all lines are one alert, and the name is what it is known by, so that the job's next failure is the same
trouble and `--resolved` ends it. Without a name every line is an alert of its own, known by its words without the time
and the state in front of them. What reads like a notification of a monitoring system is one, known by host and service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sms_notify.alert import Alert, Delivery, Status, fingerprint_of
from sms_notify.sources import generic, input_limits, spoken
from sms_notify.sources.host_check import delivery_of

SOURCE = "pipe"
MAX_LINES = 100

_VALUES = ("--label", "--severity", "--name")
_FLAGS = ("--resolved", "--one")
# 2026-11-22T13:14:36.5Z, 2026-11-22 13:14:36,500 +0100, Nov 22 13:14:36, [1795353276.984], 13:14:36
_TIME = re.compile(
    r"[\[(<]?(?:\d{4}[-/.]\d\d[-/.]\d\d[T ]\d\d:\d\d(?::\d\d)?|[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d|\d\d:\d\d:\d\d|\d{10})"
    r"(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?[\])>]?:?(?=\s|$)\s*",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class _Said:
    """The options. `strange` are the words that mean nothing: the alert is told all the same, and they with it."""

    labels: Mapping[str, str] = field(default_factory=dict)
    severity: str = ""
    name: str = ""
    resolved: bool = False
    one: bool = False
    strange: str = ""


def parse(body: bytes, arguments: Sequence[str], at: datetime) -> Delivery:
    """The alerts of what was piped in; `at` is when. Text that says nothing is not an alert.

    Options: `--label NAME=VALUE` (any number), `--severity WORD`, `--name NAME`, `--one`, `--resolved`; `--option=value`
    too. Of more than MAX_LINES alerts the rest is counted in `hidden`. Raises ParseError for JSON that is broken or no alert.
    """
    said = _said(arguments)
    if generic.meant(body):
        named = {"alertname": said.name} if said.name else {}
        added = generic.Added({**said.labels, **named}, said.severity, said.resolved)
        delivery = generic.parse(body, SOURCE, added)
        return replace(delivery, alerts=tuple(_as_of(alert, at) for alert in delivery.alerts))
    text = body.decode("utf-8-sig", "replace")
    lines = [line for raw in text.splitlines() if (line := input_limits.plain(raw))]
    if said.name or said.one or spoken.is_one_notification(lines):
        return _one(said, lines, at)
    told = [_told(said, [line], at) for line in lines[:MAX_LINES]]
    hidden = min(max(0, len(lines) - MAX_LINES), input_limits.MAX_HIDDEN)
    return Delivery(
        SOURCE,
        tuple(alert for one in told for alert in one.alerts),
        hidden=hidden,
        acks=tuple(ack for one in told for ack in one.acks),
        unacks=tuple(unack for one in told for unack in one.unacks),
    )


def _as_of(alert: Alert, at: datetime) -> Alert:
    """What names no time is of when it was piped in: it may have lain there for hours."""
    if alert.perhaps_over or alert.starts_at or alert.ends_at:
        return alert
    if alert.status is Status.RESOLVED:
        return replace(alert, ends_at=at)
    return replace(alert, starts_at=at, start_told=False)


def _one(said: _Said, lines: Sequence[str], at: datetime) -> Delivery:
    if not lines and not said.resolved:
        return Delivery(SOURCE, ())
    # A job's output may begin with OK and go on with what failed.
    if len(lines) > 1 and not said.one and not spoken.is_one_notification(lines):
        return Delivery(SOURCE, (_alert(said, {}, lines, at),))
    return _told(said, lines, at)


def _told(said: _Said, lines: Sequence[str], at: datetime) -> Delivery:
    """What these lines say of one problem."""
    words = "\n".join([_TIME.sub("", line, count=1) for line in lines[:1]] + [*lines[1:]])
    check = spoken.notification(SOURCE, words, at)
    if check is not None and not said.resolved:
        named = {"alertname": said.name} if said.name else {}
        identity = {**said.labels, **(named or check.identity)}
        return delivery_of(
            replace(check, identity=identity, severity=said.severity, labels={**said.labels, **named})
        )
    over, about = spoken.state(words)
    over = over or (said.name != "" and spoken.is_well(words))
    said = replace(said, resolved=said.resolved or over)
    return Delivery(SOURCE, (_alert(said, {"text": about}, lines, at),))


def _alert(said: _Said, words: Mapping[str, str], lines: Sequence[str], at: datetime) -> Alert:
    """Known by its name; else by `words`."""
    severity = {"severity": said.severity} if said.severity else {}
    name = {"alertname": said.name} if said.name else {}
    identity = name or words
    texts = {
        "summary": lines[0] if lines else "",
        "description": input_limits.plain("\n".join(lines[1:])),
        "not_understood": said.strange,
    }
    return Alert(
        source=SOURCE,
        fingerprint=fingerprint_of({**said.labels, **identity}),
        status=Status.RESOLVED if said.resolved else Status.FIRING,
        labels=input_limits.bounded({**said.labels, **severity, **name}),
        annotations=input_limits.bounded({name: text for name, text in texts.items() if text}),
        starts_at=None if said.resolved else at,
        ends_at=at if said.resolved else None,
        start_told=False,
        once=not said.name and not said.resolved,  # nobody takes a line of a log back
    )


def _said(arguments: Iterable[str]) -> _Said:
    labels: dict[str, str] = {}
    texts: dict[str, str] = {}
    strange: list[str] = []
    flags: set[str] = set()
    words = iter(arguments)
    for word in words:
        option, equals, value = word.partition("=")
        if word in _FLAGS:
            flags.add(word)
            continue
        if option not in _VALUES:
            strange.append(word)
            continue
        value = input_limits.one_line(value if equals else next(words, ""))
        label, has_value, of_label = value.partition("=")
        if option != "--label":
            texts[option] = value
        elif has_value and (name := input_limits.label_name(label)):
            labels[name] = of_label
        else:
            strange.append(f"{option}={value}")
    return _Said(
        labels,
        texts.get("--severity", ""),
        texts.get("--name", ""),
        "--resolved" in flags,
        "--one" in flags,
        input_limits.one_line(" ".join(strange)),
    )
