"""Rows that say that one person is to hear one thing of one incident: held, told by a message, or dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.alert import Alert, Severity, Status
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.routing import ROUND
from sms_notify.policy.vocabulary import Drop, Kind, PageState
from sms_notify.store.tx import Row, Tx, from_stored, load, moment, stored


@dataclass(frozen=True, slots=True)
class Subject:
    """The incident of a page, as far as a text tells it."""

    incident_id: int
    alert: Alert
    opened_at: datetime
    ended: bool = False
    flapping: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Somebody is to hear something. `id` 0 = not written down yet; `held_by` names the window or the limit that holds it."""

    subject: Subject
    person: Person
    kind: Kind
    receiver: str
    due_at: datetime
    created_at: datetime
    why: Hold = Hold.NOW
    held_by: str = ""
    nth: int = 0
    bundle: str = ""
    hidden: int = 0
    id: int = 0

    @property
    def lane(self) -> Lane:
        """An end never delays a beginning: it goes with the rest, however critical the trouble was."""
        critical = self.subject.alert.severity is Severity.CRITICAL and self.kind is not Kind.RESOLVED
        return Lane.CRITICAL if critical else Lane.REST


@dataclass(frozen=True, slots=True)
class Written:
    """A page as it stands in its row, for deciding what the end of its incident means for its reader."""

    id: int
    incident_id: int
    number: str
    recipient: str
    kind: Kind
    nth: int
    receiver: str
    state: PageState
    why: str
    message_id: int | None
    due_at: datetime


def write(tx: Tx, page: Page, message_id: int | None) -> bool:
    """Writes a page down, held or told. False where it is there already: the index decides races, and no race may
    undo the whole transaction of everybody else.
    """
    written = tx.run(
        "insert into pages (incident_id, number, kind, nth, recipient, receiver, lane, bundle, state, why, held_by, hidden,"
        " created_at, due_at, message_id) values (:incident_id, :number, :kind, :nth, :recipient, :receiver, :lane, :bundle,"
        " :state, :why, :held_by, :hidden, :created_at, :due_at, :message_id)"
        " on conflict (incident_id, number, kind, nth) do nothing",
        incident_id=page.subject.incident_id,
        number=page.person.number,
        kind=page.kind,
        nth=page.nth,
        recipient=page.person.name,
        receiver=page.receiver,
        lane=page.lane,
        bundle=page.bundle,
        state=PageState.HELD if message_id is None else PageState.TOLD,
        why=page.why,
        held_by=page.held_by,
        hidden=page.hidden,
        created_at=stored(page.created_at),
        due_at=stored(page.due_at),
        message_id=message_id,
    )
    return written == 1


def tell(tx: Tx, page: Page, message_id: int) -> None:
    """A message tells it now."""
    if not page.id:
        write(tx, page, message_id)
        return
    tx.run(
        "update pages set state = 'told', message_id = :message_id where id = :id",
        message_id=message_id,
        id=page.id,
    )


def hold(tx: Tx, page: Page, until: datetime, why: Hold, held_by: str) -> None:
    """Holds it, longer if it was held; why it was held first is not forgotten by a limit that holds it later."""
    if not page.id:
        write(tx, _with(page, until, why, held_by), None)
        return
    tx.run(
        "update pages set due_at = :until, why = :why, held_by = :held_by where id = :id",
        until=stored(until),
        why=why,
        held_by=held_by,
        id=page.id,
    )


def _with(page: Page, until: datetime, why: Hold, held_by: str) -> Page:
    return Page(
        page.subject, page.person, page.kind, page.receiver, until, page.created_at, why, held_by, page.nth,
        page.bundle, page.hidden,
    )  # fmt: skip


def drop(tx: Tx, page_ids: Iterable[int], why: Drop) -> None:
    for page_id in page_ids:
        tx.run(
            "update pages set state = 'dropped', why = :why where id = :id and state = 'held'",
            why=why,
            id=page_id,
        )


def drop_turns(tx: Tx, incident_id: int, why: Drop) -> None:
    """The escalations and reminders of an incident that nobody was told of yet."""
    tx.run(
        "update pages set state = 'dropped', why = :why where incident_id = :id and state = 'held'"
        " and kind in ('escalation', 'reminder')",
        why=why,
        id=incident_id,
    )


def drop_stale(tx: Tx, now: datetime) -> None:
    """What is held about incidents that were closed at `now` because nothing was heard of them."""
    tx.run(
        "update pages set state = 'dropped', why = :why where state = 'held' and incident_id in"
        " (select id from incidents where closed_at = :now and state = 'stale')",
        why=Drop.STALE,
        now=stored(now),
    )


def release(tx: Tx, message_id: int, now: datetime) -> int:
    """What a message that is too old was to tell goes into the next text; returns how many pages that are.

    Not the turns of what has ended, or is acknowledged meanwhile.
    """
    tx.run(
        "update pages set state = 'dropped', why = :why where message_id = :id and kind in ('escalation', 'reminder')"
        " and incident_id in (select id from incidents where acked_at is not null or closed_at is not null)",
        why=Drop.ACKNOWLEDGED,
        id=message_id,
    )
    tx.run(
        "update pages set state = 'dropped', why = :why where message_id = :id and kind <> 'resolved' and exists"
        " (select 1 from pages q where q.incident_id = pages.incident_id and q.number = pages.number"
        "  and q.kind = 'firing' and q.state <> 'dropped' and q.nth / :round > pages.nth / :round)",
        why=Drop.SUPERSEDED,
        id=message_id,
        round=ROUND,
    )
    return tx.run(
        "update pages set state = 'held', why = :why, held_by = '', due_at = :now, message_id = null"
        " where message_id = :id and state = 'told'",
        why=Hold.LATE,
        now=stored(now),
        id=message_id,
    )


_PAGE = (
    "select p.*, i.source, i.fingerprint, i.labels, i.annotations, i.starts_at, i.opened_at, i.ended_at, i.closed_at,"
    " i.flapping from pages p join incidents i on i.id = p.incident_id"
)


def due_readers(tx: Tx, now: datetime) -> Sequence[tuple[str, Lane]]:
    """Who has something due, the critical ones first."""
    rows = tx.all(
        # the plus signs keep the planner on the index by time: what is held for later is not looked at
        "select +lane as lane, +number as number from pages where state = 'held' and due_at <= :now"
        " group by +lane, +number order by 1, 2",
        now=stored(now),
    )
    return [(row["number"], Lane(row["lane"])) for row in rows]


def due_after_hours(tx: Tx, now: datetime) -> Sequence[tuple[str, str]]:
    """Whose beginnings quiet hours or a muted route held until now, by which receiver."""
    rows = tx.all(
        "select distinct number, receiver from pages where state = 'held' and due_at <= :now and kind = 'firing'"
        " and why in ('quiet_hours', 'muted', 'inactive')",
        now=stored(now),
    )
    return [(row["number"], row["receiver"]) for row in rows]


def held_for_hours(tx: Tx, number: str, receiver: str, now: datetime) -> Sequence[Page]:
    """Those beginnings, of one of them."""
    rows = tx.all(
        f"{_PAGE} where p.state = 'held' and p.number = :number and p.receiver = :receiver and p.due_at <= :now"
        " and p.kind = 'firing' and p.why in ('quiet_hours', 'muted', 'inactive') order by p.id",
        number=number,
        receiver=receiver,
        now=stored(now),
    )
    return [_page(row) for row in rows]


def revive(tx: Tx, page: Page) -> bool:
    """Somebody is back on call who had been relieved of this page; False where they never had it."""
    return bool(
        tx.run(
            "update pages set state = 'held', why = :why, held_by = :held_by, due_at = :due_at"
            " where incident_id = :incident_id and number = :number and kind = :kind and nth = :nth"
            " and state = 'dropped' and why = 'off_call'",
            why=page.why,
            held_by=page.held_by,
            due_at=stored(page.due_at),
            incident_id=page.subject.incident_id,
            number=page.person.number,
            kind=page.kind,
            nth=page.nth,
        )
    )


def due(tx: Tx, number: str, lane: Lane, now: datetime) -> Sequence[Page]:
    """What is due for a reader in one lane, in the order in which it came."""
    rows = tx.all(
        f"{_PAGE} where p.state = 'held' and p.number = :number and p.lane = :lane and p.due_at <= :now order by p.id",
        number=number,
        lane=lane,
        now=stored(now),
    )
    return [_page(row) for row in rows]


def postpone(tx: Tx, number: str, lane: Lane, until: datetime, held_by: str, now: datetime) -> None:
    """What is due waits with its lane. What was too late, or held for the night, says so when it is told."""
    tx.run(
        "update pages set due_at = :until, held_by = case when why in ('too_old', 'quiet_hours') then held_by else :held_by end,"
        " why = case when why in ('too_old', 'quiet_hours') then why else 'limit' end"
        " where state = 'held' and number = :number and lane = :lane and due_at <= :now",
        until=stored(until),
        held_by=held_by,
        number=number,
        lane=lane,
        now=stored(now),
    )


def held(tx: Tx, number: str, lane: Lane) -> Sequence[Page]:
    """All that is held for a reader in one lane, due or not, in the order in which it came."""
    rows = tx.all(
        f"{_PAGE} where p.state = 'held' and p.number = :number and p.lane = :lane order by p.id",
        number=number,
        lane=lane,
    )
    return [_page(row) for row in rows]


def _page(row: Row) -> Page:
    return Page(
        subject=subject_of(row),
        person=Person(row["recipient"], row["number"]),
        kind=Kind(row["kind"]),
        receiver=row["receiver"],
        due_at=moment(row["due_at"]),
        created_at=moment(row["created_at"]),
        why=Hold(row["why"]),
        held_by=row["held_by"],
        nth=row["nth"],
        bundle=row["bundle"],
        hidden=row["hidden"],
        id=row["id"],
    )


def subject_of(row: Row, id_: str = "incident_id") -> Subject:
    """An incident's row as texts tell it."""
    ended = row["closed_at"] is not None
    alert = Alert(
        row["source"],
        row["fingerprint"],
        Status.RESOLVED if ended else Status.FIRING,
        load(row["labels"]),
        load(row["annotations"]),
        from_stored(row["starts_at"]),
        from_stored(row["ended_at"]),
    )
    return Subject(row[id_], alert, moment(row["opened_at"]), ended, row["flapping"])


def of_incident(tx: Tx, incident_id: int) -> Sequence[Written]:
    """Every page of an incident, in the order in which they were owed."""
    rows = tx.all("select * from pages where incident_id = :id order by id", id=incident_id)
    return [_written(row) for row in rows]


def _written(row: Row) -> Written:
    return Written(
        row["id"], row["incident_id"], row["number"], row["recipient"], Kind(row["kind"]), row["nth"],
        row["receiver"], PageState(row["state"]), row["why"], row["message_id"], moment(row["due_at"]),
    )  # fmt: skip


def told_by(tx: Tx, message_id: int) -> Sequence[Written]:
    """What a message tells."""
    rows = tx.all("select * from pages where message_id = :id order by id", id=message_id)
    return [_written(row) for row in rows]


def tell_also(tx: Tx, page_id: int, person: Person, message_id: int) -> None:
    """Another person is told the same, by another message."""
    tx.run(
        "insert into pages (incident_id, number, kind, nth, recipient, receiver, lane, bundle, state, why, held_by, hidden,"
        " created_at, due_at, message_id) select incident_id, :number, kind, nth, :recipient, receiver, lane, bundle, 'told',"
        " why, held_by, hidden, created_at, due_at, :message_id from pages where id = :id"
        " on conflict (incident_id, number, kind, nth) do nothing",
        number=person.number,
        recipient=person.name,
        message_id=message_id,
        id=page_id,
    )


def has(tx: Tx, incident_id: int, number: str, kind: Kind, nth: int = 0) -> bool:
    row = tx.one(
        "select 1 from pages where incident_id = :incident_id and number = :number and kind = :kind and nth = :nth",
        incident_id=incident_id,
        number=number,
        kind=kind,
        nth=nth,
    )
    return row is not None


def waits(tx: Tx, incident_id: int, number: str) -> bool:
    """Whether something of the incident is still held for this reader: a reminder of it would overtake it."""
    row = tx.one(
        "select 1 from pages where incident_id = :incident_id and number = :number and state = 'held'",
        incident_id=incident_id,
        number=number,
    )
    return row is not None


def not_for(tx: Tx, numbers: frozenset[str]) -> Sequence[Written]:
    """What is held for numbers that are none of these."""
    rows = tx.all("select * from pages where state = 'held'")
    return [_written(row) for row in rows if row["number"] not in numbers]
