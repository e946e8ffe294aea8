"""Alerts as the public rule collections shape them, with the text that each makes. Each text of the corpus was read by eye."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Severity, Status
from sms_notify.wording import gsm
from sms_notify.wording.compose import WORDS, compose
from sms_notify.wording.content import (
    Crowd,
    Digest,
    HandOff,
    Merged,
    Notice,
    Reader,
    Silent,
    StillFiring,
    TextedIncident,
    Tone,
)
from sms_notify.wording.digest import compose_digest
from sms_notify.wording.handoff_text import compose_handoff
from sms_notify.wording.languages import Words
from sms_notify.wording.self_check_text import compose_self_check

CORPUS: Sequence[Mapping[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "corpus_of_alerts.yml").read_text("utf-8")
)
BEGUN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG_AGO = BEGUN - timedelta(days=3)
NOW = BEGUN + timedelta(minutes=1)
ENGLISH = Reader("Europe/Brussels", "en", NOW)


def an_alert(
    labels: Mapping[str, str], status: Status = Status.FIRING, source: str = "alertmanager"
) -> Alert:
    ended = BEGUN + timedelta(minutes=12) if status is Status.RESOLVED else None
    return Alert(source, "f", status, labels, {}, BEGUN, ended)


def of_corpus(entry: Mapping[str, Any], status: Status) -> Alert:
    alert = an_alert(entry["labels"], status, entry.get("source", "alertmanager"))
    return Alert(alert.source, "f", status, alert.labels, entry["annotations"], BEGUN, alert.ends_at)


def worded(alert: Alert, reader: Reader = ENGLISH, tag: str = "k3f9", **more: Any) -> str:
    return compose(Notice(alert.status, (TextedIncident(tag, alert),), **more), reader, None, 1).body


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry["labels"]["alertname"])
def test_an_alert_of_a_public_rule_makes_the_text_that_was_read(entry: Mapping[str, Any]) -> None:
    told = worded(of_corpus(entry, Status.FIRING)), worded(of_corpus(entry, Status.RESOLVED))
    assert told == (entry["firing"], entry["ok"])


def test_the_corpus_is_large_and_each_text_of_it_is_told_from_the_others() -> None:
    assert len(CORPUS) >= 40
    assert len({entry["firing"] for entry in CORPUS}) == len(CORPUS)
    assert len({entry["ok"] for entry in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry["labels"]["alertname"])
def test_no_text_lists_labels_and_every_measured_value_stands_in_it(entry: Mapping[str, Any]) -> None:
    assert "map[" not in entry["firing"]
    measured = re.search(r"VALUE = (\d+)", entry["annotations"].get("description", ""))
    if measured and measured[1] not in ("0", "1"):
        assert measured[1] in entry["firing"]


# No word twice, and no sentence that says something else for it.


@pytest.mark.parametrize(
    ("labels", "summary", "told"),
    [
        ({"host": "web1"}, "web1 cannot reach db1", "Qx web1: cannot reach db1"),
        ({"host": "web1"}, "No route between web1 and db1", "Qx web1: No route between web1 and db1"),
        ({"host": "web1"}, "Killed by web1", "Qx web1: Killed by web1"),
        ({"host": "a"}, "There is a hole in it", "Qx a: There is a hole in it"),
        (
            {"url": "https://x.example/health"},
            "health check fails",
            "Qx https://x.example/health: health check fails",
        ),
        (
            {"host": "db1", "mountpoint": "/var/log"},
            "log disk of db1 fills",
            "Qx db1 /var/log: log disk fills",
        ),
        ({"instance": "db1:9100"}, "Qx (instance db1:9100)", "Qx db1:9100"),
        ({"instance": "db1:9100"}, "Qx on db1:9100: 97% used", "Qx db1:9100: 97% used"),
        (
            {"namespace": "shop", "pod": "cart-1"},
            "Pod shop/cart-1 is OOM killed",
            "Qx shop/cart-1: OOM killed",
        ),
        ({"room": "room 2"}, "31 C in room 2", "Qx room 2: 31 C"),
        ({"host": "db1"}, "DISK CRITICAL - 3% free", "Qx db1: DISK 3% free"),
        ({"host": "db1", "shard": "3"}, "only 3 replicas", "Qx db1 shard=3: only 3 replicas"),
        (
            {"host": "gw1", "route": "main", "code": "401"},
            "route main refuses (401)",
            "Qx gw1: route main refuses (401)",
        ),
        ({"host": "gw1", "peer": "h2"}, "requests reach gw1 (h2)", "Qx gw1 peer=h2: requests reach gw1 (h2)"),
    ],
)
def test_a_summary_is_told_without_what_stands_before_it(
    labels: dict[str, str], summary: str, told: str
) -> None:
    alert = an_alert({"alertname": "Qx", "severity": "critical", **labels})
    alert = Alert(alert.source, "f", Status.FIRING, alert.labels, {"summary": summary}, BEGUN)
    assert worded(alert) == f"FIRING critical {told} since 13:00 #k3f9"


def test_a_label_that_the_summary_says_stays_where_the_summary_is_cut() -> None:
    labels = {"alertname": "Qx", "severity": "critical", "host": "db1", "route": "main"}
    words = "refused " * 12 + "by route main, and so on " + "again " * 12
    alert = Alert("alertmanager", "f", Status.FIRING, labels, {"summary": words}, BEGUN)
    assert worded(alert).startswith("FIRING critical Qx db1 route=main: refused")


# Among open problems of one reader no two texts read alike but for the tag.

PLACES = ("host", "namespace", "pod", "mountpoint", "queue", "room", "container", "database", "shard")
VALUES = st.sampled_from(["a", "b", "db1", "db2:9100", "/", "/var", "3", "4", "web", "x" * 30])


@st.composite
def rules(draw: st.DrawFn) -> list[dict[str, str]]:
    """Problems of one rule, no two with equal labels: they have the same labels by name."""
    names = draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=4, unique=True))
    values = st.tuples(*[VALUES] * len(names))
    some = draw(st.lists(values, min_size=2, max_size=5, unique=True))
    return [{"alertname": "DiskFull", **dict(zip(names, one, strict=True))} for one in some]


def without_tag(text: str) -> str:
    return re.sub(r" #\w+", "", text)


@settings(deadline=None, max_examples=300)
@given(rules(), st.sampled_from(Status))
def test_no_two_open_problems_of_one_rule_read_alike_but_for_the_tag(
    problems: list[dict[str, str]], status: Status
) -> None:
    texts = [without_tag(worded(an_alert(labels, status))) for labels in problems]
    assert len(set(texts)) == len(problems), texts


@settings(deadline=None, max_examples=300)
@given(rules())
def test_problems_of_one_rule_in_one_text_each_have_a_place_of_their_own(
    problems: list[dict[str, str]],
) -> None:
    told = tuple(TextedIncident(f"t{n}", an_alert(labels)) for n, labels in enumerate(problems))
    listed = re.sub(r"^FIRING \d+x DiskFull[^:]*: | since .*", "", compose_whole(told))
    places = listed.split(", ")
    assert len(set(places)) == len(problems), listed


def compose_whole(told: tuple[TextedIncident, ...]) -> str:
    return compose(Notice(Status.FIRING, told), ENGLISH, None, 3).body


@pytest.mark.parametrize(
    "label",
    ["mountpoint", "device", "target", "url", "deployment", "pod", "queue", "room", "container", "shard"],
)
@pytest.mark.parametrize("status", Status)
def test_two_problems_that_differ_in_one_label_never_read_alike(label: str, status: Status) -> None:
    rest = {"alertname": "A", "instance": "h:9100", "namespace": "shop"}
    one, other = (worded(an_alert({**rest, label: value}, status)) for value in ("left", "right"))
    assert without_tag(one) != without_tag(other)


def test_problems_with_equal_labels_are_told_apart_by_their_senders_name() -> None:
    labels = {"alertname": "HighCPU", "host": "db1"}
    told = tuple(
        TextedIncident(tag, an_alert(labels, source=source))
        for tag, source in (("t1", "grafana-org1"), ("t2", "grafana-org2"))
    )
    text = compose_whole(told)
    assert "grafana-org1" in text
    assert "grafana-org2" in text


# No text in another language has an English word of ours.


def words_in(words: Words) -> set[str]:
    every = (getattr(words, name) for name in Words.__slots__)
    return {word for said in every for word in re.findall(r"[^\W\d_]{2,}", said.lower())}


def every_text(reader: Reader) -> list[str]:
    labels = {"alertname": "Qx", "host": "zz1", "severity": "critical"}
    alert, lesser = an_alert(labels), an_alert({**labels, "severity": "warning", "host": "zz2"})
    one = TextedIncident("t1", alert, LONG_AGO, acked_by="Zoe")
    other = TextedIncident("t2", lesser, LONG_AGO, heard_at=LONG_AGO, again=True)
    over = TextedIncident("t3", an_alert(labels, Status.RESOLVED), closed_by="Zoe")
    ended, still = TextedIncident("t4", an_alert(labels, Status.RESOLVED)), StillFiring(2, (other,))
    firing = [
        Notice(Status.FIRING, (told,), 7, tone, 5, "https://a.b/c", NOW + timedelta(days=1), silent)
        for tone in Tone
        for silent in Silent
        for told in (one, other)
    ]
    ends = [Notice(Status.RESOLVED, (told,), still=still) for told in (over, ended)]
    several = [Notice(Status.FIRING, (one, other)), Notice(Status.RESOLVED, (ended, over))]
    digests = [
        Digest(why, held, over_, LONG_AGO, NOW, 3, "", silent, Crowd(left, more=more))
        for why in Merged
        for held, over_ in (((one, other), (ended,)), ((other,), ()), ((), (ended, over)))
        for silent in Silent
        for left, more in ((0, False), (4, False), (4, True))
    ]
    handoffs = [HandOff("zq", NOW, ()), HandOff("zq", NOW, (one, other)), HandOff("zq", None, (one,))]
    nameless = Notice(Status.FIRING, (TextedIncident("t5", an_alert({"host": "zz1"})),))
    return [
        *(compose(notice, reader, None, 3).body for notice in (*firing, *ends, *several, nameless)),
        *(compose_digest(digest, reader, 3).text.body for digest in digests),
        *(compose_handoff(handoff, reader, 3).text.body for handoff in handoffs),
        *(compose_self_check(left, reader).body for left in (None, 1, 460)),
    ]


@pytest.mark.parametrize("language", sorted(WORDS.keys() - {"en"}))
def test_no_text_in_another_language_has_an_english_word_of_ours(language: str) -> None:
    english = words_in(WORDS["en"]) - words_in(WORDS[language])
    for text in every_text(Reader("Europe/Brussels", language, NOW)):
        assert not english & set(re.findall(r"[^\W\d_]{2,}", text.lower())), text


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_word_of_ours_is_of_the_alphabet_that_costs_one_part(language: str) -> None:
    words = WORDS[language]
    said = [getattr(words, name) for name in Words.__slots__]
    assert [text for text in said if gsm.to_gsm(text) != text] == []
    assert {len(words.weekdays.split()), len(words.months.split()), len(words.ranks.split())} == {7, 12, 4}
    assert all(words.rank(severity) for severity in Severity)
