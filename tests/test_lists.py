"""The lists of incidents and of texts: search, filters, older pages, and the page of one text."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pages_serving import BROWSER, USER, Site, headline, read, site
from workbench import NOON, firing, resolved

from sms_notify.policy.episodes import tag_of
from sms_notify.policy.vocabulary import State
from sms_notify.web.settings import WebSettings


def names(html: str) -> list[str]:
    return [read(found).split()[0] for found in re.findall(r"<h3>(.*?)</h3>", html, re.DOTALL)]


@pytest.fixture
def several(pages: Site) -> Site:
    """HostDown to alice and bob, PoolFull (warning) to bob alone, Gone closed again."""
    pages.bench.accept(firing("HostDown", instance="web-1"), group="a")
    pages.bench.accept(firing("PoolFull", severity="warning", team="dba", instance="db1"), group="b")
    pages.bench.accept(firing("Gone", severity="warning", instance="app1"), group="c")
    pages.bench.clock.move(minutes=5)
    pages.bench.accept(resolved("Gone", severity="warning", instance="app1"), group="c")
    return pages


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["HostDown", "PoolFull"]),
        ("show=all", ["HostDown", "PoolFull", "Gone"]),
        ("severity=warning", ["PoolFull"]),
        ("severity=warning&show=all", ["PoolFull", "Gone"]),
        ("receiver=dba", ["PoolFull"]),
        ("person=alice", ["HostDown"]),
        ("person=nobody-of-that-name", []),
        ("q=DB1", ["PoolFull"]),
        (f"q=%23{tag_of(1)}", ["HostDown"]),
        ("q=%25", []),
        ("before=", ["HostDown", "PoolFull"]),
        (f"before={tag_of(1)}", ["PoolFull"]),
    ],
)
def test_incidents_are_found_by_what_is_asked_for(several: Site, query: str, found: list[str]) -> None:
    assert names(several.get(f"/incidents?{query}").text) == found


def test_a_word_that_is_none_of_ours_is_refused_with_those_that_are(standing: Site) -> None:
    answer = standing.get("/incidents?severity=red", headers=BROWSER)
    assert answer.status_code == 400
    assert "There is no severity `red`. Known: critical, warning, info, other." in read(answer.text)
    assert standing.get("/messages?state=lost", headers=BROWSER).status_code == 400


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/messages?incident=zzzzzzz", "incident `zzzzzzz`: write an incident's tag or number"),
        ("/incidents?before=k3f9x", "before `k3f9x`: write an incident's tag or number"),
        ("/messages?before=nonsense", "before `nonsense`: write a text's number, such as m12."),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_and_not_left_out(
    several: Site, address: str, says: str
) -> None:
    answer = several.get(address, headers=BROWSER)
    assert (answer.status_code, says in read(answer.text)) == (400, True)


def test_a_filter_for_what_is_not_there_finds_nothing(several: Site) -> None:
    assert names(several.get(f"/incidents?show=all&before={tag_of(999)}").text) == []
    answer = several.get(f"/messages?incident=%23{tag_of(999)}").text
    assert f"about #{tag_of(999)} None." in read(answer)


def test_older_incidents_are_a_link_away_with_the_same_filter(pages: Site) -> None:
    for n in range(130):
        pages.bench.accept(firing(f"Full{n}", severity="warning"), group=str(n))
    first = pages.get("/incidents?severity=warning")
    older = re.search(r'rel="next" href="\./(incidents\?[^"]+)"', first.text)
    assert older is not None
    second = pages.get("/" + older[1].replace("&amp;", "&"))
    assert names(first.text) + names(second.text) == [f"Full{n}" for n in reversed(range(130))]
    assert 'rel="next"' not in second.text


def test_acknowledging_in_a_list_comes_back_to_the_same_list(several: Site) -> None:
    page = several.get("/incidents?severity=warning&q=db1").text
    back = re.search(r'name="back" value="([^"]+)"', page)
    assert back is not None
    answer = several.post("/incidents", {"only": tag_of(2), "back": back[1].replace("&amp;", "&")})
    assert answer.headers["Location"] == "incidents?severity=warning&q=db1"
    assert several.incident(2)["acked_by"] == USER
    elsewhere = several.post("/incidents", {"back": "//evil.example.org/"})
    assert elsewhere.headers["Location"] == "incidents?"


def test_a_user_who_is_one_of_the_people_finds_what_is_theirs_by_a_link(several: Site) -> None:
    assert f'href="./incidents?person={USER}"' in several.get("/incidents").text
    assert f'href="./incidents?person={USER}"' in several.get("/").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 5),
        ("to=alice", 2),
        ("state=queued", 5),
        ("state=delivered", 0),
        ("q=poolfull", 1),
        (f"incident={tag_of(1)}", 2),
        ("before=m3", 2),
    ],
)
def test_texts_are_found_by_what_is_asked_for(several: Site, query: str, found: int) -> None:
    several.bench.commit(lambda tx: tx.run("update messages set state = 'queued'"))
    assert several.get(f"/messages?{query}").text.count('<p class="body">') == found


def test_older_texts_are_a_link_away(pages: Site) -> None:
    for n in range(60):
        pages.bench.accept(firing(f"Full{n}", severity="warning"), group=str(n))
    first = pages.get("/messages?to=bob").text
    assert first.count('<p class="body">') == 60
    first = pages.get("/messages").text
    older = re.search(r'rel="next" href="\./(messages\?before=m\d+)"', first)
    assert older is not None
    second = pages.get("/" + older[1]).text
    assert (first.count('<p class="body">'), second.count('<p class="body">')) == (100, 20)


def test_one_text_is_told_with_its_attempts_and_what_it_is_about(down: Site) -> None:
    answer = down.get("/messages/m1")
    text = read(answer.text)
    assert headline(answer.text) == "Text to alice"
    assert "firing" in text
    assert f"#{tag_of(1)}" in text
    assert down.codes()[0] not in answer.text
    assert f'href="../incidents/{tag_of(1)}"' in answer.text


@pytest.mark.parametrize("name", ["m0", "m99", "x", "m" + "9" * 30, "%00"])
def test_a_text_that_is_not_there_is_a_page_that_says_so(standing: Site, name: str) -> None:
    answer = standing.get(f"/messages/{name}", headers=BROWSER)
    assert answer.status_code == 404
    assert "There is no such text." in read(answer.text)


def test_the_lists_want_a_user_too(standing: Site) -> None:
    for path in ("/incidents", "/messages/m1"):
        assert standing.get(path, auth=None).status_code == 401


def test_a_search_in_a_hundred_thousand_is_answered(tmp_path: Path) -> None:
    from large_store import fill

    with site(tmp_path, settings=WebSettings(port=0)) as pages:
        fill(pages.bench.store, NOON + timedelta(hours=1))
        for path in ("/incidents?q=web42&show=all", "/messages?q=person7", f"/messages?state={State.QUEUED}"):
            assert pages.get(path).status_code == 200
