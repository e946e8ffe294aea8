"""`messages`, `incidents` and `explain`: what they list, in which order, and how they write it on a terminal and to a pipe."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import pytest
from test_cli_deciding import BRUSSELS, Site, complaint, machine_in_brussels, said, site_of  # noqa: F401 - a fixture
from workbench import NOON, firing, resolved

from sms_notify.cli.terminal import elapsed, progress, table
from sms_notify.cli.times import read_past
from sms_notify.errors import UsageError
from sms_notify.explain.events import EventName
from sms_notify.explain.waiting import StillQueued
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.retry_policy import Break, Scope
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.store import breakers, messages
from sms_notify.store.messages import Entry
from sms_notify.store.tx import stored
from sms_notify.wording.clock import Clock, rfc3339

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
BARE = re.compile(r"\b\d\d:\d\d(?::\d\d)?(?! CET)\b(?![:\d])")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = site_of(tmp_path)
    made.commit(lambda tx: tx.one("select 1"))
    yield made
    made.store.close()


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def move(site: Site, message_id: int, state: State, entry: Entry | None = None) -> None:
    site.commit(
        lambda tx: messages.move(
            tx, messages.get(tx, message_id), state, entry or Entry(Cause.CALLBACK), "node", site.clock()
        )
    )


def close_gateway(site: Site, code: int = 108) -> None:
    rule = Break(Scope.CREDITS, 1, timedelta(minutes=1), timedelta(minutes=10))
    outcome = Outcome(Fate.REFUSED, Reason.ERROR_CODE, code)
    site.commit(lambda tx: breakers.fail(tx, "main", rule, "", outcome, site.clock()))


def ids(site: Site, *arguments: str) -> list[str]:
    return [row["id"] for row in json.loads(said(site.run("messages", "--json", *arguments)))]


# messages


def test_messages_are_listed_by_reader_state_time_and_incident(site: Site) -> None:
    site.clock.now = began = now() - timedelta(hours=3)
    site.accept(firing(severity="warning"))
    move(site, 1, State.SENT)
    site.clock.now = now()
    site.accept(firing("DiskFull", team="dba", severity="critical"))

    assert ids(site) == ["m1", "m2", "m3"]
    assert ids(site, "--to", "bob")
    assert ids(site, "--to", "bob") == ids(site, "--to", "+31 6 12345678") == ids(site, "--to", "person:bob")
    assert ids(site, "--state", "sent") == ["m1"]
    assert ids(site, "--since", "1h") == ["m2", "m3"]
    assert ids(site, "--incident", tag_of(1)) == ["m1"]
    assert ids(site, "--incident", "2", "--last", "1") == ["m3"]
    [row] = json.loads(said(site.run("messages", "--json", "--state", "sent")))
    assert (row["at"], row["incidents"]) == (rfc3339(began), [tag_of(1)])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--since", "soon"), "--since soon: that is not a time"),
        (("--incident", "m1"), "--incident m1: write an incident's tag or number"),
        (("--to", "+1"), "--to +1: "),
    ],
)
def test_a_filter_that_means_nothing_is_refused(site: Site, arguments: tuple[str, ...], why: str) -> None:
    assert why in complaint(site.run("messages", *arguments))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2h", "2026-11-22T10:00:00"),
        ("2h ago", "2026-11-22T10:00:00"),
        ("12:30", "2026-11-22T11:30:00"),
        ("13:00", "2026-11-22T12:00:00"),
        ("13:01", "2026-11-21T12:01:00"),
        ("Sun 13:01", "2026-11-15T12:01:00"),
        ("Mon 09:00", "2026-11-16T08:00:00"),
        ("2026-11-01T00:00", "2026-10-31T23:00:00"),
    ],
)
def test_a_time_that_is_over_is_the_last_time_it_was_that(text: str, at: str) -> None:
    assert f"{read_past(text, NOON, BRUSSELS):%Y-%m-%dT%H:%M:%S}" == at


def test_a_pause_that_no_calendar_holds_is_refused() -> None:
    with pytest.raises(UsageError, match=r"99999999d: that is not a time .write 2h, "):
        read_past("99999999d", NOON)


def test_who_follows_sees_each_text_as_it_comes_into_the_state(site: Site) -> None:
    site.accept(firing("First", team="dba"))
    command = [
        sys.executable,
        "-m",
        "sms_notify",
        "--config",
        str(site.config),
        "messages",
        "--follow",
        "--json",
    ]
    follows = subprocess.Popen(
        [*command, "--state", "sent", "--to", "carol"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert follows.stdout is not None
    try:
        move(site, 1, State.SENT)  # before or after it looks first: once in either case
        first = json.loads(follows.stdout.readline())
        site.accept(firing("Second", team="dba"))
        for id_ in ids(site, "--state", "queued"):
            move(site, int(id_.removeprefix("m")), State.SENT)
        second = json.loads(follows.stdout.readline())
    finally:
        follows.kill()
        follows.wait()
        follows.stdout.close()

    assert [(one["recipient"], one["state"]) for one in (first, second)] == [("carol", "sent")] * 2
    assert first["id"] != second["id"]


# incidents


def test_all_has_what_is_closed_behind_what_is_open(site: Site) -> None:
    for n in range(2):
        site.accept(firing(f"Over{n}", severity="warning"))
        site.accept(resolved(f"Over{n}", severity="warning"))
    site.accept(firing("Mild", severity="info"), firing("Bad"))

    def what(*arguments: str) -> list[str]:
        return [row["what"] for row in json.loads(said(site.run("incidents", "--json", *arguments)))]

    assert what() == ["Bad", "Mild"]
    assert what("--all") == ["Bad", "Mild", "Over1", "Over0"]
    assert what("--all", "--severity", "info", "--severity", "warning") == ["Mild", "Over1", "Over0"]
    assert what("--all", "--since", "1h") == []
    limited = site.run("incidents", "--all", "--last", "3")
    assert "The first 3; there may be more: --last" in limited.stderr


def test_incidents_are_found_by_receiver_and_by_person_as_on_the_page(site: Site) -> None:
    site.accept(firing("Bad"))
    site.accept(firing("Mild", severity="info"))

    def what(*arguments: str) -> list[str]:
        return [row["what"] for row in json.loads(said(site.run("incidents", "--json", *arguments)))]

    [receiver] = {row["receiver"] for row in site.rows("select receiver from pages where incident_id = 1")}
    assert what("--person", "carol") == what("--person", "person:carol") == what("--receiver", receiver)
    assert what("--person", "carol") == ["Bad"]
    assert what("--person", "bob") == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("messages", "--to", "nobody"), "there is no person 'nobody'; known people: alice, bob, carol"),
        (("messages", "--to", "carrol"), "there is no person 'carrol'; did you mean `carol`?"),
        (("incidents", "--person", "alic"), "there is no person 'alic'; did you mean `alice`?"),
        (("incidents", "--receiver", "nope"), "there is no receiver 'nope'; "),
    ],
)
def test_a_name_that_nobody_has_is_no_empty_list(site: Site, arguments: tuple[str, ...], says: str) -> None:
    assert says in complaint(site.run(*arguments))


def test_somebody_who_left_is_found_in_the_ledger(site: Site) -> None:
    site.accept(firing())
    site.commit(lambda tx: tx.run("update messages set recipient = 'dave', receiver = 'old'"))
    site.commit(lambda tx: tx.run("update pages set recipient = 'dave', receiver = 'old'"))
    assert len(json.loads(said(site.run("messages", "--to", "dave", "--json")))) == 1
    assert len(json.loads(said(site.run("incidents", "--person", "dave", "--json")))) == 1
    assert len(json.loads(said(site.run("incidents", "--receiver", "old", "--json")))) == 1


def test_what_reached_nobody_says_why_and_when_the_next_text_may_leave(site: Site) -> None:
    site.clock.now = now()
    site.accept(firing())
    close_gateway(site)

    shown = said(site.run("incidents")).splitlines()
    [row] = json.loads(said(site.run("incidents", "--json")))

    assert shown[0] == "CRITICAL: 1 critical incident reached nobody; its text waits for gateway main"
    assert "NOBODY: no text leaves at main since " in shown[2]
    assert "(error 108: not enough credits left); main is asked again at " in shown[2]
    assert row["untold"] is True
    assert row["next_text_at"] == rfc3339(site.clock() + timedelta(seconds=30)), (
        "critical is asked for sooner"
    )


def test_a_text_that_failed_is_why_nobody_knows(site: Site) -> None:
    site.accept(firing())
    move(site, 1, State.FAILED, Entry(Cause.BARRED))
    site.commit(lambda tx: tx.run("update pages set state = 'told'"))

    [row] = json.loads(said(site.run("incidents", "--json")))
    assert (row["untold_why"], row["untold_until"], row["next_text_at"]) == ("barred", None, None)
    assert "NOBODY: m1 to carol failed: barred" in said(site.run("incidents"))


def test_what_waits_for_others_of_its_group_sounds_like_no_fault(site: Site) -> None:
    site.clock.now = now()
    site.accept(firing())
    until = site.clock() + timedelta(seconds=90)
    waits = "state = 'held', why = 'group_wait', held_by = 'group_interval', message_id = null"
    site.commit(lambda tx: tx.run(f"update pages set {waits}, due_at = :until", until=stored(until)))
    site.commit(lambda tx: tx.run("update messages set state = 'cancelled'"))

    shown = said(site.run("incidents"))
    [row] = json.loads(said(site.run("incidents", "--json")))

    second = f"{until.astimezone():%H:%M:%S %Z}"
    assert "CRITICAL" not in shown
    assert f"nobody yet: waits for others of its group (group_interval) until {second}" in shown
    assert f"carol: waits for others of its group (group_interval) until {second} to hear of it" in said(
        site.run("explain", "1")
    )
    assert (row["untold_why"], row["untold_until"]) == ("group_wait", rfc3339(until))
    assert row["next_text_at"] == rfc3339(until)


def test_a_group_that_nobody_tells_in_time_has_reached_nobody(site: Site) -> None:
    site.accept(firing())
    waits = "state = 'held', why = 'group_wait', message_id = null"
    site.commit(lambda tx: tx.run(f"update pages set {waits}, due_at = :at", at=stored(NOON)))
    assert "CRITICAL: 1 critical incident reached nobody" in said(site.run("incidents"))


# explain


def story(site: Site, id_: str) -> list[dict[str, object]]:
    events: list[dict[str, object]] = json.loads(said(site.run("explain", "--json", id_)))["events"]
    return events


def test_a_story_for_programs_is_events_with_names_and_ids(site: Site) -> None:
    site.accept(firing())
    site.clock.move(minutes=5)
    site.tick()
    before = {event["event"]: event for event in story(site, "1")}
    site.acknowledge(1, by="bob")

    told = json.loads(said(site.run("explain", "--json", "1")))
    events = {event["event"]: event for event in told["events"]}

    assert (told["incident"], told["tag"], told["state"]) == (1, tag_of(1), "acknowledged")
    assert before["told"] == {
        "at": "2026-11-22T12:00:00Z", "event": "told", "receiver": "oncall", "schedules": ["schedule:primary"],
        "to": ["carol"], "messages": ["m1"],
    }  # fmt: skip
    assert before["escalated"] == {
        "at": "2026-11-22T12:05:00Z", "event": "escalated", "step": 1, "receiver": "oncall", "to": ["bob", "carol"],
        "messages": ["m2", "m3"],
    }  # fmt: skip
    assert events["acknowledged"] == {
        "at": "2026-11-22T12:05:00Z", "event": "acknowledged", "by": "bob", "how": "command",
    }  # fmt: skip
    assert {"at", "event"} <= set.intersection(*(set(event) for event in told["events"]))


def test_a_queued_text_says_why_it_has_not_left_and_when_it_is_tried_next(site: Site) -> None:
    site.clock.now = now()
    site.accept(firing(severity="warning"))
    [due] = [event for event in story(site, "m1") if event["event"] == "waits"]
    assert (due["wait"]["why"], due["wait"]["gateway"]) == ("due", "main")

    later = site.clock() + timedelta(minutes=5)
    site.commit(lambda tx: tx.run(f"update messages set not_before = not_before + {5 * 60 * 10**6}"))
    [pause] = [event for event in story(site, "1") if event["event"] == "waits"]
    assert (pause["wait"]["why"], pause["wait"]["next_at"]) == ("not_before", rfc3339(later))
    assert "m1 is still queued: tried again at " in said(site.run("explain", "m1"))

    close_gateway(site)
    [closed] = [event for event in story(site, "m1") if event["event"] == "waits"]
    assert (closed["wait"]["why"], closed["wait"]["breaker"]["code"]) == ("breaker", 108)
    assert closed["wait"]["next_at"] == rfc3339(later), "not before its pause is over"


def test_a_text_behind_others_says_so(site: Site) -> None:
    site.clock.now = now()
    site.accept(firing("First", severity="critical"))
    site.accept(firing("Second", team="dba", severity="critical"))
    newest = ids(site)[-1]

    [wait] = [event for event in story(site, newest) if event["event"] == "waits"]
    assert (wait["wait"]["why"], wait["wait"]["ahead"]) == ("ahead", 2)

    site.commit(lambda tx: tx.run("update messages set number = '+31612345678'"))
    site.commit(lambda tx: tx.run("update messages set state = 'submitting' where id = 1"))
    [busy] = [event for event in story(site, newest) if event["event"] == "waits"]
    assert (busy["wait"]["why"], busy["wait"]["next_at"]) == ("busy", None)


@pytest.mark.parametrize("words", [StillQueued, EventName])
def test_every_word_of_a_story_for_programs_is_explained(words: type[StrEnum]) -> None:
    pages = (Path(__file__).parents[1] / "docs").rglob("*.md")
    known = {word for page in pages for word in re.findall(r"`(\w+)`", page.read_text("utf-8"))}

    assert {str(word) for word in words} - known == set()


# Times


def test_every_time_bears_its_zone_and_json_is_rfc_3339(site: Site) -> None:
    site.accept(firing(severity="warning", team="dba"), firing())
    site.acknowledge(1)
    lines = [("messages",), ("incidents",), ("explain", "1"), ("explain", "m1"), ("routes", "test", "team=dba"),
             ("oncall", "show"), ("ack", "1")]  # fmt: skip

    for line in lines:
        shown = site.run(*line).stdout
        bare = [
            text
            for text in shown.splitlines()
            if BARE.search(re.sub(r"'.*'", "", text)) and "FIRING" not in text
        ]
        assert bare == [], line
        written = json.dumps(json.loads(site.run(*line, "--json").stdout), ensure_ascii=False)
        times = re.findall(r'"(\d{4}-\d\d-\d\d[^"]*)"', written)
        assert [time for time in times if not RFC3339.fullmatch(time)] == [], line


@pytest.mark.parametrize(
    ("zone", "said_"),
    [
        ("Europe/Brussels", "13:00 CET"),
        ("America/Sao_Paulo", "09:00 UTC-03:00"),
        ("Asia/Kathmandu", "17:45 UTC+05:45"),
    ],
)
def test_a_zone_without_a_name_of_letters_is_told_by_its_offset(zone: str, said_: str) -> None:
    from zoneinfo import ZoneInfo

    assert Clock(NOON, ZoneInfo(zone)).at(NOON) == said_


# The terminal


def on_a_terminal(site: Site, *arguments: str, columns: int = 80, **more: str) -> str:
    """What a command writes where somebody looks at it."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **more}
    environment.pop("NO_COLOR", None) if "NO_COLOR" not in more else None
    written: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(leader, 65536):
                written.append(chunk)
        except OSError:  # nobody writes any more
            pass

    reader = threading.Thread(target=read)
    reader.start()
    command = [sys.executable, "-m", "sms_notify", "--config", str(site.config), *arguments]
    subprocess.run(
        command, stdout=follower, stderr=follower, env=environment, check=True, cwd=Path(__file__).parents[1]
    )
    os.close(follower)
    reader.join()
    os.close(leader)
    return b"".join(written).decode().replace("\r\n", "\n")


COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def test_a_terminal_gets_colours_and_lines_that_fit_and_a_pipe_the_whole_text(site: Site) -> None:
    site.accept(firing(instance="a-host-with-a-long-name-in-a-far-away-place.example.org"))

    shown = on_a_terminal(site, "incidents", columns=140)
    plain = on_a_terminal(site, "incidents", columns=140, NO_COLOR="1")
    story = on_a_terminal(site, "explain", "1", columns=60, NO_COLOR="1")
    piped = said(site.run("incidents"))

    assert COLOURS.search(shown)
    assert not COLOURS.search(plain)
    assert max(map(len, plain.splitlines())) <= 140
    assert "…" in plain
    assert max(map(len, story.splitlines()[1:])) <= 60
    assert "a-host-with-a-long-name-in-a-far-away-place.example.org" in piped
    assert not COLOURS.search(piped)


def test_a_table_to_a_pipe_is_as_wide_as_its_texts() -> None:
    assert table([["m1", "x" * 300]], ["ID", "TEXT"]).splitlines()[1] == f"m1  {'x' * 300}"


def test_long_work_is_watched_on_a_terminal_and_leaves_no_trace_in_a_pipe(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("replaying", 3) as update:
        update(3)
    with elapsed("looking") as goes_on:
        goes_on()
    assert capsys.readouterr() == ("", "")

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("replaying", 3) as update:
        update(3)
    assert "replaying" in capsys.readouterr().err
    assert said(site.run("db", "check")).endswith(": sound\n")
