"""What an alert makes of its incident: opened, raised, milder, heard of again, ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import (
    a_message,
    a_notification,
    a_timer,
    acknowledged,
    ended,
    fates,
    moves,
    rows_of_all,
    rows_with,
    told_by,
)
from truths import (
    BARE,
    BOUT,
    BY_LEVEL,
    CHAINS,
    CRITICAL,
    END,
    FELL,
    GONE,
    HOUR,
    JUST_OVER,
    LATELY,
    LEVELS,
    MILD,
    MINUTE,
    NOW,
    OVER,
    PLAN,
    UNHEARD,
    UNKNOWN,
    WARNING,
    due,
    heard,
    seen,
)
from workbench import BOB, NOON, firing, resolved

from sms_notify.alert import Alert, Severity
from sms_notify.policy.correlation import SHARED, Known
from sms_notify.policy.records import Decided, Incident, TimerKind
from sms_notify.policy.routing import route
from sms_notify.policy.truth import EARLY, as_it_is, hear, stands
from sms_notify.policy.vocabulary import Cause, Decision, Drop, Heard, IncidentState, Kind, PageState, State

# What each word makes of the incident.
SEEN = {"last_seen_at": NOW}
CLOSED = {"state": IncidentState.RESOLVED, "ended_at": END, "closed_at": NOW, **SEEN}
BACK = {"state": IncidentState.OPEN, "closed_at": None, "ended_at": None, "raised": 1, **SEEN}
TAKEN = {**BACK, "state": IncidentState.ACKNOWLEDGED}
AGAIN = {**BACK, "starts_at": NOW}  # with a start of its own, by which it is known from now on
AS_BAD = {"severity": Severity.CRITICAL, "labels": firing().labels, "level": None, "milder_since": None,
          "routed_by": None, "worst": None, **SEEN}  # fmt: skip
MILDER = {"severity": Severity.WARNING, "labels": WARNING.labels, "level": Severity.CRITICAL, "milder_since": NOW,
          "routed_by": firing().labels, "worst": Severity.CRITICAL, **SEEN}  # fmt: skip


@pytest.mark.parametrize(
    ("latest", "alert", "word", "becomes"),
    [
        (CRITICAL, firing(), Heard.DUPLICATE, SEEN),
        (acknowledged(CRITICAL), firing(), Heard.DUPLICATE, SEEN),
        (CRITICAL, UNKNOWN, Heard.DUPLICATE, SEEN),  # says nothing of how bad it is
        (CRITICAL, BARE, Heard.DUPLICATE, SEEN),
        (CRITICAL, resolved(), Heard.RESOLVED, CLOSED),
        (acknowledged(CRITICAL), resolved(), Heard.RESOLVED, CLOSED),
        (UNHEARD, resolved(), Heard.RESOLVED, CLOSED),
        # Clocks are set back: no end is measured against a start.
        (CRITICAL, resolved(end=NOON - MINUTE), Heard.RESOLVED, {**CLOSED, "ended_at": NOON - MINUTE}),
        (OVER, resolved(), Heard.DUPLICATE, {}),  # what is closed is not seen any more
        (JUST_OVER, firing(), Heard.HELD_COPY, {}),
        # Rises.
        (MILD, firing(), Heard.RAISED, {**AS_BAD, "raised": 1}),
        (acknowledged(MILD), firing(), Heard.RAISED, {**AS_BAD, "raised": 1}),  # `beginnings` asks them again
        # Falls.
        (CRITICAL, WARNING, Heard.MILDER, MILDER),
        (FELL, WARNING, Heard.MILDER, SEEN),
        (FELL, UNKNOWN, Heard.MILDER, SEEN),
        (FELL, firing(), Heard.DUPLICATE, AS_BAD),  # as bad as everybody thinks
        (replace(FELL, milder_since=NOON), WARNING, Heard.DUPLICATE, SEEN),  # the fall has lasted
        (replace(FELL, milder_since=NOON), firing(), Heard.RAISED, {**AS_BAD, "raised": 1}),
        # Silence, and then the same again.
        (UNHEARD, firing(), Heard.RESUMED, BACK),
        (UNHEARD, firing(at=None), Heard.RESUMED, BACK),
        (replace(acknowledged(CRITICAL), state=IncidentState.UNHEARD), firing(), Heard.RESUMED, TAKEN),
        # A flicker.
        (LATELY, firing(at=NOW), Heard.RESUMED, AGAIN),
        (ended(acknowledged(CRITICAL), END), firing(at=NOW), Heard.RESUMED, {**TAKEN, "starts_at": NOW}),
        (ended(MILD, END), firing(at=NOW), Heard.RAISED, {**AGAIN, **AS_BAD}),  # worse than it was
        (LATELY, replace(WARNING, starts_at=NOW), Heard.RESUMED, {**AGAIN, **MILDER}),
        (LATELY, replace(UNKNOWN, starts_at=NOW), Heard.RESUMED, AGAIN),  # as bad as it was
        (
            replace(UNHEARD, severity=Severity.WARNING, labels=WARNING.labels),
            firing(),
            Heard.RAISED,
            {**BACK, **AS_BAD},
        ),
    ],
)
def test_an_alert_changes_the_latest_episode_as_it_means(
    latest: Incident, alert: Alert, word: Heard, becomes: Mapping[str, object]
) -> None:
    rows = rows_with(latest, now=NOW)
    case = heard(rows, alert, latest)

    assert (case.heard, case.incident_id, case.opened_at) == (word, 1, NOON)
    assert case.round == latest.raised + (word in (Heard.RAISED, Heard.RESUMED))
    assert replace(seen(rows, 1), began=()) == replace(latest, **becomes)  # type: ignore[arg-type]
    assert {one.word for one in rows.decided} == {Decision.RAISED} & {str(word)}


BY_HAND = replace(CRITICAL, state=IncidentState.CLOSED, closed_at=END, closed_by="alice")


@pytest.mark.parametrize(
    ("latest", "alert", "becomes"),
    [
        (BY_HAND, firing(), {}),  # a repeat
        (BY_HAND, WARNING, {}),
        (BY_HAND, resolved(), {"state": IncidentState.RESOLVED, "ended_at": END, "closed_at": NOW}),
        (replace(BY_HAND, source=SHARED), resolved(), {}),  # of several sources one
    ],
)
def test_what_somebody_closed_stays_closed_until_its_source_has_ended_it(
    latest: Incident, alert: Alert, becomes: Mapping[str, object]
) -> None:
    rows = rows_with(latest, now=NOW)
    case = heard(rows, alert, latest)

    assert (case.heard, case.incident_id) == (Heard.CLOSED, 1)
    assert rows.incidents.rows == {1: replace(latest, **becomes)}  # type: ignore[arg-type]


@pytest.mark.parametrize("alert", [firing(at=NOW), firing(at=NOON + HOUR)])
def test_a_later_start_than_that_of_what_somebody_closed_is_news(alert: Alert) -> None:
    rows = rows_with(BY_HAND, now=NOW)

    assert heard(rows, alert, BY_HAND).heard is Heard.FIRST


def test_a_rise_is_written_down_with_what_it_rose_to() -> None:
    rows = rows_with(MILD, now=NOW)
    heard(rows, replace(firing(), annotations={"summary": "worse"}), MILD)

    assert rows.decided == [Decided(Decision.RAISED, 1, detail="to critical")]
    assert rows.incidents.rows[1].annotations == {"summary": "worse"}


NAGIOS = replace(CRITICAL, source="nagios", repeats=False)


@pytest.mark.parametrize(
    ("latest", "minutes", "start"),
    [
        (None, 0, NOON),
        (OVER, 0, NOON),
        (LATELY, 6, NOON),  # no flicker any more
        (UNHEARD, 0, NOON + 5 * MINUTE),
        (UNHEARD, 0, NOON - 5 * MINUTE),
        (
            replace(acknowledged(CRITICAL), state=IncidentState.UNHEARD),
            0,
            NOON + 5 * MINUTE,
        ),  # and taken by nobody
        # Told once, and again after a day of silence: the end between was lost.
        (NAGIOS, 25 * 60, NOON + 5 * MINUTE),
        (NAGIOS, 25 * 60, None),
    ],
)
def test_what_is_news_opens_an_episode_of_its_own(
    latest: Incident | None, minutes: float, start: datetime | None
) -> None:
    alert = replace(firing(at=start, severity="warning"), source=latest.source if latest else "alertmanager")
    now = NOW + minutes * MINUTE
    rows = rows_with(*([latest] if latest is not None else []), now=now)
    case = heard(rows, alert, latest)

    assert (case.heard, case.incident_id, case.opened_at, case.round) == (Heard.FIRST, 1000, now, 0)
    opened = rows.incidents.rows[1000]
    assert opened == Incident(
        1000, alert.source, opened.fingerprint, IncidentState.OPEN, Severity.WARNING, alert.labels,
        alert.annotations, start, now, now, began=(now,), repeats=alert.source == "alertmanager",
    )  # fmt: skip
    if latest is not None:  # of two episodes one is open
        left = {} if latest.closed_at else {"state": IncidentState.UNHEARD, "closed_at": now}
        assert rows.incidents.rows[1] == replace(latest, **left)  # type: ignore[arg-type]


def test_the_end_of_what_was_never_heard_of_opens_nothing() -> None:
    rows = rows_with(now=NOW)
    case = heard(rows, resolved(), None)

    assert (case.heard, case.incident_id) == (Heard.NEVER_FIRED, None)
    assert (rows.incidents.rows, rows.members.rows) == ({}, {})


@pytest.mark.parametrize(
    ("latest", "alert", "began"),
    [
        (OVER, firing(at=NOW), 1),
        (LATELY, firing(at=NOW), 1),
        (MILD, firing(), 1),  # rises count
        (CRITICAL, WARNING, 0),  # and falls do not,
        (FELL, firing(), 0),  # nor what is as bad as everybody thinks,
        (UNHEARD, firing(), 0),  # nor what was there all the time
        (CRITICAL, resolved(), 0),
        (GONE, firing(at=NOW), 1),
        (BOUT, resolved(), 0),
    ],
)
def test_what_begins_counts_for_flapping(latest: Incident, alert: Alert, began: int) -> None:
    rows = rows_with(latest, now=NOW)
    incident = rows.incidents.rows[heard(rows, alert, latest).id]

    assert incident.began == (*latest.began, *[NOW] * began)


@pytest.mark.parametrize(("latest", "start"), [(UNHEARD, NOW), (NAGIOS, None)])
def test_what_was_still_to_be_told_of_an_episode_whose_end_was_lost_is_told_of_the_new_one(
    latest: Incident, start: datetime | None
) -> None:
    held = [
        a_notification(latest, kind=kind, id_=id_) for id_, kind in enumerate((Kind.FIRING, Kind.UNHEARD))
    ]
    told = a_notification(latest, id_=2, state=PageState.TOLD)
    alert = replace(firing(at=start), source=latest.source)
    rows = rows_of_all(latest, *held, told, a_timer(1), now=NOW + 25 * HOUR)
    heard(rows, alert, latest)

    assert fates(rows) == {0: Drop.SUPERSEDED, 1: Drop.SUPERSEDED, 2: PageState.TOLD}
    assert rows.timers_of(1) == []


def test_what_is_heard_of_again_is_not_told_as_unheard_of() -> None:
    waits, held = a_message(7, kind=Kind.UNHEARD), a_notification(UNHEARD, BOB, Kind.UNHEARD, 2)
    rows = rows_of_all(
        UNHEARD, waits, told_by(waits, a_notification(UNHEARD, kind=Kind.UNHEARD)), held, now=NOW
    )
    heard(rows, firing(), UNHEARD)

    assert fates(rows)[2] is Drop.SUPERSEDED
    assert moves(rows) == [(7, State.CANCELLED, Cause.SUPERSEDED)]


@pytest.mark.parametrize(
    ("end", "alert", "word"),
    [
        (resolved(), firing(), Heard.OLD_COPY),
        (resolved(), firing(at=NOON + MINUTE), Heard.FIRST),
        (resolved(), firing(at=None), Heard.FIRST),
        (
            replace(resolved(), starts_at=None),
            firing(at=None),
            Heard.FIRST,
        ),  # nothing says that they belong together
        (resolved(), replace(firing(), once=True), Heard.FIRST),  # nothing ends a notice
        (replace(resolved(), source="grafana"), firing(), Heard.FIRST),
    ],
)
def test_a_beginning_that_comes_after_its_end_is_none(end: Alert, alert: Alert, word: Heard) -> None:
    rows = rows_with(now=NOW)
    heard(rows, end, None)
    case = heard(rows, alert, None)

    assert case.heard is word
    assert (len(rows.incidents.rows), case.incident_id is None) == (
        (0, True) if word is Heard.OLD_COPY else (1, False)
    )


def test_an_end_of_an_episode_that_is_known_makes_no_copy_of_what_fires_on() -> None:
    """Prometheus was cut off, and so Alertmanager ended it; the other one of the pair has said so just now."""
    rows = rows_with(OVER, now=NOW)
    heard(rows, resolved(), OVER)

    assert heard(rows, firing(), OVER).heard is Heard.FIRST


def test_an_end_without_a_beginning_is_remembered_for_as_long_as_hooks_overtake_each_other() -> None:
    assert timedelta(minutes=1) == EARLY


# What has not been told yet.

HELD = PageState.HELD


@pytest.mark.parametrize(
    ("latest", "alert", "expected"),
    [
        (CRITICAL, firing(), [HELD, HELD, HELD, HELD]),
        (CRITICAL, WARNING, [HELD, HELD, HELD, HELD]),
        (CRITICAL, resolved(), [HELD, Drop.RESOLVED, Drop.RESOLVED, HELD]),  # the rest is for `ends`
        (MILD, firing(), [HELD, HELD, HELD, Drop.SUPERSEDED]),  # the rest is for `beginnings`
        (OVER, firing(at=NOW), [HELD, HELD, HELD, Drop.SUPERSEDED]),  # it is back before its end was told
        (BOUT, resolved(), [HELD, HELD, HELD, Drop.SUPERSEDED]),  # steps run through the ends of a bout
        (GONE, firing(), [HELD, HELD, HELD, Drop.SUPERSEDED]),
    ],
)
def test_what_follows_up_stops_with_the_end_and_the_end_with_the_next_beginning(
    latest: Incident, alert: Alert, expected: list[PageState | Drop]
) -> None:
    kinds = (Kind.FIRING, Kind.ESCALATION, Kind.REMINDER, Kind.RESOLVED)
    listed = (a_notification(latest, kind=kind, id_=id_) for id_, kind in enumerate(kinds))
    rows = rows_of_all(latest, *listed, a_timer(1), now=NOW)
    heard(rows, alert, latest)

    assert list(fates(rows).values()) == expected
    goes_on = latest.is_open and Drop.RESOLVED not in expected
    assert (TimerKind.ESCALATE in due(rows)) is goes_on


def test_an_end_that_waits_under_a_name_of_before_is_out_of_date_as_well() -> None:
    """`dedup_labels` were written since: the alert is part of an incident of another name."""
    text, alert = a_message(7, kind=Kind.RESOLVED), firing(at=NOW)
    rows = rows_with(OVER, text, told_by(text, a_notification(OVER, kind=Kind.RESOLVED)), now=NOW)
    hear(PLAN, rows, Known(replace(alert, source=SHARED, fingerprint="disk"), None, told_as=alert), CHAINS)

    assert moves(rows) == [(7, State.CANCELLED, Cause.SUPERSEDED)]


# Routes.


@pytest.mark.parametrize(
    ("latest", "alert", "receivers"),
    [
        (CRITICAL, WARNING, ("dba",)),  # a fall moves nobody
        (FELL, WARNING, ("dba",)),
        (FELL, replace(resolved(), labels=WARNING.labels), ("dba",)),
        (MILD, WARNING, ("oncall",)),
        (MILD, firing(), ("dba",)),
        (FELL, firing(), ("dba",)),
    ],
)
def test_routes_are_those_of_the_worst_that_the_episode_was(
    latest: Incident, alert: Alert, receivers: tuple[str, ...]
) -> None:
    chains = route(LEVELS, alert.labels).chains
    rows = rows_with(latest, now=NOW)
    case = hear(BY_LEVEL, rows, Known(replace(alert, fingerprint=latest.fingerprint), latest), chains)

    assert case.receivers == receivers
    assert as_it_is(BY_LEVEL, rows, replace(case, round=7)) == case


@pytest.mark.parametrize(
    ("incident", "severity", "level", "since", "routed_by"),
    [
        (CRITICAL, "warning", Severity.CRITICAL, NOW, CRITICAL.labels),
        (FELL, "info", Severity.CRITICAL, END, CRITICAL.labels),  # it has been milder since then
        (
            replace(FELL, milder_since=NOON),
            "info",
            Severity.WARNING,
            NOW,
            CRITICAL.labels,
        ),  # a fall from there
        (replace(FELL, severity=Severity.INFO), "warning", Severity.CRITICAL, END, CRITICAL.labels),
        (FELL, "critical", None, None, None),
        (MILD, "critical", None, None, None),
    ],
)
def test_people_take_it_for_what_it_was_until_the_fall_has_lasted(
    incident: Incident,
    severity: str,
    level: Severity | None,
    since: datetime | None,
    routed_by: Mapping[str, str] | None,
) -> None:
    stood = stands(PLAN, rows_with(incident, now=NOW), incident, firing(severity=severity))

    assert (stood.severity, stood.level, stood.milder_since) == (Severity(severity), level, since)
    assert stood.routed_by == routed_by
