"""The configuration as it runs, and who would get what."""

from __future__ import annotations

import html
import re

import pytest
from pages_serving import Site, read

from sms_notify.metrics import SOURCES


def answer_of(page: str) -> str:
    found = re.search(r'<pre [^>]*aria-label="The answer">(.*?)</pre>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def test_routes_receivers_and_people_are_shown_with_masked_numbers(standing: Site) -> None:
    text = read(standing.get("/configuration").text)
    assert 'severity="info" -> nobody' in text
    assert "oncall: person:alice, person:bob" in text
    assert "alice +32******001 Europe/Brussels" in text


def test_who_would_get_it_is_answered_as_the_command_answers(standing: Site) -> None:
    page = standing.get("/configuration?labels=alertname%3DDiskFull%0Ateam%3Ddba%0A&at=2026-11-23T03:00").text
    answer = answer_of(page)
    assert answer.startswith('At Mon 2026-11-23 03:00 UTC, an alert with alertname="DiskFull", team="dba"')
    assert "YES -> dba" in answer
    assert "bob: AT ONCE, 1 part, 1 credit" in answer
    assert "1 text, 1 credit." in answer
    with standing.bench.reading() as tx:
        assert tx.one("select count(*) as n from incidents")["n"] == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("labels=severity", "severity: not understood as label; write NAME=VALUE"),
        ("labels=a%3D1%0Aa%3D2", "there are two of a"),
        (
            "labels=a%3D1&source=nope",
            "there is no source `nope`; known: alertmanager, nagios, icinga, checkmk",
        ),
        ("labels=a%3D1&at=noon", "noon: that is not a time"),
    ],
)
def test_a_question_that_is_none_is_answered_with_what_to_write(
    standing: Site, query: str, says: str
) -> None:
    answer = standing.get(f"/configuration?{query}")
    assert answer.status_code == 400
    assert says in read(answer.text)


def test_the_form_names_the_clock_and_every_source_that_alerts_are_counted_by(standing: Site) -> None:
    page = standing.get("/configuration").text
    assert "At, times of UTC" in page
    assert re.findall(r"<option>([^<]+)</option>", page) == list(SOURCES)


def test_nobody_without_a_login_reads_it(standing: Site) -> None:
    assert standing.get("/configuration", auth=None).status_code == 401
