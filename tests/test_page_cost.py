"""What a page costs does not grow with the past, and the first one is small also where very much is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from large_store import ROWS, WAIT, fill
from pages_serving import Site, read, site
from workbench import NOON

from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx
from sms_notify.web.settings import WebSettings

FEWER = 40_000  # still longer than the month of which the first page draws what was spent
PAGES = ("/", "/incidents", "/incidents/{}", "/messages", "/messages/m{}", "/oncall")
A_FEW = 10  # the database's own instructions between two counts
MOST = 100_000  # bytes
# As many cards as the first page shows, with every incident in one of them.
IN_STORMS = "update incidents set labels = json_set(labels, '$.alertname', 'PoolFull' || (id % 50)) where closed_at is null"


class CountingStore(SqliteStore):
    """Counts what the database does for a page."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.instructions = 0

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        with super().reading() as tx:
            tx._connection.set_progress_handler(self._count, A_FEW)
            yield tx

    def _count(self) -> int:
        self.instructions += A_FEW
        return 0


@dataclass
class Past:
    pages: Site
    rows: int

    def instructions(self) -> dict[str, int]:
        """By page, whatever the database did for it."""
        counted: Counter[str] = Counter()
        store = self.pages.bench.store
        assert isinstance(store, CountingStore)
        for path in PAGES:
            before = store.instructions
            assert self.pages.get(path.format(self.rows)).status_code == 200
            counted[path] = store.instructions - before
        return counted


@contextmanager
def past(folder: Path, rows: int) -> Iterator[Past]:
    folder.mkdir()
    with site(folder, settings=WebSettings(port=0)) as pages:
        pages.bench.store.close()
        pages.bench.store = CountingStore(f"sqlite://{pages.bench.store.path}")
        fill(pages.bench.store, NOON, rows)
        yield Past(pages, rows)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with past(tmp_path_factory.mktemp("past") / "long", ROWS) as made:
        yield made


def test_no_page_costs_more_after_a_longer_past(tmp_path: Path, long: Past) -> None:
    with past(tmp_path / "short", FEWER) as short:
        before = short.instructions()
    after = long.instructions()
    grown = {path: (before[path], after[path]) for path in PAGES if after[path] > before[path] * 1.1 + 200}
    assert grown == {}


def test_the_first_page_with_300_open_incidents_in_50_storms_is_small_on_the_wire(long: Past) -> None:
    long.pages.bench.commit(lambda tx: tx.run(IN_STORMS))
    answer = long.pages.get("/", stream=True, headers={"Accept-Encoding": "gzip"})
    headers = sum(len(name) + len(value) + 4 for name, value in answer.headers.items())
    packed = answer.raw.read(decode_content=False)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(packed) + headers < MOST
    page = long.pages.get("/").text
    assert page.count('name="id"') == WAIT
    assert f"Open incidents {WAIT}" in read(page)
    assert len(page.encode()) > MOST  # it is the packing that makes it small
