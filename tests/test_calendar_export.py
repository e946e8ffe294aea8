"""Shifts as a calendar file: what the page and the command export is read again as the same shifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages_serving import GOOD, PRIMARY, USER, Site, read, site
from workbench import NOON

from sms_notify.oncall.calendar_export import AROUND, EXPORTED, calendar_of, coming_shifts, export
from sms_notify.oncall.icalendar import read_calendar
from sms_notify.policy.rotations import Layer, Rotation, Schedule, Shift, shifts

SITE = "https://sms.example.org/a/"
ALWAYS = Schedule("always", layers=(Layer(Rotation(("alice",), 7, (NOON - timedelta(days=700)).date())),))
NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=200)


def events(file: bytes) -> list[icalendar.Event]:
    """As the library reads it; nothing in it may be wrong."""
    calendar = icalendar.Calendar.from_ical(file)
    assert calendar.errors == []
    found = calendar.walk("VEVENT")
    assert all(event.errors == [] for event in found)
    return found


def one(name: str, person: str = "alice") -> bytes:
    shift = Shift(person, NOON, NOON + timedelta(hours=12))
    return calendar_of([(replace(PRIMARY, name=name), shift)], name, SITE, NOON)


def uids(file: bytes) -> list[str]:
    return [str(event["UID"]) for event in events(file)]


def held(file: bytes, since: datetime) -> Sequence[Shift]:
    found = read_calendar(file, ("alice", "bob"), since, NOON + EXPORTED)
    assert found.reports == ()
    return found.shifts


def test_what_the_page_exports_is_read_again_as_the_same_shifts(pages: Site) -> None:
    pages.post("/oncall", GOOD)
    answer = pages.get("/oncall.ics?schedule=primary")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="on-call.ics"'
    override = Shift("bob", NOON, NOON + timedelta(hours=7))
    assert held(answer.content, NOON) == shifts(PRIMARY, [override], NOON, NOON + EXPORTED)
    first = events(answer.content)[0]
    assert (first["SUMMARY"], first["DTSTART"].dt, first["DTEND"].dt) == ("bob (primary)", NOON, override.end)


def test_my_shifts_are_those_of_the_user_alone(tmp_path: Path) -> None:
    own = replace(PRIMARY, layers=(Layer(replace(PRIMARY.layers[0].rotation, members=(USER, "bob"))),))
    with site(tmp_path, schedules=(own, ALWAYS)) as pages:
        page = pages.get("/oncall")
        for query in (f"person={USER}", "schedule=primary", "schedule=always"):
            assert f'href="./oncall.ics?{query}"' in page.text
        assert "Export as calendar (.ics)" in read(page.text)
        titles = {str(event["SUMMARY"]) for event in events(pages.get(f"/oncall.ics?person={USER}").content)}
        assert titles == {f"{USER} (primary)"}
        titles = {str(event["SUMMARY"]) for event in events(pages.get("/oncall.ics").content)}
        assert titles == {f"{USER} (primary)", "bob (primary)", "alice (always)"}


@pytest.mark.parametrize("query", ["schedule=nowhere", "person=mallory", "schedule=primary&person=carol"])
def test_a_calendar_without_shifts_is_not_there(standing: Site, query: str) -> None:
    answer = standing.get(f"/oncall.ics?{query}")
    assert (answer.status_code, answer.text) == (404, "There is no such shift in the next 26 weeks.")


def test_the_export_wants_a_user(standing: Site) -> None:
    assert standing.get("/oncall.ics", auth=None).status_code == 401


def test_a_shift_keeps_its_name_and_its_beginning_while_it_lasts_and_whoever_holds_it() -> None:
    named = {"primary": PRIMARY}
    before = export(named, (), NOON - timedelta(days=3), SITE)
    after = export(named, (), NOON, SITE)
    swapped = {
        "primary": replace(
            PRIMARY, layers=(Layer(replace(PRIMARY.layers[0].rotation, members=("bob", "alice"))),)
        )
    }
    assert uids(before)[0] == uids(after)[0] == "primary-20261116T080000Z@sms.example.org"
    assert uids(after) == uids(export(swapped, (), NOON, SITE))
    assert len(set(uids(after))) == len(uids(after))


def test_who_is_always_on_call_has_one_entry_with_one_name() -> None:
    exports = [export({"always": ALWAYS}, (), NOON + timedelta(days=n), SITE) for n in (0, 1)]
    assert [uids(file) for file in exports] == [["always-running@sms.example.org"]] * 2


def test_an_installation_without_an_address_has_names_too() -> None:
    assert uids(export({"primary": PRIMARY}, (), NOON, ""))[0].endswith("@sms-notify")


def test_shifts_have_their_own_ends_and_gaps_are_left_out() -> None:
    found = coming_shifts([PRIMARY], (), NOON, timedelta(days=10))
    assert [shift.end - shift.start for _, shift in found] == [timedelta(days=7)] * 3
    late = replace(PRIMARY, layers=(Layer(Rotation(("alice",), 7, (NOON + timedelta(days=2)).date())),))
    (only,) = coming_shifts([late], (), NOON, timedelta(days=10))
    assert only[1].person == "alice"
    assert only[1].end == NOON + timedelta(days=10) + AROUND


@given(NAMES, NAMES)
def test_every_line_is_as_the_standard_wants_it_whatever_a_name_holds(schedule: str, person: str) -> None:
    file = one(schedule, person)
    assert file.endswith(b"END:VCALENDAR\r\n")
    lines = file.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert not any(byte < 32 for line in lines for byte in line if byte != 9)
    for line in lines:
        line.decode()  # no character is torn
    assert len(events(file)) == 1


def test_commas_semicolons_backslashes_and_line_ends_are_escaped_and_read_again() -> None:
    file = one("a, b; c\\d\ne")
    assert rb"SUMMARY:alice (a\, b\; c\\d\ne)" in file
    assert events(file)[0]["SUMMARY"] == "alice (a, b; c\\d\ne)"


def test_a_long_name_is_folded_and_read_again() -> None:
    name = "wachtdienst-" + "é" * 80
    assert events(one(name))[0]["SUMMARY"] == f"alice ({name})"


def test_times_are_utc_and_the_stamp_is_when_it_was_made() -> None:
    lines = one("primary").split(b"\r\n")
    assert {b"DTSTAMP:20261122T120000Z", b"DTSTART:20261122T120000Z", b"DTEND:20261123T000000Z"} <= set(lines)
