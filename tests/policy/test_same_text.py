"""What an end leaves: what else its reader's text told, and what its reader may take it for."""

from __future__ import annotations

from made import a_message, a_notification, an_incident, ended, rows_with, told_by
from workbench import ALICE, BOB, firing

from sms_notify.policy.directory import Person
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.same_text import still_firing
from sms_notify.policy.vocabulary import IncidentState, Kind, State

ROOT, VAR = (an_incident(id_, firing("DiskFull", mountpoint=at)) for id_, at in ((1, "/"), (2, "/var")))
WARNING = an_incident(3, firing("DiskFull", mountpoint="/", severity="warning"))
OVER = ended(ROOT)
OK = a_notification(OVER, kind=Kind.RESOLVED, id_=10)


def told(*incidents: Incident, person: Person = ALICE, text: int = 1, state: State = State.SENT) -> Rows:
    """One text to one person has told that these fire."""
    message = a_message(text, person, state)
    pages = [told_by(message, a_notification(one, person, id_=20 + one.id)) for one in incidents]
    return rows_with(message, *incidents, *pages)


def left(rows: Rows, *ends: Notification) -> tuple[int, list[int]]:
    still = still_firing(rows, ends or (OK,))
    return still.told, [_id_of(rows, one.alert) for one in still.incidents]


def _id_of(rows: Rows, alert: object) -> int:
    return next(
        id_ for id_, one in rows.incidents.rows.items() if one is not None and one.subject.alert == alert
    )


def test_an_end_of_all_that_a_text_told_leaves_nothing() -> None:
    assert left(told(OVER)) == (0, [])
    both = a_notification(ended(VAR), kind=Kind.RESOLVED, id_=11)
    assert left(told(OVER, ended(VAR)), OK, both) == (0, [])


def test_an_end_of_one_of_two_leaves_the_other() -> None:
    assert left(told(OVER, VAR)) == (2, [VAR.id])


def test_what_has_ended_and_what_nothing_is_heard_of_does_not_fire() -> None:
    unheard = an_incident(VAR.id, VAR.subject.alert, state=IncidentState.UNHEARD)
    assert left(told(OVER, ended(VAR))) == (0, [])
    assert left(told(OVER, unheard)) == (0, [])


def test_a_text_that_never_arrived_told_nothing() -> None:
    assert left(told(OVER, VAR, state=State.CANCELLED)) == (0, [])


def test_a_text_with_a_beginning_in_it_speaks_for_itself() -> None:
    assert left(told(OVER, VAR), OK, a_notification(VAR, id_=12)) == (0, [])


def test_the_other_rule_of_a_pair_is_named_though_another_text_told_it() -> None:
    rows = told(OVER)
    message = a_message(2, ALICE, State.SENT)
    for one in (message, WARNING, told_by(message, a_notification(WARNING, id_=30))):
        _load(rows, one)
    assert left(rows) == (0, [WARNING.id])


def test_the_other_rule_of_a_pair_is_nothing_to_a_reader_who_never_heard_of_it() -> None:
    rows = told(OVER)
    message = a_message(2, BOB, State.SENT)
    for one in (message, WARNING, told_by(message, a_notification(WARNING, BOB, id_=30))):
        _load(rows, one)
    assert left(rows) == (0, [])


def _load(rows: Rows, one: object) -> None:
    if isinstance(one, Incident):
        rows.load_incident(one)
    elif isinstance(one, Notification):
        rows.load_notification(one)
    else:
        rows.messages.load(one.id, one)  # type: ignore[attr-defined]
