"""Which daemons share the database, as the command, the page and the log tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.errors import StoreError
from sms_notify.store import leadership, node_rows
from sms_notify.store.node_rows import NodeRow, differences
from sms_notify.store.tx import Tx, moment


@dataclass(frozen=True, slots=True)
class StandingNodes:
    """`rows` are of those of the last day, `leader` names one of them or nobody, `now` is the time of the database."""

    rows: Sequence[NodeRow]
    leader: str
    now: datetime

    @property
    def living(self) -> list[NodeRow]:
        return [row for row in self.rows if row.lives(self.now)]

    @property
    def differ(self) -> list[str]:
        """What those that live run otherwise than the first of them, in words."""
        living = self.living
        return differences(living[0], living[1:]) if living else []


def standing_nodes(tx: Tx) -> StandingNodes | None:
    """None where one daemon has the database for itself."""
    if not tx.shared:
        return None
    row = tx.one("select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint) as now")
    if row is None:
        raise StoreError("PostgreSQL did not say what time it is")
    now, lead = moment(row["now"]), leadership.leader(tx)
    return StandingNodes(node_rows.known(tx), lead.node if lead and lead.until > now else "", now)
