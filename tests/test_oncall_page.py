"""The page of who is on call: past and coming weeks, overrides, swaps."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages_serving import BROWSER, GOOD, HASHED, HOLED, HOSTILE, LOGIN, PRIMARY, Site, Text, read, site
from workbench import NOON

from sms_notify.policy.directory import Directory
from sms_notify.secret import Secret
from sms_notify.store import oncall_rows
from sms_notify.web.oncall_view import rota_of, wish_of
from sms_notify.web.roles import Role, User
from sms_notify.web.settings import WebSettings


def test_who_is_on_call_is_shown_for_two_weeks_in_the_schedules_own_time(standing: Site) -> None:
    answer = standing.get("/oncall").text
    text = read(answer)
    assert "primary Europe/Brussels alice now, until Mon 2026-11-23 09:00 CET ; then bob" in text
    assert "bob Mon 2026-11-23 09:00 CET Mon 2026-11-30 09:00 CET 7 d" in text
    assert "Nobody is on call" not in text
    assert answer.count("<rect") == 3


def test_a_gap_is_loud_on_the_page(tmp_path: Path) -> None:
    with site(tmp_path, schedules=(HOLED,)) as pages:
        answer = pages.get("/oncall").text
        told = (
            "Nobody is on call from Sun 2026-11-22 13:00 CET to Mon 2026-11-23 09:00 CET,"
            " from Tue 2026-11-24 09:00 CET to Sun 2026-12-06 00:00 CET."
        )
        assert told in read(answer)
        assert answer.count('class="gap"') == 2


def test_an_override_is_made_shown_and_removed_by_the_forms_of_the_page(pages: Site) -> None:
    form = {"schedule": "primary", "person": "bob", "start": "2026-11-22T13:00", "end": "2026-11-22T20:00"}
    answer = pages.post("/oncall", form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "oncall")
    text = read(pages.get("/oncall").text)
    assert "bob now, until Sun 2026-11-22 20:00 CET ; then alice" in text
    assert (
        "bob from Sun 2026-11-22 13:00 CET until Sun 2026-11-22 20:00 CET by ops, Sun 2026-11-22 13:00 CET"
        in text
    )
    with pages.bench.reading() as tx:
        made = oncall_rows.overrides(tx, NOON)[0]
    assert (made.start, made.end) == (NOON, NOON + timedelta(hours=7))
    assert pages.post("/oncall", {"remove": str(made.id)}).status_code == 303
    assert "alice now, until Mon 2026-11-23 09:00 CET" in read(pages.get("/oncall").text)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"end": "2026-11-22T12:59"}, "It ends before it begins"),
        ({"start": "2026-11-21T12:00", "end": "2026-11-21T13:00"}, "It would have ended already"),
        ({"end": "2029-11-22T13:00"}, "longer than a year"),
        ({"start": "2099-11-22T13:00", "end": "2099-11-23T13:00"}, "years away"),
        ({"person": "mallory"}, "Choose who is on call"),
        ({"schedule": "nowhere"}, "There is no such schedule"),
        ({"start": ""}, "Write “from” as a day and a time"),
        ({"end": "tomorrow"}, "Write “until” as a day and a time"),
        ({"end": "2026-02-31T12:00"}, "Write “until” as a day and a time"),
        ({"end": "0000-01-01T00:00"}, "Write “until” as a day and a time"),
        ({"remove": "77"}, "That override does not exist any more"),
        ({"remove": "x" * 30}, "That override does not exist any more"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused_with_what_to_write_instead(
    standing: Site, wrong: dict[str, str], says: str
) -> None:
    answer = standing.post("/oncall", GOOD | wrong)
    assert answer.status_code == 400
    assert says in read(answer.text)
    with standing.bench.reading() as tx:
        assert oncall_rows.overrides(tx, datetime(2000, 1, 1, tzinfo=UTC)) == []


def test_what_was_written_into_a_refused_form_stands_in_it_again(standing: Site) -> None:
    answer = standing.post("/oncall", GOOD | {"end": HOSTILE})
    fields = [attrs for tag, attrs in Text(answer.text).tags if tag == "input"][:3]
    assert {field["name"]: field["value"] for field in fields} == {
        "schedule": "primary",
        "start": GOOD["start"],
        "end": HOSTILE,
    }


def test_times_of_a_form_are_of_the_schedules_zone_also_where_clocks_change() -> None:
    spring = {"schedule": "primary", "person": "bob", "start": "2026-03-29T01:30", "end": "2026-03-29T03:30"}
    wish = wish_of(spring, {"primary": PRIMARY}, {"bob": 1}, datetime(2026, 3, 1, tzinfo=UTC))
    assert (wish.start, wish.end) == (
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    )


@given(st.integers(0, 3 * 365 * 24 * 60))
def test_the_strip_covers_its_two_weeks_without_a_hole(minutes: int) -> None:
    at = NOON + timedelta(minutes=minutes)
    for schedule in (PRIMARY, HOLED):
        rota = rota_of(schedule, [], at, Directory({}, {}))
        assert rota.bars[0].x == 0
        assert all(a.x + a.width == b.x for a, b in zip(rota.bars, rota.bars[1:], strict=False))
        assert rota.bars[-1].x + rota.bars[-1].width == 1400
        assert 0 <= rota.now_x <= 100


def test_who_holds_each_part_of_the_strip_stands_in_it_by_name(standing: Site) -> None:
    names = re.findall(r"<text [^>]*>(.*?)</text>", standing.get("/oncall").text)
    assert names == ["alice", "bob", "alice"]


def test_weeks_before_and_after_are_a_link_away(standing: Site) -> None:
    page = standing.get("/oncall").text
    assert 'href="./oncall?from=2026-11-15"' in page
    assert 'href="./oncall?from=2026-11-29"' in page
    past = read(standing.get("/oncall?from=2026-11-12").text)
    assert "alice Mon 2026-11-16 09:00 CET Mon 2026-11-23 09:00 CET 7 d" in past
    assert "alice now, until Mon 2026-11-23 09:00 CET" in past
    later = read(standing.get("/oncall?from=2027-03-25").text)
    assert "Mon 2027-03-29 09:00 CEST" in later


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "1999-01-01", "9999-12-31"])
def test_a_first_day_that_is_none_is_refused(standing: Site, day: str) -> None:
    answer = standing.get(f"/oncall?from={day}", headers=BROWSER)
    assert answer.status_code == 400


def test_what_was_overridden_last_week_is_shown_in_that_week(pages: Site) -> None:
    pages.post("/oncall", GOOD)
    pages.bench.clock.move(minutes=9 * 24 * 60)
    assert "bob Sun 2026-11-22 13:00 CET Sun 2026-11-22 20:00 CET 7 h" in read(
        pages.get("/oncall?from=2026-11-20").text
    )


def test_two_shifts_are_swapped_in_one_step(pages: Site) -> None:
    answer = pages.post("/oncall", {"schedule": "primary", "one": "now", "other": "2026-11-23T08:00:00Z"})
    assert answer.status_code == 303
    text = read(pages.get("/oncall").text)
    assert "bob now, until Mon 2026-11-23 09:00 CET ; then alice" in text
    with pages.bench.reading() as tx:
        made = oncall_rows.overrides(tx, NOON)
    assert [(one.person, one.start, one.end) for one in made] == [
        ("bob", NOON, datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("alice", datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 11, 30, 8, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ("now", "2026-11-30T08:00:00Z", "Both shifts are alice's"),
        ("now", "2026-11-24T08:00:00Z", "not there any more"),
        ("", "x", "not there any more"),
    ],
)
def test_a_swap_that_cannot_be_is_refused_and_changes_nothing(
    standing: Site, one: str, other: str, says: str
) -> None:
    answer = standing.post("/oncall", {"schedule": "primary", "one": one, "other": other})
    assert answer.status_code == 400
    assert says in read(answer.text)
    with standing.bench.reading() as tx:
        assert oncall_rows.overrides(tx, datetime(2000, 1, 1, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("from=2010-01-01", "Write the first day within three years of today, as 2026-11-22."),
        ("from=nonsense", "Write the first day as 2026-11-23."),
        ("change=999", "That override does not exist any more."),
    ],
)
def test_what_the_address_cannot_mean_is_said(standing: Site, query: str, says: str) -> None:
    answer = standing.get(f"/oncall?{query}", headers=BROWSER)
    assert (answer.status_code, says in read(answer.text)) == (400, True)


def test_an_override_is_changed_in_one_step(pages: Site) -> None:
    pages.post("/oncall", GOOD)
    page = Text(pages.get("/oncall?change=1").text)
    fields = {attrs["name"]: attrs.get("value") for tag, attrs in page.tags if tag == "input"}
    assert (fields["change"], fields["start"], fields["end"]) == ("1", GOOD["start"], GOOD["end"])
    assert pages.post("/oncall", GOOD | {"change": "1", "end": "2026-11-22T22:00"}).status_code == 303
    with pages.bench.reading() as tx:
        (made,) = oncall_rows.overrides(tx, NOON)
    assert made.end == NOON + timedelta(hours=9)
    again = pages.post("/oncall", GOOD | {"change": "1"})
    assert (again.status_code, "does not exist any more" in read(again.text)) == (400, True)


def test_a_person_of_the_schedule_sees_their_next_shifts_first(tmp_path: Path) -> None:
    users = {"bob": User(Secret(HASHED), frozenset(Role))}
    with site(tmp_path, settings=WebSettings(port=0, users=users)) as pages:
        text = read(pages.get("/oncall", auth=("bob", LOGIN[1])).text)
    assert "My shifts primary from Mon 23 Nov 09:00 CET until Mon 30 Nov 09:00 CET" in text
