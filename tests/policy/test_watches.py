"""Which alert is a sign of life, when a silence pages, and what a start and a reload make of those who wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from made import an_incident
from workbench import firing

from sms_notify.alert import Alert, EndReason, Severity, Status
from sms_notify.policy.holds import Window
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.watches import (
    SignOfLife,
    Signs,
    Watched,
    WatchRule,
    deadline,
    fitted,
    heard,
    heartbeat,
    key_of,
    missed,
    returned,
    signs_in,
    taken_over,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TEN = timedelta(minutes=10)
RULE = WatchRule("prometheus", TEN, parse_matchers('alertname="Watchdog"'))
BY_CLUSTER = replace(RULE, by=("cluster",))
MINUTE = timedelta(minutes=1)


def alert(source: str = "alertmanager", status: Status = Status.FIRING, **labels: str) -> Alert:
    return Alert(source, "f1", status, {"alertname": "Watchdog", **labels})


def row(rule: WatchRule = RULE, at: datetime = NOON, **labels: str) -> Watched:
    return heard(SignOfLife(rule, labels), at)


def muted(start: int, end: int) -> WatchRule:
    """From minute to minute of each day."""
    return replace(RULE, mute=(Window("night", (TimeInterval(times=((start, end),)),)),))


# Signs of life.


def test_an_alert_that_matches_is_a_sign_of_life_of_each_watch_it_matches() -> None:
    other = replace(RULE, name="other")

    assert [sign.rule.name for sign in signs_in((RULE, other), alert())] == ["prometheus", "other"]


def test_an_alert_that_does_not_match_is_none() -> None:
    assert signs_in((RULE,), Alert("alertmanager", "f1", Status.FIRING, {"alertname": "Disk"})) == ()


@pytest.mark.parametrize("source", ["alertmanager", "grafana", "prometheus"])
def test_the_end_of_what_a_source_repeats_is_no_sign_of_life(source: str) -> None:
    assert signs_in((RULE,), alert(source, Status.RESOLVED)) == ()


@pytest.mark.parametrize("source", ["pipe", "alerts", "nagios"])
def test_any_word_of_a_source_that_speaks_once_is_a_sign_of_life(source: str) -> None:
    assert len(signs_in((RULE,), alert(source, Status.RESOLVED))) == 1


def test_a_call_of_its_address_feeds_the_watch_of_that_name_alone() -> None:
    [call] = heartbeat("backup").alerts
    backup = WatchRule("backup", TEN)

    assert [sign.rule for sign in signs_in((RULE, backup), call)] == [backup]


def test_a_watch_without_matchers_is_fed_by_no_alert() -> None:
    assert signs_in((WatchRule("backup", TEN),), alert()) == ()


def test_the_alert_of_a_watch_feeds_no_watch() -> None:
    everything = replace(RULE, matchers=parse_matchers('alertname=~".+"'))

    assert signs_in((everything,), missed(row(), RULE)[1]) == ()


def test_instances_are_told_apart_by_the_labels_that_are_named() -> None:
    east, west = (signs_in((BY_CLUSTER,), alert(cluster=name))[0] for name in ("east", "west"))

    assert east.key != west.key
    assert east.labels == {"cluster": "east"}


def test_a_label_that_is_missing_is_an_instance_too() -> None:
    assert signs_in((BY_CLUSTER,), alert())[0].labels == {"cluster": ""}


# Silence.


def test_a_silence_pages_after_missing_for() -> None:
    assert row().due_at == NOON + TEN


def test_what_is_missing_is_an_alert_that_names_watch_and_instance_and_begins_with_the_last_sign() -> None:
    gone, fires = missed(row(BY_CLUSTER, cluster="east"), BY_CLUSTER)

    assert gone.missing
    assert fires.status is Status.FIRING
    assert fires.labels == {
        "alertname": "WatchMissing",
        "watch": "prometheus",
        "cluster": "east",
        "severity": "critical",
    }
    assert fires.starts_at == NOON
    assert fires.annotations["summary"] == "no sign of life from prometheus cluster=east"


def test_a_watch_takes_over_the_open_incidents_of_its_sign_of_life_and_no_others() -> None:
    found = [an_incident(1, firing("Watchdog")), an_incident(2, firing()), an_incident(3, firing("Watchdog"))]
    assert taken_over(found, {RULE.name: RULE}) == {"prometheus": [1, 3]}


def test_a_watch_that_was_never_heard_says_so() -> None:
    [begun] = fitted((), {RULE.name: RULE}, NOON, started=True).standing

    assert missed(begun, RULE)[1].annotations["summary"] == "no sign of life from prometheus, never heard"


def test_the_severity_is_that_of_the_watch() -> None:
    rule = replace(RULE, severity=Severity.WARNING)

    assert missed(row(rule), rule)[1].severity is Severity.WARNING


def test_the_return_ends_the_same_alert() -> None:
    gone, fires = missed(row(), RULE)
    ends = returned(RULE, gone, NOON + 2 * TEN)

    assert (ends.fingerprint, ends.starts_at) == (fires.fingerprint, fires.starts_at)
    assert (ends.status, ends.ends_at) == (Status.RESOLVED, NOON + 2 * TEN)


# Signs in a step.


def take(before: Watched | None, at: datetime, now: datetime) -> tuple[Signs, Alert | None]:
    sign = SignOfLife(RULE, {})
    signs = Signs({} if before is None else {before.key: before}, now)
    return signs, signs.take(sign, at)


def test_a_first_sign_makes_the_row() -> None:
    signs, end = take(None, NOON, NOON)

    assert end is None
    assert signs.heard[key_of("prometheus", {})].due_at == NOON + TEN


def test_a_sign_ends_a_silence_once() -> None:
    gone, _ = missed(row(), RULE)
    signs, end = take(gone, NOON + 2 * TEN, NOON + 2 * TEN)

    assert end is not None
    assert signs.take(SignOfLife(RULE, {}), NOON + 2 * TEN) is None


def test_a_record_that_was_read_late_takes_nothing_back() -> None:
    signs, _ = take(row(at=NOON + TEN), NOON, NOON + TEN)

    assert signs.heard == {}


def test_a_record_that_is_too_old_does_not_end_a_silence() -> None:
    gone, _ = missed(row(), RULE)
    signs, end = take(gone, NOON + MINUTE, NOON + 3 * TEN)

    assert (end, signs.heard) == (None, {})


def test_a_record_of_the_time_before_a_start_leaves_the_time_that_the_start_gave() -> None:
    waits = replace(row(), due_at=NOON + 2 * TEN)
    signs, _ = take(waits, NOON + MINUTE, NOON + TEN)

    assert signs.heard[waits.key].due_at == NOON + 2 * TEN


def test_a_watch_that_cannot_go_missing_keeps_no_row() -> None:
    signs = Signs({}, NOON)
    signs.take(SignOfLife(replace(RULE, lasting=False), {}), NOON)

    assert signs.heard == {}


# Mutes.


def test_a_deadline_within_a_mute_counts_from_its_end() -> None:
    assert deadline(muted(12 * 60 + 5, 14 * 60), NOON) == NOON + timedelta(hours=2) + TEN


def test_a_mute_that_ends_before_the_deadline_leaves_all_of_missing_for_after_it() -> None:
    assert deadline(muted(12 * 60 + 2, 12 * 60 + 4), NOON) == NOON + 4 * MINUTE + TEN


def test_a_mute_that_is_over_before_the_last_sign_moves_nothing() -> None:
    assert deadline(muted(11 * 60, 12 * 60), NOON) == NOON + TEN


def test_a_watch_of_a_day_with_a_mute_every_night_is_missing_in_the_end() -> None:
    daily = replace(muted(2 * 60, 4 * 60), missing_for=timedelta(hours=25))

    assert deadline(daily, NOON) == NOON + timedelta(hours=25)
    assert deadline(daily, NOON - timedelta(hours=10)) == NOON - timedelta(hours=10) + timedelta(hours=27)


def test_a_watch_that_is_always_muted_pages_not_within_a_year() -> None:
    assert deadline(muted(0, 24 * 60), NOON) > NOON + timedelta(days=365)


# A start, a reload.


def test_a_watch_of_one_instance_begins_with_the_configuration() -> None:
    [begun] = fitted((), {RULE.name: RULE}, NOON, started=False).standing

    assert (begun.heard_at, begun.due_at) == (None, NOON + TEN)


def test_a_watch_of_several_instances_knows_none_before_it_hears_them() -> None:
    assert fitted((), {RULE.name: BY_CLUSTER}, NOON, started=False).standing == ()


def test_a_reload_changes_nothing() -> None:
    assert fitted((row(),), {RULE.name: RULE}, NOON + 9 * MINUTE, started=False).standing == (row(),)


def test_a_reload_keeps_what_is_missing() -> None:
    gone, _ = missed(row(), RULE)

    assert fitted((gone,), {RULE.name: RULE}, NOON + 2 * TEN, started=False).standing == (gone,)


def test_a_longer_missing_for_counts_from_the_last_sign() -> None:
    longer = replace(RULE, missing_for=3 * TEN)

    assert (
        fitted((row(),), {RULE.name: longer}, NOON + MINUTE, started=False).standing[0].due_at
        == NOON + 3 * TEN
    )


def test_a_shorter_missing_for_that_is_over_counts_from_the_reload() -> None:
    hour = replace(RULE, missing_for=6 * TEN)
    now = NOON + 3 * TEN

    assert fitted((row(hour),), {RULE.name: RULE}, now, started=False).standing[0].due_at == now + TEN


def test_a_reload_at_the_deadline_puts_nothing_off() -> None:
    assert fitted((row(),), {RULE.name: RULE}, NOON + TEN, started=False).standing[0].due_at == NOON + TEN


def test_a_start_gives_time_anew() -> None:
    now = NOON + 8 * MINUTE

    assert fitted((row(),), {RULE.name: RULE}, now, started=True).standing[0].due_at == now + TEN


def test_many_starts_put_a_page_off_by_missing_for_at_most() -> None:
    waits, now = row(), NOON
    while now < waits.due_at:
        [waits] = fitted((waits,), {RULE.name: RULE}, now, started=True).standing
        now += timedelta(seconds=50)

    assert waits.due_at == NOON + 2 * TEN


def test_a_deadline_that_passed_while_the_daemon_was_away_counts_from_the_start() -> None:
    now = NOON + timedelta(days=3)
    [waits] = fitted((row(),), {RULE.name: RULE}, now, started=True).standing

    assert (waits.due_at, waits.heard_at) == (now + TEN, NOON)


def test_a_reload_keeps_the_time_that_a_start_gave() -> None:
    [waits] = fitted((row(),), {RULE.name: RULE}, NOON + 8 * MINUTE, started=True).standing

    assert fitted((waits,), {RULE.name: RULE}, NOON + 9 * MINUTE, started=False).standing == (waits,)


def test_a_clock_that_was_set_back_while_we_were_away_keeps_nobody_waiting() -> None:
    [waits] = fitted((row(at=NOON + timedelta(days=9)),), {RULE.name: RULE}, NOON, started=True).standing

    assert waits.due_at == NOON + TEN


def test_a_watch_that_is_removed_goes_and_ends_what_was_missing_as_watched_no_longer() -> None:
    gone, _ = missed(row(), RULE)
    fit = fitted((gone, row(replace(RULE, name="other"))), {}, NOON + TEN, started=False)

    assert set(fit.gone) == {key_of("prometheus", {}), key_of("other", {})}
    [end] = fit.ended
    assert (end.fingerprint, end.end_reason) == (gone.key, EndReason.NO_LONGER_WATCHED)


def test_instances_by_other_labels_than_today_go() -> None:
    fit = fitted((row(BY_CLUSTER, cluster="east"),), {RULE.name: RULE}, NOON, started=False)

    assert fit.gone == (key_of("prometheus", {"cluster": "east"}),)
    assert [one.labels for one in fit.standing] == [{}]
