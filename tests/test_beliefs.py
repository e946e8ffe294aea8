"""The table of beliefs: a row a reader and problem, and it says what the last text said that may have arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from paper import Site
from workbench import ALICE, BOB, a_plan, firing, resolved

from sms_notify.delivery.reports import apply
from sms_notify.engine import Engine
from sms_notify.gateways.base import Report
from sms_notify.policy.directory import Directory, Person
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.store import belief_rows

LOST = Outcome(Fate.UNKNOWN, Reason.TIMEOUT)
REFUSED = Outcome(Fate.NOT_SENT, Reason.CONNECT)
GONE = DeliveryStatus.NOT_DELIVERED


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, a_plan())
    yield site
    site.bench.store.close()


def beliefs(here: Site) -> dict[str, str]:
    return {row["reader"]: row["belief"] for row in here.bench.rows("select reader, belief from beliefs")}


def fires(here: Site, team: str = "dba") -> None:
    here.clock.move(minutes=30)
    here.bench.accept(firing(team=team, at=here.clock()))
    here.send()


def ends(here: Site, team: str = "dba") -> None:
    here.clock.move(minutes=2)
    here.bench.accept(resolved(team=team, end=here.clock()))
    here.run(minutes=2)


def reported(here: Site, status: DeliveryStatus) -> None:
    """Of the last text."""
    (last,) = here.bench.rows("select smsid from messages order by id desc limit 1")
    report = Report(last["smsid"], status, "")
    here.bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", here.clock()))


def test_a_text_is_believed_when_a_gateway_has_taken_it_and_not_before(here: Site) -> None:
    here.bench.accept(firing(team="dba"))
    assert beliefs(here) == {}

    here.send()
    assert beliefs(here) == {"bob": "firing"}
    ends(here)
    assert beliefs(here) == {"bob": "resolved"}


@pytest.mark.parametrize(("answer", "expected"), [(LOST, {"bob": "firing"}), (REFUSED, {})])
def test_a_lost_answer_is_perhaps_and_a_refused_text_said_nothing(
    here: Site, answer: Outcome, expected: dict[str, str]
) -> None:
    here.gateway.answers.append(answer)
    here.bench.accept(firing(team="dba"))
    here.sender.send_once(here.clock)

    assert beliefs(here) == expected


def test_what_was_believed_before_a_text_that_did_not_arrive_holds_again(here: Site) -> None:
    fires(here)
    reported(here, DeliveryStatus.DELIVERED)
    ends(here)
    reported(here, GONE)
    assert beliefs(here) == {"bob": "firing"}

    here.run(minutes=2)  # it is tried again
    assert beliefs(here) == {"bob": "resolved"}


def test_of_a_first_text_that_did_not_arrive_nothing_is_believed(here: Site) -> None:
    fires(here)
    reported(here, GONE)

    assert beliefs(here) == {}


def test_an_end_that_fails_as_often_as_it_is_tried_counts_as_said(here: Site) -> None:
    fires(here)
    here.bench.accept(resolved(team="dba", end=here.clock()))
    for minutes in (1, 1, 5, 15):
        here.run(step=20, minutes=minutes, seconds=30)
        reported(here, GONE)

    assert beliefs(here) == {"bob": "resolved"}


def test_an_end_that_no_receiver_tells_counts_as_said_and_the_ledger_says_why(here: Site) -> None:
    fires(here, "quiet")
    ends(here, "quiet")

    assert beliefs(here) == {"alice": "resolved", "bob": "resolved"}
    dropped = here.bench.rows(
        "select recipient, why from pages where kind = 'resolved' and state = 'dropped'"
    )
    assert sorted(tuple(row.values()) for row in dropped) == [
        (who, "resolved_off") for who in ("alice", "bob")
    ]
    fires(here, "quiet")
    reported(here, GONE)  # and it counts after a later text has failed
    assert beliefs(here)["bob"] == "resolved"


def test_a_report_that_comes_after_the_end_changes_no_belief(here: Site) -> None:
    fires(here)
    (first,) = here.bench.rows("select smsid from messages")
    ends(here)
    late = Report(first["smsid"], DeliveryStatus.DELIVERED, "")
    here.bench.commit(lambda tx: apply(tx, "main", late, Cause.CALLBACK, "node", here.clock()))

    assert beliefs(here) == {"bob": "resolved"}


# Readers.


def other_people(here: Site, **people: Person) -> None:
    plan = replace(a_plan(), directory=Directory({"alice": ALICE, **people}, {"dba": tuple(people)}))
    to = {name: replace(one, notify=()) for name, one in plan.receivers.items()}
    here.bench.engine = Engine(replace(plan, receivers=to), "node")
    here.bench.commit(lambda tx: here.bench.engine.adopt(tx, here.clock()))


def readers(here: Site) -> set[tuple[str, str]]:
    rows = here.bench.rows("select reader, number from beliefs")
    return {(row["reader"], row["number"]) for row in rows}


NEW = "+32470000009"


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({"bob": Person("bob", NEW)}, ("bob", NEW)),  # another number
        ({"robert": Person("robert", BOB.number)}, ("robert", BOB.number)),  # another name
        ({}, ("bob", BOB.number)),  # nobody's any more: it stays
        ({"bob": Person("bob", NEW), "eve": Person("eve", BOB.number)}, ("bob", NEW)),  # she has his old one
    ],
)
def test_a_reader_is_the_person(here: Site, people: dict[str, Person], expected: tuple[str, str]) -> None:
    fires(here)
    other_people(here, **people)

    assert readers(here) == {expected}


def test_two_people_who_exchange_their_numbers_keep_what_each_believes(here: Site) -> None:
    fires(here)
    exchanged = {"alice": replace(ALICE, number=BOB.number), "bob": replace(BOB, number=ALICE.number)}
    other_people(here, **exchanged)

    assert readers(here) == {("bob", ALICE.number)}


def test_belief_is_what_all_texts_make_of_it_however_it_came(here: Site) -> None:
    """The table is written text by text; made anew from everything that was said it is the same."""
    for status in (DeliveryStatus.DELIVERED, GONE, DeliveryStatus.DELIVERED):
        fires(here)
        reported(here, status)
        ends(here)
        reported(here, status)
    before = here.bench.rows("select * from beliefs order by reader")
    assert before
    for row in here.bench.rows("select id, state from messages"):
        if row["state"] != State.QUEUED:
            here.bench.commit(lambda tx, id_=row["id"]: belief_rows.unsay(tx, id_))

    after = here.bench.rows("select * from beliefs order by reader")
    same = ("source", "fingerprint", "reader", "number", "belief", "incident_id", "said_by", "receivers")
    assert [[row[name] for name in same] for row in after] == [[row[name] for name in same] for row in before]
