"""`routes test` says what the engine does: 500 random configurations, each with one alert that nobody acknowledges.

The reference is the engine itself on an empty store. It ticks on whole seconds, as the daemon does, and leaps over the
seconds in which nothing is due. Every text leaves at once, and a source goes on reporting what is not a mere notice.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

import pytest
from daemons import write_config
from paper import with_route
from random_plans import Case, random_case
from workbench import NOON, Bench, VirtualClock, firing

from sms_notify.alert import Delivery
from sms_notify.config import load
from sms_notify.daemon.wiring import plan_of
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.explain.preview import SAMPLE_TAG, Expected, Foreseen, foresee
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS
from sms_notify.policy.account import Account
from sms_notify.policy.bars import Barring, Breaker
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.outcomes import Fate, Reason
from sms_notify.policy.outcomes import Outcome as Answered
from sms_notify.policy.rate_limits import Limits, parse_limit
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.rotations import shifts
from sms_notify.policy.ruleset import Plan, Timing
from sms_notify.policy.vocabulary import Kind
from sms_notify.store import oncall_rows
from sms_notify.store.in_memory import ScratchStore
from sms_notify.store.next_due import Waits, next_due
from sms_notify.store.tx import moment

SEEDS = 500
A_SHARE = 25  # seeds of one test
SECOND = timedelta(seconds=1)
REPORTED_EVERY = timedelta(hours=20)  # within the day after which what nobody reports counts as over
FAR = timedelta(days=40)
BARRED = Barring((Breaker("main", Scope.NUMBER, "", NOON, 106, 0, Reason.ERROR_CODE),))


class TakesAll:
    """A gateway that takes every text at once."""

    name = "main"

    def __init__(self) -> None:
        self.ids = itertools.count(1)

    def send(self, _: object) -> Answered:
        return Answered(Fate.SENT, Reason.OK, smsid=str(next(self.ids)))

    def send_batch(self, _: object) -> Answered:
        return Answered(Fate.SENT, Reason.OK)


@dataclass(frozen=True, order=True)
class Said:
    """One person is told one thing by a text."""

    at: datetime
    person: str
    kind: Kind
    body: str
    parts: int
    receiver: str = ""


@dataclass(frozen=True, order=True)
class Ran:
    """One step of a receiver, with whom it names and the texts by which they hear of it."""

    receiver: str
    nth: int
    at: datetime
    people: tuple[str, ...]
    texts: tuple[Said, ...] = ()


@dataclass(frozen=True)
class Told:
    """What follows from one alert: the first text of each person, every step, and each receiver's first reminder.

    From `through` on, nothing but reminders is to come, and who comes on call and hears of it by one.
    """

    first: list[Said]
    steps: list[Ran]
    reminded: dict[str, datetime]
    untold: set[str]
    through: datetime


def plain(body: str, tag: str) -> str:
    """Without what differs from text to text: the tag, and the code of the link."""
    return re.sub(r"/a/\w+", "/a/CODE", body.replace(tag, "TAGG"))


class Reference(Bench):
    """The engine over an empty store."""

    def __init__(self, plan: Plan, case: Case) -> None:
        codes, references = itertools.count(10**9), itertools.count(1)
        engine = Engine(plan, "node", lambda: str(next(codes)))
        super().__init__(ScratchStore(), engine, VirtualClock(case.at.replace(microsecond=0)))
        self.case = case
        timing = plan.timing
        # An open incident that nothing is heard of is looked at in vain in every second while a night holds its texts.
        self.waits = Waits(FAR * 10, timing.reconcile_wait, timing.report_timeout, timing.failover_after)
        self.reported = case.at
        self.changes: list[datetime] = []
        luck = Luck(lambda: f"{next(references):032}", lambda: 0.5)
        account = Account("main", limits=TEXT_LIMITS, gateways=("main",), directory=plan.directory)
        self.sender = Sender(self.commit, TakesAll(), account, Timing(), "node", luck)

    def step(self) -> None:
        self.tick()
        self.send()

    def send(self) -> None:
        while self.sender.send_once(self.clock):
            pass

    def told(self) -> Told:
        """Lets it happen, from the second before on."""
        for schedule, made in self.case.overrides.items():
            for shift in made:
                row = (schedule, shift.person, shift.start, shift.end, "x", shift.start)
                self.commit(lambda tx, row=row: oncall_rows.add_override(tx, *row))
        self.step()
        self.report()
        self.play()
        steps, through = self.steps(), self.clock.now
        self.let_them_remind()
        self.play()  # whoever hears of it by a reminder may be asleep
        first = sorted(said for said, _ in self.pages("firing"))
        return Told(first, steps, self.first_reminders(), self.untold(), through)

    def play(self) -> None:
        while self.pending() and (at := self.next_tick()) < self.case.at + FAR:
            self.clock.now = at
            self.step()

    def report(self) -> None:
        self.reported = self.clock.now = max(self.clock.now, self.case.at)
        delivery = Delivery(self.case.alert.source, (self.case.alert,), self.case.group)
        self.commit(lambda tx: self.engine.accept(tx, delivery, self.clock()))
        self.send()

    def pending(self) -> bool:
        """Whether a step is still to come, or somebody is still to be told of the beginning or of a step."""
        steps = self.rows("select 1 from agenda where what = 'escalate'")
        return bool(steps or self.rows("select 1 from pages where state = 'held' and kind <> 'reminder'"))

    def next_tick(self) -> datetime:
        """The next whole second in which something is due; on the way, the source reports the trouble again."""
        with self.reading() as tx:
            due = next_due(tx, self.waits)
        at = min(due or self.case.at + FAR, self.hand_over())
        if not self.case.alert.once and at > self.reported + REPORTED_EVERY:
            self.clock.now = self.reported + REPORTED_EVERY
            self.report()
            return self.next_tick()
        whole = at.replace(microsecond=0)
        return max(whole if whole == at else whole + SECOND, self.clock.now.replace(microsecond=0) + SECOND)

    def hand_over(self) -> datetime:
        """When a schedule changes hands the next time."""
        now, made = self.clock.now, self.case.overrides
        if not self.changes:
            begin, end = self.case.at - FAR, self.case.at + FAR
            schedules = self.engine.plan.schedules.items()
            turns = (turn for name, one in schedules for turn in shifts(one, made.get(name, ()), begin, end))
            self.changes = sorted({turn.end for turn in turns})
        return next(change for change in self.changes if change > now)

    def pages(self, kind: str) -> list[tuple[Said, dict]]:
        told = (
            "select p.*, m.kind as texted_as, m.body, m.parts, m.created_at as at from pages p"
            " join messages m on m.id = p.message_id where p.kind = :kind and p.state = 'told'"
        )
        return [(said_of(row), row) for row in self.rows(told, kind=kind)]

    def steps(self) -> list[Ran]:
        texts = self.pages("escalation")
        ran = []
        for row in self.rows(
            "select * from decisions where word in ('escalated', 'nobody_on_call') and nth > 0"
        ):
            names = tuple(row["detail"].split(", ")) if row["word"] == "escalated" else ()
            mine = (
                said for said, page in texts
                if (page["receiver"], page["nth"]) == (row["receiver"], row["nth"])
            )  # fmt: skip
            ran.append(Ran(row["receiver"], row["nth"], moment(row["at"]), names, tuple(sorted(mine))))
        return sorted(ran)

    def let_them_remind(self) -> None:
        """Goes on for some days, or until each receiver that told somebody has come to its first reminder."""
        end = self.case.at + timedelta(days=3)
        while self.unreminded() and (at := self.next_tick()) < end:
            self.clock.now = at
            self.step()

    def untold(self) -> set[str]:
        """Whose first text is held still."""
        rows = self.rows("select recipient from pages where state = 'held' and kind = 'firing'")
        return {row["recipient"] for row in rows}

    def unreminded(self) -> bool:
        told = "receiver in (select receiver from pages where state = 'told')"
        return bool(self.rows(f"select 1 from agenda where what = 'remind' and nth = 1 and {told}"))

    def first_reminders(self) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for said, page in sorted(self.pages("reminder"), key=lambda one: one[0]):
            found.setdefault(page["receiver"], said.at)
        return found


def said_of(row: dict) -> Said:
    return Said(
        moment(row["at"]),
        row["recipient"],
        Kind(row["texted_as"]),
        plain(row["body"], tag_of(1)),
        row["parts"],
        row["receiver"],
    )


def foreseen(outcome: Foreseen) -> Told:
    """The same, by the preview."""
    first = [
        said_by(text, answer.receiver.name)
        for answer in outcome.answers
        for text in (*answer.texts, *answer.later)
    ]
    steps = [
        Ran(
            answer.receiver.name,
            step.nth,
            step.at,
            tuple(person.name for person in step.people),
            tuple(sorted(said_by(text, answer.receiver.name) for text in step.texts)),
        )
        for answer in outcome.answers
        for step in answer.steps
    ]
    reminded = {a.receiver.name: a.reminded_at for a in outcome.answers if a.reminded_at is not None}
    untold = {person.name for answer in outcome.answers for person in answer.untold}
    through = max((said.at for said in first), default=outcome.at)
    return Told(sorted(first), sorted(steps), reminded, untold, through)


def said_by(text: Expected, receiver: str) -> Said:
    return Said(text.at, text.person.name, text.kind, plain(text.body, SAMPLE_TAG), text.parts, receiver)


def written(folder: Path, step: str, notify: str = "[person:alice]") -> Path:
    people = "{alice: {number: '+32470000000'}, bob: {number: '+32470000001'}}"
    escalate = f"[{{after: 5m, notify: [person:{step}]}}]"
    receivers = f"[{{name: oncall, notify: {notify}, escalate: {escalate}}}]"
    return write_config(folder, "http://127.0.0.1:9/module/", people=people, receivers=receivers)


def plan_for(seed: int, case: Case, folder: Path) -> Plan:
    file = folder / f"{seed}.yml"
    file.write_text(case.config, "utf-8")
    plan = plan_of(load(file, {"PASSWORD": "x"}))
    # no configuration can say it, but a route can: never a reminder
    return with_route(plan, repeat_interval=timedelta()) if seed % 25 == 0 else plan


@pytest.mark.timeout(600)  # one of the seeds plays weeks of reminders under a tight limit
@pytest.mark.parametrize("first", range(0, SEEDS, A_SHARE))
def test_what_is_foreseen_of_a_random_alert_is_what_the_engine_does(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + A_SHARE):
        case = random_case(seed)
        plan = plan_for(seed, case, tmp_path)
        engine = Reference(plan, case)
        done = engine.told()
        engine.store.close()

        outcome = foresee(plan, case.alert, case.at, case.overrides, grouped=bool(case.group))
        told = foreseen(outcome)
        seen = max(told.through, done.through)

        played = [said for said in told.first if said.at <= case.at + FAR]
        assert played == [said for said in done.first if said.at <= seen], seed
        assert told.steps == done.steps, seed
        assert told.untold == done.untold, seed
        assert {name: done.reminded.get(name) for name in told.reminded} == told.reminded, seed
        reminding = {answer.receiver.name for answer in outcome.answers if answer.every}
        assert {name for name, at in done.reminded.items() if at <= done.through} <= reminding, seed


def test_a_step_of_which_every_text_is_barred_is_gone_beyond_at_once(tmp_path: Path) -> None:
    site = plan_of(load(written(tmp_path, "bob"), {"PASSWORD": "x"}))
    alert = firing()

    free = foresee(site, alert, NOON)
    barred = foresee(site, alert, NOON, barred=lambda number: BARRED if number.endswith("0") else None)

    assert [step.at - NOON for step in free.answers[0].steps] == [timedelta(minutes=5)]
    assert [step.at - NOON for step in barred.answers[0].steps] == [SECOND]
    assert [text.leaves for text in barred.answers[0].texts] == [False]


def test_whom_reminders_to_others_starve_is_said_to_be_held_by_a_limit(tmp_path: Path) -> None:
    plan = plan_of(load(written(tmp_path, "bob", notify="[person:alice, person:bob]"), {"PASSWORD": "x"}))
    plan = replace(
        with_route(plan, repeat_interval=timedelta(minutes=30)), limits=Limits(overall=(parse_limit("1/1h"),))
    )

    [answer] = foresee(plan, firing(severity="warning"), NOON).answers

    assert [text.person.name for text in answer.texts] + [person.name for person in answer.untold] == [
        "alice",
        "bob",
    ]


def test_an_answer_takes_no_longer_than_a_person_notices(tmp_path: Path) -> None:
    plan = plan_of(load(written(tmp_path, "bob"), {"PASSWORD": "x"}))
    foresee(plan, firing(), NOON)
    begin = perf_counter()
    for _ in range(10):
        foresee(plan, firing(), NOON)

    assert (perf_counter() - begin) / 10 < 0.3
