"""What a person does with one text on its page: takes it back, has it sent again, tries whether texts arrive."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from pages_serving import BROWSER, USER, Site, escalating, is_down, read, site
from workbench import NOON, resolved

from sms_notify.policy.rate_limits import Credits, Limit, Limits
from sms_notify.policy.records import Entry, Message
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.store import claims, messages, outbox, queries
from sms_notify.store.tx import Tx

HOURLY = Limit(1, timedelta(hours=1))


def state(pages: Site, message_id: int) -> str:
    rows = pages.bench.rows("select state from messages where id = :id", id=message_id)
    return str(rows[0]["state"])


def test_a_waiting_text_is_taken_back_and_the_ledger_says_by_whom(down: Site) -> None:
    assert "Do not send it" in down.get("/messages/m1").text
    answer = down.post("/messages/m1", {"do": "cancel"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "m1")
    assert [state(down, n) for n in (1, 2)] == [State.CANCELLED, State.QUEUED]
    text = read(down.get("/messages/m1").text)
    assert f"cancelled: taken_back ({USER})" in text
    down.bench.tick()
    assert len(down.bench.messages()) == 2  # nothing owes it again


def test_whoever_was_not_told_because_a_text_was_taken_back_gets_no_end(down: Site) -> None:
    down.post("/messages/m1", {"do": "cancel"})
    entry = Entry(Cause.CALLBACK)
    down.bench.commit(lambda tx: messages.move(tx, messages.get(tx, 2), State.SENT, entry, "node", NOON))
    down.bench.clock.move(minutes=5)
    down.bench.accept(resolved("HostDown", instance="web-1"))
    told = down.bench.rows("select recipient from messages where kind = 'resolved'")
    assert [row["recipient"] for row in told] == ["bob"]


def test_a_text_that_has_left_is_not_taken_back(down: Site) -> None:
    down.bench.commit(lambda tx: tx.run("update messages set state = 'sent'"))
    answer = down.post("/messages/m1", {"do": "cancel"}, headers=BROWSER)
    assert answer.status_code == 400
    assert "has left the queue" in read(answer.text)
    assert state(down, 1) == State.SENT


def test_a_text_that_failed_is_sent_again_in_the_words_of_now(down: Site) -> None:
    down.bench.commit(lambda tx: tx.run("update messages set state = 'failed' where id = 1"))
    down.bench.clock.move(minutes=2)
    assert down.post("/messages/m1", {"do": "again"}).status_code == 303
    made = down.bench.rows("select recipient, state, body from messages where id > 2")
    assert [(row["recipient"], row["state"]) for row in made] == [("alice", State.QUEUED)]
    assert made[0]["body"].startswith("FIRING critical HostDown web-1")


def test_what_is_over_is_not_sent_again(pages: Site) -> None:
    is_down(pages)
    pages.bench.commit(lambda tx: tx.run("update messages set state = 'sent'"))
    pages.bench.clock.move(minutes=2)
    pages.bench.accept(resolved("HostDown", instance="web-1"))
    answer = pages.post("/messages/m1", {"do": "again"}, headers=BROWSER)
    assert answer.status_code == 400
    assert "Nothing in it needs to be told again" in read(answer.text)


def deliver(pages: Site) -> None:
    """All that waits leaves, and arrives."""
    bench, now = pages.bench, pages.bench.clock()
    number = count(bench.rows("select count(*) as n from attempts")[0]["n"])

    def claim(tx: Tx) -> Message | None:
        return claims.claim(tx, "main", f"r{next(number)}", "node", now + timedelta(seconds=45), now)

    while (message := bench.commit(claim)) is not None:
        bench.commit(lambda tx, m=message: outbox.mark_sent(tx, m, None, Entry(Cause.CALLBACK), "node", now))
    arrived = "update messages set state = 'delivered' where state = 'sent'"
    bench.commit(lambda tx: tx.run(arrived))


def told_line(pages: Site) -> str:
    page = read(pages.get("/incidents/1").text)
    return re.split("next:|Its texts", page[page.index("told:") :])[0]


def untold(pages: Site) -> int:
    with pages.bench.store.reading() as tx:
        return queries.critical_untold(tx, pages.bench.clock())[0]


def test_whoever_was_told_stays_told_while_the_repeat_waits_and_whatever_becomes_of_it(
    tmp_path: Path,
) -> None:
    limits = Limits(per_number_critical=(Limit(1, timedelta(hours=1)),))
    with site(tmp_path, plan=replace(escalating(), limits=limits)) as pages:
        is_down(pages)
        deliver(pages)
        told = told_line(pages)
        assert "alice delivered" in told
        assert pages.post("/messages/m1", {"do": "again"}).headers["Location"] == "m1"

        assert (untold(pages), told_line(pages)) == (0, told)
        text = read(pages.get("/messages/m1").text)
        assert "its repeat is held until 13:00 UTC" in text
        assert f"sent_again by {USER} (page): m1" in text
        assert "Send it again" not in text
        assert f"sent_again by {USER} (page): m1" in read(pages.get("/incidents/1").text)

        pages.bench.acknowledge(1, by="bob")
        pages.bench.clock.move(minutes=61)
        pages.bench.tick()
        assert (untold(pages), told_line(pages)) == (0, told)
        assert pages.bench.rows("select state from pages where message_id = 1") == [{"state": "told"}]


def test_a_repeat_leaves_as_a_text_of_its_own_and_the_page_of_the_first_leads_to_it(down: Site) -> None:
    deliver(down)
    down.bench.clock.move(minutes=2)
    assert down.post("/messages/m1", {"do": "again"}).status_code == 303
    page = down.get("/messages/m1").text
    assert "m3 has not come to an end" in read(page)
    assert 'messages/m3">m3</a>' in page

    again = down.post("/messages/m1", {"do": "again"}, headers=BROWSER)
    assert again.status_code == 400
    assert "It is under way: m3" in read(again.text)
    assert 'messages/m3">m3</a>' in again.text
    assert len(down.bench.messages()) == 3

    deliver(down)
    page = read(down.get("/messages/m1").text)
    assert "sent again as m3" in page
    assert "Send it again" in page


def test_the_button_shows_where_it_works_and_nowhere_else(pages: Site) -> None:
    is_down(pages)
    pages.bench.clock.move(minutes=11)
    pages.bench.tick()  # a step to bob
    deliver(pages)
    shown = {n: "Send it again" in pages.get(f"/messages/m{n}").text for n in (1, 2, 3)}
    assert shown == {1: True, 2: True, 3: True}

    pages.bench.acknowledge(1)
    shown = {n: "Send it again" in pages.get(f"/messages/m{n}").text for n in (1, 2, 3)}
    assert shown == {1: True, 2: True, 3: False}
    assert pages.post("/messages/m3", {"do": "again"}).status_code == 400

    pages.bench.accept(resolved("HostDown", instance="web-1"))
    assert "Send it again" not in pages.get("/messages/m1").text


def test_a_text_that_was_taken_back_is_sent_after_all_while_its_incident_is_open(down: Site) -> None:
    down.post("/messages/m1", {"do": "cancel"})
    assert "Send it again" in down.get("/messages/m1").text
    assert down.post("/messages/m1", {"do": "again"}).status_code == 303
    assert state(down, 3) == State.QUEUED

    down.post("/messages/m3", {"do": "cancel"})
    down.bench.accept(resolved("HostDown", instance="web-1"))
    assert "Send it again" not in down.get("/messages/m3").text
    assert down.post("/messages/m3", {"do": "again"}).status_code == 400


def test_a_button_pressed_twice_writes_one_test_text(pages: Site) -> None:
    assert pages.post("/messages", {"test": "alice"}).status_code == 303
    for path, form in (("/messages", {"test": "alice"}), ("/messages/m1", {"do": "again"})):
        answer = pages.post(path, form, headers=BROWSER)
        assert answer.status_code == 400
        assert "m1" in read(answer.text)
    assert len(pages.bench.messages()) == 1

    assert pages.post("/messages", {"test": "bob"}).status_code == 303
    pages.bench.clock.move(minutes=2)
    assert pages.post("/messages/m1", {"do": "again"}).status_code == 400  # it is queued still
    deliver(pages)
    assert pages.post("/messages/m1", {"do": "again"}).status_code == 303


def test_one_press_of_many_at_once_writes_a_test_text(pages: Site) -> None:
    with ThreadPoolExecutor(4) as hands:
        answers = hands.map(lambda _: pages.post("/messages", {"test": "alice"}).status_code, range(4))
    assert sorted(answers) == [303, 400, 400, 400]
    assert len(pages.bench.messages()) == 1


@pytest.mark.parametrize(
    ("limits", "said", "critical"),
    [
        (
            Limits(per_number=(HOURLY,)),
            "per_number leaves no room for a text now. There is room at 13:00 UTC",
            2,
        ),
        (Limits(overall=(HOURLY,)), "overall leaves no room for a text now. There is room at 13:00 UTC", 2),
        (Limits(credits=Credits(1, None, 0)), "credits_per_hour leaves no room for a text now.", 0),
        (Limits(credits=Credits(None, 1, 9)), "credits_per_day leaves no room for a text now.", 2),
    ],
)
def test_a_test_text_over_a_limit_is_refused_and_not_kept_for_later(
    tmp_path: Path, limits: Limits, said: str, critical: int
) -> None:
    with site(tmp_path, plan=replace(escalating(), limits=limits)) as pages:
        pages.post("/messages", {"test": "alice"})
        deliver(pages)
        pages.bench.clock.move(minutes=2)
        answer = pages.post("/messages", {"test": "alice"}, headers=BROWSER)
        assert answer.status_code == 400
        assert f"The limit {said}" in read(answer.text)
        assert "Send it again" not in pages.get("/messages/m1").text
        assert len(pages.bench.messages()) == 1
        is_down(pages)
        assert len(pages.bench.messages()) == 1 + critical


def test_a_refused_button_of_a_text_is_no_refused_webhook(standing: Site) -> None:
    before = list(standing.served.recorder.refusals)
    for path, form, code in (
        ("/messages", {"test": "mallory"}, 400),
        ("/messages/m9999", {"do": "again"}, 404),
        ("/messages/m9999", {"do": "cancel"}, 404),
        ("/configuration", {}, 403),
    ):
        answer = standing.post(path, form, headers=BROWSER)
        assert answer.status_code == code
        assert "webhook" not in answer.text
    assert (
        "There is no such text." in standing.post("/messages/m9999", {"do": "cancel"}, headers=BROWSER).text
    )
    assert standing.served.recorder.refusals == before


def test_a_test_text_says_what_it_is_and_who_asked(pages: Site) -> None:
    assert "Send a test text" in pages.get("/messages").text
    answer = pages.post("/messages", {"test": "alice"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "messages/m1")
    row = pages.bench.rows("select * from messages")[0]
    assert (row["kind"], row["recipient"]) == ("manual", "alice")
    assert row["body"] == f"sms-notify: test text for alice, asked for by {USER} at 13:00 CET"
    assert f"queued: by_hand ({USER})" in read(pages.get("/messages/m1").text)


def test_what_was_written_by_hand_is_written_once_more(pages: Site) -> None:
    pages.post("/messages", {"test": "alice"})
    pages.bench.commit(lambda tx: tx.run("update messages set state = 'failed'"))
    assert pages.post("/messages/m1", {"do": "again"}).headers["Location"] == "m2"
    bodies = [row["body"] for row in pages.bench.rows("select body from messages")]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("form", [{}, {"test": "mallory"}, {"test": ""}])
def test_a_test_text_to_nobody_is_refused(standing: Site, form: dict[str, str]) -> None:
    assert standing.post("/messages", form, headers=BROWSER).status_code == 400
    assert len(standing.bench.messages()) == 2


def test_a_number_that_every_gateway_bars_gets_no_test_text(pages: Site) -> None:
    barred = (
        "insert into breakers (gateway, scope, subject, opened_at, failures, first_at, reason, code, probes)"
        " select 'main', 'number', '+32470000001', 1, 1, 1, 'error_code', 106, 0"
    )
    pages.bench.commit(lambda tx: tx.run(barred))
    answer = pages.post("/messages", {"test": "alice"}, headers=BROWSER)
    assert answer.status_code == 400
    assert "alice: every gateway bars this number" in read(answer.text)


@pytest.mark.parametrize(
    ("path", "form", "code"),
    [
        ("/messages/m99", {"do": "again"}, 404),
        ("/messages/m99", {"do": "cancel"}, 404),
        ("/messages/m1", {"do": "x"}, 400),
    ],
)
def test_a_button_that_is_none_or_of_no_text_changes_nothing(
    standing: Site, path: str, form: dict[str, str], code: int
) -> None:
    assert standing.post(path, form).status_code == code
    assert [state(standing, n) for n in (1, 2)] == [State.QUEUED] * 2


def test_a_form_of_another_site_sends_no_text(standing: Site) -> None:
    sent = standing.post("/messages", {"test": "alice"}, headers={"Origin": "https://attacker.example"})
    assert sent.status_code == 403
    assert len(standing.bench.messages()) == 2
