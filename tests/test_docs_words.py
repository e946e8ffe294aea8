"""Every word that the program shows is explained."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import pytest
from docs_pages import BLOCK, DOCS, ROOT, SPAN, read, rows, section
from pages_serving import Site

from sms_notify.delivery.reports import Applied
from sms_notify.demo import STORY
from sms_notify.policy.holds import Hold
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Reason
from sms_notify.policy.rate_limits import LimitScope
from sms_notify.policy.vocabulary import (
    AckBy,
    AckEnd,
    Cause,
    Decision,
    Drop,
    Heard,
    IncidentState,
    Kind,
    PageState,
    State,
)
from sms_notify.spool_folder import not_read
from sms_notify.wording.sandbox import environment


@pytest.mark.parametrize(
    ("words", "page", "title"),
    [
        (Heard, DOCS / "reference" / "words.md", "Outcomes of an alert"),
        (State, DOCS / "reference" / "words.md", "States of a text"),
        (Fate, DOCS / "reference" / "gateway.md", "Answers"),
        (Reason, DOCS / "reference" / "gateway.md", "Answers"),
        (DeliveryStatus, DOCS / "reference" / "gateway.md", "Delivery reports"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_word_of_the_program_is_explained(words: type[StrEnum], page: Path, title: str) -> None:
    assert {str(word) for word in words} - set(SPAN.findall(section(read(page), title))) == set()


@pytest.mark.parametrize(
    "words", [IncidentState, Kind, Applied, PageState, Hold, Drop, Decision, AckBy, AckEnd, LimitScope]
)
def test_every_word_of_the_story_and_of_the_log_is_explained(words: type[StrEnum]) -> None:
    assert {str(word) for word in words} - set(
        SPAN.findall(BLOCK.sub("", read(DOCS / "reference" / "words.md")))
    ) == set()


def test_every_cause_that_the_program_gives_and_no_other_is_explained() -> None:
    sources = "\n".join(read(path) for path in (ROOT / "sms_notify").rglob("*.py"))
    given = {cause for cause in Cause if re.search(rf"\bCause\.{cause.name}\b", sources)}

    assert set(rows(section(read(DOCS / "reference" / "words.md"), "Why a text entered its state"))) == given


def test_every_filter_of_a_template_is_documented() -> None:
    told = section(read(DOCS / "reference" / "templates.md"), "Templates")

    assert set(environment().filters) - set(SPAN.findall(told)) == set()


def test_the_readme_tells_the_demo_as_it_is_played() -> None:
    told = re.findall(rf"^\[(\d)/{len(STORY)}\] (.*)$", read(ROOT / "README.md"), re.MULTILINE)

    assert told
    assert [said for _, said in told] == [STORY[int(number) - 1].said for number, _ in told]


def test_troubleshooting_quotes_what_the_daemon_says(pages: Site, tmp_path: Path) -> None:
    told = read(DOCS / "operations" / "troubleshooting.md")

    assert f"/-/ready` answers `{pages.get('/-/ready').text}`" in told
    quoted = [
        said
        for said in SPAN.findall(section(told, "A hook's notification is lost"))
        if "another user" in said
    ]
    assert len(quoted) == 1
    assert quoted[0] in not_read(tmp_path, tmp_path.stat().st_uid + 1)
