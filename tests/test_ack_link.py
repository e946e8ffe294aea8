"""The page behind a text's link: acknowledging without a password, and who else was told."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest
from pages_serving import BROWSER, PAGES, Site, escalating, headline, is_down, read, site
from workbench import firing, resolved

from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.vocabulary import AckBy
from sms_notify.web.ack_link import TRIES


def test_looking_at_a_link_tells_what_it_is_about_and_acknowledges_nothing(standing: Site) -> None:
    code = standing.codes()[0]
    for method in ("GET", "HEAD", "GET"):
        answer = standing.follow(method, f"/a/{code}")
        assert answer.status_code == 200
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
    text = read(answer.text)
    assert headline(answer.text) == "Not acknowledged yet"
    assert f"HostDown web-1 HostDown is bad critical #{tag_of(1)} since 13:00" in text  # alice's own clock
    assert "I take care of it" in text
    assert standing.acknowledged == []
    assert standing.incident(1)["acked_at"] is None


def test_the_button_acknowledges_in_the_name_of_the_texts_reader(down: Site) -> None:
    code = down.codes()[1]
    answer = down.follow("POST", f"/a/{code}")
    assert (answer.status_code, headline(answer.text)) == (
        200,
        "Acknowledged. Escalation and reminders stop.",
    )
    row = down.incident(1)
    assert (row["acked_by"], row["acked_how"]) == ("bob", AckBy.LINK)
    assert "I take care" not in answer.text
    down.bench.clock.move(minutes=30)
    down.bench.tick()
    assert {kind for _, kind, *_ in down.bench.messages()} == {"firing"}  # nothing escalated


def test_whoever_comes_second_learns_who_was_first(down: Site) -> None:
    first, second = down.codes()
    down.follow("POST", f"/a/{first}")
    for method in ("GET", "POST"):
        answer = down.follow(method, f"/a/{second}")
        assert headline(answer.text) == "Acknowledged by alice"
        assert "I take care" not in answer.text
    assert down.incident(1)["acked_by"] == "alice"


def test_a_link_to_what_is_over_says_so_and_changes_nothing(down: Site) -> None:
    down.bench.accept(resolved("HostDown", instance="web-1"))
    for method in ("GET", "POST"):
        assert headline(down.follow(method, f"/a/{down.codes()[0]}").text) == "It has ended"
    assert down.acknowledged == []


def test_a_link_acknowledges_everything_that_its_text_tells_and_nothing_else(pages: Site) -> None:
    both = [firing("HostDown", instance="web-1"), firing("HostDown", instance="web-2")]
    pages.bench.accept(*both)
    pages.bench.accept(firing("Other"), group="other")
    code = pages.codes()[0]
    assert headline(pages.follow("GET", f"/a/{code}").text) == "2 incidents not acknowledged"
    answer = pages.follow("POST", f"/a/{code}")
    assert headline(answer.text) == "Acknowledged. Escalation and reminders stop."
    assert [pages.incident(n)["acked_by"] for n in (1, 2, 3)] == ["alice", "alice", ""]


def test_a_link_needs_no_header_of_a_browser_as_its_code_is_the_permission(down: Site) -> None:
    path = f"/a/{down.codes()[0]}"
    assert down.follow("POST", path).status_code == 200
    assert down.incident(1)["acked_by"] == "alice"


def test_an_unknown_code_is_404_and_always_the_same_page(down: Site) -> None:
    wrong = [
        "k00000000",
        "k0000000011",
        "K000000001",
        "x",
        "x" * 3_000,
        "%00",
        "..%2f",
        "'",
        "null",
        "k000000001 ",
    ]
    answers = [
        down.ask(method, f"/a/{code}", auth=None, headers=BROWSER)
        for code in wrong
        for method in ("GET", "POST")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) <= 2  # %2f is one folder deeper
    assert {answer.headers["Referrer-Policy"] for answer in answers} == {"no-referrer"}
    assert down.acknowledged == []


def test_after_many_unknown_codes_more_are_429_while_a_known_one_is_served(
    down: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(TRIES):
        assert down.follow("GET", f"/a/guess{n}").status_code == 404
    for _ in range(3):
        answer = down.follow("GET", "/a/guess")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    [line] = [one for one in caplog.records if one.getMessage() == "links are guessed"]
    assert vars(line)["client"] == "127.0.0.1"
    assert down.follow("POST", f"/a/{down.codes()[0]}").status_code == 200
    down.bench.clock.move(seconds=60)
    assert down.follow("GET", "/a/guess").status_code == 404


def test_a_clock_that_is_set_back_does_not_keep_guesses_counted_for_ever(pages: Site) -> None:
    pages.bench.clock.move(hours=-2)
    for n in range(TRIES):
        assert pages.follow("GET", f"/a/guess{n}").status_code == 404
    pages.bench.clock.move(hours=-2)
    assert pages.follow("GET", "/a/guess").status_code == 404


def test_a_links_body_is_not_read_beyond_a_kilobyte(standing: Site) -> None:
    answer = standing.ask("POST", f"/a/{standing.codes()[0]}", auth=None, data=b"x" * 2_000)
    assert answer.status_code == 413
    assert standing.acknowledged == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_any_other_method_on_a_link_is_405_and_says_what_is_allowed(standing: Site, method: str) -> None:
    answer = standing.follow(method, f"/a/{standing.codes()[0]}")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert standing.acknowledged == []


def test_the_code_of_a_link_stands_in_no_log_and_on_no_page_of_others(
    down: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = down.codes()[0]
    shown = [down.get(path).text for path in PAGES]
    assert down.follow("GET", f"/a/{code}").status_code == 200
    down.broken = True
    assert down.follow("POST", f"/a/{code}").status_code == 503
    down.broken = False
    assert not [text for text in shown if code in text]
    ours = [record for record in caplog.records if not record.name.startswith("urllib3")]
    assert ours, "the failure was logged"
    assert not [record for record in ours if code in logging.Formatter().format(record)]


def test_a_bare_number_acknowledges_under_a_masked_name(tmp_path: Path) -> None:
    number = "+4917012345678"
    plan = escalating()
    oncall_ = replace(plan.receivers["oncall"], notify=(Target(TargetKind.NUMBER, number),))
    with site(tmp_path, plan=replace(plan, receivers=dict(plan.receivers) | {"oncall": oncall_})) as pages:
        pages.bench.accept(firing())
        answer = pages.follow("POST", f"/a/{pages.codes()[0]}")
        assert pages.incident(1)["acked_by"] == "+49********678"
        for html in (answer.text, *(pages.get(path).text for path in PAGES)):
            assert number not in html
            assert number[1:] not in html


def test_of_many_those_that_were_chosen_are_acknowledged_and_the_others_wait(pages: Site) -> None:
    pages.bench.accept(*(firing("PortDown", instance=f"sw{n}") for n in range(3)))
    path = f"/a/{pages.codes()[0]}"
    assert read(pages.follow("GET", path).text).count("Choose #") == 3
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = pages.ask("POST", path, auth=None, data=f"id={tag_of(1)}&id={tag_of(3)}&id=zz", headers=headers)
    assert "Acknowledged." in headline(answer.text)
    rows = pages.bench.rows("select acked_by from incidents order by id")
    assert [bool(row["acked_by"]) for row in rows] == [True, False, True]
    pages.ask("POST", path, auth=None, data=f"id={tag_of(1)}&all=yes", headers=headers)
    rows = pages.bench.rows("select acked_by from incidents order by id")
    assert all(row["acked_by"] for row in rows)


def test_what_one_text_does_not_tell_is_not_acknowledged_by_its_link(down: Site) -> None:
    down.bench.accept(firing("DiskFull", instance="db1"), group="d")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    down.ask("POST", f"/a/{down.codes()[0]}", auth=None, data=f"id={tag_of(2)}", headers=headers)
    assert [down.incident(n)["acked_by"] for n in (1, 2)] == ["", ""]


def test_the_page_tells_who_else_was_told_and_who_is_next(tmp_path: Path) -> None:
    with site(tmp_path) as pages:
        is_down(pages)
        text = read(pages.follow("GET", f"/a/{pages.codes()[0]}").text)
    assert "told: alice waits to leave bob waits to leave" in text
    assert "next: bob at 13:10 CET" in text


def test_whoever_acknowledged_by_the_link_may_undo_it_and_nobody_else(down: Site) -> None:
    alices, bobs = (f"/a/{code}" for code in down.codes())
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert "Undo" in down.follow("POST", alices).text
    assert "Undo" not in down.follow("GET", bobs).text
    down.ask("POST", bobs, auth=None, data="do=undo", headers=headers)
    assert down.incident(1)["acked_by"] == "alice"
    answer = down.ask("POST", alices, auth=None, data="do=undo", headers=headers)
    assert headline(answer.text) == "Not acknowledged yet"
    assert down.incident(1)["acked_at"] is None
    assert "unacknowledged by alice (link)" in read(down.get("/incidents/1").text)


def test_the_link_lists_what_it_tells_in_the_order_of_the_first_page(pages: Site) -> None:
    alerts = (("PoolFull", "warning"), ("HostDown", "critical"), ("DiskFull", "critical"))
    for name, severity in alerts:
        pages.bench.accept(firing(name, severity=severity), group=name)
    pages.bench.commit(lambda tx: tx.run("update pages set message_id = 1"))
    pages.bench.commit(lambda tx: tx.run("update messages set state = 'failed'"))
    pages.bench.commit(
        lambda tx: tx.run("update incidents set acked_at = opened_at, acked_by = 'bob' where id = 2")
    )
    page = pages.follow("GET", f"/a/{pages.codes()[0]}").text
    shown = [read(found).split()[0] for found in re.findall(r"<h2>(.*?)</h2>", page, re.DOTALL)]
    assert shown == ["DiskFull", "HostDown", "PoolFull"]
