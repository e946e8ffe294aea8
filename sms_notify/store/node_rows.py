"""The daemons that share one database: each writes every few seconds that it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.store.tx import Tx, moment, stored

LIVES = timedelta(seconds=15)
"""A node that has not written for so long is taken for dead."""
_KEPT = timedelta(days=1)
_HOST_ENDS = "~"


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One start of a daemon. `configuration` is the same where two run the same one."""

    node: str
    version: str
    configuration: str
    started_at: datetime
    seen_at: datetime

    @property
    def host(self) -> str:
        return host_of(self.node)

    def lives(self, now: datetime) -> bool:
        """A clock that was set makes nobody dead before the next writing."""
        return abs(now - self.seen_at) < LIVES


def node_id(host: str, end: str) -> str:
    """Two containers may have one host name, so `end` tells starts apart."""
    return f"{host}{_HOST_ENDS}{end}"


def host_of(node: str) -> str:
    """Commands on that host write their rows under its name."""
    return node.partition(_HOST_ENDS)[0]


def seen(tx: Tx, row: NodeRow) -> None:
    tx.run(
        "insert into nodes (node, version, configuration, started_at, seen_at)"
        " values (:node, :version, :configuration, :started_at, :now)"
        " on conflict (node) do update set configuration = excluded.configuration, seen_at = excluded.seen_at",
        node=row.node,
        version=row.version,
        configuration=row.configuration,
        started_at=stored(row.started_at),
        now=stored(row.seen_at),
    )
    tx.run("delete from nodes where seen_at < :before", before=stored(row.seen_at - _KEPT))


def known(tx: Tx) -> Sequence[NodeRow]:
    """Also those that live no more, for a day; the oldest start first."""
    rows = tx.all("select * from nodes order by started_at, node")
    return [
        NodeRow(
            row["node"],
            row["version"],
            row["configuration"],
            moment(row["started_at"]),
            moment(row["seen_at"]),
        )
        for row in rows
    ]


def gone(tx: Tx, node: str) -> None:
    """It has stopped, as it was asked to."""
    tx.run("delete from nodes where node = :node", node=node)


def differences(ours: NodeRow, others: Sequence[NodeRow]) -> list[str]:
    """In words; empty where all run the same."""
    found = []
    for other in others:
        if other.version != ours.version:
            found.append(f"{other.node} runs {other.version}, {ours.node} {ours.version}")
        elif other.configuration != ours.configuration:
            found.append(f"{other.node} and {ours.node} run different configurations")
    return found
