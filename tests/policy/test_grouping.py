"""Grouping: which alerts belong together, and how long they wait for one another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.policy.grouping import flush_at, group_of
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.routing import Route

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WAITS = Route(
    "oncall", "route.routes[1]", group_wait=timedelta(seconds=30), group_interval=timedelta(minutes=5)
)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


DB1 = {"alertname": "DiskFull", "host": "db1"}


@pytest.mark.parametrize(
    ("group_by", "other", "together"),
    [
        ((), {"alertname": "Load"}, True),
        (("alertname",), {"alertname": "DiskFull", "host": "db2"}, True),
        (("alertname",), {"alertname": "Load", "host": "db1"}, False),
        (("alertname", "host"), {"alertname": "DiskFull", "host": "db2"}, False),
        (("host", "alertname"), {"alertname": "DiskFull", "host": "db1", "more": "x"}, True),
        (("cluster",), {"alertname": "Load"}, True),  # neither bears the label: absent is empty
        (("cluster",), {"alertname": "Load", "cluster": ""}, True),
        (("cluster",), {"alertname": "DiskFull", "host": "db1", "cluster": "eu"}, False),
        (("...",), {"alertname": "DiskFull", "host": "db1"}, True),
        (("...",), {"alertname": "DiskFull", "host": "db1", "more": "x"}, False),
        (
            ("alertname", "host"),
            {"alertname": "DiskFulld", "host": "b1"},
            False,
        ),  # spelled alike, and not alike
    ],
)
def test_alerts_whose_labels_grouped_by_agree_wait_together(
    group_by: tuple[str, ...], other: dict[str, str], together: bool
) -> None:
    route = Route("oncall", group_by=group_by)

    assert (group_of(route, "oncall", DB1) == group_of(route, "oncall", other)) is together


@pytest.mark.parametrize(
    ("path", "receiver", "together"),
    [("route", "oncall", True), ("route.routes[0]", "oncall", False), ("route", "dba", False)],
)
def test_a_group_belongs_to_one_route_and_one_receiver(path: str, receiver: str, together: bool) -> None:
    first = group_of(Route("oncall", "route"), "oncall", DB1)

    assert (first == group_of(Route("oncall", path), receiver, DB1)) is together


LABEL_SETS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y", "xa", "1:x"]))


@settings(deadline=None, max_examples=200)
@given(LABEL_SETS, LABEL_SETS, st.lists(st.sampled_from("abc"), unique=True).map(tuple))
def test_two_alerts_share_a_group_if_and_only_if_every_label_grouped_by_is_equal(
    one: dict[str, str], other: dict[str, str], names: tuple[str, ...]
) -> None:
    route = Route("oncall", group_by=names)
    equal = all(one.get(name, "") == other.get(name, "") for name in names)

    assert (group_of(route, "oncall", one) == group_of(route, "oncall", other)) is equal


@pytest.mark.parametrize(
    ("last", "urgent", "expected", "by"),
    [
        (None, False, 30, "group_wait"),
        (None, True, 30, "group_wait"),
        (-600, False, 30, "group_wait"),  # quiet for longer than `group_interval`
        (-300, False, 30, "group_wait"),
        (-299, False, 1, "group_interval"),  # the interval ends sooner than the wait would
        (-240, False, 60, "group_interval"),
        (-240, True, 30, "group_interval"),
        (0, False, 300, "group_interval"),  # told this very moment
        (0, True, 30, "group_interval"),
        (20, False, 20, "group_interval"),  # joins what is about to be told
        (20, True, 20, "group_interval"),
        (250, False, 250, "group_interval"),
        (250, True, 30, "group_interval"),
        (30, False, 30, "group_wait"),
    ],
)
def test_a_group_waits_once_and_then_its_interval_and_what_is_urgent_only_once(
    last: int | None, urgent: bool, expected: int, by: str
) -> None:
    found = flush_at(WAITS, None if last is None else at(last), urgent, NOON)

    assert found == Wait(at(expected), Hold.GROUP, by)


SECONDS = st.integers(0, 1000)


@settings(deadline=None, max_examples=200)
@given(SECONDS, SECONDS, st.none() | st.integers(-2000, 2000), st.booleans())
def test_nothing_is_told_in_the_past_nor_later_than_its_wait_its_interval_and_what_is_planned(
    wait: int, interval: int, last: int | None, urgent: bool
) -> None:
    route = Route("r", group_wait=timedelta(seconds=wait), group_interval=timedelta(seconds=interval))

    seconds = (flush_at(route, None if last is None else at(last), urgent, NOON).until - NOON).total_seconds()

    assert 0 <= seconds <= (wait if urgent else max(wait, interval, last or 0))
    if not urgent and last is not None and last <= 0:
        assert seconds - last >= interval, "the same group was told within its interval"
