"""The commands of deciding, on a real store that the real engine has filled on a virtual clock."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from daemons import write_config
from hypothesis import given
from hypothesis import strategies as st
from workbench import NOON, Bench, VirtualClock, firing, resolved

from sms_notify.alert import Alert, Status, fingerprint_of
from sms_notify.cli import group
from sms_notify.cli.explain import stamps
from sms_notify.cli.oncall import turns
from sms_notify.cli.times import read_start, read_time
from sms_notify.config import load
from sms_notify.daemon.wiring import ack_code, plan_of
from sms_notify.engine import Engine
from sms_notify.errors import SmsNotifyError, UsageError
from sms_notify.explain.preview import SAMPLE_TAG, Foreseen, foresee
from sms_notify.explain.route_trace import Look, walk
from sms_notify.oncall.schedules import read_timetable
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.matchers import Matcher
from sms_notify.policy.rate_limits import Limits
from sms_notify.policy.rotations import Layer, Rotation, Schedule, on_call
from sms_notify.policy.routing import Route, route
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings as Simulated
from sms_notify.store import oncall_rows
from sms_notify.store.database import open_store
from sms_notify.web.status import status_of

BRUSSELS = ZoneInfo("Europe/Brussels")
NOWHERE = "http://127.0.0.1:9/module/"
SITE = {
    "people": "{alice: {number: '+32 470 00 00 01', timezone: Europe/Brussels, language: nl},"
    " bob: {number: '+31 6 1234 5678', quiet: {during: night, unless: ['severity=\"critical\"']}},"
    " carol: {number: '+32 470 00 00 03'}}",
    "teams": "{dba: [bob, carol]}",
    "schedules": "{primary: {timezone: Europe/Brussels, rotation: {members: [alice, carol], every: 1w, handover: Mon 09:00,"
    " start: 2026-01-05}}}",
    "time_intervals": "[{name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'},"
    " {start_time: '00:00', end_time: '07:00'}], location: Europe/Brussels}]},"
    " {name: office, time_intervals: [{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:30'}],"
    " location: Europe/Brussels}]}, {name: sundays, time_intervals: [{weekdays: [sunday]}]}]",
    "route": "{receiver: oncall, group_by: [alertname], routes: [{matchers: ['severity=\"info\"'], receiver: nobody},"
    " {matchers: ['team=\"dba\"'], receiver: dba, continue: true, mute_time_intervals: [sundays]},"
    " {matchers: ['team=\"dba\"', 'severity=\"critical\"'], receiver: oncall, repeat_interval: 1h}]}",
    "receivers": "[{name: nobody}, {name: dba, notify: [team:dba]}, {name: oncall, notify: [schedule:primary],"
    " escalate: [{after: 5m, notify: [team:dba]}, {after: 15m, notify: [person:alice, '+32470000009']}]}]",
}
OFFICE_HOURS = (
    "{primary: {timezone: Europe/Brussels, layers: [{members: [alice, carol], every: 1w, handover: Mon 09:00,"
    " start: 2026-01-05, during: office}]}}"
)


@pytest.fixture(autouse=True)
def machine_in_brussels(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Brussels")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@dataclass
class Site(Bench):
    """A configuration, and its engine over its own store."""

    config: Path = Path()

    def run(self, *arguments: str) -> Result:
        return run(self.config, *arguments)


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["--config", str(config), *arguments])


def site_of(folder: Path, **more: str) -> Site:
    config = write_config(folder, NOWHERE, **(SITE | more))
    settings = load(config, {})
    store = open_store(settings.storage_url)
    return Site(store, Engine(plan_of(settings), "node", ack_code), VirtualClock(), config)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = site_of(tmp_path)
    made.commit(lambda tx: tx.one("select 1"))
    yield made
    made.store.close()


def said(result: Result, code: int = 0) -> str:
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def complaint(result: Result) -> str:
    assert result.exit_code == 1
    assert isinstance(result.exception, SmsNotifyError)
    return str(result.exception)


# ack


def test_an_acknowledge_says_what_it_stops_and_the_engine_obeys(site: Site) -> None:
    site.accept(firing(instance="web1"))
    site.clock.move(minutes=5)
    site.tick()

    told = said(site.run("ack", f"#{tag_of(1)}", "--by", "alice"))
    site.clock.move(minutes=30)
    site.tick()

    assert told == f"#{tag_of(1)} HostDown web1 acknowledged; 1 escalation step will not run\n"
    assert [kind for (kind,) in site.messages("kind")] == ["firing", "escalation", "escalation"]
    assert site.rows("select acked_by, acked_how from incidents") == [
        {"acked_by": "alice", "acked_how": "command"}
    ]


def test_who_comes_second_hears_who_was_first_and_exit_1(site: Site) -> None:
    site.accept(firing())
    said(site.run("ack", "1", "--by", "alice"))

    told = said(site.run("ack", tag_of(1), "--by", "bob"), 1)

    assert f"#{tag_of(1)} HostDown was acknowledged before, by alice at " in told
    assert site.rows("select acked_by from incidents") == [{"acked_by": "alice"}]


def test_what_is_over_cannot_be_acknowledged(site: Site) -> None:
    site.accept(firing())
    site.accept(resolved())

    assert "HostDown ended at 2026-11-22 13:00:00 CET (resolved)" in said(site.run("ack", "1"), 1)


def test_taking_an_acknowledgement_back_tells_people_and_begins_the_steps_anew(site: Site) -> None:
    site.clock.now = datetime.now(UTC)  # the commands' own: who is on call then is on call now
    site.accept(firing(instance="web1"))
    site.commit(lambda tx: tx.run("update messages set state = 'sent'"))
    said(site.run("ack", "1", "--by", "alice"))

    told = said(site.run("unack", tag_of(1), "--by", "alice"))

    done = "not acknowledged any more; the escalation starts again"
    assert told == f"#{tag_of(1)} HostDown web1 {done}\n"
    (again,) = [body for (body,) in site.messages("body")][1:]
    in_the_language_of_the_week = (
        "NOG STEEDS, niet meer bevestigd: kritiek",
        "STILL FIRING, not acknowledged any more: critical",
    )
    assert again.startswith(in_the_language_of_the_week)
    assert "is not acknowledged" in said(site.run("unack", "1"), 1)


def test_closing_says_what_follows_and_a_second_close_finds_nothing(site: Site) -> None:
    site.accept(firing(instance="web1"))

    rows = json.loads(said(site.run("close", "1", "--json", "--by", "carol")))

    assert [(row["incident"], row["closed"], row["state"]) for row in rows] == [(1, True, "closed")]
    assert rows[0]["said"] == f"#{tag_of(1)} HostDown web1 closed; repeats of it make no text"
    assert site.rows("select closed_by from incidents") == [{"closed_by": "carol"}]
    assert "(closed)" in said(site.run("close", "1"), 1)
    assert "(closed)" in said(site.run("unack", "1"), 1)
    assert "closed by carol (command)" in said(site.run("explain", "1"))


@pytest.mark.parametrize("command", ["unack", "close"])
def test_an_unknown_id_changes_nothing(site: Site, command: str) -> None:
    site.accept(firing())
    assert "there is no incident" in complaint(site.run(command, "1", "zzzz"))
    assert site.rows("select state from incidents") == [{"state": "open"}]


def test_open_incidents_say_until_when_an_acknowledgement_holds(tmp_path: Path) -> None:
    site = site_of(tmp_path, ack_expires="4h")
    site.accept(firing())
    site.acknowledge(1)

    assert "acknowledged by alice until Sun 22 Nov 17:00 CET" in said(site.run("incidents"))
    (row,) = json.loads(said(site.run("incidents", "--json")))
    assert row["acknowledged_until"] == "2026-11-22T16:00:00Z"
    assert "due: the acknowledgement lapses" in said(site.run("explain", "1"))
    site.store.close()


def test_a_message_stands_for_all_that_it_tells(site: Site) -> None:
    site.accept(*(firing(instance=f"web{n}") for n in range(3)))

    rows = json.loads(said(site.run("ack", "m1", "2", "--json", "--by", "alice")))

    assert [(row["incident"], row["acknowledged"], row["steps_stopped"]) for row in rows] == [
        (1, True, 2),
        (2, True, 2),
        (3, True, 2),
    ]


@pytest.mark.parametrize("id_", ["m9", "zzzz", "99999999999999999999", "m", "9"])
def test_an_unknown_id_is_refused_before_anything_is_acknowledged(site: Site, id_: str) -> None:
    site.accept(firing())

    assert f"no incident and no message '{id_}'" in complaint(site.run("ack", "1", id_))
    assert site.rows("select state from incidents") == [{"state": "open"}]


def test_without_a_name_it_is_whoever_logged_in_also_through_sudo(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "carol")
    site.accept(firing())
    said(site.run("ack", "1"))

    assert site.rows("select acked_by from incidents") == [{"acked_by": "carol"}]
    assert "--by: write a name" in complaint(site.run("ack", "1", "--by", " "))


@pytest.mark.parametrize(
    "line", [("ack", "1"), ("oncall", "override", "add", "primary", "carol", "--for", "4h")]
)
@pytest.mark.sqlite
def test_a_command_makes_no_database_of_its_own(tmp_path: Path, line: tuple[str, ...]) -> None:
    config = write_config(tmp_path, NOWHERE, **SITE)

    assert "there is no database yet" in complaint(run(config, *line))
    assert not (tmp_path / "data").exists()


# incidents


def test_open_incidents_say_who_takes_care_and_who_waits_until_when(site: Site) -> None:
    site.clock.now = datetime(2090, 11, 24, 3, 0, tzinfo=UTC)
    site.accept(firing(severity="warning", team="dba"))
    site.accept(firing("Backup", severity="info"))
    site.accept(firing("Other"))
    said(site.run("ack", "3", "--by", "alice"))

    lines = said(site.run("incidents")).splitlines()

    waits = "nobody yet, 1 waits to leave, 1 waits until 24 Nov 2090 07:00 CET"
    assert "  acknowledged by alice  nobody yet, 1 waits " in lines[1], (
        "it is worded anew: it has to say by whom"
    )
    assert f"  open                   {waits}  HostDown" in lines[2]
    assert "  open                   nobody " in lines[3]
    assert [row["people_waiting"] for row in json.loads(said(site.run("incidents", "--json")))] == [1, 1, 0]


def test_a_critical_incident_that_nobody_was_told_of_is_the_first_and_counts_nobody_as_told(
    site: Site,
) -> None:
    site.accept(firing(severity="warning"))
    site.accept(firing("Other"))

    [first, _, *lines] = said(site.run("incidents")).splitlines()
    rows = json.loads(said(site.run("incidents", "--json")))

    assert first == "CRITICAL: 1 critical incident reached nobody; a text is about to leave"
    assert "NOBODY: nothing holds it: the daemon sends it by main when it runs" in lines[0]
    assert [line.rstrip().endswith("Other") for line in lines] == [True, False]
    assert [(row["untold"], row["people_told"]) for row in rows] == [(True, 0), (False, 0)]
    assert "CRITICAL: 1 critical incident reached nobody" in site.run("messages").stderr


# routes test: the preview is what the engine does


def alert_of(at: datetime, labels: dict[str, str]) -> Alert:
    return Alert("alertmanager", fingerprint_of(labels), Status.FIRING, labels, {"summary": "is bad"}, at)


def engine_of(bench: Bench, outcome: Foreseen, group_: str) -> list[tuple[Any, ...]]:
    """What the engine owes for the same alert at the same time, and the texts when their times have come."""
    bench.clock.now = outcome.at
    bench.accept(outcome.alert, group=group_)
    owed = "select id, recipient, due_at, why, held_by from pages where kind = 'firing'"
    found = []
    for page in bench.rows(f"{owed} order by due_at, id"):
        bench.clock.now = datetime.fromtimestamp(page["due_at"] / 1e6, UTC)
        bench.tick()
        [row] = bench.rows(
            "select m.body, m.parts from pages p join messages m on m.id = p.message_id where p.id = :id",
            id=page["id"],
        )
        found.append((page["recipient"], bench.clock.now, page["why"], page["held_by"], *row.values()))
    return found


def plain(body: str) -> str:
    """Without what differs from text to text: the tag, and the code of the link."""
    return re.sub(
        r"/a/\w+", "/a/CODE", body.replace(f"#{SAMPLE_TAG}", "#TAG").replace(f"#{tag_of(1)}", "#TAG")
    )


CRITICAL, WARNING = {"severity": "critical"}, {"severity": "warning"}
MONDAY_NIGHT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("group_", ["{}", ""], ids=["grouped", "ungrouped"])
@pytest.mark.parametrize("at", [NOON, MONDAY_NIGHT, MONDAY_NIGHT + timedelta(hours=9)], ids=str)
@pytest.mark.parametrize(
    "labels", [CRITICAL, CRITICAL | {"team": "dba"}, WARNING | {"team": "dba"}, {}], ids=str
)
def test_what_is_foreseen_is_what_the_engine_does(
    tmp_path: Path, labels: dict[str, str], at: datetime, group_: str
) -> None:
    site = site_of(tmp_path, limits="off", web="{external_url: 'https://sms.example.org'}")
    plan = site.engine.plan
    alert = alert_of(at, labels | {"alertname": "HostDown", "instance": "web1"})
    outcome = foresee(plan, alert, at, grouped=bool(group_))

    expected = [(t.person.name, t.at, str(t.why), t.by, plain(t.body), t.parts) for t in outcome.texts]
    done = [(*row[:4], plain(row[4]), row[5]) for row in engine_of(site, outcome, group_)]

    assert expected
    assert sorted(done) == sorted(expected)
    site.store.close()


def test_what_is_held_over_a_hand_over_goes_to_who_is_on_call_then(tmp_path: Path) -> None:
    quiet = SITE["receivers"].replace("escalate:", "quiet: {during: morning}, escalate:")
    intervals = SITE["time_intervals"].replace(
        "{name: sundays",
        "{name: morning, time_intervals: [{times: [{start_time: '06:00', end_time: '10:00'}]}]}, {name: sundays",
    )
    site = site_of(tmp_path, receivers=quiet, time_intervals=intervals)
    at = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)  # half an hour before alice takes over from carol
    outcome = foresee(site.engine.plan, alert_of(at, {"alertname": "X", **WARNING}), at)
    site.clock.now = at
    site.accept(outcome.alert)
    site.clock.now = outcome.texts[0].at
    site.tick()

    assert [(text.person.name, str(text.why)) for text in outcome.texts] == [("alice", "quiet_hours")]
    assert [to for (to,) in site.messages("recipient")] == ["alice"]
    site.store.close()


def test_the_steps_that_are_foreseen_run_at_those_times_and_tell_those(site: Site) -> None:
    site.engine = Engine(replace(site.engine.plan, limits=Limits()), "node")
    at = MONDAY_NIGHT + timedelta(hours=5, minutes=57)  # carol takes over before the first step
    outcome = foresee(site.engine.plan, alert_of(at, {"alertname": "X", **CRITICAL}), at)
    site.clock.now = at
    site.accept(outcome.alert)
    ran = []
    for step in outcome.answers[0].steps:
        for site.clock.now in (step.at - timedelta(seconds=1), step.at):
            site.tick()
            ran.append(len(site.rows("select * from decisions where word = 'escalated'")))

    assert ran == [0, 1, 1, 2]
    assert [row["detail"] for row in site.rows("select detail from decisions where word = 'escalated'")] == [
        ", ".join(person.name for person in step.people) for step in outcome.answers[0].steps
    ]


labels_ = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))
matchers = st.lists(st.builds(Matcher, st.sampled_from("abc"), st.sampled_from(["", "x", "y"])), max_size=2)


leaves = st.builds(lambda taken, further: Route("r", "", tuple(taken), further), matchers, st.booleans())


def trees(below: st.SearchStrategy[Route]) -> st.SearchStrategy[Route]:
    routes = st.lists(below, max_size=3).map(tuple)
    return st.builds(lambda node, routes: replace(node, routes=routes), leaves, routes)


def named(node: Route, path: str = "route") -> Route:
    below = tuple(named(child, f"{path}.routes[{n}]") for n, child in enumerate(node.routes))
    return replace(node, path=path, receiver=path, routes=below)


@given(tree=st.recursive(leaves, trees, max_leaves=12), labels=labels_)
def test_the_way_that_is_told_is_the_way_that_is_taken(tree: Route, labels: dict[str, str]) -> None:
    root = named(replace(tree, matchers=()))
    looked = walk(root, labels)

    assert [there.route for there in looked if there.answers] == [c[-1] for c in route(root, labels).chains]
    for there in looked:
        assert (there.look is Look.NO_MATCH) == bool(there.failed)
        assert not [matcher for matcher in there.failed if matcher.matches(labels)]


def test_a_step_that_waits_at_the_gateway_says_so(tmp_path: Path) -> None:
    receivers = (
        "[{name: oncall, notify: [person:alice], gateway_armed: true, escalate: [{after: 5m, notify: [person:bob]},"
        " {after: 9m, notify: ['gateway-group:ops']}]}]"
    )
    gateways = (
        "[{name: main, type: 1601sms, url: 'http://127.0.0.1:9/module/', username: acme, password_file: password,"
        " sender: ACME, groups: [ops]}]"
    )
    site = site_of(
        tmp_path, receivers=receivers, gateways=gateways, route="{receiver: oncall}", schedules="{}", teams="{}",
        people="{alice: {number: '+32470000001'}, bob: {number: '+31612345678'}}", templates="{}",
    )  # fmt: skip
    told = said(site.run("routes", "test", "--at", "2026-11-24T03:00", "severity=critical"))

    assert "step 1, armed at the gateway: bob" in told
    assert "step 2: gateway-group:ops" in told
    assert "steps armed at the gateway" in said(site.run("routes", "show"))
    site.store.close()


def test_a_tired_reader_sees_the_way_the_text_its_price_and_what_follows(site: Site) -> None:
    told = said(
        site.run("routes", "test", "--at", "2026-11-24T03:00", "severity=critical", "alertname=HostDown")
    )

    assert told.splitlines() == [
        'At Tue 2026-11-24 03:00 CET, an alert with alertname="HostDown", severity="critical"',
        "  route: takes everything: YES -> oncall",
        '    route.routes[0]: severity="info": no, severity is "critical"',
        '    route.routes[1]: team="dba": no, team is not there',
        '    route.routes[2]: team="dba", severity="critical": no, team is not there',
        "",
        "Receiver oncall, by route:",
        "  alice (schedule:primary): AT ONCE, 1 part, 1 credit",
        "      ALARM kritiek HostDown sinds 03:00 #k3f9",
        "  Then, unless somebody acknowledges or it ends:",
        "    03:05 CET  step 1: bob, carol (team:dba)",
        "    03:15 CET  step 2: alice, +32******009 (person:alice, +32******009)",
        "    every 4h  a reminder",
        "",
        "1 text, 1 credit. #k3f9 stands for its tag; what was sent, is open or held already is not counted in.",
    ]


def test_what_waits_says_until_when_and_why_and_who_has_it_by_another_receiver(site: Site) -> None:
    told = said(site.run("routes", "test", "--at", "2026-11-24T03:00", "severity=warning", "team=dba"))
    sunday = said(site.run("routes", "test", "--at", "2026-11-22T03:00", "severity=warning", "team=dba"))
    both = said(site.run("routes", "test", "--at", "2026-11-25T12:00", "severity=critical", "team=dba"))
    other = said(site.run("routes", "test", "--at", "2026-11-25T12:00", "--source", "nagios", "team=dba"))

    assert "bob (team:dba): HELD UNTIL 07:00 CET (quiet hours night), 1 part" in told
    assert "carol (team:dba): HELD UNTIL Mon 23 Nov 01:00 CET (muted sundays)" in sunday
    assert 'route.routes[1]: team="dba": YES -> dba, and on to the next' in both
    assert "IN 30s (waits for its group), 1 part" in other


def test_a_step_into_somebodys_quiet_hours_says_until_when_it_waits(site: Site) -> None:
    told = said(site.run("routes", "test", "--at", "2026-11-24T03:00", "severity=warning"))
    urgent = said(site.run("routes", "test", "--at", "2026-11-24T03:00", "severity=P1"))

    assert "03:05 CET  step 1: bob, carol (team:dba); bob HELD UNTIL 07:00 CET (quiet hours night)\n" in told
    assert "03:05 CET  step 1: bob, carol (team:dba)\n" in urgent


def test_a_step_of_two_receivers_foretells_one_text_to_whoever_stands_in_both(tmp_path: Path) -> None:
    first = "{matchers: ['team=\"x\"'], receiver: one, continue: true}"
    receivers = ", ".join(
        f"{{name: {name}, notify: ['person:alice'], escalate: [{{after: {after}, notify: ['person:carol']}}]}}"
        for name, after in (("one", "5m"), ("oncall", "10m"))
    )
    route = f"{{receiver: oncall, routes: [{first}, {{matchers: ['team=\"x\"'], receiver: oncall}}]}}"
    site = site_of(tmp_path, receivers=f"[{receivers}]", route=route)
    line = ("--at", "2026-11-24T12:00", "severity=warning", "team=x")

    told = said(site.run("routes", "test", *line))
    steps = [
        step for one in json.loads(said(site.run("routes", "test", "--json", *line)))["receivers"]
        for step in one["escalation"]
    ]  # fmt: skip

    assert "12:05 CET  step 1: carol (person:carol)\n" in told
    assert (
        "12:10 CET  step 1: carol (person:carol); carol by an earlier receiver, without a second text\n"
        in told
    )
    assert [(len(step["texts"]), step["told_already"]) for step in steps] == [(1, []), (0, ["carol"])]
    site.store.close()


def test_what_a_limit_holds_is_told_with_its_time_at_first_and_at_a_step(tmp_path: Path) -> None:
    site = site_of(tmp_path, limits="{overall: [1/1h]}")
    line = ("--at", "2026-11-25T12:00", "severity=warning")

    told = said(site.run("routes", "test", *line, "team=dba"))
    steps = said(site.run("routes", "test", *line))
    [answer] = json.loads(said(site.run("routes", "test", *line, "--json")))["receivers"]

    assert "bob (team:dba): AT ONCE, 1 part" in told
    assert "carol (team:dba): HELD UNTIL 13:00 CET (limit overall), 1 part" in told
    assert (
        "step 1: bob, carol (team:dba); bob HELD UNTIL 13:00 CET (limit overall), carol HELD UNTIL 15:00 CET"
        in steps
    )
    assert [(text["to"], text["kind"], text["at"][11:16]) for text in answer["escalation"][0]["texts"]] == [
        ("bob", "escalation", "12:00"),
        ("carol", "escalation", "14:00"),
    ]
    site.store.close()


def test_whoever_comes_on_call_while_it_lasts_is_foreseen_to_hear_of_it(tmp_path: Path) -> None:
    receivers = SITE["receivers"].replace("after: 15m", "after: 3h")
    hourly = SITE["route"].replace("[alertname]", "[alertname], repeat_interval: 1h", 1)
    site = site_of(tmp_path, schedules=OFFICE_HOURS, receivers=receivers, route=hourly)

    told = said(site.run("routes", "test", "--at", "2026-11-24T08:58", "severity=critical"), 1)

    assert "NOBODY IS ON CALL for primary" in told
    assert "alice (schedule:primary): AT 09:58 CET, on call then, 1 part" in told
    site.store.close()


def test_whoever_has_it_by_an_earlier_receiver_gets_no_second_text(site: Site) -> None:
    found = {}
    for day in ("2026-11-25", "2026-12-02"):  # alice's week, and carol's, who is of team:dba too
        line = ("--at", f"{day}T12:00", "--json", "severity=critical", "team=dba")
        _, found[day] = json.loads(said(site.run("routes", "test", *line)))["receivers"]

    assert [text["to"] for text in found["2026-11-25"]["texts"]] == ["alice"]
    assert (found["2026-12-02"]["texts"], found["2026-12-02"]["told_already"]) == ([], ["carol"])
    assert found["2026-12-02"]["escalation"][0]["at"] == "2026-12-02T11:05:00Z"


def test_an_override_decides_who_would_get_it(site: Site) -> None:
    span = ("--from", "2090-06-01T00:00", "--until", "2090-06-02T00:00")
    said(site.run("oncall", "override", "add", "primary", "bob", *span))
    arguments = ("routes", "test", "--json", "severity=critical", "--at")

    held = json.loads(said(site.run(*arguments, "2090-06-01T12:00")))["receivers"][0]["texts"]
    after = json.loads(said(site.run(*arguments, "2090-06-02T00:00")))["receivers"][0]["texts"]

    assert [text["to"] for text in held] == ["bob"]
    assert [text["to"] for text in after] != ["bob"]


@pytest.mark.sqlite
def test_without_a_database_it_is_said_loudly_that_overrides_are_not_known(tmp_path: Path) -> None:
    config = write_config(tmp_path, NOWHERE, **SITE)
    result = run(config, "routes", "test", "severity=critical")

    said(result)
    assert "NO OVERRIDES ARE KNOWN" in result.stderr


def test_what_goes_nowhere_ends_with_1_and_says_why(site: Site, tmp_path: Path) -> None:
    silent = said(site.run("routes", "test", "severity=info"), 1)
    gap = write_config(tmp_path, NOWHERE, **(SITE | {"schedules": OFFICE_HOURS}))
    nobody = said(run(gap, "routes", "test", "--at", "2026-11-24T03:00", "severity=critical"), 1)

    assert "NOBODY IS TOLD: it has no `notify`, and only records" in silent
    assert "GOES NOWHERE" in silent
    assert "NOBODY IS ON CALL for primary" in nobody
    assert "03:00 CET  step 1: bob, carol (team:dba)" in nobody, "nobody is there to wait for"


@pytest.mark.parametrize("label", ["severity", "=critical", "severity!=critical", "sev erity =x"])
def test_what_is_no_label_is_refused(site: Site, label: str) -> None:
    assert "write NAME=VALUE" in complaint(site.run("routes", "test", "a=b", label))
    assert "there are two of a" in complaint(site.run("routes", "test", "a=b", "a=c"))


# routes show


def test_the_tree_is_drawn_with_what_each_route_does_otherwise(tmp_path: Path) -> None:
    drawn = said(run(write_config(tmp_path, NOWHERE, **SITE, limits="{}"), "routes", "show")).splitlines()

    assert drawn[:8] == [
        "all other alerts -> oncall",
        "|    group_by alertname; group_wait 30s; group_interval 5m; repeat_interval 4h",
        '+- severity="info" -> nobody',
        '+- team="dba" -> dba, and on to the next',
        "|       muted during sundays",
        '+- team="dba", severity="critical" -> oncall',
        "        repeat_interval 1h",
        "",
    ]
    assert "nobody: nobody is told" in drawn
    assert "    after 5m    team:dba (bob, carol)" in drawn
    assert [line for line in drawn if line.startswith("limits: per_number 1/1m, 5/15m")]
    assert re.search(r"oncall: schedule:primary \((alice|carol) now\)", "\n".join(drawn))


def test_the_tree_as_json_has_every_route_with_its_path(site: Site) -> None:
    found = json.loads(said(site.run("routes", "show", "--json")))

    assert [child["path"] for child in found["route"]["routes"]] == [f"route.routes[{n}]" for n in range(3)]
    assert found["receivers"][1]["notify"] == [{"target": "team:dba", "people": ["bob", "carol"]}]


# oncall


def test_the_days_to_come_are_told_on_the_schedules_clock_with_overrides_marked(site: Site) -> None:
    span = ("--from", "2026-11-24T18:00", "--until", "2090-11-25T09:00", "--by", "alice")
    added = said(site.run("oncall", "override", "add", "primary", "bob", *span))
    shown = said(site.run("oncall", "show", "--at", "2026-11-22T13:00", "--days", "3")).splitlines()

    assert added == (
        "override 1: bob holds primary from Tue 2026-11-24 18:00 CET until Sat 2090-11-25 09:00 CET\n"
    )
    assert shown == [
        "primary (Europe/Brussels): carol until Mon 2026-11-23 09:00 CET, then alice",
        "  FROM                      UNTIL                     WHO",
        "  Sun 2026-11-22 13:00 CET  Mon 2026-11-23 09:00 CET  carol",
        "  Mon 2026-11-23 09:00 CET  Tue 2026-11-24 18:00 CET  alice",
        "  Tue 2026-11-24 18:00 CET  on and on                 bob    override 1 by alice",
    ]


def test_the_export_is_the_calendar_of_one_person_with_the_overrides(site: Site) -> None:
    said(site.run("oncall", "override", "add", "primary", "bob", "--from", "+1d", "--for", "4h"))
    file = said(site.run("oncall", "export", "--schedule", "primary", "--person", "bob"))
    assert re.findall(r"SUMMARY:(.*)", file) == ["bob (primary)"]
    assert "There is no such shift" in complaint(site.run("oncall", "export", "--person", "mallory"))


def test_a_gap_is_shown_loudly_and_ends_with_1(tmp_path: Path) -> None:
    site = site_of(tmp_path, schedules=OFFICE_HOURS)
    shown = said(site.run("oncall", "show", "--at", "2026-11-24T12:00", "--days", "1"), 1)

    assert "Tue 2026-11-24 17:30 CET  Wed 2026-11-25 09:00 CET  NOBODY IS ON CALL" in shown
    assert (
        "!! NOBODY is on call once within 1 day, first from Tue 2026-11-24 17:30 CET to Wed 2026-11-25 09:00 CET. "
        "Say who: `sms-notify oncall override add primary" in shown
    )
    found = json.loads(said(site.run("oncall", "show", "--at", "2026-11-24T03:00", "--json"), 1))
    assert (found[0]["person"], found[0]["gap"]) == (None, True)


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//
BEGIN:VEVENT
UID:1
DTSTAMP:20200101T000000Z
DTSTART:20200101T000000Z
DTEND:20200201T000000Z
RRULE:FREQ=MONTHLY
SUMMARY:bob
END:VEVENT
END:VCALENDAR
"""


def test_a_calendar_counts_wherever_somebody_asks_who_is_on_call(tmp_path: Path) -> None:
    (tmp_path / "oncall.ics").write_text(CALENDAR.replace("\n", "\r\n"), "utf-8")
    schedules = "{primary: {timezone: Europe/Brussels, ical_file: oncall.ics}}"
    site = site_of(tmp_path, schedules=schedules)
    site.commit(lambda tx: tx.one("select 1"))

    shown = said(site.run("oncall", "show", "--days", "3"))
    would = said(site.run("routes", "test", "severity=critical"))

    assert "primary (Europe/Brussels): bob " in shown
    assert "bob (schedule:primary): AT ONCE" in would
    assert "OK" in said(site.run("check-config"))


def test_a_calendar_that_cannot_be_read_is_one_problem_that_says_what_counts_meanwhile(
    tmp_path: Path,
) -> None:
    (tmp_path / "oncall.ics").write_text("a page to log in", "utf-8")
    site = site_of(tmp_path, schedules="{primary: {ical_file: oncall.ics}}")

    found = read_timetable(load(site.config, {}), NOON, lambda _: b"no calendar either", fetch=False)

    [problem] = found.problems
    assert "is not an iCalendar" in problem.what
    assert "the last copy that was read counts" in problem.advice


def test_an_event_that_means_nobody_is_a_warning_and_leaves_a_gap(tmp_path: Path) -> None:
    (tmp_path / "oncall.ics").write_text(CALENDAR.replace("bob", "mallory").replace("\n", "\r\n"), "utf-8")
    site = site_of(tmp_path, schedules="{primary: {ical_file: oncall.ics}}")

    result = site.run("oncall", "show")
    said(result, 1)
    assert (
        'warning: schedule primary: the entry "mallory" of Wed 2020-01-01 00:00 (UTC) counts for nobody: it names nobody in '
        "people\n" in result.stderr
    )
    checked = run(site.config, "check-config").stderr
    assert "nobody is on call" in checked
    assert (
        ": schedules.primary.ical_file: "
        'the entry "mallory" of Wed 2020-01-01 00:00 (UTC) counts for nobody: it names nobody in people '
        "(correct it in the calendar, or remove it there)\n" in checked
    )
    found = json.loads(run(site.config, "check-config", "--json").stdout)
    assert "schedules.primary.ical_file" in [one["path"] for one in found["warnings"]]
    shown = json.loads(site.run("oncall", "show", "--json").stdout)
    assert len(shown[0]["reports"]) == 1


def test_a_calendar_of_the_web_is_not_asked_for_by_check_config_alone(tmp_path: Path) -> None:
    schedules = "{primary: {ical_url: 'http://127.0.0.1:9/x.ics'}}"
    result = run(write_config(tmp_path, NOWHERE, **(SITE | {"schedules": schedules})), "check-config")

    assert "OK" in said(result)
    assert "could not be fetched" not in result.stderr


def test_an_override_for_somebody_who_was_removed_since_counts_nowhere_and_is_said(site: Site) -> None:
    before = said(site.run("oncall", "show", "--at", "2026-11-25T12:00"))
    begin, end = NOON, datetime(2090, 1, 1, tzinfo=UTC)
    site.commit(lambda tx: oncall_rows.add_override(tx, "primary", "dave", begin, end, "alice", NOON))

    shown = site.run("oncall", "show", "--at", "2026-11-25T12:00")

    assert (shown.exit_code, shown.stdout) == (0, before)
    why = "override 1 of primary by alice does not count: dave is not in the configuration"
    assert why in shown.stderr
    assert "dave (not in the configuration: does not count)" in said(site.run("oncall", "override", "list"))
    at = datetime(2026, 11, 25, 11, tzinfo=UTC)
    with site.reading() as tx:
        holder = site.engine.roster.on_call(tx, at)("primary")
        page = status_of(tx, site.engine.plan.schedules, ("main",), (), at, site.engine.plan.directory, str)
    assert f"primary (Europe/Brussels): {holder} " in before
    assert [duty.holder for duty in page.duties if duty.schedule == "primary"] == [holder]


def test_overrides_are_listed_and_removed(site: Site) -> None:
    said(site.run("oncall", "override", "add", "primary", "carol", "--for", "4h", "--by", "alice"))
    listed = json.loads(said(site.run("oncall", "override", "list", "--json")))
    table = said(site.run("oncall", "override", "list"))

    begins, ends = (datetime.fromisoformat(listed[0][key]) for key in ("from", "until"))
    assert ends - begins == timedelta(hours=4)
    assert (listed[0]["person"], listed[0]["by"]) == ("carol", "alice")
    assert f"{ends.astimezone(BRUSSELS):%a %Y-%m-%d %H:%M %Z}" in table
    assert said(site.run("oncall", "override", "remove", "1")) == "override 1 is removed: carol for primary\n"
    assert "there is no override 1" in complaint(site.run("oncall", "override", "remove", "1"))
    assert json.loads(said(site.run("oncall", "override", "list", "--json"))) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("primry", "bob", "--for", "4h"), "there is no schedule 'primry'; did you mean `primary`?"),
        (("primary", "bbo", "--for", "4h"), "'bbo' is nobody in people; did you mean `bob`?"),
        (("primary", "bob"), "say when it ends"),
        (("primary", "bob", "--for", "4h", "--until", "18:00"), "one of the two"),
        (("primary", "bob", "--for", "4x"), "--for 4x: is not a duration"),
        (("primary", "bob", "--until", "2020-01-01T00:00"), "it would end at Wed 2020-01-01 00:00"),
        (
            ("primary", "bob", "--from", "2020-01-01T00:00", "--for", "1d"),
            "would have ended at Thu 2020-01-02",
        ),
        (("primary", "bob", "--from", "morgen", "--for", "1d"), "--from morgen: that is not a time"),
        (("primary", "bob", "--until", "Mox 09:00"), "'mox' is not a day of the week"),
    ],
)
def test_an_override_that_cannot_be_is_refused_with_what_to_write(
    site: Site, arguments: tuple[str, ...], why: str
) -> None:
    assert why in complaint(site.run("oncall", "override", "add", *arguments))
    assert site.rows("select * from overrides") == []


def test_an_end_by_the_clock_is_the_next_after_the_beginning_on_the_schedules_clock(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    said(
        site.run(
            "oncall", "override", "add", "primary", "bob", "--from", "2090-06-01T22:00", "--until", "07:00"
        )
    )

    [row] = json.loads(said(site.run("oncall", "override", "list", "--json")))
    assert (row["from"], row["until"]) == ("2090-06-01T20:00:00Z", "2090-06-02T05:00:00Z")


def test_a_time_without_an_offset_is_by_the_schedules_clock_for_show_and_for_overrides_alike(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    span = ("--from", "2090-06-01T22:00", "--until", "2090-06-01T23:00")
    said(site.run("oncall", "override", "add", "primary", "bob", *span))

    def holder(at: str) -> object:
        [found] = json.loads(said(site.run("oncall", "show", "--json", "--days", "1", "--at", at)))
        return found["at"], found["person"]

    assert holder("2090-06-01T22:00") == ("2090-06-01T20:00:00Z", "bob")
    assert holder("2090-06-01T23:00")[1] != "bob"  # type: ignore[index]


OFFICE = TimeInterval(times=((540, 1050),), weekdays=((1, 5),), location="Europe/Brussels")
OFFICE_LAYER = Layer(Rotation(("alice", "carol"), 7, date(2026, 1, 5), 540), (OFFICE,))
moments = st.integers(0, 400).map(lambda hours: NOON + timedelta(hours=hours))


@given(spans=st.lists(st.tuples(moments, moments, st.sampled_from(["alice", "bob"])), max_size=5), at=moments)
def test_the_rows_are_who_is_on_call_at_every_moment(
    spans: list[tuple[datetime, datetime, str]], at: datetime
) -> None:
    schedule = Schedule("primary", "Europe/Brussels", (OFFICE_LAYER,))
    made = [
        oncall_rows.Override(number, "primary", person, min(a, b), max(a, b), NOON, "x")
        for number, (a, b, person) in enumerate(spans, 1)
    ]
    rota = turns(schedule, made, NOON, NOON + timedelta(days=30))

    [now] = [turn for turn in rota if turn.shift.start <= at < turn.shift.end]
    assert now.shift.person == on_call(schedule, [override.shift for override in made], at)
    assert now.override is None or now.override.start <= at < now.override.end


# check-config and credits


def test_a_gap_ahead_is_a_fault_of_the_configuration_until_somebody_fills_it(tmp_path: Path) -> None:
    site = site_of(tmp_path, schedules=OFFICE_HOURS)
    site.commit(lambda tx: tx.one("select 1"))
    faults = json.loads(said(site.run("check-config", "--json"), 1))["faults"]
    said(site.run("oncall", "override", "add", "primary", "bob", "--for", "90d"))

    assert [fault["path"] for fault in faults] == ["schedules.primary"]
    assert "nobody is on call" in faults[0]["what"]
    assert "OK" in said(site.run("check-config"))


def test_a_rotation_without_a_gap_is_checked_without_a_database_and_without_a_word(tmp_path: Path) -> None:
    result = run(write_config(tmp_path, NOWHERE, **SITE), "check-config")

    assert "OK" in said(result)
    assert result.stderr == ""


@pytest.mark.parametrize(("limits", "code"), [("{}", 1), ("{credits: {low_water: 20}}", 0), ("off", 0)])
def test_credits_under_the_low_water_end_with_1(tmp_path: Path, limits: str, code: int) -> None:
    with Simulator(Simulated("acme", Secret("Zq9canary/geheim é"), credits=20)) as simulator:
        config = write_config(tmp_path, simulator.gateway_url, limits=limits)
        told = said(run(config, "credits"), code)

    assert ("UNDER THE LOW WATER of 100" in told) is bool(code)


# times


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Mon 03:00", "2026-11-23T02:00:00"),
        ("monday 3:00", "2026-11-23T02:00:00"),
        ("Sun 12:59", "2026-11-29T11:59:00"),
        ("Sun 13:00", "2026-11-22T12:00:00"),
        ("Sun 13:01", "2026-11-22T12:01:00"),
        ("03:00", "2026-11-23T02:00:00"),
        ("2020-01-01 10:00", "2020-01-01T09:00:00"),
        ("+1d", "2026-11-23T12:00:00"),
    ],
)
def test_a_time_by_weekday_is_the_next_and_one_with_a_date_may_be_over(text: str, at: str) -> None:
    assert read_time(text, NOON, BRUSSELS) == datetime.fromisoformat(at).replace(tzinfo=UTC)


def test_the_minute_of_now_is_now_and_not_tomorrow() -> None:
    now = NOON + timedelta(seconds=10)
    assert read_time("13:00", now, BRUSSELS) == NOON
    assert read_time("Sun 13:00", now, BRUSSELS) == NOON


@pytest.mark.parametrize(
    ("text", "ago"),
    [("12:55", "5 minutes ago"), ("11:01", "119 minutes ago"), ("Sun 12:59", "1 minute ago")],
)
def test_a_beginning_that_has_just_passed_is_not_tomorrow_in_silence(text: str, ago: str) -> None:
    advice = "leave --from out to begin now, or write a date, such as 2026-11-"
    with pytest.raises(UsageError, match=f"--from {text}: that was {ago}; {advice}"):
        read_start(text, NOON, BRUSSELS)


@pytest.mark.parametrize(
    "text", ["13:00", "13:01", "11:00", "Sun 11:00", "Mon 12:55", "2026-11-22T12:55", "+5m"]
)
def test_every_other_beginning_is_read_as_any_time_is(text: str) -> None:
    assert read_start(text, NOON, BRUSSELS) == read_time(text, NOON, BRUSSELS)


def test_an_override_from_a_minute_that_has_just_passed_is_refused(site: Site) -> None:
    begins = f"{datetime.now(BRUSSELS) - timedelta(minutes=5):%H:%M}"
    told = complaint(
        site.run("oncall", "override", "add", "primary", "carol", "--from", begins, "--for", "1h")
    )
    assert "minutes ago; leave --from out to begin now" in told
    assert site.rows("select * from overrides") == []


def test_an_override_says_before_which_it_counts(site: Site) -> None:
    def add(*arguments: str) -> Result:
        return site.run("oncall", "override", "add", "primary", *arguments)

    said(add("alice", "--from", "2090-01-02T10:00", "--until", "2090-01-02T14:00"))
    said(add("bob", "--from", "2090-01-02T16:00", "--for", "1h"))
    shown = said(add("carol", "--from", "2090-01-02T12:00", "--until", "2090-01-02T16:00"))
    assert shown.splitlines()[1:] == [
        "it counts before override 1 (alice, until Mon 2090-01-02 14:00 CET) while both last"
    ]
    found = json.loads(said(add("carol", "--from", "2090-01-02T16:30", "--for", "1h", "--json")))
    assert found["counts_before"] == [2]


@pytest.mark.parametrize("text", ["Mo 03:00", "xyz 03:00", "Mon", "Mon 25:00", "0001-01-01T00:00"])
def test_a_time_that_is_none_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(UsageError, match=f"^--from {text}: "):
        read_time(text, NOON, BRUSSELS, "--from")


def test_the_date_is_shown_where_a_day_begins_and_never_where_all_is_of_today() -> None:
    midnight = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    times = [midnight - timedelta(minutes=1), midnight, midnight + timedelta(minutes=1)]

    assert stamps(times, midnight, BRUSSELS) == [
        "2026-11-22 23:59:00 CET",
        "2026-11-23 00:00:00 CET",
        "           00:01:00 CET",
    ]
    assert stamps(times[1:], midnight, BRUSSELS) == ["00:00:00 CET", "00:01:00 CET"]
    assert stamps(times[:1], midnight, BRUSSELS) == ["2026-11-22 23:59:00 CET"]
