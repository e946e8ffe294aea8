"""Which incident an alert belongs to, and what is known there of each source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from correlated import (
    ALERT,
    BY_HOST,
    EARLIER,
    END,
    LATER,
    MINE,
    NAGIOS,
    NAME,
    NOTICE,
    OPEN,
    OVER,
    OWN,
    OWN_OVER,
    PLAIN,
    RENAMED,
    RENAMED_OVER,
    UNHEARD,
    UNKNOWN,
    WARNING,
    shared,
    under,
    ways,
)
from made import a_member, rows_of_all
from workbench import NOON

from sms_notify.alert import Alert, Severity
from sms_notify.policy.correlation import (
    SHARED,
    Chains,
    Known,
    known,
    names,
    note_member,
    shared_name,
    under_other_names,
)
from sms_notify.policy.records import Incident, Member
from sms_notify.policy.routing import Route
from sms_notify.policy.vocabulary import Heard


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
        (HAD_OVER, ALERT, Heard.HELD_COPY, replace(HAD_OVER, last_seen_at=LATER)),  # it is known by that
        (
            replace(HAD_OVER, last_seen_at=LATER),
            END,
            Heard.DUPLICATE,
            replace(HAD_OVER, last_seen_at=NOON, ended_at=END.ends_at),
        ),
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
