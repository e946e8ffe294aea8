"""Questions of the pages for people: what is open, who was told of it, what waits, and why. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sms_notify.alert import Alert, Severity
from sms_notify.policy.holds import Hold
from sms_notify.policy.routing import is_repeat
from sms_notify.policy.vocabulary import IncidentState, Kind, PageState, State
from sms_notify.store import ledger_queries, messages, queries
from sms_notify.store.incidents import incident_of
from sms_notify.store.ledger_queries import IncidentFilter
from sms_notify.store.literals import in_list
from sms_notify.store.messages import Message
from sms_notify.store.tx import Row, Tx, among, from_stored, moment


@dataclass(frozen=True, slots=True)
class ShownIncident:
    """An episode as the pages tell it. Times are aware UTC; `acked_by` is empty while nobody takes care of it, `ack_until`
    None where nothing lapses by itself, `closed_by` empty where its source ended it.
    """

    id: int
    alert: Alert
    state: IncidentState
    severity: Severity
    opened_at: datetime
    closed_at: datetime | None
    acked_at: datetime | None
    acked_by: str
    acked_how: str
    ack_until: datetime | None = None
    closed_by: str = ""
    untold: bool = False
    """True where it is critical and has reached nobody; only a list of what is open says so."""

    @property
    def since(self) -> datetime:
        """When it began as the source tells it, as the texts do; a clock that is ahead does not make it begin later."""
        return min(self.alert.starts_at or self.opened_at, self.opened_at)

    @property
    def waits(self) -> bool:
        """True where it goes on and nobody takes care of it."""
        return self.closed_at is None and self.acked_at is None


@dataclass(frozen=True, slots=True)
class NotificationProgress:
    """How far it has come with telling one person: the state of the text, or `held_until` while there is none."""

    recipient: str
    state: State | None
    held_until: datetime | None
    grouping: bool = False
    """True where it only waits for others of its group."""

    @property
    def hopeful(self) -> bool:
        """True where a text has told it, as far as is known."""
        return self.state is not None and self.state.hopeful


@dataclass(frozen=True, slots=True)
class Held:
    """So many pages wait for the same reason; the first of them is due at `until`."""

    why: Hold
    by: str
    pages: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """Texts that have not left, or of which nobody knows whether they did."""

    queued: int
    oldest: datetime | None
    unknown: int


@dataclass(frozen=True, slots=True)
class Linked:
    """What the code of a link leads to: one text, and every incident that it tells."""

    message: Message
    incidents: tuple[ShownIncident, ...]


_RANKS = " ".join(f"when '{severity}' then {severity.rank}" for severity in Severity)
_OPEN = (
    f"select i.*, case when {queries.UNTOLD} then 1 else 0 end as untold from incidents i where i.closed_at is null"
    f" order by untold desc, case i.severity {_RANKS} end, i.acked_at is not null, i.id desc limit :limit"
)


def earlier(tx: Tx, incident_id: int, limit: int) -> Sequence[ShownIncident]:
    """The last episodes of the same alert before this one, the newest first; by `incidents_latest`."""
    rows = tx.all(
        "select e.* from incidents i join incidents e on e.source = i.source and e.fingerprint = i.fingerprint"
        " where i.id = :id and e.id < i.id and e.closed_at is not null order by e.id desc limit :limit",
        id=incident_id,
        limit=limit,
    )
    return [_incident(row) for row in rows]


_TOLD = (
    "select p.incident_id, p.recipient, p.number, p.nth, p.state as page, p.due_at, p.why, m.state as message from pages p"
    f" left join messages m on m.id = p.message_id where p.incident_id in ({{ids}}) and p.state <> '{PageState.DROPPED}'"
    f" and p.kind in {in_list(kind for kind in Kind if kind.news)} order by p.id"
)


def open_incidents(tx: Tx, limit: int) -> Sequence[ShownIncident]:
    """What is critical and has reached nobody first, then the most severe, those that nobody takes care of before the others,
    the newest first. By `incidents_quiet`, which has what is open alone: all of it is sorted.
    """
    return [replace(_incident(row), untold=bool(row["untold"])) for row in tx.all(_OPEN, limit=limit)]


def incidents_by(tx: Tx, wanted: IncidentFilter) -> Sequence[ShownIncident]:
    """In the order of `ledger_queries.incidents_by`."""
    return _shown(tx, {one.incident.id: one.untold for one in ledger_queries.incidents_by(tx, wanted)})


def _shown(tx: Tx, listed: Mapping[int, bool]) -> Sequence[ShownIncident]:
    """In their order, each with whether it is untold."""
    rows: dict[int, Row] = {}
    for names, values in among(listed):
        rows |= {row["id"]: row for row in tx.all(f"select * from incidents where id in ({names})", **values)}
    return [replace(_incident(rows[id_]), untold=untold) for id_, untold in listed.items()]


def open_counts(tx: Tx) -> dict[Severity, tuple[int, int]]:
    """How many are open, and how many of them nobody takes care of; the most severe first."""
    rows = tx.all(
        "select severity, count(*) as n, count(acked_at) as acked from incidents where closed_at is null group by severity"
    )
    counts = {Severity(row["severity"]): (row["n"], row["n"] - row["acked"]) for row in rows}
    return dict(sorted(counts.items(), key=lambda entry: entry[0].rank))


def incident(tx: Tx, incident_id: int) -> ShownIncident | None:
    """None where there is no such incident."""
    row = tx.one("select * from incidents where id = :id", id=incident_id)
    return _incident(row) if row is not None else None


def told(tx: Tx, incident_ids: Iterable[int]) -> dict[int, list[NotificationProgress]]:
    """Everybody who was, or is still to be, told of each incident's problem, in the order in which they were owed it; by
    `pages_once`.

    A reminder to somebody who was told before counts as little as the end: the first text tells how far it has come.
    """
    last: dict[int, dict[str, NotificationProgress]] = {}
    for names, values in among(dict.fromkeys(incident_ids)):
        for row in tx.all(_TOLD.format(ids=names), **values):
            state = State(row["message"]) if row["message"] is not None else None
            until = moment(row["due_at"]) if row["page"] == PageState.HELD else None
            people = last.setdefault(row["incident_id"], {})
            before = people.get(row["number"])
            # A repeat by hand takes nothing from whoever was told before.
            if before is None or not (is_repeat(row["nth"]) and before.hopeful):
                grouping = until is not None and row["why"] == Hold.GROUP
                people[row["number"]] = NotificationProgress(row["recipient"], state, until, grouping)
    return {id_: list(people.values()) for id_, people in last.items()}


def held(tx: Tx) -> Sequence[Held]:
    """What waits for a window, a group or a limit, by its reason; the next due first."""
    rows = tx.all(
        "select why, held_by, count(*) as n, min(due_at) as until from pages where state = 'held'"
        " group by why, held_by order by until"
    )
    return [Held(Hold(row["why"]), row["held_by"], row["n"], moment(row["until"])) for row in rows]


def queue(tx: Tx) -> Queue:
    """How much waits. Reads what is queued, of which there is as much as waits, and nothing of what is final."""
    row = tx.one("select count(*) as n, min(created_at) as oldest from messages where state = 'queued'")
    unknown = tx.one("select count(*) as n from messages where state = 'unknown'")
    assert row is not None  # noqa: S101 - a count always has its row
    assert unknown is not None  # noqa: S101
    return Queue(row["n"], from_stored(row["oldest"]), unknown["n"])


def linked(tx: Tx, code: str) -> Linked | None:
    """What a link's code leads to, in the order of the first page. An empty code leads nowhere, whatever stands in the table."""
    message = messages.acknowledged_by(tx, code) if code else None
    if message is None:
        return None
    told = messages.incidents_of(tx, message.id)
    return Linked(message, tuple(_shown(tx, ledger_queries.in_reading_order(tx, told))))


def _incident(row: Row) -> ShownIncident:
    return ShownIncident(
        id=row["id"],
        alert=incident_of(row).subject.alert,
        state=IncidentState(row["state"]),
        severity=Severity(row["severity"]),
        opened_at=moment(row["opened_at"]),
        closed_at=from_stored(row["closed_at"]),
        acked_at=from_stored(row["acked_at"]),
        acked_by=row["acked_by"],
        acked_how=row["acked_how"],
        ack_until=from_stored(row["ack_until"]),
        closed_by=row["closed_by"],
    )
