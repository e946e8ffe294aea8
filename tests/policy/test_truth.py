"""What an alert, and the time that passes, make of an incident: opened, raised, milder, gone and back, ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import (
    a_member,
    a_message,
    a_notification,
    a_timer,
    acknowledged,
    an_incident,
    ended,
    fates,
    moves,
    rows_of_all,
    rows_with,
    told_by,
)
from workbench import BOB, NOON, a_plan, firing, resolved

from sms_notify.alert import Alert, Severity, Status
from sms_notify.policy.correlation import SHARED, Chains, Known
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.notifications import Case
from sms_notify.policy.rate_limits import Flapping, Limits
from sms_notify.policy.records import Decided, Incident, Member, Message, Timer, TimerKind
from sms_notify.policy.routing import Route, route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.truth import EARLY, as_it_is, hear, passed, stands, unheard
from sms_notify.policy.vocabulary import Cause, Decision, Drop, Heard, IncidentState, Kind, PageState, State

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW, END = NOON + 10 * MINUTE, NOON + 5 * MINUTE
CHAINS: Chains = ((Route("oncall"),),)
FOUR = Flapping(episodes=4, within=30 * MINUTE, calm=10 * MINUTE, calm_critical=3 * MINUTE)
PLAN = replace(a_plan(), limits=Limits(flapping=FOUR))
CRITICAL, WARNING = an_incident(1, repeats=True), firing(severity="warning")
MILD = replace(CRITICAL, severity=Severity.WARNING, labels=WARNING.labels)
FELL = replace(MILD, level=Severity.CRITICAL, milder_since=END, routed_by=CRITICAL.labels)
OVER = ended(CRITICAL, NOON - HOUR)
LATELY = ended(CRITICAL, END)  # for as long as it counts as a flicker
JUST_OVER = ended(CRITICAL, NOW - MINUTE / 2)
UNHEARD = replace(CRITICAL, state=IncidentState.UNHEARD)
BOUT = replace(CRITICAL, flapping=4, began=(NOON, NOON + MINUTE, NOON + 2 * MINUTE, END))
GONE = replace(BOUT, ended_at=END)
# What each word makes of the incident.
SEEN = {"last_seen_at": NOW}
CLOSED = {"state": IncidentState.RESOLVED, "ended_at": END, "closed_at": NOW, **SEEN}
BACK = {"state": IncidentState.OPEN, "closed_at": None, "ended_at": None, "raised": 1, **SEEN}
TAKEN = {**BACK, "state": IncidentState.ACKNOWLEDGED}
AS_BAD = {"severity": Severity.CRITICAL, "labels": firing().labels, "level": None, "milder_since": None,
          "routed_by": None, **SEEN}  # fmt: skip
MILDER = {"severity": Severity.WARNING, "labels": WARNING.labels, "level": Severity.CRITICAL, "milder_since": NOW,
          "routed_by": firing().labels, **SEEN}  # fmt: skip
UNKNOWN = replace(firing(), labels={**WARNING.labels, "state": "UNKNOWN"})
BARE = replace(firing(), labels={"alertname": "HostDown"})


def heard(rows: Rows, alert: Alert, latest: Incident | None, plan: Plan = PLAN) -> Case:
    """Under the name that the incident has."""
    name = latest.fingerprint if latest is not None else alert.fingerprint
    return hear(plan, rows, Known(replace(alert, fingerprint=name), latest), CHAINS)


def seen(rows: Rows, incident_id: int) -> Incident:
    """As it will be stored: that it was seen is noted beside it."""
    row = rows.incidents.rows[incident_id]
    return replace(row, last_seen_at=rows.now) if incident_id in rows.seen else row


def due(rows: Rows) -> dict[TimerKind, float]:
    """In how many minutes."""
    return {timer.what: (timer.due_at - rows.now) / MINUTE for timer in rows.timers.rows.values()}


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
        (LATELY, firing(at=NOW), Heard.RESUMED, BACK),
        (ended(acknowledged(CRITICAL), END), firing(at=NOW), Heard.RESUMED, TAKEN),
        (ended(MILD, END), firing(at=NOW), Heard.RAISED, {**BACK, **AS_BAD}),  # worse than it was
        (LATELY, replace(WARNING, starts_at=NOW), Heard.RESUMED, {**BACK, **MILDER}),
        (LATELY, replace(UNKNOWN, starts_at=NOW), Heard.RESUMED, BACK),  # as bad as it was
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
    ("start", "word"),
    [(NOON, Heard.OLD_COPY), (NOON + MINUTE, Heard.FIRST), (None, Heard.FIRST)],
)
def test_a_beginning_that_comes_after_its_end_is_none(start: datetime | None, word: Heard) -> None:
    rows = rows_with(now=NOW)
    heard(rows, resolved(), None)
    case = heard(rows, firing(at=start), None)

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


# A flicker: it fires again soon after an end that nobody was texted of.


@pytest.mark.parametrize(
    ("text", "minutes", "word"),
    [
        (None, 9.9, Heard.RESUMED),
        (None, 10, Heard.FIRST),
        (a_message(7, kind=Kind.RESOLVED, state=State.QUEUED), 5, Heard.RESUMED),  # it is taken back
        (a_message(7, kind=Kind.RESOLVED, state=State.FAILED), 5, Heard.RESUMED),
        (a_message(7, kind=Kind.RESOLVED, state=State.NOT_DELIVERED), 5, Heard.RESUMED),
        (a_message(7, kind=Kind.RESOLVED, state=State.SUBMITTING), 5, Heard.FIRST),
        (a_message(7, kind=Kind.RESOLVED, state=State.SENT), 5, Heard.FIRST),
        (a_message(7, kind=Kind.RESOLVED, state=State.UNKNOWN_FINAL), 5, Heard.FIRST),  # perhaps they read it
    ],
)
def test_an_episode_goes_on_that_fires_again_soon_after_an_end_that_nobody_read(
    text: object, minutes: float, word: Heard
) -> None:
    texted = isinstance(text, Message)
    end = a_notification(LATELY, kind=Kind.RESOLVED)
    told = [text, told_by(text, end)] if isinstance(text, Message) else [end]
    rows = rows_of_all(LATELY, *told, a_notification(LATELY, id_=2), now=END + minutes * MINUTE)
    case = heard(rows, firing(at=rows.now), LATELY)

    assert (case.heard, case.incident_id) == (word, 1 if word is Heard.RESUMED else 1000)
    if not texted:  # the OK that waits falls away
        assert fates(rows)[1] is Drop.SUPERSEDED
    elif isinstance(text, Message):
        taken_back = [(7, State.CANCELLED, Cause.SUPERSEDED)]
        assert moves(rows) == (taken_back if text.state is State.QUEUED else [])
    assert fates(rows)[2] is PageState.HELD


@pytest.mark.parametrize(
    ("latest", "alert"),
    [
        (LATELY, replace(firing(at=NOW), once=True)),  # a notice is no problem that comes back
        (replace(UNHEARD, closed_at=END), firing(at=NOW)),  # it has made room: no end was heard of
    ],
)
def test_only_a_problem_that_was_over_goes_on(latest: Incident, alert: Alert) -> None:
    rows = rows_with(latest, now=NOW)

    assert heard(rows, alert, latest).heard is Heard.FIRST


def test_what_lasts_and_what_comes_back_is_measured_alike_where_flapping_is_off() -> None:
    off = replace(PLAN, limits=Limits())
    rows = rows_with(LATELY, now=NOW)

    assert heard(rows, firing(at=NOW), LATELY, off).heard is Heard.RESUMED


# Shared incidents.

SHARED_ONE = replace(CRITICAL, source=SHARED, fingerprint="disk")


def of_icinga(severity: str) -> Alert:
    return replace(firing(severity=severity), source="icinga", fingerprint="db1!disk")


def shared(rows: Rows, alert: Alert, incident: Incident, member: Member | None) -> Case:
    under_it = replace(alert, source=SHARED, fingerprint="disk")
    return hear(PLAN, rows, Known(under_it, incident, alert, member), CHAINS)


@pytest.mark.parametrize(
    ("others", "word", "closed_at"), [([], Heard.RESOLVED, NOW), (["icinga"], Heard.STILL_OPEN, None)]
)
def test_a_shared_incident_ends_with_the_last_source_that_holds_it_open(
    others: list[str], word: Heard, closed_at: datetime | None
) -> None:
    alert = resolved()
    own, *more = (Member(1, source, alert.fingerprint, NOON, NOON, NOW) for source in (alert.source, *others))
    rows = rows_of_all(SHARED_ONE, own, *more, now=NOW)
    case = shared(rows, alert, SHARED_ONE, own)

    assert (case.heard, case.told_as) == (word, alert)
    assert (seen(rows, 1).closed_at, seen(rows, 1).last_seen_at) == (closed_at, NOW)
    assert rows.members.changed == [replace(own, closed_at=NOW, ended_at=END, last_seen_at=NOW)]


@pytest.mark.parametrize(
    ("now_is", "alert", "other", "word", "severity"),
    [
        ("critical", "warning", "critical", Heard.DUPLICATE, Severity.CRITICAL),
        ("critical", "warning", "warning", Heard.MILDER, Severity.WARNING),
        ("critical", "critical", "warning", Heard.DUPLICATE, Severity.CRITICAL),
        ("warning", "warning", "critical", Heard.RAISED, Severity.CRITICAL),
        ("warning", "info", "warning", Heard.DUPLICATE, Severity.WARNING),
        ("critical", None, "warning", Heard.STILL_OPEN, Severity.WARNING),  # the worst of them is over
        ("warning", None, "warning", Heard.STILL_OPEN, Severity.WARNING),
    ],
)
def test_a_shared_incident_is_as_severe_as_the_worst_that_fires(
    now_is: str, alert: str | None, other: str, word: Heard, severity: Severity
) -> None:
    incident = replace(SHARED_ONE, severity=Severity(now_is), labels=firing(severity=now_is).labels)
    mine, theirs = firing(severity=now_is), of_icinga(other)
    members = [a_member(incident, one, labels=one.labels) for one in (mine, theirs)]
    rows = rows_of_all(incident, *members, now=NOW)
    told = resolved(severity=now_is) if alert is None else replace(mine, labels=firing(severity=alert).labels)
    case = shared(rows, told, incident, members[0])

    assert (case.heard, rows.incidents.rows[1].severity) == (word, severity)


@pytest.mark.parametrize(
    ("source", "repeats"), [("alertmanager", True), ("grafana", True), ("icinga", False)]
)
def test_silence_means_something_where_whoever_told_first_repeats_itself(source: str, repeats: bool) -> None:
    alert = replace(firing(), source=source)
    rows = rows_with(now=NOW)
    it = Known(replace(alert, source=SHARED, fingerprint="disk"), None, alert)

    assert rows.incidents.rows[hear(PLAN, rows, it, CHAINS).id].repeats is repeats


@pytest.mark.parametrize("minutes", [1, 11])
def test_a_shared_incident_that_opens_with_a_held_copy_ends_with_the_source_of_it(minutes: float) -> None:
    over = ended(SHARED_ONE, NOW - minutes * MINUTE)
    member = a_member(over, firing(), closed_at=over.closed_at, ended_at=END)
    before = a_member(over, of_icinga("critical"), closed_at=END)  # it has said so itself
    rows = rows_of_all(over, member, before, COPY, now=NOW)
    case = passed(PLAN, rows, (SHARED, "disk"))

    assert case is not None
    (mine,) = [one for one in rows.members_of(case.id) if one.closed_at is None]
    assert (mine.source, mine.fingerprint) == (member.source, member.fingerprint)
    assert shared(rows, resolved(), rows.incidents.rows[case.id], mine).heard is Heard.RESOLVED


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

LEVELS = Route("oncall", routes=(Route("dba", "route.routes[0]", parse_matchers('severity="critical"')),))
BY_LEVEL = replace(PLAN, route=LEVELS)


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


# A bout of flapping.

THREE = (NOON - 15 * MINUTE, NOON, END)


@pytest.mark.parametrize(
    ("latest", "alert", "word", "times"),
    [
        (replace(OVER, began=THREE), firing(at=NOW), Heard.FIRST, 4),
        (replace(OVER, began=THREE[1:]), firing(at=NOW), Heard.FIRST, 0),
        (replace(LATELY, began=THREE), firing(at=NOW), Heard.RESUMED, 4),
        (replace(MILD, began=THREE), firing(), Heard.RAISED, 4),  # rises count,
        (replace(CRITICAL, began=THREE), WARNING, Heard.MILDER, 0),  # falls do not,
        (replace(CRITICAL, began=THREE), firing(), Heard.DUPLICATE, 0),  # nor repeats
        (replace(CRITICAL, began=THREE), resolved(), Heard.RESOLVED, 0),
    ],
)
def test_a_bout_begins_with_the_beginning_that_is_one_too_many(
    latest: Incident, alert: Alert, word: Heard, times: int
) -> None:
    rows = rows_with(latest, now=NOW)
    case = heard(rows, alert, latest)

    assert (case.heard, case.flapping, rows.incidents.rows[case.id].flapping) == (word, times, times)
    assert (Decision.FLAPPING in {one.word for one in rows.decided}) is bool(times)
    assert due(rows) == ({TimerKind.CALM: 3} if times else {})


@pytest.mark.parametrize(("acked_at", "taken"), [(NOON, True), (NOON - HOUR, False), (None, False)])
def test_a_bout_is_acknowledged_by_whoever_acknowledged_one_of_its_beginnings(
    acked_at: datetime | None, taken: bool
) -> None:
    latest = replace(OVER, began=THREE, acked_at=acked_at, acked_by="alice", acked_how="command")
    rows = rows_with(latest, now=NOW)
    incident = rows.incidents.rows[heard(rows, firing(at=NOW), latest).id]

    assert (incident.acked_at, incident.acked_by) == ((acked_at, "alice") if taken else (None, ""))
    assert incident.state is (IncidentState.ACKNOWLEDGED if taken else IncidentState.OPEN)


@pytest.mark.parametrize(
    ("latest", "alert", "word", "ended_at", "began", "calm"),
    [
        (BOUT, resolved(end=NOW), Heard.FLAPPING, NOW, 4, 3),
        (BOUT, replace(resolved(), ends_at=None), Heard.FLAPPING, NOW, 4, 3),
        (BOUT, firing(), Heard.DUPLICATE, None, 4, None),  # a repeat neither comes nor goes
        (BOUT, WARNING, Heard.MILDER, None, 4, None),
        (GONE, firing(at=NOW), Heard.FLAPPING, None, 5, 3),
        (GONE, WARNING, Heard.FLAPPING, None, 5, 10),  # milder: it must be calm for longer
        (GONE, resolved(end=NOW), Heard.DUPLICATE, END, 4, None),
        # A rise is told at once, whether it was gone or not.
        (replace(BOUT, severity=Severity.WARNING, labels=WARNING.labels), firing(), Heard.RAISED, None, 5, 3),
        (replace(GONE, severity=Severity.WARNING, labels=WARNING.labels), firing(), Heard.RAISED, None, 5, 3),
    ],
)
def test_inside_a_bout_neither_an_end_nor_a_beginning_is_news(
    latest: Incident, alert: Alert, word: Heard, ended_at: datetime | None, began: int, calm: float | None
) -> None:
    rows = rows_with(latest, now=NOW)
    case = heard(rows, alert, latest)
    incident = rows.incidents.rows[1]

    assert (case.heard, case.heard.news) == (word, word is Heard.RAISED)
    assert (incident.is_open, incident.ended_at, len(incident.began)) == (True, ended_at, began)
    assert (incident.flapping, case.flapping) == (began, began)
    assert due(rows) == ({} if calm is None else {TimerKind.CALM: calm})


@pytest.mark.parametrize("latest", [acknowledged(BOUT), acknowledged(GONE)])
@pytest.mark.parametrize("alert", [firing(at=NOW), resolved(end=NOW)])
def test_who_takes_care_of_a_bout_takes_care_of_its_beginnings_and_ends(
    latest: Incident, alert: Alert
) -> None:
    rows = rows_with(latest, now=NOW)
    heard(rows, alert, latest)

    assert (rows.incidents.rows[1].state, rows.incidents.rows[1].acked_by) == (
        IncidentState.ACKNOWLEDGED,
        "alice",
    )


# What time makes of it.

CALM = a_timer(1, TimerKind.CALM, receiver="", due_at=NOW)
COPY = a_timer(1, TimerKind.COPY, receiver="", due_at=NOW)
KEY = (CRITICAL.source, CRITICAL.fingerprint)


@pytest.mark.parametrize(
    ("incident", "timer"),
    [
        (BOUT, replace(CALM, due_at=NOW + MINUTE)),
        (JUST_OVER, replace(COPY, due_at=NOW + MINUTE)),
        (CRITICAL, replace(COPY, due_at=NOW)),  # it fires anyway
        (JUST_OVER, replace(CALM, due_at=NOW)),  # it has ended anyway
        (CRITICAL, a_timer(1, due_at=NOW)),  # a step is none of this
    ],
)
def test_nothing_comes_of_time_before_it_is_up(incident: Incident, timer: Timer) -> None:
    rows = rows_of_all(incident, timer, now=NOW)

    assert passed(PLAN, rows, KEY) is None
    assert rows.incidents.rows == {1: incident}


def test_nothing_comes_of_time_for_what_is_not_known() -> None:
    assert passed(PLAN, rows_with(now=NOW), KEY) is None


def test_a_bout_that_is_calm_and_gone_has_ended() -> None:
    rows = rows_of_all(GONE, CALM, a_timer(1), a_notification(GONE, kind=Kind.ESCALATION), now=NOW)
    case = passed(PLAN, rows, KEY)

    assert case is not None
    assert (case.heard, case.id, case.flapping, case.opened_at) == (Heard.RESOLVED, 1, 0, NOON)
    over = {"state": IncidentState.RESOLVED, "ended_at": END, "closed_at": NOW, "last_seen_at": NOW}
    assert rows.incidents.rows[1] == replace(GONE, flapping=0, **over)  # type: ignore[arg-type]
    assert (due(rows), fates(rows)) == ({}, {1: Drop.RESOLVED})


@pytest.mark.parametrize(
    ("incident", "acked"),
    [
        (BOUT, False),
        (acknowledged(BOUT, NOON), False),  # of the bout
        (acknowledged(BOUT, END + MINUTE), True),  # of what stays, too
    ],
)
def test_a_bout_that_is_calm_and_there_stays(incident: Incident, acked: bool) -> None:
    rows = rows_of_all(incident, CALM, a_timer(1, due_at=NOW + MINUTE), now=NOW)
    case = passed(BY_LEVEL, rows, KEY)

    assert case is not None
    assert (case.heard, case.id, case.flapping, case.round) == (Heard.RESUMED, 1, 0, 1)
    assert case.anew is (
        incident.acked_at is not None and not acked
    )  # whoever took care of the bout is asked again
    assert case.receivers == ("dba",)
    after = rows.incidents.rows[1]
    assert (after.is_open, after.flapping, after.raised, after.began) == (True, 0, 1, (END,))
    assert (after.acked_at is not None) is acked
    assert due(rows) == {TimerKind.ESCALATE: 1}  # its steps run on


@pytest.mark.parametrize(
    ("minutes", "word", "id_"),
    [
        (1, Heard.RESUMED, 1),  # of an end that nobody was texted of
        (11, Heard.FIRST, 1000),  # as after a stop of the daemon
    ],
)
def test_what_may_have_been_an_old_copy_opens_when_the_minute_is_over(
    minutes: float, word: Heard, id_: int
) -> None:
    latest = ended(CRITICAL, NOW - minutes * MINUTE)
    rows = rows_of_all(latest, COPY, now=NOW)
    case = passed(PLAN, rows, KEY)

    assert case is not None
    assert (case.heard, case.id, case.alert.status) == (word, id_, Status.FIRING)
    assert (rows.incidents.rows[id_].is_open, rows.incidents.rows[id_].starts_at) == (True, NOON)
    assert due(rows) == {}


def test_what_may_be_an_old_copy_is_held_until_a_minute_after_the_end() -> None:
    rows = rows_with(JUST_OVER, now=NOW)
    case = heard(rows, firing(), JUST_OVER)

    assert (case.heard, case.incident_id) == (Heard.HELD_COPY, 1)
    assert due(rows) == {TimerKind.COPY: 0.5}


@pytest.mark.parametrize(
    ("alert", "held"), [(resolved(), False), (replace(resolved(), starts_at=None), False), (firing(), True)]
)
def test_an_end_that_follows_a_held_copy_ends_it(alert: Alert, held: bool) -> None:
    rows = rows_of_all(JUST_OVER, replace(COPY, due_at=NOW + MINUTE / 2), now=NOW)
    heard(rows, alert, JUST_OVER)

    assert bool(rows.timers.rows) is held


def test_a_notice_that_nothing_ends_is_closed_after_a_day_without_a_word() -> None:
    rows = rows_with(now=NOW)
    case = heard(rows, replace(firing(), once=True), None)
    assert due(rows) == {TimerKind.CALM: 24 * 60}

    notice, timers = rows.incidents.rows[case.id], rows.timers.rows.values()
    later = rows_of_all(notice, *timers, now=NOW + 24 * HOUR)
    assert passed(PLAN, later, KEY) is None
    assert later.incidents.rows[case.id].state is IncidentState.RESOLVED


# Silence.


@pytest.mark.parametrize("incident", [CRITICAL, acknowledged(CRITICAL), FELL])
def test_what_nothing_is_heard_of_stays_open_and_nobody_is_reminded_of_it(incident: Incident) -> None:
    told, step = a_notification(incident, state=PageState.TOLD), a_message(7)
    other = an_incident(2, firing("Other"))
    rows = rows_of_all(
        incident, other, told, step,
        told_by(step, a_notification(incident, kind=Kind.ESCALATION, id_=2)),
        a_notification(incident, kind=Kind.REMINDER, id_=3), a_notification(incident, id_=4),
        a_notification(other, kind=Kind.REMINDER, id_=5),
        a_timer(1, TimerKind.REMIND), a_timer(2, TimerKind.REMIND),
    )  # fmt: skip
    case = unheard(BY_LEVEL, rows, incident)

    assert (case.id, case.heard.suppressed, case.opened_at) == (1, True, NOON)
    assert case.receivers == ("dba",)  # of the worst that it was
    assert rows.incidents.changed == [replace(incident, state=IncidentState.UNHEARD)]
    held = PageState.HELD  # whoever was told nothing yet still hears that it fires
    assert fates(rows) == {1: PageState.TOLD, 2: PageState.TOLD, 3: Drop.UNHEARD, 4: held, 5: held}
    assert [timer.incident_id for timer in rows.timers.rows.values()] == [2]
