"""Which incident an alert belongs to, and whether that is news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_member, an_incident, rows_of_all
from workbench import NOON, firing, resolved

from sms_notify.alert import Alert, Severity
from sms_notify.policy.correlation import (
    SHARED,
    Chains,
    Known,
    is_news_again,
    is_repeat,
    known,
    meaning,
    names,
    note_member,
    shared_name,
    standing,
    under_other_names,
)
from sms_notify.policy.records import Incident, Member
from sms_notify.policy.routing import Route
from sms_notify.policy.vocabulary import Heard, IncidentState

HOUR, DAY, CALM = timedelta(hours=1), timedelta(days=1), timedelta(minutes=10)
EARLIER, LATER = NOON - HOUR, NOON + HOUR


def ways(*routes: Route) -> Chains:
    """Each route below a root that asks for nothing."""
    return tuple((Route("root", dedup_labels=("never asked",)), one) for one in routes)


PLAIN, BY_HOST = ways(Route("oncall")), ways(Route("oncall", dedup_labels=("host",)))
ALERT = firing("HostDown", host="db1")
END = resolved("HostDown", host="db1")
NAGIOS = replace(firing("Host db1 is DOWN", host="db1"), source="nagios")
NAME = shared_name(BY_HOST, ALERT.labels) or ""


def shared(id_: int, name: str = NAME, **more: object) -> Incident:
    return an_incident(id_, replace(ALERT, source=SHARED, fingerprint=name), **more)


def under(alert: Alert, name: str = NAME) -> Alert:
    return replace(alert, source=SHARED, fingerprint=name)


OWN, OWN_OVER = an_incident(1, ALERT), an_incident(1, ALERT, closed_at=EARLIER)
OPEN, OVER = shared(5), shared(5, closed_at=EARLIER)
RENAMED, RENAMED_OVER = shared(5, "old name"), shared(5, "old name", closed_at=EARLIER)
MINE = a_member(OPEN, ALERT)
UNHEARD = replace(OWN, state=IncidentState.UNHEARD, repeats=True)
WARNING = replace(ALERT, labels={**ALERT.labels, "severity": "warning"})
UNKNOWN = replace(ALERT, labels={**ALERT.labels, "severity": "warning", "state": "UNKNOWN"})
BARE = replace(ALERT, labels={"alertname": "HostDown", "host": "db1"})  # says nothing of how bad it is
FELL = replace(
    OWN, severity=Severity.WARNING, labels=WARNING.labels, level=Severity.CRITICAL, milder_since=NOON
)


@pytest.mark.parametrize(
    ("labels", "same"),
    [
        ({"host": "db1", "service": "x"}, True),
        ({"host": "db1", "service": "x", "more": "y"}, True),
        ({"host": "db2", "service": "x"}, False),
        ({"host": "x", "service": "db1"}, False),
        ({"host": "db1"}, None),  # a label is missing
        ({"host": "db1", "service": ""}, None),
    ],
)
def test_incidents_are_shared_by_the_values_of_all_labels_asked_for(labels, same: bool | None) -> None:
    chains = ways(Route("oncall", dedup_labels=("host", "service")))
    name = shared_name(chains, labels)

    assert (None if name is None else name == shared_name(chains, {"host": "db1", "service": "x"})) == same


@pytest.mark.parametrize(
    ("chains", "same"),
    [
        (PLAIN, None),
        (BY_HOST, True),
        (ways(Route("dba", dedup_labels=("host",))), False),  # nobody is left out
        (ways(Route("oncall", "route.routes[7]", dedup_labels=("host",))), True),
        (ways(Route("oncall"), Route("oncall", dedup_labels=("host",))), True),  # the first that asks for any
        (ways(Route("dba"), Route("oncall", dedup_labels=("host",))), False),
        (ways(Route("oncall", dedup_labels=("host",)), Route("oncall", dedup_labels=("team",))), True),
    ],
)
def test_incidents_are_shared_by_who_is_to_hear_of_them(chains: Chains, same: bool | None) -> None:
    name = shared_name(chains, ALERT.labels)

    assert (None if name is None else name == NAME) == same


OWN_KEY, SHARED_KEY = (ALERT.source, ALERT.fingerprint), (SHARED, NAME)


NOTICE = replace(ALERT, once=True)
DOWNTIME = replace(ALERT, labels={**ALERT.labels, "notification": "downtime"})


@pytest.mark.parametrize(("chains", "keys"), [(PLAIN, [OWN_KEY]), (BY_HOST, [OWN_KEY, SHARED_KEY])])
def test_an_alert_may_be_known_by_its_own_name_and_by_the_shared_one(
    chains: Chains, keys: list[tuple[str, str]]
) -> None:
    assert list(names(ALERT, chains)) == keys


@pytest.mark.parametrize("alert", [NOTICE, DOWNTIME])
def test_what_stands_beside_a_problem_is_no_part_of_its_incident(alert: Alert) -> None:
    assert names(alert, BY_HOST) == (OWN_KEY,)
    assert known(rows_of_all(OPEN), alert, BY_HOST) == Known(alert, None)


@pytest.mark.parametrize(
    ("loaded", "chains", "it"),
    [
        ([], PLAIN, Known(ALERT, None)),
        ([], BY_HOST, Known(under(ALERT), None, ALERT)),
        ([OWN], BY_HOST, Known(ALERT, OWN)),  # what is open keeps its name
        ([OWN_OVER], BY_HOST, Known(under(ALERT), None, ALERT)),
        ([OWN_OVER], PLAIN, Known(ALERT, OWN_OVER)),
        ([OPEN], PLAIN, Known(ALERT, None)),
        ([OPEN], BY_HOST, Known(under(ALERT), OPEN, ALERT)),
        ([OPEN, a_member(OPEN, NAGIOS)], BY_HOST, Known(under(ALERT), OPEN, ALERT)),
        ([OPEN, MINE], BY_HOST, Known(under(ALERT), OPEN, ALERT, MINE)),
        ([OPEN, MINE], PLAIN, Known(under(ALERT), OPEN, ALERT, MINE)),
        ([OWN, OPEN, MINE], BY_HOST, Known(ALERT, OWN)),
        ([RENAMED, MINE], BY_HOST, Known(under(ALERT, "old name"), RENAMED, ALERT, MINE)),
        ([RENAMED_OVER, MINE], BY_HOST, Known(under(ALERT), None, ALERT)),
        ([OVER, MINE], PLAIN, Known(ALERT, None)),
        ([OVER, MINE], BY_HOST, Known(under(ALERT), OVER, ALERT, MINE)),
        ([OVER, shared(6), MINE], BY_HOST, Known(under(ALERT), shared(6), ALERT, MINE)),
        # It is part of what it holds open, not of the newest.
        (
            [OPEN, MINE, shared(6, "new name"), a_member(shared(6), ALERT, closed_at=NOON)],
            BY_HOST,
            Known(under(ALERT), OPEN, ALERT, MINE),
        ),
        ([UNHEARD], BY_HOST, Known(ALERT, UNHEARD)),  # it may be there still
    ],
)
def test_an_open_incident_keeps_its_name_and_a_new_one_gets_that_of_the_configuration(
    loaded: Sequence[Incident | Member], chains: Chains, it: Known
) -> None:
    assert known(rows_of_all(*loaded), ALERT, chains) == it


@pytest.mark.parametrize(
    ("alert", "latest", "member", "counts"),
    [
        (ALERT, OPEN, None, False),
        (ALERT, OPEN, MINE, True),
        (END, OPEN, MINE, True),
        (ALERT, shared(6), MINE, True),
        (END, shared(6), MINE, False),  # an end ends the latest episode alone
        (END, None, MINE, False),
    ],
)
def test_what_a_source_told_of_an_earlier_episode_counts_for_a_firing_alone(
    alert: Alert, latest: Incident | None, member: Member | None, counts: bool
) -> None:
    assert Known(under(alert), latest, alert, member).own == (MINE.episode if counts else None)


@pytest.mark.parametrize(
    ("alert", "loaded", "repeat"),
    [
        (ALERT, [], False),
        (ALERT, [OWN], True),
        (ALERT, [OWN_OVER], False),
        (END, [OWN], False),
        (END, [OWN_OVER], False),
        (ALERT, [replace(OWN, severity=Severity.WARNING)], False),  # it has become worse
        (replace(ALERT, once=True), [OWN], False),
        (ALERT, [OPEN, MINE], False),  # that is not a name of its own
        (WARNING, [OWN], False),  # it has become milder
        (WARNING, [FELL], True),  # it was as mild before
        (ALERT, [FELL], False),
        (UNKNOWN, [OWN], True),  # says nothing of how bad it is
        (BARE, [OWN], True),
        (ALERT, [replace(OWN, flapping=4)], False),  # it may be back
        (ALERT, [UNHEARD], False),
        (replace(ALERT, starts_at=LATER), [UNHEARD], False),
    ],
)
def test_what_an_open_incident_says_already_is_a_repeat(
    alert: Alert, loaded: Sequence[Incident | Member], repeat: bool
) -> None:
    assert is_repeat(rows_of_all(*loaded), alert, DAY) is repeat


# News after a long silence.


@pytest.mark.parametrize("shift", [timedelta(), timedelta(seconds=1)])
@pytest.mark.parametrize(
    ("latest", "alert", "news"),
    [
        (OWN, replace(ALERT, starts_at=NOON + DAY), True),
        (OWN, replace(ALERT, starts_at=None), True),
        (OWN, ALERT, False),  # the start that is known
        (OWN, replace(ALERT, starts_at=NOON + timedelta(milliseconds=999)), False),  # the same second
        (OWN, replace(ALERT, starts_at=EARLIER), False),
        (replace(OWN, starts_at=None), ALERT, False),  # it was first heard of when it began
        (replace(OWN, starts_at=None), replace(ALERT, starts_at=LATER), True),
        (
            replace(OWN, acked_at=NOON),
            replace(ALERT, starts_at=None),
            True,
        ),  # taken care of: that was another
        (replace(OWN, repeats=True), replace(ALERT, starts_at=LATER), False),  # its source would have said so
        (OWN_OVER, replace(ALERT, starts_at=LATER), False),
        (OWN, replace(END, starts_at=LATER), False),
        (OWN, replace(ALERT, once=True, starts_at=None), False),
    ],
)
def test_what_a_source_tells_once_is_news_again_after_a_long_silence(
    latest: Incident, alert: Alert, news: bool, shift: timedelta
) -> None:
    """Its end was lost."""
    now = NOON + DAY + shift

    assert is_news_again(latest, alert, now, DAY) is (news and shift > timedelta())
    assert is_news_again(replace(latest, last_seen_at=now), alert, now, DAY) is False


@pytest.mark.parametrize(
    ("start", "word"), [(NOON, Heard.DUPLICATE), (None, Heard.FIRST), (LATER, Heard.FIRST)]
)
def test_what_is_told_after_a_long_silence_begins_anew_unless_its_start_is_known(
    start: datetime | None, word: Heard
) -> None:
    alert = replace(ALERT, starts_at=start)
    rows = rows_of_all(OWN, now=NOON + DAY + HOUR)

    assert is_repeat(rows, alert, DAY) is (word is Heard.DUPLICATE)
    assert meaning(rows, known(rows, alert, PLAIN), Severity.CRITICAL, PLAIN, CALM, DAY) is word


def every(*hours: float) -> Chains:
    return ways(*(Route("oncall", repeat_interval=hour * HOUR) for hour in hours))


@pytest.mark.parametrize(
    ("alert", "chains", "after", "word"),
    [
        (NOTICE, every(2), 1.99 * HOUR, Heard.DUPLICATE),
        (NOTICE, every(2), 2 * HOUR, Heard.FIRST),
        (NOTICE, every(1, 5, 2), 4.99 * HOUR, Heard.DUPLICATE),  # the longest
        (NOTICE, every(1, 5, 2), 5 * HOUR, Heard.FIRST),
        (NOTICE, every(0), 3.99 * HOUR, Heard.DUPLICATE),  # four hours where the route has none
        (NOTICE, every(0), 4 * HOUR, Heard.FIRST),
        (NOTICE, (), 4 * HOUR, Heard.FIRST),
        (ALERT, every(2), 9 * HOUR, Heard.DUPLICATE),
        (replace(END, once=True), every(2), 9 * HOUR, Heard.RESOLVED),
    ],
)
def test_a_notice_that_nothing_ends_is_news_again_after_the_longest_repeat_interval(
    alert: Alert, chains: Chains, after: timedelta, word: Heard
) -> None:
    rows = rows_of_all(OWN, now=NOON + after)

    assert meaning(rows, known(rows, alert, chains), alert.severity, chains, CALM, DAY) is word
    closed = replace(OWN, state=IncidentState.UNHEARD, closed_at=NOON + after)
    assert rows.incidents.rows[1] == (closed if word is Heard.FIRST else OWN)


@pytest.mark.parametrize(
    ("alert", "latest", "word"),
    [
        (replace(END, once=True), OWN_OVER, Heard.DUPLICATE),
        (NOTICE, replace(OWN, severity=Severity.WARNING), Heard.RAISED),
        (NOTICE, OWN_OVER, Heard.FIRST),
    ],
)
def test_what_is_no_repeat_of_an_open_notice_closes_none(alert: Alert, latest: Incident, word: Heard) -> None:
    rows = rows_of_all(latest, now=NOON + DAY)

    assert meaning(rows, known(rows, alert, every(2)), alert.severity, every(2), CALM, DAY) is word
    assert rows.incidents.touched == {}


@pytest.mark.parametrize(("after", "word"), [(1.99 * HOUR, Heard.CLOSED), (2 * HOUR, Heard.FIRST)])
def test_a_notice_that_somebody_closed_is_news_again_after_the_same_time(
    after: timedelta, word: Heard
) -> None:
    closed = replace(OWN, state=IncidentState.CLOSED, closed_at=NOON)
    rows, alert = rows_of_all(closed, now=NOON + after), replace(NOTICE, start_told=False)

    assert meaning(rows, known(rows, alert, every(2)), alert.severity, every(2), CALM, DAY) is word
    assert rows.incidents.touched == {}


THEIRS = a_member(OPEN, NAGIOS, last_seen_at=LATER)


@pytest.mark.parametrize(
    ("others", "word"),
    [
        ([], Heard.RESOLVED),
        ([THEIRS], Heard.STILL_OPEN),
        ([replace(THEIRS, closed_at=NOON)], Heard.RESOLVED),
        ([replace(THEIRS, source=ALERT.source)], Heard.STILL_OPEN),
        ([replace(THEIRS, fingerprint=ALERT.fingerprint)], Heard.STILL_OPEN),
        ([replace(THEIRS, incident_id=4)], Heard.RESOLVED),
        ([replace(THEIRS, last_seen_at=LATER - DAY)], Heard.STILL_OPEN),  # it is told once,
        ([replace(THEIRS, source="grafana", last_seen_at=LATER - DAY + HOUR)], Heard.STILL_OPEN),
        (
            [replace(THEIRS, source="grafana", last_seen_at=LATER - DAY)],
            Heard.RESOLVED,
        ),  # and this again and again
    ],
)
def test_a_shared_incident_is_over_when_nobody_else_still_reports_it(
    others: list[Member], word: Heard
) -> None:
    rows = rows_of_all(shared(4), OPEN, MINE, *others, now=LATER)

    assert meaning(rows, known(rows, END, BY_HOST), END.severity, BY_HOST, CALM, DAY) is word


# Ends of episodes that are over.

BEFORE = an_incident(1, replace(ALERT, starts_at=EARLIER), closed_at=NOON)
NOW_OPEN = an_incident(2, ALERT)


@pytest.mark.parametrize(
    ("start", "loaded", "word"),
    [
        (EARLIER, [BEFORE, NOW_OPEN], Heard.OLD_END),
        (NOON, [BEFORE, NOW_OPEN], Heard.RESOLVED),
        (LATER, [BEFORE, NOW_OPEN], Heard.RESOLVED),  # the other Prometheus of a pair saw it later
        (None, [BEFORE, NOW_OPEN], Heard.RESOLVED),
        (
            EARLIER,
            [BEFORE, replace(NOW_OPEN, starts_at=EARLIER)],
            Heard.RESOLVED,
        ),  # also the start of this one
        (EARLIER, [NOW_OPEN], Heard.RESOLVED),  # of nothing that is known
        (EARLIER, [BEFORE], Heard.DUPLICATE),
        (EARLIER, [BEFORE, replace(NOW_OPEN, state=IncidentState.UNHEARD)], Heard.OLD_END),
    ],
)
def test_an_end_with_the_start_of_an_episode_before_does_not_end_this_one(
    start: datetime | None, loaded: list[Incident], word: Heard
) -> None:
    end = replace(END, starts_at=start)
    rows = rows_of_all(*loaded, now=LATER)

    assert meaning(rows, known(rows, end, PLAIN), Severity.CRITICAL, PLAIN, CALM, DAY) is word


def test_a_beginning_is_no_end_whatever_its_start() -> None:
    alert = replace(ALERT, starts_at=EARLIER)
    rows = rows_of_all(BEFORE, NOW_OPEN, now=LATER)

    assert meaning(rows, known(rows, alert, PLAIN), Severity.CRITICAL, PLAIN, CALM, DAY) is Heard.DUPLICATE


# How severe it is with this alert.


@pytest.mark.parametrize(
    ("alert", "latest", "severity"),
    [
        (ALERT, None, Severity.CRITICAL),
        (WARNING, OWN, Severity.WARNING),
        (UNKNOWN, OWN, Severity.CRITICAL),  # a check that could not find out
        (BARE, OWN, Severity.CRITICAL),
        (END, OWN, Severity.CRITICAL),
        (replace(END, labels=BARE.labels), OWN, Severity.CRITICAL),
        (UNKNOWN, None, Severity.WARNING),  # that is all that is known
        (BARE, None, Severity.OTHER),
        (
            UNKNOWN,
            an_incident(1, ALERT, closed_at=NOON - CALM / 2),
            Severity.CRITICAL,
        ),  # it was over for a moment
        (UNKNOWN, an_incident(1, ALERT, closed_at=NOON - CALM), Severity.WARNING),
        (BARE, replace(OWN, severity=Severity.WARNING, labels=WARNING.labels), Severity.WARNING),
    ],
)
def test_it_is_as_severe_as_its_last_alert_that_said_how_severe(
    alert: Alert, latest: Incident | None, severity: Severity
) -> None:
    stands = standing(rows_of_all(*([latest] if latest else [])), Known(alert, latest), CALM)

    assert (stands.severity, stands.status) == (severity, alert.status)


def of_severity(word: str, **more: object) -> Member:
    told = {"labels": {**NAGIOS.labels, "severity": word}, "severity": Severity(word)}
    return a_member(OPEN, NAGIOS, **{**told, **more})


ENDED = replace(END, labels=WARNING.labels)


@pytest.mark.parametrize(
    ("alert", "others", "severity"),
    [
        (WARNING, [], Severity.WARNING),
        (WARNING, [of_severity("critical")], Severity.CRITICAL),
        (WARNING, [of_severity("info")], Severity.WARNING),
        (WARNING, [of_severity("critical", closed_at=NOON)], Severity.WARNING),  # that one is over
        (WARNING, [of_severity("critical", incident_id=4)], Severity.WARNING),  # part of another
        (
            WARNING,
            [replace(of_severity("critical"), source=ALERT.source, fingerprint=ALERT.fingerprint)],
            Severity.WARNING,
        ),
        (END, [of_severity("warning")], Severity.WARNING),  # what holds it open is milder
        (END, [of_severity("info"), replace(of_severity("warning"), source="icinga")], Severity.WARNING),
        (ENDED, [], Severity.CRITICAL),  # as it was to the last
    ],
)
def test_a_shared_incident_is_as_severe_as_the_worst_that_fires(
    alert: Alert, others: list[Member], severity: Severity
) -> None:
    rows = rows_of_all(shared(4), OPEN, MINE, *others, now=LATER)

    assert standing(rows, Known(under(alert), OPEN, alert, MINE), CALM).severity is severity


@pytest.mark.parametrize(
    ("minutes", "alert", "word"),
    [
        (9.9, ALERT, Heard.DUPLICATE),  # milder for a moment, and as bad as everybody thinks
        (10, ALERT, Heard.RAISED),
        (9.9, WARNING, Heard.MILDER),
        (10, WARNING, Heard.DUPLICATE),
        (10, UNKNOWN, Heard.DUPLICATE),
        (10, BARE, Heard.DUPLICATE),
    ],
)
def test_a_rise_is_news_again_after_a_fall_that_has_lasted(minutes: float, alert: Alert, word: Heard) -> None:
    rows = rows_of_all(FELL, now=NOON + minutes * timedelta(minutes=1))
    it = known(rows, alert, PLAIN)

    assert meaning(rows, it, standing(rows, it, CALM).severity, PLAIN, CALM, DAY) is word


@pytest.mark.parametrize(
    ("loaded", "chains", "before"),
    [
        ([], PLAIN, []),
        ([OWN_OVER], PLAIN, []),
        ([OWN_OVER], BY_HOST, [1]),  # `dedup_labels` were written since,
        ([OVER, MINE], PLAIN, [5]),  # removed,
        ([RENAMED_OVER, MINE], BY_HOST, [5]),  # changed
        ([OWN_OVER, RENAMED_OVER, MINE], BY_HOST, [1, 5]),
        ([OWN_OVER, OVER, MINE], BY_HOST, [1]),
        (
            [shared(4, closed_at=EARLIER), OVER, a_member(shared(4), ALERT), MINE],
            PLAIN,
            [5],
        ),  # of two memberships the newest
    ],
)
def test_an_alert_was_part_of_other_incidents_before_the_configuration_was_changed(
    loaded: Sequence[Incident | Member], chains: Chains, before: list[int]
) -> None:
    rows = rows_of_all(*loaded)

    assert under_other_names(rows, known(rows, ALERT, chains)) == before


HAD = replace(MINE, starts_at=EARLIER, opened_at=EARLIER, last_seen_at=EARLIER, labels=ALERT.labels)
HAD_OVER = replace(HAD, closed_at=NOON)
SAYS = {"labels": ALERT.labels, "annotations": ALERT.annotations, "last_seen_at": LATER}
MILD = {"labels": WARNING.labels, "severity": Severity.WARNING}
CLOSED = {"closed_at": LATER, "ended_at": END.ends_at, "last_seen_at": LATER}


@pytest.mark.parametrize(
    ("had", "alert", "word", "written"),
    [
        (None, ALERT, Heard.FIRST, replace(MINE, opened_at=LATER, **SAYS)),
        (None, ALERT, Heard.DUPLICATE, replace(MINE, opened_at=LATER, **SAYS)),
        (HAD, ALERT, Heard.DUPLICATE, replace(HAD, **SAYS)),
        (HAD, WARNING, Heard.MILDER, replace(HAD, **{**SAYS, **MILD})),
        (HAD, UNKNOWN, Heard.DUPLICATE, replace(HAD, last_seen_at=LATER)),  # as bad as it was
        (
            None,
            UNKNOWN,
            Heard.FIRST,
            replace(MINE, opened_at=LATER, **{**SAYS, **MILD, "labels": UNKNOWN.labels}),
        ),
        (HAD_OVER, ALERT, Heard.DUPLICATE, replace(HAD, starts_at=NOON, **SAYS)),  # it is back
        (HAD_OVER, ALERT, Heard.RESUMED, replace(HAD, starts_at=NOON, **SAYS)),
        (HAD_OVER, ALERT, Heard.FLAPPING, replace(HAD, starts_at=NOON, **SAYS)),
        (HAD_OVER, ALERT, Heard.HELD_COPY, HAD_OVER),
        (HAD_OVER, ALERT, Heard.OLD_COPY, HAD_OVER),
        (HAD, END, Heard.OLD_END, HAD),
        (HAD, END, Heard.STILL_OPEN, replace(HAD, **CLOSED)),
        (HAD, END, Heard.RESOLVED, replace(HAD, **CLOSED)),
        (HAD, END, Heard.FLAPPING, replace(HAD, **CLOSED)),
        (None, END, Heard.NEVER_FIRED, None),
        (None, END, Heard.DUPLICATE, None),  # it has never told of it
    ],
)
def test_what_a_source_says_of_a_shared_incident_is_written_down(
    had: Member | None, alert: Alert, word: Heard, written: Member | None
) -> None:
    rows = rows_of_all(OPEN, *([had] if had else []), now=LATER)
    note_member(rows, Known(under(alert), OPEN, alert, had), word, OPEN.id)

    assert list(rows.members.rows.values()) == ([written] if written else [])


def test_nothing_is_written_down_of_an_incident_under_its_own_name() -> None:
    rows = rows_of_all(OWN, now=LATER)
    note_member(rows, Known(ALERT, OWN), Heard.DUPLICATE, OWN.id)

    assert rows.members.rows == {}
