"""The words of rows: what stands in their place once they are erased. The rows stay, with what happened and when."""

from __future__ import annotations

from collections.abc import Iterable

from sms_notify.policy.retention import NUMBER_ERASED, Erased, nameless, without_numbers
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Tx, among, dump

GONE = in_list(Erased)
LABELS = dump(Erased.BY_AGE.labels)
_LABELLED = f"x.labels is not null and x.labels <> '{LABELS}'"
_UNLABELLED = f"labels = '{LABELS}', annotations = '{{}}'"


def alerts_of(tx: Tx, incidents: Iterable[int], most: int) -> int:
    """At most so many; returns how many. By alerts_told."""
    names, named = next(among(incidents))
    return tx.run(
        f"update alerts set {_UNLABELLED}, group_key = '' where id in (select x.id from alerts x"
        f" where x.incident_id in ({names}) and {_LABELLED} limit :most)",
        most=most,
        **named,
    )


def alerts(tx: Tx, ids: Iterable[int]) -> None:
    for names, named in among(ids):
        tx.run(f"update alerts set {_UNLABELLED}, group_key = '' where id in ({names})", **named)


def incidents(tx: Tx, ids: Iterable[int]) -> None:
    """With what their readers believe of them, unless the same problem is open again; then its end is owed to them."""
    for names, named in among(ids):
        tx.run(f"update members set {_UNLABELLED} where incident_id in ({names})", **named)
        tx.run(
            f"update incidents set {_UNLABELLED}, routed_by = '', reads = '' where id in ({names})", **named
        )
        keys = tx.all(f"select source, fingerprint, id from incidents where id in ({names})", **named)
        tx.run_all(_FORGET_BELIEFS, [(row["source"], row["fingerprint"], row["id"]) for row in keys])
        _details(tx, "decisions", "incident_id", names, named)


_FORGET_BELIEFS = (
    "delete from beliefs where source = ? and fingerprint = ? and incident_id = ? and not exists (select 1 from incidents o"
    " where o.source = beliefs.source and o.fingerprint = beliefs.fingerprint and o.closed_at is null)"
)


def messages(tx: Tx, ids: Iterable[int], why: Erased) -> None:
    """With their links, and with the numbers of what they tell."""
    for names, named in among(ids):
        rows = tx.all(f"select id, recipient, number from messages where id in ({names})", **named)
        tx.run_all(
            f"update messages set body = '{why}', number = '{NUMBER_ERASED}', ack_code = null, recipient = ? where id = ?",
            [(nameless(row["recipient"], row["number"]), row["id"]) for row in rows],
        )
        tx.run(f"update attempts set number = '{NUMBER_ERASED}' where message_id in ({names})", **named)
        _details(tx, "attempts", "message_id", names, named)
        _details(tx, "ledger", "message_id", names, named)


def outbox_texts(tx: Tx, table: str, ids: Iterable[int], why: Erased = Erased.BY_AGE) -> None:
    """Of what lay in a gateway's outbox: `armed` and `scheduled` have the same columns."""
    for names, named in among(ids):
        rows = tx.all(f"select id, recipient, number from {table} where id in ({names})", **named)
        tx.run_all(
            f"update {table} set body = '{why}', number = '{NUMBER_ERASED}', recipient = ? where id = ?",
            [(nameless(row["recipient"], row["number"]), row["id"]) for row in rows],
        )


def notifications(tx: Tx, where: str, named: dict[str, object]) -> None:
    """One number of an incident stays one reader, for those are counted: it becomes the first row that had it."""
    rows = tx.all(f"select id, incident_id, number, recipient from pages where {where} order by id", **named)
    first: dict[tuple[int, str], int] = {}
    for row in rows:
        first.setdefault((row["incident_id"], row["number"]), row["id"])
    tx.run_all(
        "update pages set number = ?, recipient = ? where id = ?",
        [
            (
                f"{NUMBER_ERASED}/{first[row['incident_id'], row['number']]}",
                nameless(row["recipient"], row["number"]),
                row["id"],
            )
            for row in rows
            if not row["number"].startswith(NUMBER_ERASED)
        ],
    )


def _details(tx: Tx, table: str, column: str, names: str, named: dict[str, object]) -> None:
    """A gateway's words, or a decision's, may name a number."""
    rows = tx.all(
        f"select id, detail from {table} where {column} in ({names}) and replace(detail, '+', '') <> detail",
        **named,
    )
    tx.run_all(
        f"update {table} set detail = ? where id = ?",
        [(without_numbers(row["detail"]), row["id"]) for row in rows],
    )
