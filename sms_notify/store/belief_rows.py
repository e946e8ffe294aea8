"""What each reader believes of each problem (the table `beliefs`): a row a reader's name and problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import orjson

from sms_notify.policy.belief import Belief, Believed, Said, after, fold
from sms_notify.policy.directory import Person
from sms_notify.policy.owed_again import PAUSES
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.vocabulary import Drop, Kind, State
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Row, Tx, insert_into, moment, pairs, stored

Key = tuple[str, str, str]
"""Source and fingerprint of a problem, and the reader's number."""


def of_problems(tx: Tx, keys: Iterable[tuple[str, str]]) -> list[tuple[Key, Believed]]:
    """What is believed of these problems, by the primary key. Of two names with one number the later word is first."""
    found = [
        ((row["source"], row["fingerprint"], row["number"]), _believed(row))
        for values, named in pairs(dict.fromkeys(keys))
        for row in tx.all(
            f"with k (source, fingerprint) as (values {values}) select b.* from k join beliefs b"
            " on b.source = k.source and b.fingerprint = k.fingerprint",
            **named,
        )
    ]
    return sorted(found, key=lambda one: one[1].at, reverse=True)


def take_over(tx: Tx, people: Mapping[str, Person]) -> None:
    """A person keeps what they believe with another number, and under another name with the same number. Reads the whole
    table, once a start or reload.
    """
    names = {person.number: name for name, person in people.items()}
    for row in tx.all("select distinct reader, number from beliefs"):
        reader, number = row["reader"], row["number"]
        if reader in people and people[reader].number != number:
            sql = "update beliefs set number = :new where reader = :reader and number = :number"
            tx.run(sql, new=people[reader].number, reader=reader, number=number)
        elif reader not in people and number in names:
            tx.run(_RENAME, name=names[number], reader=reader, number=number)


_RENAME = (
    "update beliefs set reader = :name where reader = :reader and number = :number and not exists (select 1 from beliefs o"
    " where o.source = beliefs.source and o.fingerprint = beliefs.fingerprint and o.reader = :name)"
)


def ended(tx: Tx) -> list[tuple[str, str]]:
    """The problems that are over, and of which somebody believes that they are not, by `beliefs_of_trouble`."""
    of_trouble = in_list(belief for belief in Belief if belief.of_trouble)
    rows = tx.all(
        f"select distinct b.source, b.fingerprint from beliefs b where b.belief in {of_trouble} and not exists"
        " (select 1 from incidents i where i.source = b.source and i.fingerprint = b.fingerprint and i.closed_at is null)"
    )
    return [(row["source"], row["fingerprint"]) for row in rows]


_SAVE = (
    insert_into(
        "beliefs",
        "source, fingerprint, reader, number, belief, incident_id, said_by, at, receivers, critical",
    )
    + " on conflict (source, fingerprint, reader) do update set number = excluded.number, belief = excluded.belief,"
    " incident_id = excluded.incident_id, said_by = excluded.said_by, at = excluded.at, receivers = excluded.receivers,"
    " critical = excluded.critical"
)


def save(tx: Tx, believed: Mapping[Key, Believed]) -> None:
    rows = [
        (
            source, fingerprint, one.person.name, one.person.number, one.belief, one.incident_id, one.said_by,
            stored(one.at), orjson.dumps(one.receivers).decode(), int(one.critical),
        )
        for (source, fingerprint, _), one in believed.items()
    ]  # fmt: skip
    tx.run_all(_SAVE, rows)


# By pages_message, and the primary keys of the rest.
_TELLS = (
    "select p.*, i.source, i.fingerprint, b.belief, b.said_by, b.at, b.receivers, b.critical, b.reader,"
    " b.incident_id as episode from pages p join incidents i on i.id = p.incident_id left join beliefs b"
    " on b.source = i.source and b.fingerprint = i.fingerprint and b.reader = p.recipient"
    " where p.message_id = :id order by p.id"
)


def say(tx: Tx, message_id: int, now: datetime) -> None:
    """A gateway has taken this text, or may have: its readers believe what it tells."""
    said: dict[Key, Believed] = {}
    for row in tx.all(_TELLS, id=message_id):
        key = (row["source"], row["fingerprint"], row["number"])
        before = said.get(key) or (_believed(row, row["episode"]) if row["reader"] is not None else None)
        believed = after(before, _said(row, now))
        if believed is not None:
            said[key] = believed
    save(tx, said)


_TOLD = (
    "select distinct i.source, i.fingerprint, p.number, p.recipient from pages p join incidents i on i.id = p.incident_id"
    " where p.id in (select id from pages where message_id = :id union select page_id from tried where message_id = :id)"
)
# By incidents_latest and pages_once. What its reader is not to be told of an end counts as said; so does an end that has
# failed as often as it is tried.
_ALL = (
    "select p.*, i.source, i.fingerprint, coalesce(m.sent_at, m.created_at, p.created_at) as at,"
    " p.again_of is not null or p.state = 'told' and (m.ambiguous > 0 or m.state in"
    f" {in_list(state for state in State if state.said)}) as may_have_arrived,"
    f" p.state = 'dropped' and p.why in {in_list(drop for drop in Drop if drop.counts_as_said)} or p.kind = '{Kind.RESOLVED}'"
    f" and p.failures >= {len(PAUSES)} and m.state in {in_list(state for state in State if state.bad_end)} as silent"
    " from incidents i join pages p on p.incident_id = i.id and p.number = :number"
    " left join messages m on m.id = p.message_id"
    " where i.source = :source and i.fingerprint = :fingerprint order by p.id"
)


def unsay(tx: Tx, message_id: int) -> None:
    """This text has not arrived: what its readers believe is what else they were told. Reads all that they ever were, of
    what it tells; few texts fail.
    """
    for told in tx.all(_TOLD, id=message_id):
        problem = {name: told[name] for name in ("source", "fingerprint")}
        rows = tx.all(_ALL, number=told["number"], **problem)
        believed = fold(
            _said(row, moment(row["at"])) for row in rows if row["may_have_arrived"] or row["silent"]
        )
        if believed is None:
            tx.run(
                "delete from beliefs where source = :source and fingerprint = :fingerprint and reader = :reader",
                reader=told["recipient"],
                **problem,
            )
        else:
            save(tx, {(*problem.values(), told["number"]): believed})


def _believed(row: Row, episode: int | None = None) -> Believed:
    return Believed(
        Person(row["reader"], row["number"]), Belief(row["belief"]), episode or row["incident_id"], row["said_by"],
        moment(row["at"]), tuple(orjson.loads(row["receivers"])), bool(row["critical"]),
    )  # fmt: skip


def _said(row: Row, at: datetime) -> Said:
    silent = "silent" in row.keys() and bool(row["silent"]) and not row["may_have_arrived"]  # noqa: SIM118 - a sqlite3.Row
    return Said(
        row["id"], Person(row["recipient"], row["number"]), Kind(row["kind"]), row["bundle"] == "flapping", row["incident_id"],
        row["receiver"], row["lane"] == Lane.CRITICAL, at, silent,
    )  # fmt: skip
