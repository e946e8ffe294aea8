"""What ends while it is silenced: Alertmanager tells it to nobody, and it is told all the same, never wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import a_store
from test_gateway_transport import Loopback, answers
from test_sender import post_to
from test_silences import WEB_1, Desk, FakeAlertmanager, asks, fires, listed, words
from workbench import NOON, Bench, firing, open_episode, resolved

from sms_notify.alert import Delivery, Status
from sms_notify.policy.outcomes import Fate
from sms_notify.policy.suppression import is_suppressed
from sms_notify.policy.vocabulary import AckBy
from sms_notify.secret import Secret
from sms_notify.silences.client import AlertmanagerClient, AlertmanagerProblem, Why
from sms_notify.silences.deeds import keeper_of
from sms_notify.silences.ends import GROUP, ended
from sms_notify.silences.keeper import Keeper, Kept, SilenceEvent
from sms_notify.silences.listing import ListedAlert, read_listed, read_muted, read_started
from sms_notify.silences.settings import AlertmanagerSettings
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import incidents
from sms_notify.store.tx import Tx

T = TypeVar("T")
SILENCE = str(WEB_1["id"])
EVERY_WEB = listed("all-of-web", asks("instance", "web-.*", isRegex=True))
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["fingerprint", "status", "silencedBy", "uptime"]), inner)
    ),
    max_leaves=8,
)


@pytest.fixture
def alertmanager() -> Iterator[FakeAlertmanager]:
    with FakeAlertmanager() as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = a_store(tmp_path / "sms.db")
    yield Desk(store)
    store.close()


def rounds(desk: Desk, keeper: Keeper, *minutes: float) -> list[Kept]:
    """A round after each of these waits."""
    kept: list[Kept] = []
    for wait in minutes:
        desk.clock.move(minutes=wait)
        kept += keeper.keep_once()
    return kept


def silenced(desk: Desk, alertmanager: FakeAlertmanager, keeper: Keeper) -> int:
    """An incident that a silence has acknowledged, and whose alert was seen silenced."""
    id_ = desk.opens()
    alertmanager.silences = [WEB_1]
    alertmanager.lists("web-1", silence=SILENCE)
    assert words(keeper.keep_once()) == [SilenceEvent.ACKNOWLEDGED]
    return id_


# Reading.


def test_a_list_of_alerts_says_which_fire_and_which_of_them_are_silenced() -> None:
    body = json.dumps([fires("aa"), fires("bb", "s-1", "s-2"), {"fingerprint": "cc"}])

    assert read_listed(body.encode()) == {"aa": ListedAlert(), "bb": ListedAlert("s-1"), "cc": ListedAlert()}
    assert read_listed(b"[]") == {}


@pytest.mark.parametrize(
    ("status", "read"),
    [
        ({"state": "active", "silencedBy": [], "inhibitedBy": []}, ListedAlert()),
        ({"state": "suppressed", "silencedBy": [], "inhibitedBy": ["aa"]}, ListedAlert(suppressed=True)),
        ({"state": "suppressed"}, ListedAlert(suppressed=True)),
        ({"state": "suppressed", "silencedBy": ["s-1"], "inhibitedBy": []}, ListedAlert("s-1")),
        ({"state": "suppressed", "silencedBy": ["s-1"], "inhibitedBy": ["aa"]}, ListedAlert("s-1", True)),
        ({"state": "unprocessed", "silencedBy": None, "inhibitedBy": "aa"}, ListedAlert()),
        (7, ListedAlert()),
    ],
)
def test_what_else_keeps_an_alert_from_everybody_is_read(status: object, read: ListedAlert) -> None:
    body = json.dumps([fires("aa") | {"status": status}])
    assert read_listed(body.encode()) == {"aa": read}


@pytest.mark.parametrize(
    ("groups", "read"),
    [
        ([{"alerts": [fires("aa") | {"status": {"mutedBy": ["nights"]}}, fires("bb")]}], {"aa"}),
        # told by another route
        ([{"alerts": [fires("aa") | {"status": {"mutedBy": ["nights"]}}]}, {"alerts": [fires("aa")]}], set()),
        ([{"alerts": [fires("aa") | {"status": {"mutedBy": []}}]}], set()),
        ([{"alerts": "x"}, 7, {"alerts": [7, {"fingerprint": 7}, fires("aa") | {"status": 7}]}], set()),
        ({"alerts": []}, set()),
    ],
)
def test_what_each_group_mutes_by_time_is_read(groups: object, read: set[str]) -> None:
    assert read_muted(json.dumps(groups).encode()) == read


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[null]",
        b"[{}]",
        b"[" * 100_000,
        json.dumps([fires("aa"), fires("")]).encode(),
        json.dumps([fires("aa"), fires("a\x00b")]).encode(),
        json.dumps([fires("aa"), fires("b" * 65)]).encode(),
    ],
)
def test_a_list_that_cannot_be_read_as_a_whole_is_none(body: bytes) -> None:
    assert read_listed(body) is None


@given(st.binary(), _anything, _anything)
def test_whatever_comes_is_read_or_refused_and_never_an_exception(raw: bytes, a: Any, b: Any) -> None:
    for entry in (a, [a], [fires("aa") | {"status": a}], [fires("aa") | {"status": {"silencedBy": b}}], b):
        body = json.dumps(entry).encode()
        assert isinstance(read_started(body), datetime | None)
        found = read_listed(body)
        assert found is None or all(isinstance(one.silence_id, str) for one in found.values())
    assert read_started(raw) is None
    assert read_listed(raw) in (None, {})


def test_a_status_tells_the_start() -> None:
    status = b'{"cluster": {}, "uptime": "2026-11-22T19:30:05.591Z", "config": {"original": "x"}}'
    assert read_started(status) == datetime(2026, 11, 22, 19, 30, 5, 591000, tzinfo=UTC)


# Ends.


def test_the_end_of_a_silenced_alert_is_texted_and_stands_in_the_ledger(
    bench: Bench, alertmanager: FakeAlertmanager
) -> None:
    with Simulator(SimulatorSettings(buffered_after=0, final_after=0)) as simulator:
        post, desk = post_to(bench, simulator.gateway_url), Desk(bench.store, bench.clock, bench.engine)
        bench.accept(firing(instance="web-1"), firing(instance="web-2"))
        assert post.drain() == [Fate.SENT, Fate.SENT]
        keeper = desk.keeper(alertmanager)
        alertmanager.silences = [EVERY_WEB]
        alertmanager.lists("web-1", "web-2", silence="all-of-web")
        keeper.keep_once()
        alertmanager.lists()
        rounds(desk, keeper, 1, 1)
        post.drain()

        ends = [text.text for text in simulator.texts()[2:]]
    assert len(ends) == 2  # one for alice and one for bob, both hosts in each
    assert all(text.startswith("OK ") and "web-1" in text and "web-2" in text for text in ends)
    rows = bench.rows("select status, reason, group_key, incident_id from alerts order by id")[2:]
    assert [tuple(row.values()) for row in rows] == [
        ("resolved", "resolved", GROUP, 1),
        ("resolved", "resolved", GROUP, 2),
    ]
    assert bench.rows("select distinct state, closed_at = ended_at as now from incidents") == [
        {"state": "resolved", "now": 1}
    ]


def test_it_is_over_when_it_was_missing_twice_and_for_a_minute(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.lists()

    assert rounds(desk, keeper, 5, 0.5) == []
    assert desk.open() == [id_]
    (kept,) = rounds(desk, keeper, 0.5)
    assert (kept.what, kept.incident_id, kept.silence_id) == (SilenceEvent.ENDED, id_, SILENCE)
    assert kept.alertmanager == AlertmanagerClient(alertmanager.settings()).name
    assert (desk.open(), rounds(desk, keeper, 1)) == ([], [])


def test_what_is_listed_again_in_between_begins_anew(desk: Desk, alertmanager: FakeAlertmanager) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.lists()
    rounds(desk, keeper, 1)
    alertmanager.lists("web-1", silence=SILENCE)
    rounds(desk, keeper, 1)
    alertmanager.lists()

    assert (rounds(desk, keeper, 1), desk.open()) == ([], [id_])
    assert words(tuple(rounds(desk, keeper, 1))) == [SilenceEvent.ENDED]


def test_a_silence_that_ends_with_its_alert_leaves_nothing_open(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    silenced(desk, alertmanager, keeper)
    alertmanager.lists()
    alertmanager.silences = []

    assert words(tuple(rounds(desk, keeper, 1, 1))) == [SilenceEvent.ENDED]


def test_what_fires_on_unsilenced_or_ends_so_is_left_to_alertmanager(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.silences = []
    alertmanager.lists("web-1")
    rounds(desk, keeper, 1)
    alertmanager.lists()

    assert (rounds(desk, keeper, 1, 1, 30), desk.open()) == ([], [id_])


def test_what_was_silenced_and_mended_within_one_round_is_over_too(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.opens()
    alertmanager.lists("web-1")
    keeper = desk.keeper(alertmanager)
    keeper.keep_once()
    alertmanager.silences = [WEB_1]
    alertmanager.lists()

    assert words(tuple(rounds(desk, keeper, 60, 1))) == [SilenceEvent.ACKNOWLEDGED, SilenceEvent.ENDED]


@pytest.mark.parametrize("create", [True, False])
def test_it_does_not_matter_who_made_the_silence_or_how_it_was_acknowledged(
    desk: Desk, alertmanager: FakeAlertmanager, create: bool
) -> None:
    id_ = desk.opens()
    alertmanager.lists("web-1")
    keeper = desk.keeper(alertmanager, create_silences=create)
    keeper.keep_once()
    desk.acks(id_, how=AckBy.LINK)
    if not create:
        alertmanager.silences = [WEB_1]
    made = keeper.keep_once()
    alertmanager.lists()

    assert words(made) == ([SilenceEvent.SILENCED] if create else [])
    assert words(tuple(rounds(desk, keeper, 1, 1))) == [SilenceEvent.ENDED]


def test_what_no_alertmanager_of_ours_ever_listed_is_never_ended(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    alertmanager.silences = [WEB_1]
    alertmanager.lists("web-2")
    keeper = desk.keeper(alertmanager)

    assert words(tuple(rounds(desk, keeper, 0, 1, 1, 30))) == [SilenceEvent.ACKNOWLEDGED]
    assert desk.open() == [id_]


def test_a_silence_of_ours_proves_nothing_where_the_alert_never_was(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    keeper = desk.keeper(alertmanager, create_silences=True)
    keeper.keep_once()
    desk.acks(id_)

    assert words(tuple(rounds(desk, keeper, 0, 1, 1, 30))) == [SilenceEvent.SILENCED]
    assert desk.open() == [id_]


def test_one_of_a_pair_that_still_lists_it_keeps_it_open(desk: Desk, alertmanager: FakeAlertmanager) -> None:
    with FakeAlertmanager() as other:
        keeper = desk.keeper(alertmanager, other)
        id_ = silenced(desk, alertmanager, keeper)
        other.lists("web-1", silence=SILENCE)
        alertmanager.lists()
        assert (rounds(desk, keeper, 1, 1, 30), desk.open()) == ([], [id_])
        other.lists()
        assert words(tuple(rounds(desk, keeper, 1, 1))) == [SilenceEvent.ENDED]


@pytest.mark.parametrize("first", [True, False])
def test_what_one_of_a_pair_does_not_silence_is_told_by_that_one(
    desk: Desk, alertmanager: FakeAlertmanager, first: bool
) -> None:
    with FakeAlertmanager() as other:
        keeper = desk.keeper(alertmanager, other) if first else desk.keeper(other, alertmanager)
        desk.acks(desk.opens())
        alertmanager.lists("web-1", silence="gone-by-now")
        other.lists("web-1")
        keeper.keep_once()
        alertmanager.lists()
        other.lists()
        assert rounds(desk, keeper, 1, 1, 30) == []


@pytest.mark.parametrize("what", ["silences", "alerts", "status"])
def test_while_one_of_them_does_not_answer_nothing_is_over(
    desk: Desk, alertmanager: FakeAlertmanager, what: str
) -> None:
    with FakeAlertmanager() as other:
        keeper = desk.keeper(alertmanager, other)
        id_ = silenced(desk, alertmanager, keeper)
        alertmanager.lists()
        rounds(desk, keeper, 1)
        other.refuses = what
        (told,) = rounds(desk, keeper, 1, 1, 30)
        assert told.what is (SilenceEvent.CANNOT_READ if what == "silences" else SilenceEvent.CANNOT_LIST)
        assert told.problem == AlertmanagerProblem(Why.FAILED, "HTTP 503")
        assert desk.open() == [id_]
        other.refuses = ""
        assert [one.what for one in rounds(desk, keeper, 1, 1) if one.problem is None] == [
            *([SilenceEvent.ENDED, SilenceEvent.LISTS_AGAIN] if what == "status" else []),
            *([SilenceEvent.READS_AGAIN, SilenceEvent.ENDED] if what == "silences" else []),
            *([SilenceEvent.LISTS_AGAIN, SilenceEvent.ENDED] if what == "alerts" else []),
        ]


def test_after_an_answer_that_failed_it_must_be_missing_twice_anew(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    silenced(desk, alertmanager, keeper)
    alertmanager.lists()
    rounds(desk, keeper, 1)
    for what in ("alerts", "silences"):
        alertmanager.refuses = what
        rounds(desk, keeper, 1)
        alertmanager.refuses = ""
        assert SilenceEvent.ENDED not in words(tuple(rounds(desk, keeper, 1)))
    assert words(tuple(rounds(desk, keeper, 1))) == [SilenceEvent.ENDED]


@pytest.mark.parametrize("odd", ["alerts", "status"])
def test_an_answer_that_cannot_be_read_ends_nothing_and_is_told_once(
    desk: Desk, alertmanager: FakeAlertmanager, odd: str
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.alerts = [{"labels": {}}] if odd == "alerts" else []
    alertmanager.started = "yesterday"
    (told,) = rounds(desk, keeper, 1, 1, 30)

    assert told.what is SilenceEvent.CANNOT_LIST
    assert told.problem is not None
    assert told.problem.why is Why.UNREADABLE
    assert desk.open() == [id_]


def test_one_that_has_just_started_knows_nothing_yet(desk: Desk, alertmanager: FakeAlertmanager) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.lists()
    alertmanager.started = (desk.clock() + timedelta(minutes=1)).isoformat()

    assert (rounds(desk, keeper, 1, 1, 5, 3.9), desk.open()) == ([], [id_])
    assert words(tuple(rounds(desk, keeper, 0.1))) == [SilenceEvent.ENDED]


def test_one_that_starts_in_the_future_has_a_wrong_clock_and_is_not_believed(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.lists()
    alertmanager.started = (NOON + timedelta(days=2)).isoformat()

    assert (rounds(desk, keeper, 1, 1, 30), desk.open()) == ([], [id_])


def test_a_list_that_is_empty_though_others_should_be_in_it_is_believed_later(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    other = desk.opens("db-1")
    alertmanager.lists("db-1")
    keeper.keep_once()
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.lists()

    assert (rounds(desk, keeper, 1, 1, 5, 3.5), desk.open()) == ([], [other, id_])
    assert words(tuple(rounds(desk, keeper, 0.5))) == [SilenceEvent.ENDED]
    assert desk.open() == [other]


def test_a_list_in_which_another_still_is_is_believed_after_a_minute(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    other = desk.opens("db-1")
    silenced(desk, alertmanager, keeper)
    alertmanager.lists("db-1")

    assert words(tuple(rounds(desk, keeper, 1, 1))) == [SilenceEvent.ENDED]
    assert desk.open() == [other]


def test_another_process_takes_over_what_was_noted(desk: Desk, alertmanager: FakeAlertmanager) -> None:
    id_ = silenced(desk, alertmanager, desk.keeper(alertmanager))
    alertmanager.lists()
    alertmanager.silences = []

    assert desk.noted() == [(id_, SILENCE)]
    assert words(tuple(rounds(desk, desk.keeper(alertmanager), 60, 1))) == [SilenceEvent.ENDED]


def test_who_begins_anew_after_another_node_believes_nothing_that_it_saw_missing_before(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper, other = desk.keeper(alertmanager), desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.lists()
    rounds(desk, keeper, 1)
    alertmanager.lists("web-1", silence=SILENCE)
    rounds(desk, other, 1, 60)
    alertmanager.lists()
    keeper.anew()

    assert (rounds(desk, keeper, 1), desk.open()) == ([], [id_])
    assert words(tuple(rounds(desk, keeper, 1))) == [SilenceEvent.ENDED]


def test_who_begins_anew_after_another_node_takes_over_what_that_one_noted(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper, other = desk.keeper(alertmanager), desk.keeper(alertmanager)
    desk.opens()
    alertmanager.lists("web-1")
    rounds(desk, keeper, 1)
    alertmanager.silences = [WEB_1]
    alertmanager.lists("web-1", silence=SILENCE)
    rounds(desk, other, 1)
    alertmanager.lists()
    alertmanager.silences = []
    keeper.anew()

    assert words(tuple(rounds(desk, keeper, 60, 1))) == [SilenceEvent.ENDED]


def test_another_process_asks_no_new_alertmanager_about_what_an_old_one_listed(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = silenced(desk, alertmanager, desk.keeper(alertmanager))
    with FakeAlertmanager() as moved:
        assert (rounds(desk, desk.keeper(moved), 60, 1, 30), desk.open()) == ([], [id_])


def test_a_notification_that_comes_meanwhile_says_that_it_fires(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.lists()
    rounds(desk, keeper, 1)
    desk.clock.move(minutes=0.5)
    desk.commit(lambda tx: incidents.seen(tx, [id_], desk.clock()))

    assert rounds(desk, keeper, 0.5) == []
    assert words(tuple(rounds(desk, keeper, 0.5))) == [SilenceEvent.ENDED]


def test_a_notification_that_comes_between_the_look_and_the_end_keeps_it_open(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    def commit(job: Callable[[Tx], T]) -> T:
        if alertmanager.asked("status"):  # asked for last, before anything is ended
            desk.commit(lambda tx: incidents.seen(tx, [1], desk.clock()))
        return desk.commit(job)

    client = AlertmanagerClient(alertmanager.settings())
    keeper = keeper_of(lambda: desk.engine, commit, [client], desk.clock)
    id_ = desk.opens()
    desk.acks(id_)
    alertmanager.silences = [WEB_1]
    alertmanager.lists("web-1", silence=SILENCE)
    keeper.keep_once()
    alertmanager.lists()

    assert (rounds(desk, keeper, 1, 1), desk.open()) == ([], [id_])
    assert alertmanager.asked("status") == 1


@pytest.mark.parametrize(("minutes", "new"), [(2, 0), (15, 1)], ids=["a flicker", "a new episode"])
def test_what_fires_again_after_the_end_is_a_new_episode_unless_it_flickers(
    desk: Desk, alertmanager: FakeAlertmanager, minutes: int, new: int
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    alertmanager.lists()
    rounds(desk, keeper, 1, 1)
    desk.clock.move(minutes=minutes)
    again = Delivery("alertmanager", (firing(instance="web-1"),), group="{}")
    desk.commit(lambda tx: desk.engine.accept(tx, again, desk.clock()))

    assert desk.open() == [id_ + new]


def test_the_end_that_alertmanager_tells_after_all_is_not_told_twice(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    silenced(desk, alertmanager, keeper)
    alertmanager.lists()
    rounds(desk, keeper, 1, 1)
    late = Delivery("alertmanager", (resolved(instance="web-1"),), group="{}")
    (verdict,) = desk.commit(lambda tx: desk.engine.accept(tx, late, desk.clock()))

    assert verdict.heard == "duplicate"


def test_an_alert_that_another_clock_started_in_our_future_can_end(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    alert = firing(instance="web-1", at=NOON + timedelta(hours=1))
    key = desk.commit(lambda tx: open_episode(tx, alert, NOON)), alert.fingerprint
    (over,) = desk.commit(lambda tx: ended(tx, [key], NOON)).alerts
    desk.commit(lambda tx: desk.resolve(tx, [key], NOON))

    assert (over.status, over.ends_at, over.labels) == (Status.RESOLVED, alert.starts_at, alert.labels)
    assert desk.open() == []


def test_a_silenced_alert_that_fires_for_days_is_not_unheard(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = silenced(desk, alertmanager, keeper)
    for _ in range(4):
        rounds(desk, keeper, 12 * 60)
        desk.commit(lambda tx: desk.engine.tick(tx, desk.clock()))

    assert desk.open() == [id_]
    alertmanager.lists()
    alertmanager.started = NOON.isoformat()
    assert words(tuple(rounds(desk, keeper, 1, 1))) == [SilenceEvent.ENDED]


def test_many_are_ended_in_one_round(desk: Desk, alertmanager: FakeAlertmanager) -> None:
    names = [f"web-{n}" for n in range(105)]
    ids = [desk.opens(name) for name in names]
    alertmanager.silences = [EVERY_WEB]
    alertmanager.lists(*names, silence="all-of-web")
    keeper = desk.keeper(alertmanager)
    keeper.keep_once()
    alertmanager.lists()

    assert [kept.incident_id for kept in rounds(desk, keeper, 1, 1)] == ids
    assert desk.open() == []


def test_alerts_are_asked_for_while_one_is_open_that_they_know(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    rounds(desk, keeper, 0, 1)
    assert alertmanager.gets == ["silences", "silences"]
    id_ = desk.opens()
    alertmanager.lists("web-1")
    rounds(desk, keeper, 0, 1, 60)  # it may be inhibited at any time
    assert (alertmanager.asked("alerts?"), alertmanager.asked("status")) == (3, 0)
    desk.commit(lambda tx: desk.resolve(tx, [(id_, firing(instance="web-1").fingerprint)], desk.clock()))
    rounds(desk, keeper, 1, 1)
    assert alertmanager.asked("alerts?") == 3


def test_what_comes_from_nowhere_is_asked_for_only_while_it_is_new(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    keeper.keep_once()
    desk.opens()
    rounds(desk, keeper, 0, 3, 3, 3, 60)

    assert alertmanager.asked("alerts?") == 2


def test_the_alerts_are_asked_for_with_the_credentials() -> None:
    with Loopback(answers(b"[]")) as server:
        settings = AlertmanagerSettings(f"http://127.0.0.1:{server.port}", token=Secret("geheim"))
        assert AlertmanagerClient(settings).listed() == {}
        problem = AlertmanagerClient(settings).started()
    lines = [request.decode().split("\r\n") for request in server.requests]
    assert isinstance(problem, AlertmanagerProblem)
    assert [line[0] for line in lines] == [
        "GET /api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true HTTP/1.1",
        "GET /api/v2/status HTTP/1.1",
    ]
    assert all("Authorization: Bearer geheim" in line for line in lines)


# What the source suppresses.


def inhibited(*instances: str) -> list[object]:
    status = {"state": "suppressed", "silencedBy": [], "inhibitedBy": ["ff"]}
    return [fires(firing(instance=one).fingerprint) | {"status": status} for one in instances]


def suppressed(desk: Desk) -> list[int]:
    sql = "select id from incidents where suppressed_at is not null order by id"
    return [row["id"] for row in desk.commit(lambda tx: tx.all(sql))]


def test_what_is_inhibited_is_noted_until_it_is_let_go(desk: Desk, alertmanager: FakeAlertmanager) -> None:
    keeper = desk.keeper(alertmanager)
    ids = [desk.opens("web-1"), desk.opens("web-2")]
    alertmanager.alerts = [*inhibited("web-1"), fires(firing(instance="web-2").fingerprint)]

    assert words(tuple(rounds(desk, keeper, 0, 1, 1))) == [SilenceEvent.SUPPRESSED]
    assert suppressed(desk) == ids[:1]
    alertmanager.lists("web-1", "web-2")
    assert words(tuple(rounds(desk, keeper, 1, 1))) == [SilenceEvent.LET_GO]
    assert (suppressed(desk), desk.open()) == ([], ids)


def test_what_a_time_mutes_there_is_suppressed_and_over_when_it_is_listed_no_more(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    desk.opens()
    alertmanager.lists("web-1")
    name = firing(instance="web-1").fingerprint
    alertmanager.groups = [{"alerts": [fires(name) | {"status": {"mutedBy": ["nights"]}}]}]
    assert words(tuple(rounds(desk, keeper, 0))) == [SilenceEvent.SUPPRESSED]
    alertmanager.refuses = "alerts/groups"
    assert words(tuple(rounds(desk, keeper, 1))) == [SilenceEvent.LET_GO]  # nobody knows: people are paged
    alertmanager.refuses = ""
    rounds(desk, keeper, 1)
    alertmanager.lists()
    assert words(tuple(rounds(desk, keeper, 1, 1))) == [SilenceEvent.ENDED]


def test_what_ends_while_it_is_inhibited_is_over_and_stays_suppressed_until_then(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = desk.opens()
    alertmanager.alerts = inhibited("web-1")
    keeper.keep_once()
    alertmanager.lists()

    assert (rounds(desk, keeper, 1), suppressed(desk)) == ([], [id_])
    assert words(tuple(rounds(desk, keeper, 1))) == [SilenceEvent.ENDED]
    assert desk.open() == []


def test_one_of_a_pair_that_does_not_suppress_it_lets_it_go(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    with FakeAlertmanager() as other:
        keeper = desk.keeper(alertmanager, other)
        desk.opens()
        alertmanager.alerts = inhibited("web-1")
        other.lists("web-1")
        assert (rounds(desk, keeper, 0, 1), suppressed(desk)) == ([], [])


def test_a_note_is_renewed_while_all_answer_and_another_process_takes_it_over(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = desk.opens()
    alertmanager.alerts = inhibited("web-1")
    rounds(desk, keeper, 0, 10)
    assert desk.commit(lambda tx: incidents.by_ids(tx, [id_]))[0].suppressed_at == desk.clock()
    alertmanager.refuses = "alerts"
    rounds(desk, keeper, 6)
    (incident,) = desk.commit(lambda tx: incidents.by_ids(tx, [id_]))
    assert not is_suppressed(incident, desk.clock())
    alertmanager.refuses = ""
    alertmanager.lists()
    assert words(tuple(rounds(desk, desk.keeper(alertmanager), 1, 1))) == [SilenceEvent.ENDED]


# What a delivery left out.


def test_what_truncated_alerts_may_hide_is_over_where_it_is_listed_no_more(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    ids = [desk.opens("web-1"), desk.opens("web-2")]
    alertmanager.lists("web-1", "web-2")
    rounds(desk, keeper, 0, 1)
    told = Delivery("alertmanager", (firing(instance="web-2"),), group="g", hidden=1)
    desk.commit(lambda tx: desk.engine.accept(tx, told, desk.clock()))
    alertmanager.lists("web-3")

    assert [one.incident_id for one in rounds(desk, keeper, 1, 1, 10)] == ids[:1]
    assert desk.open() == ids[1:]  # of that one Alertmanager tells the end itself


def test_what_truncated_alerts_may_hide_is_heard_of_by_its_list(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    keeper = desk.keeper(alertmanager)
    id_ = desk.opens("web-1")
    told = Delivery("alertmanager", (firing(instance="web-2"),), group="g", hidden=1)
    desk.clock.move(minutes=1)
    desk.commit(lambda tx: desk.engine.accept(tx, told, desk.clock()))
    alertmanager.lists("web-1", "web-2")
    rounds(desk, keeper, *[61] * 30)

    heard = desk.commit(lambda tx: incidents.by_ids(tx, [id_]))[0].last_seen_at
    assert desk.clock() - heard <= timedelta(hours=1)
