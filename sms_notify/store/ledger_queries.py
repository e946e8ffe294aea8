"""The ledger as commands and pages ask for it: messages and incidents by filters. Nothing here writes.

A filter that no index serves is a walk from the newest row on by the primary key, which ends with the last row asked for.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from sms_notify.alert import Severity
from sms_notify.policy import episodes
from sms_notify.policy.records import Incident, Message
from sms_notify.policy.vocabulary import State
from sms_notify.store.incidents import incident_of
from sms_notify.store.literals import in_list
from sms_notify.store.messages import TOLD_BY, message_of
from sms_notify.store.queries import LEFT_OR_WAITS, PEOPLE_TOLD, UNTOLD, shown_body
from sms_notify.store.tx import Row, Tx, among, from_stored, stored

# SQLite lowers these alone, and so does PostgreSQL for texts that compare byte by byte.
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NO_ID = 2**62  # above every id


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages. Empty, 0 or None asks for nothing in particular.

    `to`: a recipient's name, or a number as it stands in the ledger. `since`: written then or later. `incident`: those that
    tell it, or were to. `text`: part of the body, of the recipient's or of the receiver's name, in whatever case.
    `before_id` gives the next older page; the newest come first.
    """

    to: str = ""
    state: State | None = None
    since: datetime | None = None
    incident: int | None = None
    text: str = ""
    before_id: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents: the open ones, with `all` also the closed ones behind them.

    `since`: opened then or later. `receiver` and `person`: who has, or was to have, a text about it. `text`: a tag, or part
    of a label or of an annotation, in whatever case. `before_id` is the last incident of the page before.
    """

    all: bool = False
    severities: tuple[Severity, ...] = ()
    since: datetime | None = None
    receiver: str = ""
    person: str = ""
    text: str = ""
    before_id: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class LedgerIncident:
    """An incident, and how far telling people of it has come.

    `told`: how many people have a text about it. `leaving`: how many more have one that may not have left yet. `held`: for how
    many something waits, the first until `held_until`. `untold`: it is critical, open, not acknowledged, and reached nobody.
    """

    incident: Incident
    told: int
    leaving: int
    held: int
    held_until: datetime | None
    untold: bool


def messages_by(tx: Tx, wanted: MessageFilter) -> Sequence[tuple[Message, tuple[int, ...]]]:
    """The newest first, each with the incidents that it tells, and without the code of its link.

    A state that is not final and an incident are found by their indexes, the rest by a walk along the primary key.
    """
    conditions, values = _of_messages(wanted)
    rows = tx.all(
        f"select m.* from messages m where m.id < :before{_and(conditions)} order by m.id desc limit :limit",
        before=wanted.before_id or _NO_ID,
        limit=wanted.limit,
        **values,
    )
    told = _told_by(tx, [row["id"] for row in rows])
    return [(shown_message(row), tuple(told.get(row["id"], ()))) for row in rows]


def shown_message(row: Row) -> Message:
    """Without the code of its link: whoever has it acknowledges in the name of the text's reader."""
    return replace(message_of(row), body=shown_body(row))


def entered(tx: Tx, after: int, wanted: MessageFilter) -> tuple[int, Sequence[Message]]:
    """The messages that have come into a state since row `after` of the ledger, the first to come first, and the new last row.

    `wanted.state` None asks for those that were written. By the primary key of the ledger, and `messages` by theirs.
    """
    state = wanted.state or State.QUEUED
    conditions, values = _of_messages(replace(wanted, state=None))
    first = "" if wanted.state else " and l.id = (select min(f.id) from ledger f where f.message_id = m.id)"
    rows = tx.all(
        "select m.*, l.id as entry from ledger l join messages m on m.id = l.message_id"
        f" where l.id > :after and l.state = :entered{first}{_and(conditions)} order by l.id",
        after=after,
        entered=state,
        **values,
    )
    end = tx.one("select max(id) as id from ledger")
    last = (end["id"] if end is not None else None) or after
    return max(last, after), [shown_message(row) for row in rows]


def incidents_by(tx: Tx, wanted: IncidentFilter) -> Sequence[LedgerIncident]:
    """What is critical and has reached nobody first, then the most severe, those that nobody takes care of before the others,
    the newest first; behind the open ones the closed ones, the newest first.

    What is open is found by one of the indexes that have the open ones alone, and sorted here: asked for in the order of
    their ids, a database without statistics walks through all that ever were. What is closed, by the primary key.
    """
    before = _cursor(tx, wanted)
    if wanted.before_id and before is None:
        return []  # nothing stands behind what is not there
    ids = _open(tx, wanted, before)[: wanted.limit]
    if wanted.all and len(ids) < wanted.limit:
        ids += _closed(tx, wanted, before, wanted.limit - len(ids))
    return _listed(tx, ids)


def in_reading_order(tx: Tx, ids: Iterable[int]) -> dict[int, bool]:
    """Those that are there, in the order of `incidents_by`, each with whether it is untold; by the primary key."""
    rows = [
        row for names, named in among(ids) for row in tx.all(f"{_PLACE} where i.id in ({names})", **named)
    ]
    places = [_place(row) for row in rows]
    going_on = sorted((place for place in places if place.open), key=lambda place: place.key)
    closed = sorted((place for place in places if not place.open), key=lambda place: -place.id)
    return {place.id: place.untold for place in (*going_on, *closed)}


@dataclass(frozen=True, slots=True)
class LastTexts:
    """When a text to a number was delivered last, and when the last one was not; None = there was none."""

    delivered_at: datetime | None = None
    lost_at: datetime | None = None


def last_texts(tx: Tx, number: str) -> LastTexts:
    """Reads every text to the number, by `attempts_number`."""
    row = tx.one(
        f"select max(case when m.state = '{State.DELIVERED}' then m.updated_at end) as delivered,"
        f" max(case when m.state in {in_list(state for state in State if state.bad_end)} then m.updated_at end) as lost"
        " from attempts a join messages m on m.id = a.message_id where a.number = :number",
        number=number,
    )
    return (
        LastTexts(from_stored(row["delivered"]), from_stored(row["lost"])) if row is not None else LastTexts()
    )


def names_reader(tx: Tx, name: str) -> bool:
    """Whether anybody of that name, or with that number, ever had a text or was to have one. For a name that the configuration
    does not know: it walks through the tables where there is none.
    """
    texted = "select 1 from messages where recipient = :name or number = :name"
    owed = "select 1 from pages where recipient = :name"
    return any(tx.one(f"{found} limit 1", name=name) is not None for found in (texted, owed))


def names_receiver(tx: Tx, name: str) -> bool:
    """As `names_reader`, of receivers."""
    return tx.one("select 1 from pages where receiver = :name limit 1", name=name) is not None


# What a filter asks for, as conditions on `m` or `i`, and their parameters.


def _of_messages(wanted: MessageFilter) -> tuple[list[str], dict[str, object]]:
    found: list[tuple[str, dict[str, object]]] = []
    if wanted.to:
        found.append(("(m.recipient = :to or m.number = :to)", {"to": wanted.to}))
    if wanted.state is not None:
        found.append((_in_state(wanted.state), {}))
    if wanted.since is not None:
        found.append(("m.created_at >= :since", {"since": stored(wanted.since)}))
    if wanted.incident is not None:
        found.append((f"m.id in {TOLD_BY}", {"id": wanted.incident}))
    if wanted.text:
        body = "replace(m.body, coalesce(m.ack_code, ''), '')"
        found.append((_has(body, "m.recipient", "m.receiver"), {"text": wanted.text.translate(_LOWER)}))
    return _split(found)


def _in_state(state: State) -> str:
    """Of one that is not final there is an index that has its messages alone: a list of ids leads to it."""
    literal = in_list((state,))
    return (
        f"m.state in {literal}"
        if state.final
        else f"m.id in (select id from messages where state = '{state}')"
    )


def _of_incidents(wanted: IncidentFilter) -> tuple[list[str], dict[str, object]]:
    found: list[tuple[str, dict[str, object]]] = []
    if wanted.severities:
        found.append((f"i.severity in {in_list(wanted.severities)}", {}))
    if wanted.since is not None:
        found.append(("i.opened_at >= :since", {"since": stored(wanted.since)}))
    for column, name in (("receiver", wanted.receiver), ("recipient", wanted.person)):
        if name:  # by pages_once
            told = f"exists (select 1 from pages p where p.incident_id = i.id and p.{column} = :{column})"
            found.append((told, {column: name}))
    if wanted.text:
        tagged = episodes.incident_of(wanted.text) or 0
        written = orjson.dumps(wanted.text.translate(_LOWER)).decode()[
            1:-1
        ]  # as it stands between the quotes of JSON
        found.append(
            (f"(i.id = :tagged or {_has('i.labels', 'i.annotations')})", {"tagged": tagged, "text": written})
        )
    return _split(found)


def _has(*columns: str) -> str:
    """Whether `:text` stands in one of them. Both databases know `replace`; how they find a text in another has two names."""
    return "(" + " or ".join(f"replace(lower({one}), :text, '') <> lower({one})" for one in columns) + ")"


def _split(found: Iterable[tuple[str, dict[str, object]]]) -> tuple[list[str], dict[str, object]]:
    conditions: list[str] = []
    values: dict[str, object] = {}
    for condition, named in found:
        conditions.append(condition)
        values |= named
    return conditions, values


def _and(conditions: Iterable[str]) -> str:
    return "".join(f" and {condition}" for condition in conditions)


# Which incidents, in their order.


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an incident stands among those that are open. `open` is False of one that is closed: it stands behind them all."""

    untold: bool
    severity: Severity
    acked: bool
    id: int
    open: bool = True

    @property
    def key(self) -> tuple[bool, int, bool, int]:
        return not self.untold, self.severity.rank, self.acked, -self.id


_PLACE = f"select i.id, i.severity, i.acked_at, i.closed_at, case when {UNTOLD} then 1 else 0 end as untold from incidents i"


def _place(row: Row) -> _Place:
    untold, acked = bool(row["untold"]), row["acked_at"] is not None
    return _Place(untold, Severity(row["severity"]), acked, row["id"], row["closed_at"] is None)


def _cursor(tx: Tx, wanted: IncidentFilter) -> _Place | None:
    """Where the page before has ended. What was closed since it was shown has its place where it was shown, unless closed
    ones are shown as well.
    """
    row = tx.one(f"{_PLACE} where i.id = :id", id=wanted.before_id) if wanted.before_id else None
    return None if row is None else _place(row)


def _open(tx: Tx, wanted: IncidentFilter, before: _Place | None) -> list[int]:
    if wanted.all and before is not None and not before.open:
        return []
    conditions, values = _of_incidents(wanted)
    places = map(_place, tx.all(f"{_PLACE} where i.closed_at is null{_and(conditions)}", **values))
    following = (place for place in places if before is None or place.key > before.key)
    return [place.id for place in sorted(following, key=lambda place: place.key)]


def _closed(tx: Tx, wanted: IncidentFilter, before: _Place | None, limit: int) -> list[int]:
    conditions, values = _of_incidents(wanted)
    rows = tx.all(
        f"select i.id from incidents i where i.id < :before and i.closed_at is not null{_and(conditions)}"
        " order by i.id desc limit :limit",
        before=before.id if before is not None and not before.open else _NO_ID,
        limit=limit,
        **values,
    )
    return [row["id"] for row in rows]


# By pages_once each.
_LISTED = (
    f"select i.*, {PEOPLE_TOLD} as told, {LEFT_OR_WAITS} as texted,"
    " (select count(distinct p.number) from pages p where p.incident_id = i.id and p.state = 'held') as held,"
    " (select min(p.due_at) from pages p where p.incident_id = i.id and p.state = 'held') as held_until,"
    f" case when {UNTOLD} then 1 else 0 end as untold from incidents i where i.id in "
)


def _listed(tx: Tx, ids: Sequence[int]) -> list[LedgerIncident]:
    rows = {row["id"]: row for names, named in among(ids) for row in tx.all(f"{_LISTED}({names})", **named)}
    return [_listed_incident(rows[id_]) for id_ in ids]


def _listed_incident(row: Row) -> LedgerIncident:
    leaving, until = row["texted"] - row["told"], from_stored(row["held_until"])
    return LedgerIncident(incident_of(row), row["told"], leaving, row["held"], until, bool(row["untold"]))


def _told_by(tx: Tx, ids: Sequence[int]) -> dict[int, list[int]]:
    """The incidents that each of these messages tells, or was to tell: by pages_message and the key of `tried`."""
    found: dict[int, list[int]] = {}
    for row in _telling(tx, ids):
        found.setdefault(row["message_id"], []).append(row["incident_id"])
    return {message: sorted(set(incidents)) for message, incidents in found.items()}


def _telling(tx: Tx, ids: Sequence[int]) -> Iterator[Row]:
    for names, named in among(ids):
        yield from tx.all(f"select message_id, incident_id from pages where message_id in ({names})", **named)
        yield from tx.all(
            "select t.message_id, p.incident_id from tried t join pages p on p.id = t.page_id"
            f" where t.message_id in ({names})",
            **named,
        )
