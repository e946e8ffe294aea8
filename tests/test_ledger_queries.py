"""What the commands and the pages list: each filter, in one order, page by page, and quick with a long past."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from large_store import ROWS, WAIT, fill
from stores import a_store
from workbench import NOON, Bench, firing, resolved

from sms_notify.alert import Severity
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.store import ledger_queries, messages, queries
from sms_notify.store.database import Database
from sms_notify.store.ledger_queries import IncidentFilter, MessageFilter
from sms_notify.store.messages import Entry
from sms_notify.store.tx import Row, Tx

pytestmark = pytest.mark.sqlite


def texts(bench: Bench, **wanted: object) -> list[int]:
    found = bench.commit(lambda tx: ledger_queries.messages_by(tx, MessageFilter(**wanted)))  # type: ignore[arg-type]
    return [message.id for message, _ in found]


def listed(bench: Bench, **wanted: object) -> list[int]:
    found = bench.commit(lambda tx: ledger_queries.incidents_by(tx, IncidentFilter(**wanted)))  # type: ignore[arg-type]
    return [one.incident.id for one in found]


def move(bench: Bench, message_id: int, state: State) -> None:
    bench.commit(
        lambda tx: messages.move(
            tx, messages.get(tx, message_id), state, Entry(Cause.CALLBACK), "node", bench.clock()
        )
    )


@pytest.fixture
def two(bench: Bench) -> Bench:
    """HostDown is told to bob (m1), DiskFull an hour later to alice and bob (m2, m3); m1 is delivered."""
    bench.accept(firing(team="dba", instance="db1"))
    move(bench, 1, State.SENT)
    move(bench, 1, State.DELIVERED)
    bench.clock.move(hours=1)
    bench.accept(firing("DiskFull", severity="warning", instance="web1", at=bench.clock()))
    return bench


def test_messages_come_newest_first_with_what_they_tell(two: Bench) -> None:
    with two.reading() as tx:
        found = ledger_queries.messages_by(tx, MessageFilter())

    assert [(message.id, told) for message, told in found] == [(3, (2,)), (2, (2,)), (1, (1,))]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"to": "bob"}, [3, 1]),
        ({"to": "+32470000001"}, [2]),
        ({"to": "bo"}, []),
        ({"state": State.DELIVERED}, [1]),
        ({"state": State.QUEUED}, [3, 2]),
        ({"state": State.QUEUED, "to": "bob"}, [3]),
        ({"since": NOON + timedelta(minutes=1)}, [3, 2]),
        ({"incident": 1}, [1]),
        ({"incident": 2, "limit": 1}, [3]),
        ({"text": "diskfull"}, [3, 2]),
        ({"text": "ALICE"}, [2]),
        ({"text": "%"}, []),
        ({"before_id": 3}, [2, 1]),
        ({"before_id": 3, "limit": 1}, [2]),
    ],
)
def test_each_filter_of_messages(two: Bench, wanted: dict[str, object], found: list[int]) -> None:
    assert texts(two, **wanted) == found


def test_the_code_of_a_link_is_neither_shown_nor_found(two: Bench) -> None:
    two.commit(
        lambda tx: tx.run(
            "update messages set body = 'see https://x/a/secret1', ack_code = 'secret1' where id = 2"
        )
    )

    with two.reading() as tx:
        (found,) = ledger_queries.messages_by(tx, MessageFilter(text="https://x/a/"))
    assert found[0].body == "see https://x/a/…"
    assert texts(two, text="secret") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [1, 2]),
        ({"severities": (Severity.WARNING,)}, [2]),
        ({"severities": (Severity.WARNING, Severity.CRITICAL)}, [1, 2]),
        ({"since": NOON + timedelta(minutes=1)}, [2]),
        ({"receiver": "dba"}, [1]),
        ({"person": "alice"}, [2]),
        ({"person": "bob", "limit": 1}, [1]),
        ({"text": "WEB1"}, [2]),
        ({"text": "diskfull is bad"}, [2]),
        ({"text": tag_of(1)}, [1]),
        ({"text": "#" + tag_of(2)}, [2]),
        ({"text": 'a "quoted" word'}, []),
        ({"before_id": 1}, [2]),
        ({"before_id": 2}, []),
    ],
)
def test_each_filter_of_incidents(two: Bench, wanted: dict[str, object], found: list[int]) -> None:
    assert listed(two, **wanted) == found


def test_a_label_is_found_by_its_value_however_json_writes_it(bench: Bench) -> None:
    bench.accept(firing(path='C:\\"new"'), firing("Other"))

    assert listed(bench, text='c:\\"new') == [1]


def test_what_is_critical_and_reached_nobody_comes_before_all_else(bench: Bench) -> None:
    bench.accept(firing("Untold", at=NOON))
    for number in (1, 2):
        move(bench, number, State.FAILED)
    bench.clock.move(minutes=1)
    bench.accept(
        firing("Told", team="dba"),
        firing("Acked", team="dba"),
        firing("Mild", team="dba", severity="warning"),
    )
    for number in texts(bench, state=State.QUEUED):
        move(bench, number, State.SENT)
    bench.acknowledge(3)

    assert listed(bench) == [1, 2, 3, 4]
    with bench.reading() as tx:
        first, second = ledger_queries.incidents_by(tx, IncidentFilter(limit=2))
    assert (first.untold, first.told) == (True, 0)
    assert (second.untold, second.told) == (False, 1)


def test_all_has_the_closed_ones_behind_the_open_ones_and_the_pages_follow_on(bench: Bench) -> None:
    for name in ("One", "Two", "Three", "Four", "Five"):
        bench.accept(firing(name, team="dba", severity="critical" if name == "Four" else "warning"))
    for name in ("One", "Two"):
        bench.accept(resolved(name, team="dba", severity="warning"))

    assert listed(bench) == [4, 5, 3]
    assert listed(bench, all=True) == [4, 5, 3, 2, 1]
    assert listed(bench, all=True, limit=2) == [4, 5]
    assert listed(bench, all=True, limit=2, before_id=5) == [3, 2]
    assert listed(bench, all=True, limit=2, before_id=2) == [1]


def test_a_page_follows_on_though_its_last_incident_was_closed_since(bench: Bench) -> None:
    for name in ("One", "Two", "Three"):
        bench.accept(firing(name, team="dba", severity="warning"))
    assert listed(bench, limit=1) == [3]

    bench.accept(resolved("Three", team="dba", severity="warning"))

    assert listed(bench, limit=1, before_id=3) == [2]


def test_what_has_come_into_a_state_since_is_told_once_in_that_order(two: Bench) -> None:
    with two.reading() as tx:
        _, last = queries.newest(tx)
    move(two, 3, State.SENT)
    move(two, 2, State.SENT)

    def follow(after: int, **wanted: object) -> tuple[int, list[int]]:
        with two.reading() as tx:
            end, found = ledger_queries.entered(tx, after, MessageFilter(**wanted))  # type: ignore[arg-type]
        return end, [message.id for message in found]

    end, found = follow(last, state=State.SENT)
    assert found == [3, 2]
    assert follow(last, state=State.SENT, to="alice")[1] == [2]
    assert follow(end, state=State.SENT) == (end, [])
    assert follow(0)[1] == [1, 2, 3]
    assert follow(last)[1] == []


# With a long past.


@pytest.fixture(scope="module", params=["with statistics", "without"])
def past(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    store = a_store(tmp_path_factory.mktemp("past") / "large.db")
    fill(store, NOON)
    if request.param == "with statistics":
        with store.transaction() as tx:
            tx.run("analyze")
        store.close()
    yield store
    store.close()


class Planned(Tx):
    """A transaction that notes how each statement is carried out."""

    plans: list[tuple[str, list[str]]]

    def all(self, sql: str, **values: object) -> Sequence[Row]:
        self.plans.append(
            (sql, [row["detail"] for row in super().all("explain query plan " + sql, **values)])
        )
        return super().all(sql, **values)


def plans_of(store: Database, wanted: MessageFilter | IncidentFilter) -> list[str]:
    """The steps that read messages or incidents."""
    with store.reading() as tx:
        planned = Planned(tx._connection)
        planned.plans = []
        if isinstance(wanted, MessageFilter):
            assert ledger_queries.messages_by(planned, wanted), "or nothing is proven"
        else:
            assert ledger_queries.incidents_by(planned, wanted), "or nothing is proven"
    return [step for _, plan in planned.plans for step in plan]


WALK = r"S(?:CAN|EARCH) m USING INTEGER PRIMARY KEY \(rowid<\?\)"
FOUND = r"SEARCH m USING INTEGER PRIMARY KEY \(rowid=\?"
MESSAGES = {
    "nothing": (MessageFilter(), WALK),
    "to": (MessageFilter(to="person7"), WALK),
    "text": (MessageFilter(text="cpuhigh"), WALK),
    "since": (MessageFilter(since=NOON - timedelta(days=1)), WALK),
    "final": (MessageFilter(state=State.DELIVERED), WALK),
    "queued": (MessageFilter(state=State.QUEUED), FOUND),
    "unknown": (MessageFilter(state=State.UNKNOWN), FOUND),
    "sent": (MessageFilter(state=State.SENT), FOUND),
    "incident": (MessageFilter(incident=ROWS), FOUND),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_filter_of_messages_is_found_by_an_index_or_by_a_walk_that_ends(past: Database, name: str) -> None:
    wanted, step = MESSAGES[name]
    steps = plans_of(past, wanted)

    assert [one for one in steps if re.match(step, one)], steps
    assert not [one for one in steps if re.fullmatch(r"SCAN (?:m|p|t|pages|tried|messages)", one)], steps
    if step == WALK:
        assert "USE TEMP B-TREE FOR ORDER BY" not in steps


def test_open_incidents_are_found_by_an_index_that_has_nothing_else(past: Database) -> None:
    steps = plans_of(past, IncidentFilter(person="person7"))

    assert [
        one for one in steps if re.match(r"(?:SCAN|SEARCH) i USING INDEX incidents_(?:one_open|reads)", one)
    ], steps
    assert "SCAN i" not in steps
    assert [one for one in steps if "pages_once (incident_id=?" in one], steps


def test_closed_incidents_are_a_walk_from_the_newest(past: Database) -> None:
    steps = plans_of(past, IncidentFilter(all=True, limit=WAIT + 50))

    assert [one for one in steps if re.match(r"SEARCH i USING INTEGER PRIMARY KEY \(rowid<\?\)", one)], steps
    assert "SCAN i" not in steps
