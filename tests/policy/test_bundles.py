"""Which notifications make one text, and what that text has to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_notification, acknowledged, an_incident
from workbench import NOON, firing

from sms_notify.alert import Severity, Status
from sms_notify.policy.bundles import FLAPPING, RAISED, bundle, came_and_went, digest, needs_digest, notice
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.vocabulary import IncidentState, Kind
from sms_notify.wording.content import Crowd, Merged, Pause, Silent, Tone

EARLIER, LATER = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
DISK, HOST = an_incident(1, firing("DiskFull")), an_incident(2, firing("HostDown"))


def over(incident: Incident) -> Incident:
    return replace(incident, ended_at=NOON, closed_at=NOON)


def owed(
    kind: Kind = Kind.FIRING,
    why: Hold = Hold.NOW,
    incident: Incident = DISK,
    *,
    bundle: str = "",
    hidden: int = 0,
    **more: object,
) -> Notification:
    return a_notification(incident, kind=kind, why=why, bundle=bundle, hidden=hidden, **more)


FIRING, STEP, REMINDER, OK = (
    owed(kind) for kind in (Kind.FIRING, Kind.ESCALATION, Kind.REMINDER, Kind.RESOLVED)
)
ENDED_UNTOLD, ITS_END = owed(incident=over(DISK)), owed(Kind.RESOLVED, incident=over(DISK))
QUIET, LATE = owed(why=Hold.QUIET), owed(why=Hold.LATE)
FLAPS = owed(bundle=FLAPPING, incident=replace(DISK, flapping=4))
CALM = owed(bundle=FLAPPING)  # its text failed in the bout, and is told after it
UNHEARD = owed(Kind.UNHEARD)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (FIRING, owed(incident=HOST), True),
        (FIRING, OK, False),
        (FIRING, STEP, False),
        (FIRING, UNHEARD, False),
        (OK, UNHEARD, False),
        (UNHEARD, owed(Kind.UNHEARD, incident=HOST), True),
        (FIRING, owed(receiver="dba"), False),
        (FIRING, owed(bundle="another group"), False),
        (FIRING, owed(why=Hold.LIMIT), True),  # but for two reasons it does not matter why it was held
        (FIRING, owed(why=Hold.MUTED), True),
        (FIRING, QUIET, False),
        (FIRING, LATE, False),
        (QUIET, LATE, False),
        (QUIET, owed(Kind.RESOLVED, Hold.QUIET, receiver="dba", bundle="another group"), True),
        (LATE, owed(Kind.RESOLVED, Hold.LATE, receiver="dba", bundle="another group"), True),
    ],
)
def test_the_same_thing_by_one_receiver_of_one_group_is_one_text_and_so_is_a_night_and_what_is_late(
    one: Notification, other: Notification, together: bool
) -> None:
    assert (bundle(one) == bundle(other)) is together


@pytest.mark.parametrize(
    ("listed", "needed"),
    [
        ([FIRING], False),
        ([FIRING, owed(incident=HOST)], False),
        ([OK], False),
        ([OK, ITS_END], False),
        ([FIRING, OK], True),  # two kinds of thing
        ([FIRING, STEP], True),
        ([FIRING, UNHEARD], True),
        ([UNHEARD, owed(Kind.UNHEARD, incident=HOST)], False),
        ([ENDED_UNTOLD], True),  # began and ended untold
        ([owed(Kind.REMINDER, incident=over(HOST))], True),
        ([LATE], False),  # one thing that is late is told like news, and that it is late
        ([LATE, owed(why=Hold.LATE, incident=HOST)], True),
        ([FIRING, owed(why=Hold.LATE, incident=HOST)], True),
        ([QUIET], False),  # one thing that was held for the night is told like news
        ([QUIET, owed(why=Hold.QUIET, incident=HOST)], True),
        ([owed(why=Hold.LIMIT), owed(why=Hold.GROUP)], False),
        ([FLAPS], False),
        ([FLAPS, STEP], False),  # that it comes and goes is all that is told of it
        ([owed(incident=over(DISK), bundle=FLAPPING)], True),  # its bout is over
        ([owed(why=Hold.LATE, bundle=FLAPPING)], False),
        ([owed(why=Hold.QUIET, bundle=FLAPPING), QUIET], True),
        ([replace(FLAPS, why=Hold.QUIET), QUIET], True),  # beside something else it is one thing of two
    ],
)
def test_what_no_notice_can_say_needs_a_digest(listed: list[Notification], needed: bool) -> None:
    assert needs_digest(listed) is needed


@pytest.mark.parametrize(
    ("n", "came_and_went_there"),
    [
        (ENDED_UNTOLD, True),
        (owed(Kind.ESCALATION, incident=over(HOST)), True),
        (owed(why=Hold.LATE, incident=over(DISK)), True),
        (owed(bundle=FLAPPING, incident=over(DISK)), True),
        (FIRING, False),
        (owed(Kind.RESOLVED, incident=over(DISK)), False),  # an end is news to whoever knows of it
        (owed(incident=over(DISK), id_=0), False),  # it was not held
    ],
)
def test_a_problem_came_and_went_that_ended_while_its_beginning_was_held(
    n: Notification, came_and_went_there: bool
) -> None:
    assert came_and_went(n) is came_and_went_there


@pytest.mark.parametrize(
    ("listed", "status", "tone", "times"),
    [
        ([FIRING], Status.FIRING, Tone.NEWS, 0),
        ([OK], Status.RESOLVED, Tone.NEWS, 0),
        ([STEP], Status.FIRING, Tone.ESCALATED, 0),
        ([REMINDER], Status.FIRING, Tone.REMINDER, 0),
        ([UNHEARD], Status.FIRING, Tone.UNHEARD, 0),
        ([owed(bundle=RAISED)], Status.FIRING, Tone.RAISED, 0),
        ([owed(bundle="a group")], Status.FIRING, Tone.NEWS, 0),
        ([FLAPS], Status.FIRING, Tone.FLAPPING, 4),
        ([replace(FLAPS, kind=Kind.ESCALATION)], Status.FIRING, Tone.FLAPPING, 4),
        ([CALM], Status.FIRING, Tone.NEWS, 0),
        ([replace(CALM, kind=Kind.ESCALATION)], Status.FIRING, Tone.ESCALATED, 0),
        (
            [
                owed(bundle=FLAPPING, incident=replace(DISK, flapping=4)),
                owed(bundle=FLAPPING, incident=replace(HOST, flapping=6)),
            ],
            Status.FIRING,
            Tone.FLAPPING,
            6,
        ),
        ([owed(incident=replace(DISK, flapping=4))], Status.FIRING, Tone.NEWS, 0),
    ],
)
def test_the_first_word_of_a_text_is_what_is_told_and_why(
    listed: list[Notification], status: Status, tone: Tone, times: int
) -> None:
    told = notice(listed, None, "")

    assert (told.status, told.tone, told.times) == (status, tone, times)


def test_a_notice_tells_each_incident_once_and_all_that_its_source_hid() -> None:
    listed = [owed(hidden=3), owed(incident=HOST, hidden=2), owed(incident=DISK, receiver="dba")]
    told = notice(listed, Pause(LATER, Silent.OTHERS), "https://ack")

    assert [one.tag for one in told.incidents] == [tag_of(1), tag_of(2)]
    assert (told.hidden, told.ack, told.silent_until, told.silent) == (5, "https://ack", LATER, Silent.OTHERS)


@pytest.mark.parametrize(("starts_at", "since"), [(EARLIER, EARLIER), (None, NOON)])
def test_it_fires_since_its_source_says_or_else_since_it_was_first_heard_of(starts_at, since) -> None:
    incident = replace(DISK, starts_at=starts_at, opened_at=NOON)
    (told,) = notice([owed(incident=incident)], None, "").incidents

    assert (told.since, told.ended) == (since, False)


@pytest.mark.parametrize("kind", [Kind.UNHEARD, Kind.FIRING])
def test_what_is_heard_of_no_more_says_when_it_was_heard_of_last(kind: Kind) -> None:
    """Also to whoever hears only now that it fires."""
    silent = replace(DISK, state=IncidentState.UNHEARD, starts_at=EARLIER, last_seen_at=LATER)
    (told,) = notice([owed(kind, incident=silent)], None, "").incidents

    assert (told.since, told.heard_at, told.ended) == (EARLIER, LATER, False)
    assert FIRING.subject.heard_at is None


@pytest.mark.parametrize("kind", [Kind.FIRING, Kind.RESOLVED])
@pytest.mark.parametrize(("incident", "by"), [(acknowledged(DISK), "alice"), (DISK, "")])
def test_each_that_is_told_says_who_takes_care_of_it(kind: Kind, incident: Incident, by: str) -> None:
    other = owed(kind, incident=HOST)
    told = notice([owed(kind, incident=incident), other], None, "").incidents

    assert [one.acked_by for one in told] == [by, ""]


@pytest.mark.parametrize(
    ("listed", "otherwise", "why"),
    [
        ([FIRING, OK], Merged.STORM, Merged.STORM),
        ([FIRING, OK], Merged.CROWD, Merged.CROWD),
        ([FIRING], Merged.CLOSING, Merged.CLOSING),
        ([LATE, QUIET], Merged.CLOSING, Merged.CLOSING),
        ([QUIET, LATE], Merged.CROWD, Merged.LATE),
        ([QUIET, LATE], Merged.STORM, Merged.LATE),
        ([FIRING, QUIET], Merged.STORM, Merged.QUIET),
    ],
)
def test_a_digest_says_why_things_were_merged(
    listed: list[Notification], otherwise: Merged, why: Merged
) -> None:
    assert digest(listed, otherwise, NOON, None, "", Crowd()).why is why


@pytest.mark.parametrize(
    ("listed", "tone"),
    [
        ([FIRING, owed(incident=HOST)], Tone.NEWS),
        ([STEP, owed(Kind.ESCALATION, incident=HOST)], Tone.ESCALATED),
        ([STEP, ITS_END], Tone.ESCALATED),
        ([STEP, FIRING], Tone.NEWS),
        ([ITS_END], Tone.NEWS),
    ],
)
def test_a_digest_has_the_tone_that_all_of_its_open_ones_have(listed: list[Notification], tone: Tone) -> None:
    assert digest(listed, Merged.STORM, NOON, None, "", Crowd()).tone is tone


@pytest.mark.parametrize(
    ("listed", "held", "ends"),
    [
        ([FIRING, owed(incident=HOST)], {1: False, 2: False}, []),
        ([ENDED_UNTOLD, owed(incident=HOST)], {1: True, 2: False}, []),
        ([ITS_END, owed(incident=HOST)], {2: False}, [1]),
        ([ENDED_UNTOLD, ITS_END], {}, [1]),  # its end is told, and so it is not one that nobody heard of
        ([FIRING, STEP, owed(receiver="dba")], {1: False}, []),
        ([ITS_END, owed(Kind.RESOLVED, incident=over(DISK), receiver="dba")], {}, [1]),
    ],
)
def test_a_digest_tells_each_incident_once_begun_or_over(
    listed: list[Notification], held: dict[int, bool], ends: list[int]
) -> None:
    told = digest(listed, Merged.STORM, NOON, None, "", Crowd())

    assert {one.tag: one.ended for one in told.held} == {tag_of(id_): was for id_, was in held.items()}
    assert [one.tag for one in told.over] == [tag_of(id_) for id_ in ends]


def test_a_digest_says_since_when_until_when_where_to_acknowledge_and_how_many_were_hidden() -> None:
    listed = [owed(hidden=3), owed(incident=HOST, hidden=2)]
    silence = Pause(LATER, Silent.CRITICAL)
    told = digest(listed, Merged.STORM, EARLIER, silence, "https://ack", Crowd(3, more=True))

    assert (told.since, told.silent_until, told.ack, told.hidden) == (EARLIER, LATER, "https://ack", 5)
    assert (told.silent, told.crowd) == (Silent.CRITICAL, Crowd(3, more=True))


@pytest.mark.parametrize(
    ("lane", "now", "tone"),
    [
        (Lane.CRITICAL, Severity.CRITICAL, Tone.RAISED),
        (Lane.CRITICAL, Severity.WARNING, Tone.NEWS),  # its reader may know of the warning
        (Lane.REST, Severity.WARNING, Tone.RAISED),
    ],
)
def test_a_rise_that_waited_and_fell_is_not_told_as_worse(lane: Lane, now: Severity, tone: Tone) -> None:
    n = replace(owed(bundle=RAISED, incident=replace(DISK, severity=now)), row_lane=lane)

    assert notice([n], None, "").tone is tone
    assert (bundle(n) == bundle(owed(bundle=RAISED))) is (tone is Tone.RAISED)


@pytest.mark.parametrize("kind", [Kind.FIRING, Kind.ESCALATION])
@pytest.mark.parametrize(("said", "flaps"), [(FLAPPING, True), ("", False), (RAISED, False)])
def test_each_that_is_told_says_whether_it_comes_and_goes(kind: Kind, said: str, flaps: bool) -> None:
    """Also in a digest, and whatever else that tells."""
    listed = [owed(kind, bundle=said, incident=replace(DISK, flapping=4)), owed(incident=HOST)]
    told = digest(listed, Merged.STORM, NOON, None, "", Crowd())

    assert [one.flapping for one in told.held] == [flaps, False]
