"""What the configuration that ran last said (the table `configured`), and what a person's new number takes over."""

from __future__ import annotations

from collections.abc import Mapping

from sms_notify.policy.reconfigured import Configured
from sms_notify.store.tx import Tx, insert_into

_NUMBER, _TARGET, _STEPS, _LIMITS = "number", "target", "steps", "limits"


def load(tx: Tx) -> Configured:
    """Empty where none has run on this database since it has the table."""
    numbers: dict[str, str] = {}
    targets: dict[str, frozenset[str]] = {}
    steps: dict[str, int] = {}
    limits = ""
    for row in tx.all("select * from configured"):
        name, value = row["name"], row["value"]
        if row["what"] == _NUMBER:
            numbers[name] = value
        elif row["what"] == _TARGET:
            targets[name] = targets.get(name, frozenset()) | {value}
        elif row["what"] == _STEPS:
            steps[name] = int(value)
        else:
            limits = value
    return Configured(numbers, targets, steps, limits)


def save(tx: Tx, configured: Configured) -> None:
    rows = [(_NUMBER, name, number) for name, number in configured.numbers.items()]
    rows += [(_TARGET, name, value) for name, values in configured.targets.items() for value in values]
    rows += [(_STEPS, name, str(count)) for name, count in configured.steps.items()]
    rows.append((_LIMITS, "", configured.limits))
    tx.run("delete from configured")
    tx.run_all(insert_into("configured", "what, name, value"), rows)


# All that was ever said to the old number, for belief goes with the reader; the ledger keeps where a text left for. The first
# reads the whole table, once a change of a number. What the new number has been told itself stays as it is.
_TAKE_OVER = (
    "update pages set number = :new where number = :old and not exists (select 1 from pages q"
    " where q.incident_id = pages.incident_id and q.number = :new and q.kind = pages.kind and q.nth = pages.nth)",
    "update messages set number = :new where number = :old and state = 'queued'",
    "update holds set number = :new where number = :old and not exists (select 1 from holds h"
    " where h.number = :new and h.lane = holds.lane)",
)


def take_over(tx: Tx, changed: Mapping[str, str]) -> None:
    """What waits for an old number, and what was said to it, is the new number's. Two people may have exchanged theirs."""
    for old in changed:
        _move(tx, old, f"moved from {old}")
    for old, new in changed.items():
        _move(tx, f"moved from {old}", new)


def _move(tx: Tx, old: str, new: str) -> None:
    for sql in _TAKE_OVER:
        tx.run(sql, old=old, new=new)
