"""A severity that rises, notices that are told once, and trouble that several sources tell of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from outage import (
    AFTERNOON,
    MINUTE,
    NOT_CRITICAL,
    ONE,
    STEPS,
    both,
    by_severity,
    heard,
    open_incidents,
    plan,
    resolved_of,
    told_by,
    worse,
)  # fmt: skip
from paper import Site
from workbench import ALICE, BOB, NOON, firing

from sms_notify.alert import Acknowledged, Delivery, Status
from sms_notify.policy import correlation
from sms_notify.policy.holds import Quiet
from sms_notify.policy.routing import Route
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, Heard
from sms_notify.store import silences


@pytest.fixture
def site(tmp_path: Path) -> Callable[[Plan], Site]:
    return lambda plan: Site(tmp_path, plan)


# A severity that rises.


def test_a_warning_that_becomes_critical_is_told_again_under_the_same_tag(site) -> None:
    here = site(plan())
    mild, severe = worse()
    assert heard(here, mild) == [Heard.FIRST]
    here.run(minutes=2)
    assert heard(here, severe) == [Heard.RAISED]
    here.run(seconds=1)

    before, after = here.texts()
    assert before.startswith("FIRING warning DiskFull")
    assert after.startswith("WORSE critical DiskFull")
    assert before.split()[-1] == after.split()[-1]
    assert open_incidents(here) == 1


def test_told_once_more_and_no_oftener(site) -> None:
    here = site(plan())
    mild, severe = worse()
    words = [heard(here, alert)[0] for alert in (mild, severe, severe, mild, severe)]
    here.run(minutes=2)

    assert words == [Heard.FIRST, Heard.RAISED, Heard.DUPLICATE, Heard.MILDER, Heard.DUPLICATE]
    assert len(here.texts()) == 2


def test_what_was_milder_for_long_and_is_worse_again_is_told_again(site) -> None:
    here = site(plan(escalate=STEPS))
    mild, severe = worse()
    heard(here, severe)
    here.run(minutes=1)
    here.bench.acknowledge(1)
    assert heard(here, mild) == [Heard.MILDER]
    here.run(minutes=11, step=10.0)
    assert heard(here, severe) == [Heard.RAISED]
    here.run(minutes=6, step=10.0)

    assert [text.split()[0] for text in here.texts(BOB.number)] == ["FIRING", "WORSE"]
    assert [text.split()[0] for text in here.texts(ALICE.number)] == ["ESCALATED"]


def test_an_alert_that_says_nothing_of_its_severity_changes_none(site) -> None:
    here = site(plan())
    _, severe = worse()
    heard(here, severe)
    unknown = replace(severe, labels={**severe.labels, "severity": "warning", "state": "UNKNOWN"})
    bare = replace(severe, labels={"alertname": "DiskFull", "host": "db1"})
    assert [heard(here, unknown), heard(here, bare)] == [[Heard.DUPLICATE], [Heard.DUPLICATE]]
    assert here.bench.rows("select severity from incidents") == [{"severity": "critical"}]


def test_a_fall_moves_nobody_and_its_end_is_told_to_whoever_knows(site) -> None:
    here = site(plan({"routes": by_severity("office"), "repeat_interval": 30 * MINUTE}))
    mild, severe = worse()
    heard(here, severe)
    here.run(minutes=1)
    heard(here, mild)
    here.run(minutes=40, step=10.0)
    assert here.texts(ALICE.number) == []
    assert [text[:20] for text in here.texts(BOB.number)] == ["FIRING critical Disk", "STILL FIRING warning"]
    heard(here, resolved_of(mild))
    here.run(seconds=1)
    assert here.texts(BOB.number)[-1].startswith("OK DiskFull")


def test_what_nobody_was_to_hear_of_is_told_when_it_becomes_critical(site) -> None:
    here = site(plan({"routes": by_severity("nobody")}))
    mild, severe = worse()
    assert heard(here, mild) == [Heard.NOBODY]
    assert heard(here, severe) == [Heard.RAISED]
    here.run(seconds=1)

    assert [text[:16] for text in here.texts(BOB.number)] == ["FIRING critical "]


def test_whoever_hears_of_it_only_now_is_not_told_that_it_is_worse(site) -> None:
    here = site(plan({"routes": by_severity("office")}))
    mild, severe = worse()
    heard(here, mild)
    heard(here, severe)
    here.run(seconds=1)
    assert [text[:8] for text in here.texts(ALICE.number)] == ["FIRING w"]
    assert [text[:8] for text in here.texts(BOB.number)] == ["FIRING c"]

    heard(here, resolved_of(severe))
    here.run(seconds=1)
    assert here.texts(ALICE.number)[-1].startswith("OK DiskFull")
    assert here.texts(BOB.number)[-1].startswith("OK DiskFull")


def test_what_the_night_holds_is_told_at_once_when_it_becomes_critical_and_only_once(site) -> None:
    here = site(plan(quiet=Quiet((AFTERNOON,), NOT_CRITICAL)))
    mild, severe = worse()
    heard(here, mild)
    here.run(minutes=2)
    assert here.texts() == []
    heard(here, severe)
    here.run(hours=6, step=60.0)

    first, *reminders = here.texts()
    assert first.startswith("FIRING critical DiskFull")
    assert all(text.startswith("STILL FIRING critical") for text in reminders)


def test_the_steps_begin_anew_and_the_same_people_are_told_again(site) -> None:
    here = site(plan(escalate=STEPS))
    mild, severe = worse()
    heard(here, mild)
    here.run(minutes=6)
    assert [text[:17] for text in here.texts(ALICE.number)] == ["ESCALATED warning"]
    heard(here, severe)
    here.run(minutes=4)
    assert [text[:14] for text in here.texts(ALICE.number)][1:] == ["WORSE critical"]
    here.run(minutes=2)
    assert [text[:18] for text in here.texts(ALICE.number)][2:] == ["ESCALATED critical"]


def test_who_took_care_of_the_warning_is_asked_again_when_it_becomes_critical(site) -> None:
    here = site(plan(escalate=STEPS))
    mild, severe = worse()
    heard(here, mild)
    here.run(minutes=1)
    assert here.bench.acknowledge(1) == [1]
    heard(here, severe)
    here.run(minutes=6)
    assert [text.split()[0] for text in here.texts(BOB.number)] == ["FIRING", "WORSE"]
    assert [text.split()[0] for text in here.texts(ALICE.number)] == ["ESCALATED"]

    assert here.bench.acknowledge(1) == [1]


def test_reminders_go_on_after_it_became_worse(site) -> None:
    here = site(plan({"repeat_interval": 30 * MINUTE}))
    mild, severe = worse()
    heard(here, mild)
    here.run(minutes=40, step=10.0)
    heard(here, severe)
    here.run(minutes=70, step=10.0)

    assert [text.split()[0] for text in here.texts()] == ["FIRING", "STILL", "WORSE", "STILL", "STILL"]


def test_worse_and_over_in_one_request_is_told_as_over(site) -> None:
    here = site(plan())
    mild, severe = worse()
    heard(here, mild)
    here.run(seconds=2)
    heard(here, severe, resolved_of(severe))
    here.run(minutes=1)
    assert here.texts()[-1].startswith("OK DiskFull")
    assert open_incidents(here) == 0


# Told once.


def test_nobody_is_reminded_of_a_notice_that_nothing_ends(site) -> None:
    here = site(plan({"repeat_interval": 30 * MINUTE}))
    heard(here, replace(firing("Custom web"), once=True))
    here.run(hours=3, step=30.0)
    assert len(here.texts()) == 1


# One trouble, several sources.


def test_the_same_outage_told_by_two_sources_is_one_incident_and_one_text(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    assert heard(here, nagios) == [Heard.FIRST]
    assert heard(here, alertmanager) == [Heard.DUPLICATE]
    here.run(minutes=1)

    assert len(here.texts()) == 1
    assert open_incidents(here) == 1


def test_it_is_over_when_the_last_of_them_says_so(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    heard(here, nagios)
    heard(here, alertmanager)
    here.run(seconds=5)
    assert heard(here, resolved_of(nagios)) == [Heard.STILL_OPEN]
    here.run(seconds=5)
    assert len(here.texts()) == 1
    assert heard(here, resolved_of(nagios)) == [Heard.DUPLICATE]
    assert heard(here, resolved_of(alertmanager)) == [Heard.RESOLVED]
    here.run(seconds=5)
    assert [text.split()[0] for text in here.texts()] == ["FIRING", "OK"]


def test_one_that_is_back_before_the_other_has_ended_keeps_it_open(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    words = [
        heard(here, nagios)[0],
        heard(here, alertmanager)[0],
        heard(here, replace(nagios, status=Status.RESOLVED, ends_at=NOON - MINUTE))[0],
        heard(here, replace(nagios, starts_at=NOON + timedelta(seconds=30)))[0],
        heard(here, resolved_of(alertmanager))[0],
        heard(here, replace(nagios, status=Status.RESOLVED, ends_at=NOON + MINUTE))[0],
    ]
    assert words == [
        Heard.FIRST,
        Heard.DUPLICATE,
        Heard.STILL_OPEN,  # though it ended before it began: a clock was set back
        Heard.DUPLICATE,
        Heard.STILL_OPEN,
        Heard.RESOLVED,
    ]


def test_an_end_from_a_source_that_never_told_of_it_ends_nothing(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    heard(here, nagios)
    assert heard(here, resolved_of(alertmanager)) == [Heard.NEVER_FIRED]
    assert open_incidents(here) == 1


@pytest.mark.parametrize(("silent", "word"), [("alertmanager", Heard.RESOLVED), ("nagios", Heard.STILL_OPEN)])
def test_only_a_source_that_repeats_itself_and_falls_silent_holds_nothing_open(
    site, silent: str, word: Heard
) -> None:
    here = site(plan({**ONE, "repeat_interval": timedelta(days=7)}))
    nagios, alertmanager = both()
    heard(here, nagios)
    heard(here, alertmanager)
    speaks = alertmanager if silent == "nagios" else nagios
    for _ in range(5):
        here.bench.clock.move(hours=6)
        heard(here, speaks)
    assert heard(here, resolved_of(replace(speaks, starts_at=None))) == [word]


def test_an_acknowledgement_by_either_source_holds_for_both(site) -> None:
    here = site(plan(ONE, escalate=STEPS))
    nagios, alertmanager = both()
    heard(here, alertmanager)
    heard(here, nagios)
    ack = Acknowledged("nagios", nagios.fingerprint, "ann", "on it, 20 min")
    here.bench.commit(
        lambda tx: here.bench.engine.accept(tx, Delivery("nagios", (), acks=(ack,)), here.bench.clock())
    )
    here.run(minutes=10)
    assert here.texts(ALICE.number) == []
    (said,) = here.bench.rows("select detail from decisions where word = 'acknowledged'")
    assert said["detail"] == "by ann (source): on it, 20 min"


def test_another_host_is_another_incident(site) -> None:
    here = site(plan(ONE))
    nagios, _ = both()
    other = told_by("alertmanager", firing("InstanceDown", host="db2"))
    assert heard(here, nagios) == [Heard.FIRST]
    assert heard(here, other) == [Heard.FIRST]


@pytest.mark.parametrize("labels", [{}, {"host": ""}], ids=["missing", "empty"])
def test_an_alert_without_the_label_is_one_of_its_own(site, labels: dict[str, str]) -> None:
    here = site(plan(ONE))
    one, two = (told_by(source, firing("Deadman", **labels)) for source in ("nagios", "alertmanager"))
    assert [heard(here, one), heard(here, two)] == [[Heard.FIRST], [Heard.FIRST]]


def test_nobody_is_left_out_because_another_receiver_heard_of_it_first(site) -> None:
    here = site(
        plan({**ONE, "routes": tuple(replace(r, dedup_labels=("host",)) for r in by_severity("office"))})
    )
    nagios = told_by("nagios", firing("HostDown", host="db1", severity="warning"))
    _, alertmanager = both()
    assert heard(here, nagios) == [Heard.FIRST]
    assert heard(here, alertmanager) == [Heard.FIRST]
    here.run(seconds=2)
    assert len(here.texts(ALICE.number)) == len(here.texts(BOB.number)) == 1


def test_an_alert_that_changes_hands_speaks_of_the_incident_that_it_is_in_now(site) -> None:
    here = site(
        plan({**ONE, "routes": tuple(replace(r, dedup_labels=("host",)) for r in by_severity("office"))})
    )
    down = told_by("nagios", firing("HostDown", host="db1"))
    load = told_by("nagios", firing("Load", host="db1", severity="warning"), "load")
    severe = replace(load, labels={**load.labels, "severity": "critical"})
    words = [
        heard(here, alert)[0]
        for alert in (down, load, resolved_of(load), severe, resolved_of(severe), resolved_of(down))
    ]
    assert words == [
        Heard.FIRST,
        Heard.FIRST,
        Heard.RESOLVED,
        Heard.DUPLICATE,
        Heard.STILL_OPEN,
        Heard.RESOLVED,
    ]
    assert open_incidents(here) == 0
    assert [text.split()[0] for text in here.texts(BOB.number)] == ["FIRING", "OK"]


def test_a_shared_incident_is_as_severe_as_the_worst_of_it_that_fires(site) -> None:
    here = site(plan({**ONE, "repeat_interval": 30 * MINUTE}))
    nagios, alertmanager = both()
    heard(here, replace(nagios, labels={**nagios.labels, "severity": "warning"}))
    heard(here, alertmanager)
    here.run(minutes=1)
    assert heard(here, resolved_of(alertmanager)) == [Heard.STILL_OPEN]
    here.run(minutes=45, step=10.0)

    assert here.bench.rows("select severity from incidents") == [{"severity": "warning"}]
    assert [text.split(" Host")[0] for text in here.texts()][2:] == ["STILL FIRING warning"]


def test_the_other_source_may_say_that_it_is_worse(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    heard(here, replace(nagios, labels={**nagios.labels, "severity": "warning"}))
    assert heard(here, alertmanager) == [Heard.RAISED]
    here.run(seconds=2)
    assert [text.split(":")[0] for text in here.texts()] == [
        "FIRING warning HostDown db1",
        "WORSE critical InstanceDown db1",
    ]


def test_an_incident_that_is_open_keeps_its_name_when_the_configuration_changes(site) -> None:
    here = site(plan())
    nagios, alertmanager = both()
    heard(here, nagios)
    here.bench.engine = type(here.bench.engine)(plan(ONE), "node")
    heard(here, alertmanager)
    assert open_incidents(here) == 2
    assert heard(here, resolved_of(nagios)) == [Heard.RESOLVED]

    here.bench.engine = type(here.bench.engine)(plan(), "node")
    assert heard(here, resolved_of(alertmanager)) == [Heard.RESOLVED]
    assert open_incidents(here) == 0


def test_alertmanagers_silences_know_a_shared_incident_by_alertmanagers_name(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    heard(here, nagios)
    heard(here, alertmanager)
    with here.bench.reading() as tx:
        (seen,) = silences.still_open(tx)
        (waiting,) = silences.uncovered(tx)
        (told,) = silences.alerts(tx, [seen.key])
    assert seen.fingerprint == told.fingerprint == alertmanager.fingerprint
    assert seen.labels == waiting.labels == alertmanager.labels
    assert told.source == "alertmanager"


def test_the_acknowledgement_of_a_shared_incident_is_told_by_its_source(site) -> None:
    here = site(plan(ONE))
    nagios, _ = both()
    heard(here, nagios)
    assert here.bench.acknowledge(1, how=AckBy.SOURCE) == [1]


def test_the_name_of_a_shared_incident_depends_on_the_values_and_the_receivers_alone() -> None:
    def name(receiver: str = "oncall", **labels: str) -> str | None:
        chain = (Route(receiver, dedup_labels=("host", "service")),)
        return correlation.shared_name((chain,), labels)

    assert name(host="a", service="b") == name(host="a", service="b", more="c")
    assert name(host="a", service="b") != name(host="b", service="a")
    assert name(host="a", service="b") != name("other", host="a", service="b")
    assert name(host="a") is None
