"""What is promised holds in whatever order things happen: random stories over the real engine, store and sender."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

import promises_kept as kept
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from promises import DAY, HOUR, MINUTE, OK, SECOND, Answer, Key, Story, World, what_is_kept

from sms_notify.gateways.registry import refused
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason
from sms_notify.policy.rate_limits import STANDARD, Credits, Flapping, Limit, Limits
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.ruleset import Plan, Timing
from sms_notify.policy.time_intervals import TimeInterval

STORIES = int(os.environ.get("SMS_NOTIFY_STORIES", "0"))  # so many random ones instead of the fixed few

pytestmark = [pytest.mark.timeout(0 if STORIES else 400)]

ZONE = "Europe/Brussels"
PEOPLE = {
    name: Person(name, f"+3247000000{n}", ZONE) for n, name in enumerate(("alice", "bob", "carol", "dave"))
}
BARE = Target(TargetKind.NUMBER, "+31612345678")


def _keys() -> tuple[Key, ...]:
    names, teams = ("HostDown", "DiskFull", "LoadHigh"), ("", "dba", "all", "none")
    few = [
        Key(name, f"{name[0].lower()}{team or 'x'}{severity[0]}", severity, team)
        for name in names for team in teams for severity in ("critical", "warning")
    ]  # fmt: skip
    many = [Key("NodeDown", f"node{n:02}", "critical") for n in range(45)]
    return (*few, *many, *(Key("Noise", f"noise{n:02}", "warning") for n in range(12)))


KEYS = _keys()
FEW, MANY = KEYS[:24], KEYS[24:]


# Configurations.

limit = st.builds(Limit, st.integers(1, 4), st.sampled_from((MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)))
some_limits = st.lists(limit, max_size=2).map(tuple)
money = st.builds(
    Credits,
    per_hour=st.none() | st.integers(3, 20),
    per_day=st.none() | st.integers(10, 60),
    reserve=st.integers(0, 6),
    low_water=st.just(0),
)
random_limits = st.builds(
    Limits,
    per_number=some_limits,
    per_number_critical=some_limits,
    overall=st.just(()) | some_limits,
    credits=st.just(Credits(None, None, 0, 0)) | money,
    flapping=st.none() | st.just(Flapping(3, 10 * MINUTE, 5 * MINUTE, 2 * MINUTE)),
)
limits_of_all = st.just(STANDARD) | st.just(Limits()) | random_limits
window = st.builds(
    lambda start, size: Window("pause", (TimeInterval(times=((start, start + size),)),)),
    st.integers(12 * 60, 13 * 60),
    st.integers(1, 30),
)
NOT_CRITICAL = (parse_matchers('severity="critical"'),)
quiet = st.none() | st.builds(
    Quiet, st.tuples(window), st.just(NOT_CRITICAL) | st.just(NOT_CRITICAL) | st.just(())
)


def person(name: str) -> Target:
    return Target(TargetKind.PERSON, name)


TEAM = Target(TargetKind.TEAM, "dba")
STEPS = (
    (),
    (Step(2 * MINUTE, (person("carol"),)),),
    (Step(5 * MINUTE, (person("carol"), person("bob"))), Step(15 * MINUTE, (TEAM,))),
)


@st.composite
def receivers(draw: st.DrawFn, name: str, notify: tuple[Target, ...]) -> Receiver:
    return Receiver(
        name,
        notify,
        send_resolved=draw(st.booleans()),
        max_parts=draw(st.sampled_from((1, 1, 2, 3))),
        escalate=draw(st.sampled_from(STEPS)),
        quiet=draw(st.none() | quiet),
        limits=draw(st.just(()) | st.lists(limit, max_size=1).map(tuple)),
    )


@st.composite
def plans(draw: st.DrawFn, limits: st.SearchStrategy[Limits] = limits_of_all) -> Plan:
    pauses = st.just(()) | st.just(()) | st.tuples(window)
    fields = {
        "group_by": draw(st.sampled_from(((), ("alertname",), ("...",)))),
        "group_wait": draw(st.sampled_from((timedelta(), 10 * SECOND, 30 * SECOND))),
        "group_interval": draw(st.sampled_from((MINUTE, 5 * MINUTE))),
        "repeat_interval": draw(st.sampled_from((timedelta(), HOUR, 4 * HOUR))),
        "mute": draw(pauses),
    }
    children = (
        Route("nobody", "route.routes[0]", parse_matchers('team="none"')),
        Route("dba", "route.routes[1]", parse_matchers('team="dba"'), **fields),
        Route("dba", "route.routes[2]", parse_matchers('team="all"'), continue_=True, **fields),
        Route("oncall", "route.routes[3]", parse_matchers('team="all"'), **fields),
    )
    people = {**PEOPLE, "bob": replace(PEOPLE["bob"], quiet=draw(quiet))}
    named = (
        draw(receivers("oncall", (person("alice"), person("bob")))),
        draw(receivers("dba", (TEAM, BARE))),
        Receiver("nobody"),
    )
    return Plan(
        Route("oncall", routes=children, **fields),
        {receiver.name: receiver for receiver in named},
        Directory(people, {"dba": ("bob", "dave")}),
        {},
        ("main",),
        draw(st.sampled_from((Timing(), Timing(expire=5 * MINUTE, expire_critical=10 * MINUTE)))),
        draw(limits),
        ack_url=draw(st.sampled_from(("", "https://sms.example.org/a/"))),
    )


# What can happen.

few = st.lists(st.sampled_from(FEW), min_size=1, max_size=4, unique=True).map(tuple)
many = st.slices(len(MANY)).map(lambda cut: MANY[cut]).filter(bool)
group = st.sampled_from(("", "{}", '{alertname="x"}'))
soon = st.floats(0.1, 3) | st.sampled_from((1.0, 10.0, 61.0))
later = st.sampled_from((30.0, 61.0, 200.5, 301.0, 901.0, 3600.0))
refusal = st.sampled_from((105, 108, 118, 119, 120, 120, 150, 999))


def refusal_with(code: int) -> Answer:
    return Answer(refused(code))


LOST = Outcome(Fate.UNKNOWN, Reason.TIMEOUT)
answer = (
    st.just(Answer(OK, reached=True))
    | refusal.map(refusal_with)
    | st.just(refusal_with(106))
    | st.booleans().map(lambda reached: Answer(LOST, reached))
    | st.just(Answer(Outcome(Fate.NOT_SENT, Reason.CONNECT)))
)
answers = st.lists(answer, min_size=1, max_size=4).map(tuple)
status = st.sampled_from(tuple(DeliveryStatus)).filter(lambda word: word is not DeliveryStatus.NONE)
nth = st.integers(0, 30)
seconds_of_a_step = st.sampled_from((-7200, -3600, -90, -10, 10, 90, 3600, 7200))

change = st.sampled_from(("acknowledge", "end"))

HAPPENINGS: dict[str, st.SearchStrategy[dict[str, object]]] = {
    "fire": st.fixed_dictionaries(
        {"keys": few, "group": group, "hidden": st.sampled_from((0, 0, 3)), "send": st.booleans()}
    ),
    "storm": st.fixed_dictionaries({"keys": many, "group": group}),
    "fire_old": st.fixed_dictionaries({"key": st.sampled_from(FEW)}),
    "resolve": st.fixed_dictionaries({"keys": few, "group": group, "send": st.booleans()}),
    "end": st.fixed_dictionaries(
        {"nths": st.lists(nth, min_size=1, max_size=5).map(tuple), "group": group, "send": st.booleans()}
    ),
    "fire_again": st.fixed_dictionaries({"nth": nth, "group": group}),
    "worsen": st.fixed_dictionaries({"nth": nth, "group": group, "send": st.booleans()}),
    "acknowledge": st.fixed_dictionaries({"nth": nth}),
    "weather": st.fixed_dictionaries({"answers": answers}),
    "stall": st.just({}),
    "resume": st.just({}),
    "begin": st.just({}),
    "answer": st.fixed_dictionaries({"nth": nth}),
    "restart": st.fixed_dictionaries({"crash_before_request": st.booleans()}),
    "report": st.fixed_dictionaries({"nth": nth, "status": status, "confirm": st.booleans()}),
    "step_clock": st.fixed_dictionaries({"seconds": seconds_of_a_step}),
    "balance": st.fixed_dictionaries({"credits_left": st.integers(0, 60)}),
    "wait": st.fixed_dictionaries({"seconds": soon | later}),
}


class Promises(RuleBasedStateMachine):
    """One story. Everything is looked at after each step; what takes time to show, at the end."""

    @initialize(plan=plans())
    def begin_with(self, plan: Plan) -> None:
        self.open(plan)

    def open(self, plan: Plan) -> None:
        note(f"plan: {plan}")
        self.world = World(plan, after_tick=kept.nothing_critical_waits)

    def do(self, what: str, **how: object) -> None:
        self.world.do(what, **how)
        kept.nothing_is_lost(self.world)

    @rule(how=HAPPENINGS["fire"])
    def fire(self, how: dict[str, object]) -> None:
        self.do("fire", **how)

    @rule(how=HAPPENINGS["fire"], pause=soon)
    def fire_and_wait(self, how: dict[str, object], pause: float) -> None:
        self.do("fire", **how)
        self.do("wait", seconds=pause)

    @rule(how=HAPPENINGS["storm"])
    def storm(self, how: dict[str, object]) -> None:
        self.do("fire", **how)

    @rule(how=HAPPENINGS["fire_old"])
    def fire_old(self, how: dict[str, object]) -> None:
        self.do("fire_old", **how)

    @rule(how=HAPPENINGS["resolve"])
    def resolve(self, how: dict[str, object]) -> None:
        self.do("resolve", **how)

    @rule(how=HAPPENINGS["end"], pause=soon)
    def end_some(self, how: dict[str, object], pause: float) -> None:
        self.do("end", **how)
        self.do("wait", seconds=pause)

    @rule(how=HAPPENINGS["fire_again"], pause=soon)
    def fire_again(self, how: dict[str, object], pause: float) -> None:
        self.do("fire_again", **how)
        self.do("wait", seconds=pause)

    @rule(how=HAPPENINGS["worsen"], pause=soon)
    def worsen(self, how: dict[str, object], pause: float) -> None:
        self.do("worsen", **how)
        self.do("wait", seconds=pause)

    @rule(how=HAPPENINGS["acknowledge"])
    def acknowledge(self, how: dict[str, object]) -> None:
        self.do("acknowledge", **how)

    @rule(how=HAPPENINGS["weather"])
    def weather(self, how: dict[str, object]) -> None:
        self.do("weather", **how)

    @rule(seconds=later, change=change, how=HAPPENINGS["end"], pause=soon)
    def outage(self, seconds: float, change: str, how: dict[str, object], pause: float) -> None:
        """Nothing leaves for a while; meanwhile somebody takes care, or it ends."""
        self.do("stall")
        self.do("wait", seconds=seconds)
        self.change(change, how)
        self.do("wait", seconds=pause)
        self.do("resume")

    @rule(answers=answers, change=change, how=HAPPENINGS["end"])
    def slow_answers(self, answers: tuple[Answer, ...], change: str, how: dict[str, object]) -> None:
        """Two requests are under way; meanwhile somebody takes care, or it ends."""
        self.do("weather", answers=answers)
        self.do("wait", seconds=61.0)
        self.do("begin")
        self.do("begin")
        self.change(change, how)
        self.do("answer", nth=0)
        self.do("answer", nth=0)

    def change(self, what: str, how: dict[str, object]) -> None:
        if what == "acknowledge":
            for _ in range(8):
                self.do("acknowledge", nth=0)
        else:
            self.do("end", **how)

    @rule(word=st.sampled_from(("stall", "resume", "begin")))
    def slow(self, word: str) -> None:
        self.do(word)

    @rule(how=HAPPENINGS["answer"])
    def answer(self, how: dict[str, object]) -> None:
        self.do("answer", **how)

    @rule(how=HAPPENINGS["restart"])
    def restart(self, how: dict[str, object]) -> None:
        self.do("restart", **how)

    @rule(how=HAPPENINGS["report"])
    def report(self, how: dict[str, object]) -> None:
        self.do("report", **how)

    @rule(how=HAPPENINGS["step_clock"])
    def step_clock(self, how: dict[str, object]) -> None:
        self.do("step_clock", **how)

    @rule(how=HAPPENINGS["balance"])
    def balance(self, how: dict[str, object]) -> None:
        self.do("balance", **how)

    @rule(seconds=soon)
    def wait(self, seconds: float) -> None:
        self.do("wait", seconds=seconds)

    @rule(seconds=later)
    def wait_long(self, seconds: float) -> None:
        self.do("wait", seconds=seconds)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.end()
        finally:
            self.world.close()

    def end(self) -> None:
        """All that is wrong ends, and time passes until all is told; what still fires is resolved, or becomes unheard."""
        self.do("balance", credits_left=10_000)
        self.world.gateway.answers.clear()
        self.world.under_way.clear()
        self.do("resume")
        self.do("wait", seconds=7 * HOUR / SECOND)
        if len(self.world.begun) % 2:
            self.do("end", nths=range(len(KEYS)), group="{}")
        self.do("wait", seconds=3 * DAY / SECOND)
        kept.nothing_is_left(self.world)
        kept.limits_hold(self.world)
        kept.critical_texts_leave_at_once(self.world)
        kept.critical_incidents_are_named(self.world)
        if self.world.plan.limits == STANDARD:
            kept.critical_incidents_are_named_within(self.world, MINUTE, most=8)
        kept.digests_add_up(self.world)


class CalmPromises(Promises):
    """The same while the gateway takes everything: here every second counts."""

    weather = slow = outage = slow_answers = answer = restart = report = step_clock = None  # type: ignore[assignment]

    @initialize(plan=plans(st.just(STANDARD) | st.just(STANDARD) | random_limits))
    def begin_with(self, plan: Plan) -> None:
        self.open(plan)


def _settings(examples: int, steps: int = 40) -> settings:
    """Always the same stories, told as they are where one fails: to shrink one takes longer than a test may."""
    return settings(
        phases=tuple(Phase) if STORIES else (Phase.generate,),
        max_examples=STORIES or examples,
        stateful_step_count=steps,
        derandomize=not STORIES,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


happening = (
    st.sampled_from(sorted(HAPPENINGS))
    .flatmap(lambda what: st.tuples(st.just(what.replace("storm", "fire")), HAPPENINGS[what]))
    .filter(lambda step: step[1].get("seconds", 0) <= 901)
)


@given(plans(), st.lists(happening, max_size=25))
@_settings(25)
def test_the_same_story_ends_the_same_and_a_tick_with_nothing_due_changes_nothing(
    plan: Plan, story: Story
) -> None:
    """Two engines decide alike; one is asked every second, the other only when something falls due."""
    kept_by = []
    for fine in (False, True):
        world = World(plan, fine=fine)
        try:
            for what, how in (*story, ("wait", {"seconds": 700.0})):
                world.do(what, **how)
            kept_by.append(what_is_kept(world))
        finally:
            world.close()
    assert kept_by[0] == kept_by[1]


TestPromises = Promises.TestCase
TestPromises.settings = _settings(60)
TestCalmPromises = CalmPromises.TestCase
TestCalmPromises.settings = _settings(60)
