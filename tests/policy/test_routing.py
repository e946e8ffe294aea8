"""The route tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.routing import Receiver, Route, Step, route, step_of


def node(receiver: str, matchers: str = "", *routes: Route, more: bool = False) -> Route:
    return Route(receiver, matchers=parse_matchers(matchers), continue_=more, routes=routes)


TREE = node(
    "root",
    "",
    node("info", "severity=info"),
    node("dba", "team=dba", node("dba-night", "time=night"), more=True),
    node("audit", "audit=yes", more=True),
    node("critical", "severity=critical"),
)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({}, ("root",)),
        ({"severity": "info"}, ("info",)),
        ({"severity": "info", "team": "dba"}, ("info",)),
        ({"team": "dba"}, ("dba",)),
        ({"team": "dba", "time": "night"}, ("dba-night",)),
        ({"time": "night"}, ("root",)),
        ({"team": "dba", "severity": "critical"}, ("dba", "critical")),
        ({"team": "dba", "audit": "yes", "severity": "critical"}, ("dba", "audit", "critical")),
        ({"severity": "critical"}, ("critical",)),
    ],
)
def test_the_first_match_wins_unless_it_says_continue(
    labels: dict[str, str], receivers: tuple[str, ...]
) -> None:
    assert route(TREE, labels).receivers == receivers


def test_a_chain_tells_the_whole_way_from_the_root() -> None:
    (chain,) = route(TREE, {"team": "dba", "time": "night"}).chains
    assert [step.receiver for step in chain] == ["root", "dba", "dba-night"]


def test_a_receiver_reached_twice_is_named_once() -> None:
    tree = node("root", "", node("same", "a=b", more=True), node("same", "c=d"))
    routed = route(tree, {"a": "b", "c": "d"})
    assert (len(routed.chains), routed.receivers) == (2, ("same",))


def test_all_matchers_of_a_route_must_match() -> None:
    tree = node("root", "", node("both", "a=b,c=d"))
    assert route(tree, {"a": "b"}).receivers == ("root",)
    assert route(tree, {"a": "b", "c": "d"}).receivers == ("both",)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["severity", "team", "time", "audit"]), st.sampled_from(["dba", "info", "yes"])
    )
)
def test_every_label_set_goes_somewhere(labels: dict[str, str]) -> None:
    routed = route(TREE, labels)
    assert routed.receivers
    assert all(chain[0] is TREE for chain in routed.chains)


@pytest.mark.parametrize(
    ("turn", "step"),
    [(0, 0), (1, 1), (19_999, 19_999), (20_003, 3), (1_000_000, 0), (1_000_003, 3), (7_000_001, 1)],
)
def test_a_new_round_counts_its_steps_from_the_first_text(turn: int, step: int) -> None:
    assert step_of(turn) == step


@pytest.mark.parametrize(("nth", "minutes"), [(1, 0), (2, 5), (3, 15)])
def test_a_step_comes_after_the_one_before_it(nth: int, minutes: float) -> None:
    steps = (Step(timedelta(minutes=5), ()), Step(timedelta(minutes=15), ()))

    assert Receiver("oncall", escalate=steps).climbed_by(nth) == timedelta(minutes=minutes)


LABELS = ("severity", "team", "time", "audit")
VALUES = ("dba", "info", "yes")


@dataclass(frozen=True)
class Tree:
    """A route in plain data."""

    receiver: str
    wanted: tuple[tuple[str, str], ...]
    more: bool
    children: tuple[Tree, ...]

    def route(self) -> Route:
        matchers = ",".join(f"{label}={value}" for label, value in self.wanted)
        return node(self.receiver, matchers, *(child.route() for child in self.children), more=self.more)

    def receivers(self, labels: dict[str, str]) -> list[str]:
        """Alertmanager's `dispatch.Route.Match`."""
        if any(labels.get(label) != value for label, value in self.wanted):
            return []
        found: list[str] = []
        for child in self.children:
            below = child.receivers(labels)
            found += below
            if below and not child.more:
                break
        return found or [self.receiver]


CONDITIONS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(VALUES)), max_size=2).map(tuple)
NAMES = st.sampled_from("abcdefg")
TREES = st.recursive(
    st.builds(Tree, NAMES, CONDITIONS, st.booleans(), st.just(())),
    lambda below: st.builds(Tree, NAMES, CONDITIONS, st.booleans(), st.lists(below, max_size=4).map(tuple)),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TREES, max_size=5), st.dictionaries(st.sampled_from(LABELS), st.sampled_from(VALUES)))
def test_an_alert_goes_where_alertmanager_sends_it(children: list[Tree], labels: dict[str, str]) -> None:
    root = Tree("root", (), False, tuple(children))

    assert [chain[-1].receiver for chain in route(root.route(), labels).chains] == root.receivers(labels)
