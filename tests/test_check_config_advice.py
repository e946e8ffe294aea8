"""What `check-config` warns of beyond faults: who can hardly be texted, who is never on call, what is said twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from sms_notify.cli.config import check_config
from sms_notify.config import load
from sms_notify.config.all_quiet import all_quiet
from sms_notify.config.idle_members import idle_members
from sms_notify.config.phone import parse_number
from sms_notify.config.settings import Settings
from sms_notify.errors import Fault
from sms_notify.policy.rotations import Shift

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FILE = """
people:
  alice: {number: "+32470000001"ALICE}
  bob: {number: "+31612345678"BOB}
  carol: {number: "+447700900123"}
teams: {all: [alice, bob]}
gateways: [{name: main, type: 1601sms, url: "https://gateway.example.org/", username: a, password: "${PW}", sender: A}]
schedules:
  primary: SCHEDULE
route:
  receiver: rest
  routes:
    - ROUTE
receivers:
  - {name: rest, notify: ['person:carol']}
  - RECEIVER
time_intervals:
  - {name: day, time_intervals: [{times: [{start_time: "08:00", end_time: "20:00"}]}]}
  - {name: daytime, time_intervals: [{times: [{start_time: "08:00", end_time: "20:00"}]}]}
  - {name: night, time_intervals: [{times: [{start_time: "20:00", end_time: "08:00"}]}]}
  - {name: mondays, time_intervals: [{weekdays: ["monday"]}]}
  - {name: always, time_intervals: [{times: [{start_time: "00:00", end_time: "24:00"}]}]}
  - {name: bygone, time_intervals: [{years: ["2020"]}]}
"""
PLAIN = "{rotation: {members: [alice, bob], every: 1w, handover: 'Mon 09:00', start: 2026-01-05}}"
ROUTE = "{matchers: [a=b], receiver: oncall}"
TO_ALICE = "{name: oncall, notify: ['person:alice']}"


def filled(
    schedule: str = PLAIN, route: str = ROUTE, receiver: str = TO_ALICE, alice: str = "", bob: str = ""
) -> str:
    text = FILE.replace("SCHEDULE", schedule).replace("ROUTE", route).replace("RECEIVER", receiver)
    for name, quiet in (("ALICE", alice), ("BOB", bob)):
        text = text.replace(name, f", quiet: {{{quiet}}}" if quiet else "")
    return text


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "sms-notify.yml"
    file.write_text(text)
    return load(file, {"PW": "secret"})


def places(found: list[Fault]) -> list[str]:
    assert all(fault.advice for fault in found)
    return [f"{fault.line} {fault.path}" for fault in found]


# Numbers


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+44 20 7946 0018", "a fixed line"),
        ("+32 2 511 11 11", "a fixed line"),
        ("+31 20 624 1111", "a fixed line"),
        ("+49 30 227 32152", "a fixed line"),
        ("+33 1 40 20 50 50", "a fixed line"),
        ("+32 800 12 345", "a toll-free number"),
        ("+32 902 12 345", "a premium-rate number"),
        ("+33 9 70 00 00 00", "an internet telephone"),
        ("+881 612 345 678", "a number of no country, such as a satellite telephone's,"),
        ("+870 773 123 456", "a number of no country, such as a satellite telephone's,"),
        ("+32 470 00 00 01", ""),
        ("+31 6 12345678", ""),
        ("+44 7400 123456", ""),
        ("+49 151 23456789", ""),
        ("+33 6 12 34 56 78", ""),
        ("+1 201 555 0123", ""),
    ],
)
def test_what_a_number_is_by_its_numbering_plan(number: str, kind: str) -> None:
    assert parse_number(number).takes_no_texts == kind


def test_a_fixed_line_is_warned_of_wherever_it_is_written(tmp_path: Path) -> None:
    text = filled(receiver="{name: oncall, notify: ['person:alice', '+442079460018']}")
    text = text.replace("+447700900123", "+3225111111")
    found = [one for one in loaded(tmp_path, text).warnings if "fixed line" in one.what]

    assert places(found) == ["5 people.carol.number", "16 receivers[1].notify[1]"]


# People of a schedule

ABOVE = "{members: [bob], every: 1w, handover: 'Mon 09:00', start: 2026-01-05}"
BELOW = "{members: [alice], every: 1w, handover: 'Mon 09:00', start: 2026-01-05}"


def layers(*written: str) -> str:
    return f"{{layers: [{', '.join(written)}]}}"


def during(layer: str, name: str) -> str:
    return layer.replace("}", f", during: {name}}}")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (PLAIN, []),
        (layers(BELOW), []),
        (layers(BELOW, ABOVE), ["9 schedules.primary.layers[0]"]),
        (layers(BELOW, during(ABOVE, "night")), []),
        (layers(BELOW, during(ABOVE, "always")), ["9 schedules.primary.layers[0]"]),
        (layers(BELOW, during(ABOVE, "[day, night]")), ["9 schedules.primary.layers[0]"]),
        (layers(BELOW, during(ABOVE, "bygone")), ["9 schedules.primary.layers[1]"]),
        (layers(BELOW, ABOVE.replace("2026-01-05", "2029-01-01")), []),
        (layers(BELOW.replace("[alice]", "[alice, bob]"), ABOVE), ["9 schedules.primary.layers[0]"]),
        (
            layers(ABOVE, "{members: [alice, carol, bob, bob, bob, bob, bob], every: 1d, handover: '00:00',"
            " start: 2026-01-05, during: mondays}"),
            ["9 schedules.primary.layers[1].members[1]"],
        ),
        (PLAIN.replace("[alice, bob]", "[alice, bob, alice]"), []),
    ],
)  # fmt: skip
def test_a_turn_that_never_comes_is_told_with_its_line(
    tmp_path: Path, schedule: str, expected: list[str]
) -> None:
    assert places(idle_members(loaded(tmp_path, filled(schedule)), NOW)) == expected


def test_who_can_never_be_on_call_is_named_unless_another_layer_has_them(tmp_path: Path) -> None:
    hidden = idle_members(loaded(tmp_path, filled(layers(BELOW, ABOVE))), NOW)
    twice = idle_members(loaded(tmp_path, filled(layers(BELOW, ABOVE.replace("[bob]", "[bob, alice]")))), NOW)

    assert "so that no layer ever puts alice on call" in hidden[0].what
    assert "so that" not in twice[0].what


# Quiet hours without an exception


def quiet(settings: Settings) -> list[Fault]:
    return all_quiet(settings, settings.schedules, NOW)


HOLDS, PASSES = "during: night, unless: []", "during: night"
ONLY_WARNINGS = """during: night, unless: ['severity="warning"']"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (filled(), []),
        (filled(alice=PASSES), []),
        (filled(alice=HOLDS), ["3 people.alice.quiet"]),
        (filled(alice=ONLY_WARNINGS), ["3 people.alice.quiet"]),
        (filled(alice="during: night, unless: ['{severity=critical, tier=\"1\"}']"), []),
        (filled(alice="during: night, unless: ['severity=~\"critical|page\"']"), []),
        (filled(alice="during: night, unless: ['severity=page']"), []),
        (filled(alice=HOLDS, receiver="{name: oncall, notify: ['person:alice', 'person:bob']}"), []),
        (filled(alice=HOLDS, receiver="{name: oncall, notify: ['person:alice', '+447700900124']}"), []),
        (filled(alice=HOLDS, bob=HOLDS, receiver="{name: oncall, notify: ['team:all']}"), ["3 people.alice.quiet"]),
        (filled(alice=HOLDS, bob=PASSES, receiver="{name: oncall, notify: ['team:all']}"), []),
        (filled(alice=HOLDS, bob="during: day, unless: []", receiver="{name: oncall, notify: ['team:all']}"), []),
        (filled(alice=HOLDS, receiver="{name: oncall, notify: ['person:alice'],"
                " escalate: [{after: 5m, notify: ['person:bob']}]}"), []),
        (filled(alice=HOLDS, bob=HOLDS, receiver="{name: oncall, notify: ['person:alice'],"
                " escalate: [{after: 5m, notify: ['person:bob']}]}"), ["3 people.alice.quiet"]),
        (filled(alice=HOLDS, receiver="{name: oncall, notify: ['schedule:primary']}"), ["3 people.alice.quiet"]),
        (filled(alice=HOLDS, route="{matchers: [severity=warning], receiver: oncall}"), []),
        (filled(alice=HOLDS, route="{matchers: [severity!=critical], receiver: oncall}"), []),
        (filled(alice=HOLDS, route="{matchers: [severity=critical], receiver: oncall}"), ["3 people.alice.quiet"]),
        (filled(alice=HOLDS, route="{matchers: [severity=page], receiver: oncall}"), ["3 people.alice.quiet"]),
        (filled(alice=HOLDS, route="{matchers: [severity=critical], receiver: rest}\n    - {receiver: oncall}"), []),
        (filled(alice=HOLDS, route="{matchers: [severity=critical], receiver: rest, continue: true}\n"
                "    - {receiver: oncall}"), []),
        # who is told beside others, as `continue` has it
        (filled(alice=HOLDS, route="{matchers: [severity=critical], receiver: oncall, continue: true}\n"
                "    - {matchers: ['severity=~\"critical|warning\"'], receiver: rest}"), []),
        (filled(alice=HOLDS, route="{matchers: [severity=critical], receiver: oncall, continue: true}\n"
                "    - {matchers: [severity=warning], receiver: rest}"), ["3 people.alice.quiet"]),
        (filled(alice=HOLDS, route="{matchers: [severity=critical], receiver: oncall, continue: true}\n"
                "    - {matchers: [severity=critical, tier=\"1\"], receiver: oncall}\n"
                "    - {receiver: rest}"), ["3 people.alice.quiet"]),
        (filled(alice="during: bygone, unless: []"), []),
    ],
)  # fmt: skip
def test_a_critical_receiver_whose_people_all_hold_critical_problems_is_told(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    assert places(quiet(loaded(tmp_path, text))) == expected


def test_of_a_schedule_whoever_is_on_call_at_the_moment_counts(tmp_path: Path) -> None:
    text = filled(alice=HOLDS, receiver="{name: oncall, notify: ['schedule:primary']}")
    settings = loaded(tmp_path, text)
    bob = Shift("bob", NOW - timedelta(days=1), NOW + timedelta(days=500))
    entered = {"primary": replace(settings.schedules["primary"], calendar=(bob,))}

    assert "has nobody but alice at Mon 2026-11-23 20:00 (UTC)" in quiet(settings)[0].what
    assert all_quiet(settings, settings.schedules, NOW + timedelta(days=7))[0].what.count("2026-12-07") == 1
    assert all_quiet(settings, entered, NOW) == []


def test_the_first_moment_is_told_on_the_clock_of_the_person(tmp_path: Path) -> None:
    text = filled(alice=HOLDS).replace('"+32470000001"', '"+32470000001", timezone: Europe/Brussels')
    (found,) = quiet(loaded(tmp_path, text))

    assert "receiver oncall has nobody but alice at Mon 2026-11-23 21:00 (Europe/Brussels)" in found.what


# Muted and active at once


@pytest.mark.parametrize(
    ("mute", "active", "expected"),
    [
        ("[day]", "[day]", ["13 route.routes[0].mute_time_intervals[0]"]),
        ("[mondays, day]", "[night, day]", ["13 route.routes[0].mute_time_intervals[1]"]),
        ("[daytime]", "[day]", ["13 route.routes[0].mute_time_intervals[0]"]),
        ("day", "day", ["13 route.routes[0].mute_time_intervals"]),
        ("[night]", "[day]", []),
    ],
)
def test_an_interval_that_mutes_what_it_opens_is_told(
    tmp_path: Path, mute: str, active: str, expected: list[str]
) -> None:
    route = (
        f"{{matchers: [a=b], receiver: oncall, mute_time_intervals: {mute}, active_time_intervals: {active}}}"
    )
    found = loaded(tmp_path, filled(route=route)).warnings

    assert places([one for one in found if "muted and active" in one.what]) == expected


def test_check_config_says_all_of_it_and_is_content(tmp_path: Path) -> None:
    text = filled(layers(BELOW, ABOVE), alice=HOLDS)
    (tmp_path / "sms-notify.yml").write_text(text)
    done = CliRunner().invoke(check_config, [str(tmp_path / "sms-notify.yml")], env={"PW": "secret"})

    assert done.exit_code == 0, done.output
    assert "warning: " in done.output
    assert ": schedules.primary.layers[0]: never counts in the next two years" in done.output
    assert ": people.alice.quiet: holds critical problems, too" in done.output
