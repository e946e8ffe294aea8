"""What is piped in: the output of a job, lines of a log, or JSON.

With a name all lines are one alert, and the name is what it is known by, so that the job's next failure is the same
trouble and `--resolved` ends it. Without a name every line is an alert of its own, known by its words without the time
in front of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sms_notify.alert import Alert, Delivery, Status, fingerprint_of
from sms_notify.sources import generic, input_limits

SOURCE = "pipe"
MAX_LINES = 100

_VALUES = ("--label", "--severity", "--name")
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
    strange: str = ""


def parse(body: bytes, arguments: Sequence[str], at: datetime) -> Delivery:
    """The alerts of what was piped in; `at` is when. Text that says nothing is not an alert.

    Options: `--label NAME=VALUE` (any number), `--severity WORD`, `--name NAME`, `--resolved`; `--option=value` too.
    Of more than MAX_LINES alerts the rest is counted in `hidden`. Raises ParseError for JSON that is broken or no alert.
    """
    said = _said(arguments)
    if generic.meant(body):
        named = {"alertname": said.name} if said.name else {}
        added = generic.Added({**said.labels, **named}, said.severity, said.resolved)
        return generic.parse(body, SOURCE, added)
    text = body.decode("utf-8-sig", "replace")
    lines = [line for raw in text.splitlines() if (line := input_limits.plain(raw))]
    if said.name:
        told = [_alert(said, {"alertname": said.name}, lines, at)] if lines or said.resolved else []
    else:
        told = [
            _alert(said, {"text": _TIME.sub("", line, count=1)}, [line], at) for line in lines[:MAX_LINES]
        ]
    hidden = 0 if said.name else max(0, len(lines) - MAX_LINES)
    return Delivery(SOURCE, tuple(told), hidden=min(hidden, input_limits.MAX_HIDDEN))


def _alert(said: _Said, identity: Mapping[str, str], lines: Sequence[str], at: datetime) -> Alert:
    severity = {"severity": said.severity} if said.severity else {}
    name = {"alertname": said.name} if said.name else {}
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
        once=not said.name,  # nobody takes a line of a log back
    )


def _said(arguments: Iterable[str]) -> _Said:
    labels: dict[str, str] = {}
    texts: dict[str, str] = {}
    strange: list[str] = []
    resolved = False
    words = iter(arguments)
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--resolved" and not equals:
            resolved = True
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
        resolved,
        input_limits.one_line(" ".join(strange)),
    )
