"""The first page: the worst first, storms folded, who takes care, and how the gateways stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pages_serving import HOLED, PRIMARY, USER, Site, headline, read, site
from web_serving import Recorder
from workbench import NOON, a_plan, firing

from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.retry_policy import Level, Scope, Urgency
from sms_notify.policy.routing import Receiver
from sms_notify.policy.vocabulary import AckBy
from sms_notify.store import account_rows, breakers
from sms_notify.store.tx import Tx, stored


def test_all_is_well_where_nothing_is_open_and_somebody_is_on_call(pages: Site) -> None:
    answer = pages.get("/")
    assert (answer.status_code, headline(answer.text)) == (200, "All is well")
    assert "alice primary until Mon 23 Nov 08:00 UTC , then bob" in read(answer.text)


def test_the_headline_tells_the_worst_first_and_the_rest_below_it(down: Site) -> None:
    down.bench.accept(firing("DiskFull", severity="warning", instance="db1"))
    answer = down.get("/").text
    assert headline(answer) == "1 critical incident reached nobody; a text is about to leave"
    assert "1 critical incident open, not acknowledged" in read(answer)
    assert "1 warning incident open, not acknowledged" in read(answer)
    assert "http-equiv" not in answer


def test_a_critical_incident_that_reached_nobody_is_the_first_line_and_the_first_row(pages: Site) -> None:
    """Among 300 that are told, and the oldest of them."""
    bench = pages.bench
    bench.accept(firing("Lost", instance="db0"))
    for n in range(300):
        bench.accept(firing(f"Told{n}", instance=f"web{n}"), group=str(n))
    mine = "select message_id from pages where incident_id = 1"
    bench.commit(lambda tx: tx.run(f"update messages set state = 'sent' where id not in ({mine})"))
    held = "state = 'held', why = 'limit', message_id = null, due_at = due_at + 3600000000"
    bench.commit(lambda tx: tx.run(f"update pages set {held} where incident_id = 1"))
    answer = pages.get("/").text
    assert headline(answer) == "1 critical incident reached nobody; next text 13:00 UTC"
    rows = re.findall(r'<li class="critical[^"]*">.*?<h3>(.*?)</h3>', answer, re.DOTALL)
    assert read(rows[0]).strip() == "Lost db0"
    assert read(rows[1]).strip() == "Told299 web299"
    assert "reached nobody" in read(answer.split("Told299", maxsplit=1)[0])
    assert len(rows) == 50
    assert "and 251 more" in read(answer)


def test_what_waits_for_others_of_its_group_has_not_failed_to_reach_anybody(pages: Site) -> None:
    pages.bench.accept(firing("HostDown", instance="web-1"))
    waits = "state = 'held', why = 'group_wait', held_by = 'group_wait', message_id = null"
    pages.bench.commit(lambda tx: tx.run(f"update pages set {waits}, due_at = due_at + 30000000"))
    pages.bench.commit(lambda tx: tx.run("update messages set state = 'cancelled'"))
    answer = pages.get("/").text
    assert headline(answer) == "1 critical incident open, not acknowledged"
    assert "reached nobody" not in read(answer)
    assert "alice waits for others of its group until 12:00:30 UTC" in read(answer)


def shut(pages: Site, gateway: str = "main", scope: Scope = Scope.ACCOUNT, code: int | None = 150) -> None:
    closed = (
        "insert into breakers (gateway, scope, subject, opened_at, failures, first_at, reason, code, probes)"
        " values (:gateway, :scope, '', :now, 1, :now, 'error_code', :code, 0)"
    )
    values = {"gateway": gateway, "scope": scope, "now": stored(NOON), "code": code}
    pages.bench.commit(lambda tx: tx.run(closed, **values))


def test_that_no_text_leaves_at_all_is_the_headline_before_whom_it_reached(down: Site) -> None:
    shut(down)
    answer = down.get("/").text
    assert headline(answer) == "No text leaves at all: main refuses (error 150)"
    assert "1 critical incident reached nobody; its text waits for gateway main" in read(answer)


def test_where_one_of_two_gateways_is_closed_it_is_named_and_texts_leave(tmp_path: Path) -> None:
    with site(tmp_path, gateways=("main", "backup")) as pages:
        shut(pages)
        answer = pages.get("/").text
        assert headline(answer) == "Gateway main: no text leaves, it refuses (error 150)"
        assert "main takes no text" in read(answer)
        shut(pages, "backup", code=None)
        assert headline(pages.get("/").text) == (
            "No text leaves at all: main refuses (error 150), backup closed (error_code)"
        )


def test_what_was_told_is_not_said_to_have_reached_nobody(down: Site) -> None:
    down.bench.commit(lambda tx: tx.run("update messages set state = 'sent'"))
    assert headline(down.get("/").text) == "1 critical incident open, not acknowledged"


def test_an_open_incident_is_told_with_tag_place_time_readers_and_who_takes_care_of_it(down: Site) -> None:
    down.bench.clock.move(minutes=7)
    text = read(down.get("/").text)
    assert f"HostDown web-1 HostDown is bad critical #{tag_of(1)} since 12:00 UTC (7 min)" in text
    assert "not acknowledged reached nobody told: alice waits to leave bob waits to leave" in text
    down.bench.acknowledge(1, by="bob")
    text = read(down.get("/").text)
    assert "acknowledged by bob since 12:07 UTC" in text
    assert "1 critical incident open, acknowledged" in text


def test_only_information_being_open_leaves_all_well_to_look_at(pages: Site) -> None:
    pages.bench.accept(firing("Backup", severity="info"))
    answer = pages.get("/").text
    assert headline(answer) == "1 info incident open, not acknowledged"
    assert '<section class="headline good"' in answer
    assert "told: nobody" in read(answer)


def test_what_waits_is_told_with_its_reason_and_until_when(down: Site) -> None:
    down.bench.commit(
        lambda tx: tx.run(
            "update pages set state = 'held', why = :why, held_by = 'night', due_at = due_at + 3600000000, message_id = null",
            why=Hold.QUIET,
        )
    )
    text = read(down.get("/").text)
    assert "2 to leave the oldest since 12:00 UTC" in text
    assert "2 held: quiet hours night next text at 13:00 UTC" in text
    assert "told: alice held until 13:00 UTC bob held until 13:00 UTC" in text


def test_credits_closed_gateways_and_our_own_problems_are_told(pages: Site) -> None:
    def self_alert(tx: object) -> None:
        account_rows.set_balance(tx, "main", 1412, NOON)  # type: ignore[arg-type]
        breakers.report(  # type: ignore[arg-type]
            tx,
            "main/credits//",
            Urgency(Level.PAGE, timedelta()),
            "main",
            "no credits left",
            "buy some",
            NOON,
        )

    pages.bench.commit(self_alert)
    shut(pages, scope=Scope.CREDITS, code=108)
    answer = pages.get("/").text
    assert headline(answer) == "No text leaves at all: main refuses (error 108)"
    assert "1 412 credits left asked 12:00 UTC" in read(answer)
    assert "closed: credits error_code 108, since 12:00 UTC" in read(answer)
    assert "no credits left buy some since 12:00 UTC" in read(answer)


def test_a_sender_that_ended_is_the_headline(tmp_path: Path) -> None:
    with site(tmp_path, recorder=Recorder(reasons=("a sender has ended",))) as pages:
        assert headline(pages.get("/").text) == "A sender has ended"


def test_a_schedule_that_nobody_holds_is_the_headline(tmp_path: Path) -> None:
    with site(tmp_path, schedules=(PRIMARY, HOLED)) as pages:
        answer = pages.get("/").text
        assert headline(answer) == "Nobody is on call for holed"
        assert "Nobody holed until Mon 23 Nov 08:00 UTC , then bob" in read(answer)


def test_a_storm_of_one_name_is_one_card_with_its_places(pages: Site) -> None:
    pages.bench.accept(*(firing("PortDown", severity="warning", instance=f"sw{n:03}") for n in range(130)))
    pages.bench.accept(firing("DiskFull", severity="warning", instance="db1"), group="disk")
    answer = pages.get("/").text
    text = read(answer)
    assert "Open incidents 131" in text
    assert "130x PortDown sw129, sw128, sw127, sw126, sw125, sw124 +124" in text
    assert text.index("DiskFull db1") < text.index("130x PortDown")
    assert "and 110 more of them" in text
    assert len(answer) < 60_000


def test_three_of_one_name_are_a_card_each(pages: Site) -> None:
    pages.bench.accept(*(firing("PortDown", instance=f"sw{n}") for n in range(3)))
    assert "I take care of all" not in pages.get("/").text


def test_a_storm_is_acknowledged_by_one_button_and_what_came_later_is_not(pages: Site) -> None:
    pages.bench.accept(*(firing("PortDown", instance=f"sw{n}") for n in range(40)))
    button = re.search(r'<button name="only" value="([^" ]+ [^"]+)"', pages.get("/").text)
    assert button is not None
    pages.bench.accept(firing("PortDown", instance="late"), group="late")
    answer = pages.post("/incidents", {"only": button[1]})
    assert (answer.status_code, answer.headers["Location"]) == (303, "./")
    rows = pages.bench.rows("select acked_by from incidents order by id")
    assert [row["acked_by"] for row in rows] == [USER] * 40 + [""]


def test_those_that_were_chosen_are_acknowledged_and_no_other(pages: Site) -> None:
    for name in ("Alpha", "Beta", "Gamma"):
        pages.bench.accept(firing(name))
    body = f"id={tag_of(1)}&id={tag_of(3)}&id=nonsense"
    headers = {"Origin": pages.served.url(""), "Content-Type": "application/x-www-form-urlencoded"}
    assert pages.ask("POST", "/incidents", data=body, headers=headers).status_code == 303
    rows = pages.bench.rows("select acked_by, acked_how from incidents order by id")
    assert [row["acked_by"] for row in rows] == [USER, "", USER]
    assert rows[0]["acked_how"] == AckBy.PAGE


def test_a_button_of_the_list_with_nothing_chosen_changes_nothing(down: Site) -> None:
    assert down.post("/incidents").status_code == 303
    assert down.incident(1)["acked_by"] == ""


def test_many_who_were_told_are_folded_with_how_far_each_has_come(tmp_path: Path) -> None:
    crowd = {f"p{n}": Person(f"p{n}", f"+3247000{n:04}") for n in range(42)}
    plan, targets = a_plan(), tuple(Target(TargetKind.PERSON, name) for name in crowd)
    receivers = {**plan.receivers, "oncall": Receiver("oncall", targets)}
    with site(tmp_path, plan=replace(plan, receivers=receivers, directory=Directory(crowd, {}))) as pages:
        pages.bench.accept(firing("HostDown"))
        pages.bench.commit(lambda tx: tx.run("update messages set state = 'delivered'"))
        pages.bench.commit(lambda tx: tx.run("update messages set state = 'failed' where id <= 3"))
        for path in ("/", "/incidents/1"):
            assert "told: 39 delivered, 3 failed" in read(pages.get(path).text)


def test_a_gateway_tells_its_last_text_its_balance_less_what_left_and_its_curve(pages: Site) -> None:
    def past(tx: Tx) -> None:
        account_rows.set_balance(tx, "main", 100, NOON - timedelta(minutes=10))
        attempt = (
            "insert into attempts (message_id, n, gateway, node, reference, started_at, ended_at, fate, reason, detail,"
            " number, lane, parts) values (1, 1, 'main', 'node', :reference, :at, :at, :fate, 'ok', '', '', 'rest', 3)"
        )
        for reference, days, fate in (
            ("a", 2, "sent"),
            ("b", 1, "sent"),
            ("c", 0, "sent"),
            ("d", 0, "not_sent"),
        ):
            at = stored(NOON - timedelta(days=days, minutes=5))
            tx.run(attempt, reference=reference, at=at, fate=fate)

    pages.bench.commit(past)
    text = read(pages.get("/").text)
    assert "main is up last text taken 11:55 UTC" in text
    assert "97 credits left, about 22 days asked 11:50 UTC , less what left since" in text
    assert "9 spent in 30 days, 3 today" in text


def test_a_gateway_whose_last_request_failed_is_said_to_fail(pages: Site) -> None:
    attempt = (
        "insert into attempts (message_id, n, gateway, node, reference, started_at, ended_at, fate, reason, detail,"
        " number, lane, parts) values (1, 1, 'main', 'node', 'a', :at, :at, 'not_sent', 'connect', '', '', 'rest', 1)"
    )
    pages.bench.commit(lambda tx: tx.run(attempt, at=stored(NOON)))
    answer = pages.get("/").text
    assert headline(answer) == "Gateway main: the last request failed"
    assert "main fails since 12:00 UTC" in read(answer)


def test_a_card_says_why_the_text_about_it_has_not_left(down: Site) -> None:
    assert "waits:" not in read(down.get("/").text)  # it is about to leave
    shut(down)
    asked = stored(NOON + timedelta(minutes=5))
    down.bench.commit(lambda tx: tx.run("update breakers set probe_at = :asked", asked=asked))
    said = "bob waits to leave waits: gateway main is closed, next try 12:05:00 UTC"
    for path in ("/", "/incidents"):
        assert said in read(down.get(path).text)
    for path in ("/incidents/1", "/messages/m1"):
        assert "m1 is still queued: no text leaves at main since 12:00:00 UTC (error 150" in read(
            down.get(path).text
        )


def test_a_storm_says_so_once_more_where_it_is_folded(pages: Site) -> None:
    pages.bench.accept(*(firing("PortDown", instance=f"sw{n}") for n in range(5)))
    shut(pages)
    summary = re.search(r"<summary>.*?</summary>", pages.get("/").text, re.DOTALL)
    assert summary is not None
    assert "waits: gateway main is closed, next try" in read(summary[0])


def test_why_texts_wait_is_asked_for_all_cards_at_once(pages: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    view = pages.bench.store.reading

    @contextmanager
    def counted() -> Iterator[Tx]:
        with view() as tx:
            tx._connection.set_trace_callback(asked.append)
            yield tx

    def statements() -> int:
        asked.clear()
        assert pages.get("/").text.count("waits: ") > len(pages.bench.rows("select 1 from incidents")) // 2
        return len(asked)

    monkeypatch.setattr(pages.bench.store, "reading", counted)
    counts = []
    for many in (3, 40):
        for n in range(many):
            pages.bench.accept(firing(f"Full{n}", instance=f"db{n}"), group=f"{many} {n}")
        counts.append(statements())
    assert counts[1] == counts[0]
