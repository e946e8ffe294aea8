"""A flicker: what fires again soon after an end that nobody was texted of goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import (
    a_message,
    a_notification,
    fates,
    moves,
    rows_of_all,
    rows_with,
    told_by,
)
from truths import END, LATELY, MINUTE, NOW, PLAN, UNHEARD, heard
from workbench import firing

from sms_notify.alert import Alert
from sms_notify.policy.rate_limits import Limits
from sms_notify.policy.records import Incident, Message
from sms_notify.policy.vocabulary import Cause, Drop, Heard, Kind, PageState, State


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
        (LATELY, replace(firing(at=NOW), once=True)),  # a notice is not a problem that comes back
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
