"""The operator hears of each incident that reaches nobody: at once, or within minutes in one note that counts them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_failures import Site, site  # noqa: F401 - the fixture
from test_operator import ALICE, CHANNEL, report, teller_to
from workbench import Bench, a_plan, firing

from sms_notify.channels.choice import channel_of
from sms_notify.channels.settings import CommandSettings
from sms_notify.delivery.moves import context_of
from sms_notify.engine import Engine
from sms_notify.engine.working_set import WorkingSet
from sms_notify.oncall.roster import Roster
from sms_notify.operator_notifier import Operator, Teller
from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.routing import Receiver
from sms_notify.policy.self_alert_notes import note_lost, note_unaddressed
from sms_notify.policy.vocabulary import State
from sms_notify.self_alerts import gather, report_refused
from sms_notify.store import breakers, messages, particulars
from sms_notify.web.status import status_of

HASH = "#"


def tags(*numbers: int) -> list[str]:
    return [HASH + tag_of(number) for number in numbers]


class Heard:
    """An operator who hears by a command, and what they heard: subject and body of each note."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench, self.file = bench, folder / "heard"
        channel = channel_of(
            CommandSettings("channel", ("/bin/sh", "-c", f"cat >> {self.file}; echo >> {self.file}"))
        )
        operator = Operator((CHANNEL,), {"channel": channel}, lambda: Roster(a_plan().directory), ("main",))
        self.teller = Teller(bench.commit, operator, "node", bench.clock, lambda: None)

    def run(self, seconds: int = 0) -> None:
        """The daemon's loop tells once a second."""
        self.teller.tell_once()
        for _ in range(seconds):
            self.bench.clock.move(seconds=1)
            self.teller.tell_once()

    def notes(self) -> list[dict]:
        lines = self.file.read_text("utf-8").splitlines() if self.file.exists() else []
        return [json.loads(line) for line in lines if line]

    def subjects(self) -> list[str]:
        return [note["subject"].removeprefix("sms-notify: ") for note in self.notes()]


@pytest.fixture
def heard(bench: Bench, tmp_path: Path) -> Heard:
    return Heard(bench, tmp_path)


def lose(bench: Bench, *recipients: str, name: str = "HostDown", state: State = State.FAILED) -> None:
    """One critical incident whose texts to `recipients` are lost; without any, to everybody."""
    bench.accept(firing(name))
    last = bench.rows("select max(id) as id from incidents")[0]["id"]
    for row in bench.rows(
        "select m.id, m.recipient from messages m join pages p on p.message_id = m.id where p.incident_id = :id order by m.id",
        id=last,
    ):
        if not recipients or row["recipient"] in recipients:
            bench.commit(lambda tx, id_=row["id"]: _lose(tx, id_, state, bench))


def _lose(tx, message_id: int, state: State, bench: Bench) -> None:
    tx.run("update messages set state = :state where id = :id", state=state, id=message_id)
    working = context_of(tx, message_id, "node", bench.clock())
    note_lost(working.rows, messages.get(tx, message_id), state, "error_code 106")
    working.flush()


def _unaddressed(tx, incident_ids: list[int], bench: Bench) -> None:
    working = WorkingSet(tx, "node", bench.clock())
    working.load_incidents(incident_ids)
    note_unaddressed(working.rows, incident_ids)
    working.flush()


def test_the_second_incident_that_reaches_nobody_is_told_within_minutes(bench: Bench, heard: Heard) -> None:
    one, two, three = tags(1, 2, 3)
    lose(bench, name="A")
    heard.run(60)
    assert [subject.partition(":")[0] for subject in heard.subjects() if "nobody" in subject] == [
        f"critical {one} reached nobody, as far as is known"
    ]
    lose(bench, name="B")
    heard.run(60)
    lose(bench, name="C")
    heard.run(300)

    assert heard.subjects()[-1] == f"2 critical incidents reached nobody, as far as is known: {two} {three}"
    assert heard.notes()[-1]["urgent"] is True
    assert f"- critical {two} reached nobody" in heard.notes()[-1]["body"]


def test_a_storm_of_five_hundred_is_a_few_notes_that_count_every_one(bench: Bench, heard: Heard) -> None:
    for n in range(500):
        lose(bench, name=f"Alert{n}")
        if n % 50 == 0:
            heard.run(20)
    heard.run(301)
    told = [subject for subject in heard.subjects() if "reached nobody" in subject]

    counts = [int(subject.split()[0]) if subject[0].isdigit() else 1 for subject in told]
    assert sum(counts) == 500
    assert len(told) <= 3
    assert f", +{counts[-1] - 3}" in told[-1]
    assert (
        bench.rows("select count(*) as n from troubles where told_at is null and closed_at is null")[0]["n"]
        == 0
    )


def test_the_same_incident_that_fails_again_is_no_news(bench: Bench, heard: Heard) -> None:
    lose(bench)
    heard.run()
    before = len(heard.notes())
    for row in bench.rows("select id from messages"):
        bench.commit(lambda tx, id_=row["id"]: _lose(tx, id_, State.FAILED, bench))
    heard.run(600)

    assert len([s for s in heard.subjects()[before:] if "reached nobody" in s]) == 0


def test_that_one_of_two_was_not_reached_is_told_as_that_and_that_nobody_was_as_well(
    bench: Bench, heard: Heard
) -> None:
    (tag,) = tags(1)
    lose(bench, "alice")
    heard.run()
    assert heard.subjects() == [f"critical {tag}: the text to alice is failed (error_code 106)"]
    bob = bench.rows("select id from messages where recipient = 'bob'")[0]["id"]
    bench.commit(lambda tx: _lose(tx, bob, State.FAILED, bench))
    heard.run()

    assert heard.subjects()[-1].startswith(
        f"critical {tag} reached nobody, as far as is known: the text to bob"
    )


def test_what_was_told_a_day_ago_is_news_again_and_leaves_no_row_behind(bench: Bench, heard: Heard) -> None:
    lose(bench)
    heard.run()
    bench.clock.move(days=1, seconds=1)
    bench.commit(lambda tx: breakers.close_old_self_alerts(tx, bench.clock()))
    assert bench.rows("select * from troubles where id like '#%'") == []
    row = bench.rows("select id from messages")[0]
    before = len(heard.notes())
    bench.commit(lambda tx: _lose(tx, row["id"], State.FAILED, bench))
    heard.run()
    assert len(heard.notes()) == before + 1


def test_a_failing_channel_is_tried_with_one_growing_note(bench: Bench) -> None:
    teller = teller_to(bench, CHANNEL, command=("/bin/false",))
    for n in range(10):
        lose(bench, name=f"Alert{n}")
        teller.tell_once()
        bench.clock.move(seconds=2)
    nobody = bench.rows("select tries, tell_at from troubles where id like '#nobody/%'")
    assert {row["tries"] for row in nobody} == {0, 1}
    assert len({row["tell_at"] for row in nobody}) == 1, "what came since waits for the same try"
    bench.clock.move(seconds=30)
    with bench.reading() as tx:
        [note] = [
            g
            for g in gather(breakers.untold(tx, bench.clock()))
            if particulars.kind_of(g.self_alert.id) == "nobody"
        ]
    assert note.self_alert.what.startswith("10 critical incidents reached nobody")


def test_every_incident_of_a_gap_is_told(bench: Bench, heard: Heard) -> None:
    target = (Target(TargetKind.SCHEDULE, "primary"),)
    plan = a_plan()
    receivers = {**plan.receivers, "oncall": Receiver("oncall", target)}
    schedules = {"primary": Schedule("primary", "UTC")}
    bench.engine = Engine(replace(plan, receivers=receivers, schedules=schedules), "node")
    bench.accept(*(firing(f"Alert{n}") for n in range(4)))
    heard.run()
    [subject] = heard.subjects()

    assert subject == f"4 incidents were told to nobody, for nobody is on call: {' '.join(tags(1, 2, 3))}, +1"
    bench.accept(firing("Later"))
    heard.run(301)
    assert heard.subjects()[1] == f"nobody is on call for receiver oncall: {tags(5)[0]} was told to nobody"


def test_every_unreadable_hand_over_and_every_text_for_people_who_left_is_told(
    bench: Bench, heard: Heard
) -> None:
    bench.commit(lambda tx: report_refused(tx, "a.json", "no JSON", "quarantine/a.json", bench.clock()))
    heard.run()
    for name in ("b.json", "c.json", "b.json"):
        bench.commit(lambda tx, name=name: report_refused(tx, name, "no JSON", "", bench.clock()))
    bench.accept(firing("A"), firing("B"))
    bench.commit(lambda tx: _unaddressed(tx, [1, 2, 1], bench))
    heard.run(301)

    assert heard.subjects() == [
        "a hook's notification in the spool folder could not be taken: a.json: no JSON",
        f"texts about 2 open incidents were for people who are not configured any more: {' '.join(tags(1, 2))}",
        "2 notifications of hooks in the spool folder could not be taken: b.json c.json",
    ]


def test_the_status_page_counts_them_as_the_notes_do(bench: Bench) -> None:
    for n in range(30):
        lose(bench, name=f"Alert{n}")
    with bench.reading() as tx:
        found = [
            finding.text for finding in status_of(tx, {}, (), (), bench.clock(), Directory(), str).findings
        ]

    assert sum("reached nobody, as far as is known" in text for text in found) == 1
    assert any(text.startswith("30 critical incidents reached nobody") for text in found)


# The operator's own text.


def texts(bench: Bench) -> list[tuple]:
    return bench.rows("select id, recipient, created_at from messages where kind = 'operator' order by id")


def test_an_operators_text_that_is_lost_is_told_again_and_three_times_at_most(bench: Bench) -> None:
    teller = teller_to(bench, ALICE)
    report(bench)
    for _ in range(60 * 60):
        teller.tell_once()
        for row in bench.rows("select id from messages where kind = 'operator' and state = 'queued'"):
            bench.commit(lambda tx, id_=row["id"]: _lose(tx, id_, State.FAILED, bench))
        bench.clock.move(seconds=1)
    at = [(row["created_at"] - texts(bench)[0]["created_at"]) // 1_000_000 for row in texts(bench)]

    assert at == [0, 60, 60 + 300, 60 + 300 + 900]


def test_an_operators_text_that_arrived_at_one_of_them_is_not_told_again(bench: Bench) -> None:
    bob = replace(ALICE, name="bob")
    teller = teller_to(bench, ALICE, bob)
    report(bench)
    teller.tell_once()
    first, _ = (row["id"] for row in texts(bench))
    bench.commit(lambda tx: _lose(tx, first, State.FAILED, bench))
    bench.clock.move(minutes=20)

    assert teller.tell_once() == 0


def test_what_a_channel_without_gateway_told_is_not_told_again_because_a_text_was_lost(bench: Bench) -> None:
    teller = teller_to(bench, ALICE, CHANNEL)
    report(bench)
    teller.tell_once()
    [row] = texts(bench)
    bench.commit(lambda tx: _lose(tx, row["id"], State.FAILED, bench))
    bench.clock.move(minutes=20)

    assert teller.tell_once() == 0


def test_an_incident_that_leaves_by_another_gateway_is_no_news_for_the_operator(site: Site) -> None:  # noqa: F811
    site.simulators["main"].change(force_error=106)
    site.bench.accept(firing(team="dba"))
    site.run()
    [lost] = [note for note in site.notes() if "reached nobody" in note]

    assert json.loads(lost)["urgent"] is True
    site.bench.accept(firing(team="dba", instance="second"))
    site.run()
    assert site.texts("backup") == 1, "barred at main, it leaves by backup, and nobody has to hear of it"
    assert sum("reached nobody" in note for note in site.notes()) == 1


def test_an_operator_who_is_barred_at_one_gateway_is_texted_by_the_other(bench: Bench) -> None:
    bar = "insert into breakers values ('main', 'number', '+32470000001', 1, null, 1, 1, 'x', 106, null, null, null, 0, null)"
    bench.commit(lambda tx: tx.run(bar))
    report(bench)

    assert teller_to(bench, ALICE).tell_once() == 1
    assert bench.messages("recipient, gateway") == [("alice", "backup")]
