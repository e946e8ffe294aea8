"""What an alert makes of its incident: opened, raised, heard of again, ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_message, a_notification, acknowledged, an_incident, ended, fates, moves, rows_with, told_by
from workbench import NOON, a_plan, firing, resolved

from sms_notify.alert import Alert, Severity
from sms_notify.policy.correlation import SHARED, Chains, Known
from sms_notify.policy.rate_limits import Flapping, Limits
from sms_notify.policy.records import Decided, Incident, Member, Timer, TimerKind
from sms_notify.policy.routing import Route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.truth import close_unheard, hear
from sms_notify.policy.vocabulary import Cause, Decision, Drop, Heard, IncidentState, Kind, PageState, State

MINUTE = timedelta(minutes=1)
NOW, END = NOON + 10 * MINUTE, NOON + 5 * MINUTE
CHAINS: Chains = ((Route("oncall"),),)
CRITICAL, MILD = an_incident(1), replace(an_incident(1, firing(severity="warning")), raised=1)
OVER = ended(CRITICAL, END)
JUST_OVER = ended(CRITICAL, NOW)
UNHEARD = replace(CRITICAL, state=IncidentState.STALE, closed_at=END)
BY_HAND = replace(CRITICAL, state=IncidentState.CLOSED, closed_at=END, closed_by="alice")
# What each word makes of the incident.
SEEN = {"last_seen_at": NOW}
CLOSED = {"state": IncidentState.RESOLVED, "ended_at": END, "closed_at": NOW, **SEEN}

CLOSED_AT_LAST = {"state": IncidentState.RESOLVED, "ended_at": END, "closed_at": NOW}


def seen(rows: Rows, incident_id: int) -> Incident:
    """As it will be stored: that it was seen is noted beside it."""
    row = rows.incidents.rows[incident_id]
    return replace(row, last_seen_at=rows.now) if incident_id in rows.seen else row


@pytest.mark.parametrize(
    ("latest", "alert", "heard", "becomes"),
    [
        (CRITICAL, firing(), Heard.DUPLICATE, SEEN),
        (acknowledged(CRITICAL), firing(), Heard.DUPLICATE, SEEN),
        (
            CRITICAL,
            firing(severity="warning"),
            Heard.DUPLICATE,
            SEEN,
        ),  # a fall is no news, and changes nothing
        (CRITICAL, resolved(), Heard.RESOLVED, CLOSED),
        (acknowledged(CRITICAL), resolved(), Heard.RESOLVED, CLOSED),
        (UNHEARD, resolved(), Heard.RESOLVED, CLOSED),
        (CRITICAL, resolved(end=NOON - MINUTE), Heard.STALE, {}),  # the end of an episode before
        (JUST_OVER, firing(), Heard.STALE, {}),
        (BY_HAND, firing(), Heard.CLOSED, {}),
        (BY_HAND, resolved(), Heard.CLOSED, CLOSED_AT_LAST),  # what fires from now on is news
        (OVER, resolved(), Heard.DUPLICATE, {}),  # what is closed is not seen any more
        (
            MILD,
            firing(),
            Heard.RAISED,
            {"severity": Severity.CRITICAL, "labels": firing().labels, "raised": 2, **SEEN},
        ),
    ],
)
def test_an_alert_changes_the_latest_episode_as_it_means(
    latest: Incident, alert: Alert, heard: Heard, becomes: dict[str, object]
) -> None:
    rows = rows_with(latest, now=NOW)
    case = hear(a_plan(), rows, Known(alert, latest), CHAINS)

    assert (case.heard, case.incident_id, case.opened_at, case.chains) == (heard, 1, NOON, CHAINS)
    assert case.round == latest.raised + (heard is Heard.RAISED)
    assert {1: seen(rows, 1)} == {1: replace(latest, **becomes)}  # type: ignore[arg-type]
    assert {word.word for word in rows.decided} == {Decision.RAISED} & {str(heard)}


def test_a_rise_is_written_down_with_what_it_rose_from() -> None:
    rows = rows_with(MILD, now=NOW)
    hear(a_plan(), rows, Known(replace(firing(), annotations={"summary": "worse"}), MILD), CHAINS)

    assert rows.decided == [Decided(Decision.RAISED, 1, detail="from warning to critical")]
    assert rows.incidents.rows[1].annotations == {"summary": "worse"}


@pytest.mark.parametrize("latest", [None, OVER, UNHEARD])
def test_what_is_news_opens_an_episode_of_its_own(latest: Incident | None) -> None:
    alert = firing(at=NOW, severity="warning")
    rows = rows_with(*([latest] if latest is not None else []), now=NOW)
    case = hear(a_plan(), rows, Known(alert, latest), CHAINS)

    assert (case.heard, case.incident_id, case.opened_at, case.round) == (Heard.FIRST, 1000, NOW, 0)
    assert rows.incidents.rows[1000] == Incident(
        1000, alert.source, alert.fingerprint, IncidentState.OPEN, Severity.WARNING, alert.labels,
        alert.annotations, NOW, NOW, NOW,
    )  # fmt: skip
    assert latest is None or rows.incidents.rows[1] == latest


def test_the_end_of_what_was_never_heard_of_opens_nothing() -> None:
    rows = rows_with(now=NOW)
    case = hear(a_plan(), rows, Known(resolved(), None), CHAINS)

    assert (case.heard, case.incident_id) == (Heard.NEVER_FIRED, None)
    assert (rows.incidents.rows, rows.members.rows) == ({}, {})


@pytest.mark.parametrize(
    ("others", "heard", "closed_at"), [([], Heard.RESOLVED, NOW), (["icinga"], Heard.STILL_OPEN, None)]
)
def test_a_shared_incident_ends_with_the_last_source_that_holds_it_open(
    others: list[str], heard: Heard, closed_at: datetime | None
) -> None:
    alert = resolved()
    shared = replace(CRITICAL, source=SHARED, fingerprint="disk")
    own, *more = (Member(1, source, alert.fingerprint, NOON, NOON, NOW) for source in (alert.source, *others))
    rows = rows_with(shared, now=NOW)
    for member in (own, *more):
        rows.members.load((1, member.source, member.fingerprint), member)
    under_it = replace(alert, source=SHARED, fingerprint="disk")
    case = hear(a_plan(), rows, Known(under_it, shared, alert, own), CHAINS)

    assert (case.heard, case.told_as) == (heard, alert)
    assert (seen(rows, 1).closed_at, seen(rows, 1).last_seen_at) == (closed_at, NOW)
    assert rows.members.changed == [replace(own, closed_at=NOW, ended_at=END, last_seen_at=NOW)]


# What has not been told yet.

HELD = PageState.HELD


@pytest.mark.parametrize(
    ("latest", "alert", "expected"),
    [
        (CRITICAL, firing(), [HELD, HELD, HELD, HELD]),
        (CRITICAL, resolved(), [HELD, Drop.RESOLVED, Drop.RESOLVED, HELD]),  # the rest is for `ends`
        (MILD, firing(), [HELD, HELD, HELD, HELD]),
        (OVER, firing(at=NOW), [HELD, HELD, HELD, Drop.SUPERSEDED]),  # it is back before its end was told
    ],
)
def test_what_follows_up_stops_with_the_end_and_the_end_with_the_next_beginning(
    latest: Incident, alert: Alert, expected: list[PageState | Drop]
) -> None:
    kinds = (Kind.FIRING, Kind.ESCALATION, Kind.REMINDER, Kind.RESOLVED)
    rows = rows_with(
        latest, *(a_notification(latest, kind=k, id_=id_) for id_, k in enumerate(kinds)), now=NOW
    )
    rows.set_timer(Timer(1, "oncall", TimerKind.ESCALATE, 1, NOW))
    hear(a_plan(), rows, Known(alert, latest), CHAINS)

    assert list(fates(rows).values()) == expected
    assert bool(rows.timers_of(1)) is (alert.ends_at is None)


def test_an_end_that_waits_under_a_name_of_before_is_out_of_date_as_well() -> None:
    """`dedup_labels` were written since: the alert is part of an incident of another name."""
    text, alert = a_message(7, kind=Kind.RESOLVED), firing(at=NOW)
    rows = rows_with(OVER, text, told_by(text, a_notification(OVER, kind=Kind.RESOLVED)), now=NOW)
    hear(
        a_plan(), rows, Known(replace(alert, source=SHARED, fingerprint="disk"), None, told_as=alert), CHAINS
    )

    assert moves(rows) == [(7, State.CANCELLED, Cause.SUPERSEDED)]


# Flapping.

FOUR = Flapping(episodes=4, within=timedelta(minutes=30))


@pytest.mark.parametrize(
    ("rule", "minutes_ago", "times"),
    [
        (None, [20, 10, 5], 0),
        (FOUR, [], 0),
        (FOUR, [10, 5], 0),
        (FOUR, [20, 10, 5], 4),  # with the one that begins
        (FOUR, [25, 20, 10, 5], 5),
        (FOUR, [29.9, 10, 5], 4),
        (FOUR, [30, 10, 5], 0),  # as old as the window is out of it
        (FOUR, [60, 50, 40, 10, 5], 0),
        (Flapping(episodes=1), [], 0),  # nothing comes and goes the first time
        (Flapping(episodes=1), [60], 1),
        (FOUR, [1] * 200, 99),  # more than anybody wants to know the number of
    ],
)
def test_an_alert_flaps_from_so_many_episodes_on_within_the_time(
    rule: Flapping | None, minutes_ago: Sequence[float], times: int
) -> None:
    earlier = [
        replace(ended(CRITICAL, NOW - 2 * MINUTE), id=id_, opened_at=NOW - minutes * MINUTE)
        for id_, minutes in enumerate(minutes_ago, 1)
    ]
    rows, latest = rows_with(*earlier, now=NOW), earlier[-1] if earlier else None
    case = hear(_flapping(rule), rows, Known(firing(at=NOW), latest), CHAINS)

    assert (case.heard, case.flapping) == (Heard.FIRST, times)
    assert rows.incidents.rows[1000].flapping == times
    said = [Decided(Decision.FLAPPING, 1000, detail=f"{times} times")]
    assert rows.decided == (said if times else [])


def _flapping(rule: Flapping | None) -> Plan:
    return replace(a_plan(), limits=Limits(flapping=rule))


def test_what_was_not_heard_of_for_too_long_counts_as_over_and_nobody_is_told() -> None:
    told = a_notification(CRITICAL, id_=1, state=PageState.TOLD)
    other = an_incident(2, firing("Other"))
    rows = rows_with(
        CRITICAL, other, told, *(a_notification(one, id_=one.id + 1) for one in (CRITICAL, other))
    )
    for id_ in (1, 2):
        rows.set_timer(Timer(id_, "oncall", TimerKind.REMIND, 1, NOON))
    close_unheard(rows, CRITICAL)

    assert rows.incidents.changed == [replace(CRITICAL, state=IncidentState.STALE, closed_at=NOON)]
    assert fates(rows) == {1: PageState.TOLD, 2: Drop.STALE, 3: PageState.HELD}
    assert [timer.incident_id for timer in rows.timers.rows.values()] == [2]
