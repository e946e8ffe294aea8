"""The story of one incident or message, told from the rows that record it: pure text out of what was read.

Every line begins with its time, so that the story reads from top to bottom as it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.decide.incidents import tag_of
from sms_notify.logs import masked
from sms_notify.store import reading
from sms_notify.store.tx import Row, Tx, load, moment

_ABOUT = {"manual": "what was written by hand", "operator": "our own trouble"}
Local = Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. `depth` 1 belongs to the line above it."""

    at: datetime
    what: str
    depth: int = 0


def of_incident(tx: Tx, incident_id: int) -> tuple[str, list[Line]] | None:
    """Headline and lines, or None where there is no such incident."""
    row = reading.incident(tx, incident_id)
    if row is None:
        return None
    labels = load(row["labels"])
    name = labels.get("alertname", "alert")
    headline = f"#{tag_of(incident_id)} (incident {incident_id}) {name}: {row['state']}, {row['severity']}"
    lines = [
        Line(moment(row["opened_at"]), "labels: " + ", ".join(f"{k}={v}" for k, v in sorted(labels.items())))
    ]
    lines += _heard(reading.alerts_of(tx, incident_id))
    for message in reading.messages_of(tx, incident_id):
        lines += _message(tx, message)
    return headline, sorted(lines, key=lambda line: line.at)


def of_message(tx: Tx, message_id: int) -> tuple[str, list[Line]] | None:
    """Headline and lines, or None where there is no such message."""
    row = reading.message(tx, message_id)
    if row is None:
        return None
    tags = " ".join(f"#{tag_of(i['id'])}" for i in reading.incidents_of(tx, message_id)) or _ABOUT.get(
        row["kind"], "nothing"
    )
    return f"m{message_id} {row['kind']} to {row['recipient']} about {tags}: {row['state']}", _message(
        tx, row
    )


def _heard(alerts: Sequence[Row]) -> list[Line]:
    """What was accepted; a row of equal repeats is told once, with their number."""
    lines: list[Line] = []
    repeats: list[Row] = []
    for row in alerts:
        if row["reason"] == "duplicate":
            repeats.append(row)
            continue
        lines += [*_repeated(repeats), Line(moment(row["received_at"]), _accepted(row))]
        repeats = []
    return lines + _repeated(repeats)


def _accepted(row: Row) -> str:
    routes = "; ".join((row["routes"] or "").split("\n"))
    return f"heard {row['status']} from {row['source']}: {row['reason']}" + (
        f", route {routes}" if routes else ""
    )


def _repeated(rows: Sequence[Row]) -> list[Line]:
    if not rows:
        return []
    times = "once" if len(rows) == 1 else f"{len(rows)} times"
    return [
        Line(
            moment(rows[-1]["received_at"]),
            f"heard {rows[-1]['status']} again {times}: duplicate, nobody is told twice",
        )
    ]


def _message(tx: Tx, row: Row) -> list[Line]:
    written = moment(row["created_at"])
    head = f"m{row['id']} {row['kind']} to {row['recipient']} ({masked(row['number'])}), {row['parts']} part(s): {row['body']!r}"
    return [Line(written, head), *(_entry(row["id"], entry) for entry in reading.ledger_of(tx, row["id"]))]


def _entry(message_id: int, row: Row) -> Line:
    code = f" {row['code']}" if row["code"] is not None else ""
    detail = f" ({row['detail']})" if row["detail"] else ""
    return Line(moment(row["at"]), f"m{message_id} {row['state']}: {row['reason']}{code}{detail}", 1)
