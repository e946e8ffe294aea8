"""The page of one incident: its buttons first, then what it is, who was told, and its story."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote

import pytest
from pages_serving import BROWSER, USER, Site, Text, headline, read
from workbench import NOON, firing, resolved

from sms_notify.policy.episodes import tag_of
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
    assert "ops takes care of it since 12:00 UTC on this page" in read(page)
    assert "I take care of it" not in page


def test_acknowledging_what_somebody_takes_care_of_already_changes_nothing(down: Site) -> None:
    down.bench.acknowledge(1, by="bob")
    assert down.post("/incidents/1").status_code == 303
    assert down.incident(1)["acked_by"] == "bob"


def test_a_user_takes_an_acknowledgement_back(down: Site) -> None:
    down.post("/incidents/1")
    assert "Nobody takes care of it any more" in down.get("/incidents/1").text
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
    assert "bob takes care of it since 12:00 UTC until 16:00 UTC" in read(down.get("/incidents/1").text)


def test_an_incident_that_is_over_says_so_and_has_no_button(down: Site) -> None:
    down.bench.clock.move(minutes=90)
    down.bench.accept(resolved("HostDown", instance="web-1"))
    answer = down.get("/incidents/1").text
    assert "over since 13:30 UTC , after 1 h 30 min" in read(answer)
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
    assert "next: person:bob at 12:10 UTC" in read(page)
    assert "Escalate now" in page
    assert down.post("/incidents/1", {"do": "escalate"}).status_code == 303
    down.bench.tick()
    assert down.bench.messages()[-1][:2] == ("bob", "escalation")
    text = read(down.get("/incidents/1").text)
    assert f"hastened by {USER} (page): the next step is due at once" in text
    assert "Escalate now" not in text


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
    down.post("/incidents/1", {"do": "note", "words": "  "})
    assert page.count("note by") == down.get("/incidents/1").text.count("note by")


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
