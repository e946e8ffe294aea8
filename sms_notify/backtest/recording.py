"""Recorded alerts: JSON lines, or what a database remembers, as events in the order of time.

A recording is read line by line and never held whole. What a line may be is told in `docs/how-to/backtest.md`.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, BinaryIO

from sms_notify.alert import Alert, Delivery, Status
from sms_notify.errors import Fault, ParseError, UsageError
from sms_notify.policy.retention import are_erased
from sms_notify.sources.alertmanager import SOURCE, parse
from sms_notify.sources.times import parse_rfc3339
from sms_notify.store import history
from sms_notify.store.database import Database

LONGEST_LINE = 32 * 1024 * 1024
"""Bytes of one line; a webhook's body has at most ten million."""
_OUT_OF_ORDER = timedelta(minutes=1)  # what several writers of one recording may be behind each other
_FIRST_YEAR, _LAST_YEAR = 1990, 2200  # no calendar breaks in between, whatever is added to a time
_LONGEST_SOURCE = 64
_PAGE = 2_000  # rows read at once
_UNGROUPED = "recorded"  # in the place of a group that a row does not keep


@dataclass(frozen=True, slots=True)
class Recorded:
    """A source told something."""

    at: datetime
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class RecordedAcknowledgement:
    """Somebody took care of every open incident that has all of these labels."""

    at: datetime
    labels: Mapping[str, str]
    by: str


Event = Recorded | RecordedAcknowledgement


class BadLineError(Exception):
    """A line that is not an event: what is wrong, and what to do."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.what, self.advice = what, advice


class Recording:
    """The events of a file. `skipped` counts the bad lines that were passed over, `read` the bytes so far.

    Iterating raises UsageError with file and line at the first bad line, unless `skip_bad`.
    """

    def __init__(self, name: str, file: BinaryIO, *, skip_bad: bool = False) -> None:
        self._name = name
        self._file = file
        self._skip_bad = skip_bad
        self.skipped = 0
        self.read = 0

    def __iter__(self) -> Iterator[Event]:
        before: datetime | None = None
        for number, line in enumerate(self._lines(), 1):
            if not line.strip():
                continue
            try:
                event = event_of(line, before)
            except BadLineError as bad:
                self._bad(number, bad)
                continue
            before = event.at
            yield event

    def _lines(self) -> Iterator[bytes]:
        while line := self._file.readline(LONGEST_LINE + 1):
            self.read += len(line)
            yield line
            while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                line = self._file.readline(LONGEST_LINE + 1)

    def _bad(self, number: int, bad: BadLineError) -> None:
        if not self._skip_bad:
            advice = f"{bad.advice}; --skip-bad passes over such lines"
            raise UsageError(str(Fault(self._name, number, "", bad.what, advice)))
        self.skipped += 1


def event_of(line: bytes, before: datetime | None) -> Event:
    """The event of one line; `before` is the time of the one before it. Raises BadLineError."""
    if len(line) > LONGEST_LINE:
        raise BadLineError(
            f"is longer than {LONGEST_LINE} bytes", "write one JSON object a line: jq -c . FILE"
        )
    raw = _object(line)
    given = _given(raw)
    if "ack" in raw:
        return _ack(raw["ack"], given, before)
    delivery = _delivery(line, raw)
    at = given or _newest(delivery.alerts) or before
    if at is None:
        raise BadLineError("has no time", 'give it one: "at": "2026-11-22T14:05:00Z"')
    return Recorded(_in_order(at, before, told=given is not None), delivery)


def _object(line: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raise BadLineError("is not JSON", "write one JSON object a line: jq -c . FILE") from None
    if isinstance(raw, list):
        raise BadLineError("is a list", "write one JSON object a line: jq -c '.[]' FILE")
    if not isinstance(raw, dict):
        raise BadLineError("is not a JSON object", "write one alert or one webhook body a line")
    return raw


def _given(raw: Mapping[str, Any]) -> datetime | None:
    if "at" not in raw:
        return None
    at = parse_rfc3339(raw["at"])
    if at is None:
        raise BadLineError(
            f'"at" is not a time: {str(raw["at"])[:40]!r}', "write it with its zone: 2026-11-22T14:05:00Z"
        )
    return at


def _ack(ack: object, at: datetime | None, before: datetime | None) -> RecordedAcknowledgement:
    labels = ack.get("labels") if isinstance(ack, dict) else None
    by = ack.get("by", "somebody") if isinstance(ack, dict) else None
    named = isinstance(labels, dict) and bool(labels) and all(isinstance(v, str) for v in labels.values())
    if at is None or not named or not isinstance(by, str):
        raise BadLineError(
            "is not an acknowledgement", 'write {"at": TIME, "ack": {"labels": {"alertname": "HostDown"}}}'
        )
    return RecordedAcknowledgement(_in_order(at, before, told=True), dict(labels or {}), by)


def _delivery(line: bytes, raw: Mapping[str, Any]) -> Delivery:
    """A webhook's body as its own source reads it; a lone alert is a body with one alert."""
    if "alerts" not in raw and "labels" not in raw:
        raise BadLineError(
            'has neither "alerts" nor "labels" nor "ack"', "write a webhook body, or one alert"
        )
    alone = "alerts" not in raw
    try:
        delivery = parse(b'{"alerts":[' + line.strip() + b"]}" if alone else line)
    except ParseError as error:
        raise BadLineError(str(error), "write what Alertmanager posted, or one alert with labels") from None
    source = raw.get("source", SOURCE)
    if not isinstance(source, str) or not 0 < len(source) <= _LONGEST_SOURCE:
        raise BadLineError('"source" is not a name', f"at most {_LONGEST_SOURCE} characters, as grafana")
    if source == SOURCE:
        return delivery
    alerts = tuple(replace(alert, source=source) for alert in delivery.alerts)
    return replace(delivery, source=source, alerts=alerts)


def _newest(alerts: Iterable[Alert]) -> datetime | None:
    """When the newest of them began or ended: nobody can have told of it earlier."""
    times = [
        time
        for alert in alerts
        for time in (alert.starts_at, alert.ends_at if alert.status is Status.RESOLVED else None)
        if time is not None
    ]
    return max(times, default=None)


def _in_order(at: datetime, before: datetime | None, *, told: bool) -> datetime:
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise BadLineError(f"its time is of the year {at.year}", "look at what wrote the recording")
    if before is None or at >= before:
        return at
    if told and before - at > _OUT_OF_ORDER:
        raise BadLineError(
            f"its time is {before - at} before the one of an earlier line",
            "sort the recording: jq -sc 'sort_by(.at)[]' FILE",
        )
    return before


# What a database remembers.


def of_store(store: Database) -> Iterator[Event]:
    """What a daemon heard, and who acknowledged, out of its database, but for what is erased. Raises StoreError.

    Read page by page, so that a daemon that writes there at the same time is not kept from tidying up.
    """
    with store.reading() as tx:
        until = history.newest_alert(tx)
        acks = [ack for ack in history.acks(tx) if not are_erased(ack.labels)]
    heard = _deliveries(_alerts(store, until))
    taken = (RecordedAcknowledgement(ack.at, ack.labels, ack.by or "somebody") for ack in acks)
    before: datetime | None = None
    for event in heapq.merge(heard, taken, key=lambda event: event.at):
        before = max(event.at, before or event.at)
        yield replace(event, at=before)


def _alerts(store: Database, until: int) -> Iterator[history.RecordedAlert]:
    last = 0
    while last < until:
        with store.reading() as tx:
            page = history.alerts_after(tx, last, until, _PAGE)
        if not page:
            return
        yield from (row for row in page if not are_erased(row.alert.labels))
        last = page[-1].id


def _deliveries(heard: Iterable[history.RecordedAlert]) -> Iterator[Event]:
    """What one source told at one moment came in one request."""
    for (at, source), together in groupby(heard, key=lambda row: (row.at, row.alert.source)):
        rows = tuple(together)
        group = next((row.group for row in rows if row.group), "")
        if source == SOURCE:
            group = group or _UNGROUPED
        yield Recorded(at, Delivery(source, tuple(row.alert for row in rows), group))
