"""The page of one incident: its buttons first, then what it is, who was told, and its story."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from pages_serving import BROWSER, HOLED, PRIMARY, USER, Site, Text, headline, is_down, read, site
from workbench import NOON, a_plan, firing, resolved

from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.routing import Step
from sms_notify.policy.vocabulary import AckBy
from sms_notify.store.tx import stored
from sms_notify.web.links import links_of


@pytest.mark.parametrize(
    "path", ["/incidents/1", f"/incidents/{tag_of(1)}", f"/incidents/{tag_of(1).upper()}"]
)
def test_an_incident_is_found_by_number_and_by_tag_with_its_story_and_its_labels(
    standing: Site, path: str
) -> None:
    answer = standing.get(path)
    text = read(answer.text)
    assert answer.status_code == 200
    assert headline(answer.text) == "HostDown web-1"
    assert "heard firing from alertmanager: first" in text
    assert "instance web-1" in text
    assert "I take care of it" in text


def test_a_user_acknowledges_an_incident_under_their_own_name(down: Site) -> None:
    answer = down.post(f"/incidents/{tag_of(1)}")
    assert (answer.status_code, answer.headers["Location"]) == (303, tag_of(1))
    row = down.incident(1)
    assert (row["state"], row["acked_by"], row["acked_how"]) == ("acknowledged", USER, AckBy.PAGE)
    page = down.get("/incidents/1").text
    assert "acknowledged by ops since 12:00 UTC on this page" in read(page)
    assert "I take care of it" not in page


def test_acknowledging_what_somebody_takes_care_of_already_changes_nothing(down: Site) -> None:
    down.bench.acknowledge(1, by="bob")
    assert down.post("/incidents/1").status_code == 303
    assert down.incident(1)["acked_by"] == "bob"


def test_a_user_takes_an_acknowledgement_back(down: Site) -> None:
    down.post("/incidents/1")
    assert "Take the acknowledgement back" in down.get("/incidents/1").text
    assert down.post("/incidents/1", {"do": "unack"}).status_code == 303

    assert down.incident(1)["state"] == "open"
    page = down.get("/incidents/1").text
    assert "I take care of it" in page
    assert f"unacknowledged by {USER} (page)" in read(page)


def test_a_user_closes_an_incident_and_the_page_says_who_did(down: Site) -> None:
    assert down.post("/incidents/1", {"do": "close"}).status_code == 303

    row = down.incident(1)
    assert (row["state"], row["closed_by"]) == ("closed", USER)
    page = down.get("/incidents/1").text
    assert f"closed by {USER}" in read(page)
    assert "Close it" not in page


def test_a_button_that_is_none_changes_nothing(down: Site) -> None:
    assert down.post("/incidents/1", {"do": "delete"}).status_code == 400
    assert down.incident(1)["state"] == "open"


def test_the_page_says_until_when_an_acknowledgement_holds(down: Site) -> None:
    down.bench.acknowledge(1, by="bob")
    down.bench.commit(
        lambda tx: tx.run("update incidents set ack_until = :at", at=stored(NOON + timedelta(hours=4)))
    )
    assert "acknowledged by bob since 12:00 UTC until 16:00 UTC" in read(down.get("/incidents/1").text)


def test_an_incident_that_is_over_says_so_and_has_no_button(down: Site) -> None:
    down.bench.clock.move(minutes=90)
    down.bench.accept(resolved("HostDown", instance="web-1"))
    answer = down.get("/incidents/1").text
    assert "ended at 13:30 UTC , after 1 h 30 min" in read(answer)
    assert "Close it" not in answer
    assert "I take care" not in answer


def test_a_web_address_in_an_annotation_is_a_link_and_any_other_scheme_is_text(pages: Site) -> None:
    alert = firing("HostDown")
    notes = {
        "runbook": "https://wiki.example.org/x?a=1&b=2",
        "bad": "javascript:hit()",
        "worse": "data:text/html,x",
    }
    pages.bench.accept(replace(alert, annotations=notes))
    links = [attrs["href"] for tag, attrs in Text(pages.get("/incidents/1").text).tags if tag == "a"]
    assert notes["runbook"] in links
    assert not [link for link in links if link and link.startswith(("javascript", "data"))]


@pytest.mark.parametrize(
    "name", ["2", "0", "-1", "9" * 400, "zzzz", "zzzz" * 200, "%00", "%F0%9F%92%A9", "1%2F2"]
)
def test_an_incident_that_is_not_there_is_a_page_that_says_so(standing: Site, name: str) -> None:
    for answer in (
        standing.get(f"/incidents/{name}", headers=BROWSER),
        standing.post(f"/incidents/{name}", headers=BROWSER),
    ):
        assert answer.status_code == 404
        assert headline(answer.text) == "There is nothing here"
    assert standing.acknowledged == []


def test_the_button_comes_before_everything_but_the_name(down: Site) -> None:
    page = down.get("/incidents/1").text
    assert page.index("I take care of it") < page.index("HostDown is bad") < page.index("told:")


def test_the_story_tells_seconds(down: Site) -> None:
    assert "12:00:00 UTC heard firing from alertmanager: first" in read(down.get("/incidents/1").text)


def test_the_addresses_that_grafana_sends_are_links(pages: Site) -> None:
    links = {"silenceURL": "https://grafana/silence", "panelURL": "javascript:hit()"}
    pages.bench.accept(replace(firing("Slow"), annotations=links))
    page = pages.get("/incidents/1").text
    assert '<a href="https://grafana/silence" rel="noreferrer noopener">Silence it there</a>' in page
    assert 'href="javascript' not in page


def test_earlier_episodes_of_the_same_alert_are_links_with_how_they_ended(pages: Site) -> None:
    for _ in range(2):
        pages.bench.accept(firing("HostDown", instance="web-1"))
        pages.bench.clock.move(minutes=90)
        pages.bench.accept(resolved("HostDown", instance="web-1"))
        pages.bench.clock.move(minutes=90)
    assert "Earlier episodes" not in pages.get("/incidents/1").text
    text = read(pages.get("/incidents/2").text)
    assert f"Earlier episodes #{tag_of(1)} 12:00 UTC over after 1 h 30 min" in text


def test_a_user_has_the_next_step_taken_at_once(down: Site) -> None:
    page = down.get("/incidents/1").text
    assert "next: bob at 12:10 UTC" in read(page)
    assert "Escalate now" in page
    assert down.post("/incidents/1", {"do": "escalate"}).status_code == 303
    down.bench.tick()
    assert down.bench.messages()[-1][:2] == ("bob", "escalation")
    text = read(down.get("/incidents/1").text)
    assert f"hastened by {USER} (page): the next step is due at once" in text
    assert "Escalate now" not in text


@pytest.mark.parametrize(
    ("schedule", "says"),
    [(PRIMARY, "next: bob at 08:05 UTC"), (HOLED, "next: nobody on call (schedule:holed) at 08:05 UTC")],
)
def test_who_is_next_is_who_holds_the_schedule_then(tmp_path: Path, schedule: Schedule, says: str) -> None:
    ten_minutes = Step(timedelta(minutes=10), (Target(TargetKind.SCHEDULE, schedule.name),))
    begins = datetime(2026, 11, 23 if schedule is PRIMARY else 24, 7, 55, tzinfo=UTC)
    with site(tmp_path, plan=a_plan(escalate=(ten_minutes,)), schedules=(schedule,), at=begins) as pages:
        pages.bench.accept(firing("HostDown", instance="web-1"))
        page = pages.get("/incidents/1").text
        link = pages.follow("GET", f"/a/{pages.codes()[0]}").text
    assert says in read(page)
    assert says.partition(" at ")[0] in read(link)


def test_where_nobody_is_next_there_is_nothing_to_hasten(down: Site) -> None:
    down.bench.acknowledge(1, by="bob")
    assert "Escalate now" not in down.get("/incidents/1").text
    assert down.post("/incidents/1", {"do": "escalate"}).status_code == 400
    assert "hastened" not in read(down.get("/incidents/1").text)


def test_a_note_stands_in_the_story_with_whose_it_is(down: Site) -> None:
    down.post("/incidents/1", {"do": "note", "words": "rebooted <b>it</b>\n twice"})
    page = down.get("/incidents/1").text
    assert f"note by {USER} (page): rebooted <b>it</b> twice" in read(page)
    assert "<b>it</b>" not in page


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("  \n", "The note is empty."),
        ("\x00\u202e", "The note is empty."),
        ("x" * 201, "A note has at most 200 characters; this one has 201."),
    ],
)
def test_a_note_that_is_empty_or_too_long_is_refused_in_words(standing: Site, words: str, why: str) -> None:
    answer = standing.post("/incidents/1", {"do": "note", "words": words}, headers=BROWSER)
    assert answer.status_code == 400
    assert why in read(answer.text)
    assert "note by" not in read(standing.get("/incidents/1").text)


def test_what_no_screen_shows_is_not_in_a_note(down: Site) -> None:
    down.post("/incidents/1", {"do": "note", "words": "a\x1b[31m\x00b\u202ec\r\nd"})
    assert f"note by {USER} (page): a [31m b c d" in read(down.get("/incidents/1").text)


def test_a_form_that_is_too_large_is_refused_in_the_words_of_a_form(standing: Site) -> None:
    answer = standing.post("/incidents/1", {"do": "note", "words": "x" * 20_000}, headers=BROWSER)
    assert answer.status_code == 413
    assert "The form is too large, so nothing was done." in read(answer.text)


@pytest.mark.parametrize(
    ("do", "why"),
    [
        ("", "It is over, so nobody needs to take care of it."),
        ("unack", "It is over, so there is nothing to take back."),
        ("close", "It is closed already."),
        ("escalate", "It is over, so nothing was hastened."),
    ],
)
def test_a_button_of_what_is_over_says_why_nothing_came_of_it(down: Site, do: str, why: str) -> None:
    down.bench.accept(resolved("HostDown", instance="web-1"))
    before = len(down.bench.rows("select id from decisions"))
    answer = down.post("/incidents/1", {"do": do} if do else {}, headers=BROWSER)
    assert answer.status_code == 400
    assert why in read(answer.text)
    assert f'incidents/{tag_of(1)}">' in answer.text
    assert len(down.bench.rows("select id from decisions")) == before


def test_an_acknowledgement_that_is_none_is_not_taken_back(standing: Site) -> None:
    answer = standing.post("/incidents/1", {"do": "unack"}, headers=BROWSER)
    assert answer.status_code == 400
    assert "It is not acknowledged, so there is nothing to take back." in read(answer.text)


def test_a_step_is_hastened_once_however_often_its_button_is_pressed(tmp_path: Path) -> None:
    both = (Target(TargetKind.PERSON, "bob"),)
    plan = a_plan(escalate=(Step(timedelta(minutes=10), both), Step(timedelta(minutes=20), both)))
    with site(tmp_path, plan=plan) as pages:
        is_down(pages)
        form = {"do": "escalate"}
        form |= {
            str(attrs["name"]): str(attrs["value"])
            for _, attrs in Text(pages.get("/incidents/1").text).tags
            if attrs.get("name") == "step"
        }
        assert "step" in form
        assert pages.post("/incidents/1", form).status_code == 303
        assert pages.post("/incidents/1", form).status_code == 400  # pending
        assert pages.post("/incidents/1", {"do": "escalate"}).status_code == 400
        pages.bench.tick()
        late = pages.post("/incidents/1", form, headers=BROWSER)
        assert late.status_code == 400
        assert "The step is due or told already" in read(late.text)
        pages.bench.tick()
        decided = pages.bench.rows("select word from decisions where word = 'hastened'")
        assert len(decided) == 1
        assert [kind for _, kind, *_ in pages.bench.messages()].count("escalation") == 1


def test_an_alert_of_alertmanager_is_silenced_there_by_a_form_that_is_filled_in() -> None:
    alert = replace(
        firing("Disk full", instance='a"b'), annotations={"generatorURL": "http://prometheus/graph?x=1"}
    )
    graph, silence = links_of(alert, "http://am-1:9093/")
    assert graph == ("Graph", "http://prometheus/graph?x=1")
    address = "http://am-1:9093/#/silences/new?filter="
    assert silence[1].startswith(address)
    assert unquote(silence[1].removeprefix(address)) == (
        '{alertname="Disk full", instance="a\\"b", severity="critical"}'
    )
    assert [name for name, _ in links_of(replace(alert, source="grafana"), "http://am-1:9093")] == ["Graph"]
