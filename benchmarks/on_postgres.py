"""New alerts with one person told: through nodes that share one PostgreSQL, beside one node on SQLite in the same round.

The server is the one that the tests start, here with every commit on its disk, and on this machine: it shares the processors.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rounds import Lengths, Say, Values, on_nodes
from servers import THIS

NODES = (1, 2)
SQLITE = "one node on SQLite"


def name_of(nodes: int) -> str:
    return f"{nodes} on PostgreSQL"


@dataclass(frozen=True, slots=True)
class SharedBench:
    folder: Path
    lengths: Lengths
    server: Any

    def one_round(self, say: Say) -> Values:
        say(SQLITE)
        values = {SQLITE: on_nodes(self.folder, 1, "", self.lengths)}
        for nodes in NODES:
            say(name_of(nodes))
            values[name_of(nodes)] = on_nodes(self.folder, nodes, self.server.empty(), self.lengths)
        return values


@contextmanager
def bench(folder: Path, lengths: Lengths) -> Iterator[SharedBench]:
    """With a server that ends with the block."""
    sys.path.append(str(THIS / "tests"))
    from postgres_server import PostgresServer

    with tempfile.TemporaryDirectory(prefix="sms-bench-pg-", dir=folder) as place:
        server = PostgresServer(Path(place), durable=True)
        yield SharedBench(folder, lengths, server)
        server.stop()
