"""Words of severity: those that everybody knows, an installation's own, and what matchers see of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from workbench import firing

from sms_notify.alert import Severity, SeverityWords
from sms_notify.config import load
from sms_notify.daemon.wiring import plan_of
from sms_notify.errors import ConfigError
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.routing import route

CRITICAL, WARNING, INFO, OTHER = Severity.CRITICAL, Severity.WARNING, Severity.INFO, Severity.OTHER


@pytest.mark.parametrize(
    ("rank", "words"),
    [
        (CRITICAL, "critical crit page emergency emerg fatal disaster high p1 sev1 sev-1 s1"),
        (WARNING, "warning warn average error major minor p2 p3 sev2 sev3"),
        (INFO, "info information informational notice none low debug p4 p5"),
        (OTHER, "other p0 p6 p sev s2 sev-2 1 yellow"),
    ],
)
def test_a_known_word_has_a_rank_in_any_case(rank: Severity, words: str) -> None:
    for word in words.split():
        for written in (word, word.upper(), f" {word.title()} "):
            assert Severity.of({"severity": written}) is rank, written


OWN = SeverityWords({"rood": CRITICAL, "1": CRITICAL, "oranje": WARNING, "page": INFO})


@pytest.mark.parametrize(
    ("word", "rank"),
    [
        ("ROOD", CRITICAL),
        ("1", CRITICAL),
        ("Oranje", WARNING),
        ("Page", INFO),
        ("fatal", CRITICAL),
        ("x", OTHER),
    ],
)
def test_an_installations_own_words_go_before_the_known_ones(word: str, rank: Severity) -> None:
    alert = OWN.grade(firing(severity=word))

    assert (alert.severity, alert.labels["severity"]) == (rank, word)


@pytest.mark.parametrize(
    ("matcher", "seen"),
    [
        ('severity="critical"', "critical page ROOD"),
        ('severity="page"', "page"),
        ('severity=~"crit.*"', "critical page ROOD"),
        ('severity=~"p.*"', "page p2"),
        ('severity!="critical"', "warning p2"),
        ('severity!="page"', "critical warning p2 ROOD"),
        ('severity!~"crit.*|x"', "warning p2"),
        ('severity!~"p.*"', "critical warning ROOD"),
        ('severity="warning"', "warning"),  # the lesser ranks have no second name
        ('severity!="warning"', "critical page p2 ROOD"),
        ('level="critical"', ""),
    ],
)
def test_a_word_of_critical_rank_is_also_seen_as_critical(matcher: str, seen: str) -> None:
    [condition] = [one.seeing(SeverityWords({"rood": CRITICAL})) for one in parse_matchers(matcher)]
    words = ("critical", "page", "warning", "p2", "ROOD")
    labels = ({"severity": word, "level": "page"} for word in words)

    assert [one["severity"] for one in labels if condition.matches(one)] == seen.split()


def test_a_matcher_that_nothing_is_said_to_takes_the_label_as_it_is_written() -> None:
    [silence] = parse_matchers('severity="critical"')

    assert not silence.matches({"severity": "page"})


WRITTEN = """
people: {alice: {number: "+32470000001"}}
gateways: [{name: main, type: 1601sms, url: "https://gateway.example.org/", username: a, password: "${PW}", sender: A}]
route: {receiver: rest, routes: [{matchers: severity="critical", receiver: oncall}]}
receivers: [{name: rest}, {name: oncall, notify: ["person:alice"]}]
"""
Load = Callable[[str], object]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(severities: str) -> Path:
        file = tmp_path / "sms-notify.yml"
        file.write_text(f"{WRITTEN}severities: {severities}\n")
        return file

    return write


def test_what_the_file_says_reaches_routes_and_grades(written: Callable[[str], Path]) -> None:
    settings = load(written('{critical: [P9, "1"], info: Groen}'), {"PW": "secret"})
    plan = plan_of(settings)

    assert [route(plan.route, {"severity": word}).receivers for word in ("p9", "1", "groen", "page")] == [
        ("oncall",), ("oncall",), ("rest",), ("oncall",)
    ]  # fmt: skip
    assert plan.severities.grade(firing(severity="GROEN")).severity is INFO


@pytest.mark.parametrize(
    ("severities", "fault"),
    [
        ("{critical: [P9], warning: [p9]}", "severities.warning[0]: `p9` means critical already"),
        ("{critical: P9, info: P9}", "severities.info: `p9` means critical already"),
        ("{warning: [critical]}", "severities.warning[0]: `critical` is the name of another rank"),
        ("{urgent: [x]}", "severities.urgent"),
    ],
)
def test_a_word_of_two_ranks_is_refused_with_its_line(
    written: Callable[[str], Path], severities: str, fault: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(severities), {"PW": "secret"})

    (told,) = map(str, refused.value.faults)
    assert f":6: {fault}" in told


def test_a_word_that_is_written_twice_in_one_rank_is_no_fault(written: Callable[[str], Path]) -> None:
    assert load(written("{critical: [P9, p9, critical]}"), {"PW": "secret"}).severities.own["p9"] is CRITICAL
