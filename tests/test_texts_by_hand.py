"""What a person does with one text on its page: takes it back, has it sent again, tries whether texts arrive."""

from __future__ import annotations

import pytest
from pages_serving import BROWSER, USER, Site, is_down, read
from workbench import NOON, resolved

from sms_notify.policy.records import Entry
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.store import messages


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
    ("path", "form", "code"), [("/messages/m99", {"do": "again"}, 404), ("/messages/m1", {"do": "x"}, 400)]
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
