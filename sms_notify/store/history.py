"""What was heard and told, in the order in which it happened: for replaying it, and for adding it up. Nothing here writes
but `forget_alerts`, which is for replays alone. What adds up reads whole tables; no daemon asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.alert import Alert, Severity, Status
from sms_notify.policy.vocabulary import BEGUN, Decision, IncidentState, Kind, PageState, State
from sms_notify.store.blanking import LABELS
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Row, Tx, from_stored, load, moment


@dataclass(frozen=True, slots=True)
class RecordedAlert:
    """One accepted alert as it came. `group` is empty where the row does not keep it: that of a repeat."""

    id: int
    at: datetime
    alert: Alert
    group: str


@dataclass(frozen=True, slots=True)
class Ack:
    """Somebody acknowledged the incident with these labels."""

    at: datetime
    labels: dict[str, str]
    by: str


@dataclass(frozen=True, slots=True)
class ToldPage:
    """One thing that a message tells, with the incident it is about."""

    incident_id: int
    kind: Kind
    receiver: str
    severity: Severity
    labels: dict[str, str]
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Untold:
    """An incident that no text told, though somebody was to hear of it. `why` is empty where nobody was on call."""

    incident_id: int
    labels: dict[str, str]
    severity: Severity
    state: IncidentState
    opened_at: datetime
    page: PageState | None
    why: str
    held_by: str


def newest_alert(tx: Tx) -> int:
    """The id of the alert that was accepted last; 0 where none was."""
    row = tx.one("select max(id) as id from alerts")
    return int(row["id"] or 0) if row is not None else 0


def alerts_after(tx: Tx, last: int, until: int, limit: int) -> Sequence[RecordedAlert]:
    """The accepted alerts with ids in (last, until]. A repeat has the labels of the last that came with its own."""
    rows = tx.all(
        "select a.id, a.received_at, a.source, a.fingerprint, a.status, a.group_key, a.once, a.ends_at,"
        " coalesce(a.labels, b.labels, i.labels) as labels, coalesce(a.annotations, b.annotations, i.annotations)"
        " as annotations, coalesce(a.starts_at, i.starts_at) as starts_at"
        " from alerts a left join incidents i on i.id = a.incident_id"
        " left join alerts b on a.labels is null and b.id = (select c.id from alerts c where c.incident_id = a.incident_id"
        "  and c.id < a.id and c.labels is not null and c.source = a.source and c.fingerprint = a.fingerprint"
        "  order by c.id desc limit 1) where a.id > :last and a.id <= :until"
        " order by a.id limit :limit",
        last=last,
        until=until,
        limit=limit,
    )
    return [_heard(row) for row in rows]


def _heard(row: Row) -> RecordedAlert:
    alert = Alert(
        row["source"],
        row["fingerprint"],
        Status(row["status"]),
        load(row["labels"]),
        load(row["annotations"]),
        from_stored(row["starts_at"]),
        from_stored(row["ends_at"]),
        bool(row["once"]),
    )
    return RecordedAlert(row["id"], moment(row["received_at"]), alert, row["group_key"])


def count_erased(tx: Tx) -> int:
    """How many alerts have no labels any more. Reads the whole table."""
    row = tx.one(
        "select count(*) as n from alerts a left join incidents i on i.id = a.incident_id"
        f" where coalesce(a.labels, i.labels) = '{LABELS}'"
    )
    return int(row["n"]) if row is not None else 0


def acks(tx: Tx) -> Sequence[Ack]:
    """Who acknowledged what, the oldest first."""
    rows = tx.all(
        "select d.at, d.detail, coalesce((select a.labels from alerts a where a.incident_id = d.incident_id"
        f"  and a.labels is not null and a.reason in {in_list(BEGUN)}"
        "  and a.received_at <= d.at"
        "  order by a.id desc limit 1), i.labels) as labels"
        " from decisions d join incidents i on i.id = d.incident_id where d.word = :word order by d.at, d.id",
        word=Decision.ACKNOWLEDGED,
    )
    return [
        Ack(moment(row["at"]), load(row["labels"]), row["detail"].removeprefix("by ").partition(" (")[0])
        for row in rows
    ]


def forget_alerts(tx: Tx) -> None:
    """A replay counts alerts as they come; kept, a year of them would not fit into memory."""
    tx.run("delete from alerts")


def told_by(tx: Tx, message_id: int) -> Sequence[ToldPage]:
    """What a message tells, in the order in which it was owed."""
    rows = tx.all(
        "select p.incident_id, p.kind, p.receiver, i.severity, i.labels, i.opened_at from pages p"
        " join incidents i on i.id = p.incident_id where p.message_id = :id order by p.id",
        id=message_id,
    )
    return [
        ToldPage(
            row["incident_id"], Kind(row["kind"]), row["receiver"], Severity(row["severity"]), load(row["labels"]),
            moment(row["opened_at"]),
        )
        for row in rows
    ]  # fmt: skip


def pages_by_why(tx: Tx, state: PageState) -> dict[tuple[Kind, str], int]:
    """How many pages stand in `state`, by what they tell and why; told ones with what held them first."""
    rows = tx.all(
        "select kind, why, count(*) as n from pages where state = :state group by kind, why order by kind, why",
        state=state,
    )
    return {(Kind(row["kind"]), row["why"]): row["n"] for row in rows}


def decisions(tx: Tx) -> dict[str, int]:
    """How often each thing was decided."""
    rows = tx.all("select word, count(*) as n from decisions group by word order by word")
    return {row["word"]: row["n"] for row in rows}


# An incident whose route names nobody is untold by intention: it has neither a page nor a word that nobody was on call.
_UNTOLD = (
    " from incidents i left join pages p on p.id = (select max(q.id) from pages q where q.incident_id = i.id"
    "  and q.kind <> 'resolved') where not exists (select 1 from pages t join messages m on m.id = t.message_id"
    "  where t.incident_id = i.id and t.kind <> 'resolved' and m.attempts > 0"
    f"  and m.state in {in_list(state for state in State if state.hopeful)})"
    " and (p.id is not null or exists (select 1 from decisions d where d.incident_id = i.id and d.word = 'nobody_on_call'))"
)


def count_untold(tx: Tx) -> dict[tuple[Severity, IncidentState, str], int]:
    """How many incidents no text told, by severity, state and what became of the page."""
    rows = tx.all(
        "select i.severity, i.state, coalesce(p.why, '') as why, count(*) as n"
        + _UNTOLD
        + " group by 1, 2, 3 order by 1, 2, 3"
    )
    return {(Severity(row["severity"]), IncidentState(row["state"]), row["why"]): row["n"] for row in rows}


def untold(tx: Tx, limit: int) -> Sequence[Untold]:
    """Those incidents, the critical and the open first."""
    rows = tx.all(
        "select i.id, i.labels, i.severity, i.state, i.opened_at, p.state as page, coalesce(p.why, '') as why,"
        " coalesce(p.held_by, '') as held_by"
        + _UNTOLD
        + " order by i.severity <> 'critical', i.closed_at is not null, i.id limit :limit",
        limit=limit,
    )
    return [
        Untold(
            row["id"], load(row["labels"]), Severity(row["severity"]), IncidentState(row["state"]), moment(row["opened_at"]),
            PageState(row["page"]) if row["page"] else None, row["why"], row["held_by"],
        )
        for row in rows
    ]  # fmt: skip


def smsid_of(tx: Tx, message_id: int) -> str:
    """The gateway's id of a text; empty where its report is not to be had, or has come."""
    row = tx.one("select smsid from messages where id = :id and state = 'sent'", id=message_id)
    return (row["smsid"] or "") if row is not None else ""


def texts(tx: Tx) -> list[tuple[datetime, str, str, int]]:
    """Every text: when it was written, to whom, its words and parts."""
    rows = tx.all("select created_at, recipient, body, parts from messages order by id")
    return [(moment(row["created_at"]), row["recipient"], row["body"], row["parts"]) for row in rows]
