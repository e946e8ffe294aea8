"""Windows that no moment of the year to come opens: `check-config` says which, and where."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from sms_notify.cli.config import check_config
from sms_notify.config import load
from sms_notify.config.closed_windows import closed_windows

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROUTE = "{matchers: [a=b], receiver: oncall, mute_time_intervals: [MUTE], active_time_intervals: [ACTIVE]}"
RECEIVER = "{name: oncall, notify: [NOTIFY], escalate: [{after: 5m, notify: ['person:bob']}]QUIET}"
FILE = """
people:
  alice: {number: "+32470000001"ALICE}
  bob: {number: "+31612345678"BOB}
schedules:
  primary: {rotation: {members: [alice], every: 1w, handover: "Mon 09:00", start: 2026-01-05}}
gateways: [{name: main, type: 1601sms, url: "https://gateway.example.org/", username: a, password: "${PW}", sender: A}]
route:
  receiver: rest
  routes:
    - ROUTE
receivers:
  - {name: rest, notify: ['person:bob']}
  - RECEIVER
time_intervals:
  - {name: day, time_intervals: [{times: [{start_time: "08:00", end_time: "20:00"}]}]}
  - {name: night, time_intervals: [{times: [{start_time: "20:00", end_time: "08:00"}]}]}
  - {name: noon, time_intervals: [{times: [{start_time: "12:00", end_time: "13:00"}]}]}
  - {name: always, time_intervals: [{times: [{start_time: "00:00", end_time: "24:00"}]}]}
  - {name: bygone, time_intervals: [{years: ["2020"]}]}
"""


def filled(route: str = "mute=noon active=day", notify: str = "person:alice", **quiet: str) -> str:
    mute, active = (word.partition("=")[2] for word in route.split())
    text = FILE.replace("ROUTE", ROUTE.replace("MUTE", mute).replace("ACTIVE", active))
    text = text.replace("RECEIVER", RECEIVER.replace("NOTIFY", f"'{notify}'"))
    for place in ("QUIET", "ALICE", "BOB"):
        text = text.replace(place, f", quiet: {{{said}}}" if (said := quiet.get(place.lower())) else "")
    return text


@pytest.mark.parametrize(
    ("text", "faults", "warnings"),
    [
        (filled(), [], []),
        (filled("mute=noon active=noon"), [":11: route.routes[0]"], []),
        (filled("mute=night active=night"), [":11: route.routes[0]"], []),
        (filled("mute=noon active=bygone"), [":11: route.routes[0]"], []),
        (filled("mute=bygone active=day"), [], []),
        (filled(quiet="during: night"), [], []),
        (filled(quiet="during: day"), [], [":11: route.routes[0]"]),  # critical still passes
        (filled(quiet="during: day, unless: []"), [":11: route.routes[0]"], []),
        (filled(quiet="during: always, unless: []"), [":14: receivers[1].quiet"], []),
        (filled(quiet="during: [day, night]"), [], [":14: receivers[1].quiet"]),
        (filled(alice="during: [day, night], unless: []"), [":3: people.alice.quiet"], []),
        (filled(alice="during: day, unless: []"), [":11: route.routes[0]"], []),
        (filled(notify="schedule:primary", alice="during: day, unless: []"), [":11: route.routes[0]"], []),
        (filled(notify="+32470000009", alice="during: day, unless: []"), [], []),  # it never texts her
        (filled(bob="during: day, unless: []"), [":11: route.routes[0]"], []),  # of a step
        (filled(quiet="during: noon, unless: []", bob="during: night"), [], []),
    ],
)
def test_what_is_never_open_is_told_with_its_line(
    tmp_path: Path, text: str, faults: list[str], warnings: list[str]
) -> None:
    file = tmp_path / "sms-notify.yml"
    file.write_text(text)
    found = closed_windows(load(file, {"PW": "secret"}), NOW)

    def told(listed: object) -> list[str]:
        return [": ".join(str(one).removeprefix(str(file)).split(": ")[:2]) for one in listed]  # type: ignore[attr-defined]

    assert (told(found.faults), told(found.warnings)) == (faults, warnings)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (filled("mute=night active=night"), 1, "route.routes[0]: is muted, or not active, at every moment"),
        (filled(quiet="during: day"), 0, "warning: "),
    ],
)
def test_check_config_says_so(tmp_path: Path, text: str, code: int, said: str) -> None:
    file = tmp_path / "sms-notify.yml"
    file.write_text(text)
    done = CliRunner().invoke(check_config, [str(file)], env={"PW": "secret"})

    assert (done.exit_code, said in done.output) == (code, True), done.output
