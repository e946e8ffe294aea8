"""Alertmanager's silences: read over real HTTP, matched as Alertmanager does, made once."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import a_store
from test_gateway_transport import BROKEN, Behaviour, Loopback, answers, certificate, drips_after, hangs_after
from workbench import NOON, VirtualClock, a_plan, close_episode, firing, open_episode

from sms_notify.engine import Engine
from sms_notify.errors import StoreError
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.matchers import Matcher, Op
from sms_notify.policy.vocabulary import AckBy, AckEnd
from sms_notify.secret import Secret
from sms_notify.silences.client import MOST_BYTES, AlertmanagerClient, AlertmanagerProblem, Why
from sms_notify.silences.deeds import keeper_of
from sms_notify.silences.ends import ended
from sms_notify.silences.keeper import Keeper, Kept, SilenceEvent
from sms_notify.silences.settings import AlertmanagerSettings
from sms_notify.silences.silence import Silence, covers, read_active, read_created, write
from sms_notify.store import silences
from sms_notify.store.database import Database
from sms_notify.store.silences import AlertKey
from sms_notify.store.tx import Tx

T = TypeVar("T")
CANARY = "kanarie-token-7"
WEB = {"alertname": "HostDown", "severity": "critical", "instance": "web-1"}


def listed(id_: str, *matchers: dict[str, Any], state: str = "active", **more: Any) -> dict[str, Any]:
    """A silence as Alertmanager 0.25 lists it."""
    return {
        "id": id_,
        "status": {"state": state},
        "updatedAt": "2026-11-22T11:36:08.519Z",
        "comment": "on it",
        "createdBy": "carol",
        "endsAt": "2026-11-22T14:36:20.000Z",
        "matchers": list(matchers),
        "startsAt": "2026-11-22T11:36:08.519Z",
        **more,
    }


def asks(name: str, value: str, **kind: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True, **kind}


def fires(fingerprint: str, *silenced_by: str) -> dict[str, Any]:
    """An alert as Alertmanager 0.25 lists it."""
    return {
        "annotations": {},
        "endsAt": "2026-11-22T12:05:00.573Z",
        "fingerprint": fingerprint,
        "receivers": [{"name": "sms"}],
        "startsAt": "2026-11-22T12:00:00.573Z",
        "status": {
            "inhibitedBy": [],
            "silencedBy": list(silenced_by),
            "state": "suppressed" if silenced_by else "active",
        },
        "updatedAt": "2026-11-22T12:00:00.573Z",
        "labels": WEB,
    }


class FakeAlertmanager(AbstractContextManager["FakeAlertmanager"]):
    """Speaks `/api/v2` under a path prefix; `broken` makes its POSTs end badly, `refuses` its GETs of one kind.

    It is a machine of its own: what it makes is active from then on, whatever clock the test has.
    """

    def __init__(self, *present: dict[str, Any]) -> None:
        self.silences = list(present)
        self.alerts: list[object] = []
        self.groups: object = []
        self.started: object = (NOON - timedelta(days=1)).isoformat()
        self.refuses = ""
        self.gets: list[str] = []
        self.posts: list[dict[str, Any]] = []
        self.broken: Callable[[dict[str, Any]], int | None] = lambda _silence: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _speaks(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def settings(self, **more: Any) -> AlertmanagerSettings:
        return AlertmanagerSettings(f"http://127.0.0.1:{self._server.server_port}/prefix/", **more)

    def lists(self, *instances: str, silence: str = "") -> None:
        """These fire there, and no others; all of them silenced, or none."""
        self.alerts = [fires(firing(instance=one).fingerprint, *filter(None, [silence])) for one in instances]

    def asked(self, what: str) -> int:
        return sum(get.startswith(what) for get in self.gets)

    def create(self, silence: dict[str, Any]) -> str:
        id_ = f"made-{len(self.silences)}"
        self.silences.append({**silence, "id": id_, "status": {"state": "active"}})
        return id_

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _speaks(state: FakeAlertmanager) -> type[BaseHTTPRequestHandler]:
    class Speaks(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            what = self.path.removeprefix("/prefix/api/v2/")
            state.gets.append(what)
            answers = {
                "silences": state.silences,
                "alerts?active=true&silenced=true&inhibited=true&unprocessed=true": state.alerts,
                "alerts/groups?active=true&silenced=true&inhibited=true": state.groups,
                "status": {"cluster": {"status": "disabled"}, "uptime": state.started},
            }
            refused = state.refuses and what.startswith(state.refuses)
            self.answer(503 if refused else 200, answers[what])

        def do_POST(self) -> None:
            assert self.path == "/prefix/api/v2/silences"
            assert self.headers["Content-Type"] == "application/json"
            silence = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.posts.append(silence)
            status = state.broken(silence)
            if status is None:
                self.answer(200, {"silenceID": state.create(silence)})
            elif status:
                self.answer(status, "silence invalid: nothing is right")
            else:  # made, and the answer is lost
                state.create(silence)

        def answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Speaks


@pytest.fixture
def alertmanager() -> Iterator[FakeAlertmanager]:
    with FakeAlertmanager() as running:
        yield running


# What a silence covers.


@pytest.mark.parametrize(
    ("matcher", "covered"),
    [
        (asks("instance", "web-1"), True),
        (asks("instance", "web-2"), False),
        (asks("instance", "web"), False),
        (asks("instance", "web", isRegex=True), False),
        (asks("instance", "web-.", isRegex=True), True),
        (asks("instance", "db|web-1", isRegex=True), True),
        (asks("instance", "web-1", isEqual=False), False),
        (asks("instance", "web-2", isEqual=False), True),
        (asks("instance", "web-.", isRegex=True, isEqual=False), False),
        (asks("instance", "db-.", isRegex=True, isEqual=False), True),
        (asks("team", ""), True),
        (asks("team", "", isEqual=False), False),
        (asks("team", ".*", isRegex=True), True),
        (asks("team", ".+", isRegex=True), False),
    ],
    ids=str,
)
def test_a_matcher_means_what_it_means_in_alertmanager(matcher: dict[str, Any], covered: bool) -> None:
    both = listed("a", asks("alertname", "HostDown"), matcher)
    (silence,) = read_active(json.dumps([both]).encode()) or ()

    assert covers(silence, WEB) is covered
    assert not covers(silence, {**WEB, "alertname": "Other"})


def test_before_0_22_there_is_no_is_equal_and_every_matcher_is_positive() -> None:
    old = listed("a", {"name": "instance", "value": "web-1", "isRegex": False})
    (silence,) = read_active(json.dumps([old]).encode()) or ()

    assert silence.matchers == (Matcher("instance", "web-1", Op.EQUAL),)


def test_a_silence_is_read_with_its_author_and_times_and_only_while_it_is_active() -> None:
    every = [listed(state, asks("a", "b"), state=state) for state in ("active", "pending", "expired")]

    assert read_active(json.dumps(every).encode()) == (
        Silence(
            "active",
            (Matcher("a", "b"),),
            "carol",
            "on it",
            datetime(2026, 11, 22, 11, 36, 8, 519000, tzinfo=UTC),
            datetime(2026, 11, 22, 14, 36, 20, tzinfo=UTC),
        ),
    )


@pytest.mark.parametrize(
    "odd",
    [
        asks("instance", "(", isRegex=True),
        asks("instance", "(?=x)", isRegex=True),
        {"name": "instance"},
        asks("instance", "web-1") | {"value": 7},
        asks("instance", "web-1") | {"isRegex": "no"},
        ["instance", "web-1"],
    ],
    ids=str,
)
def test_a_silence_with_a_matcher_that_cannot_be_read_covers_nothing(odd: dict[str, Any]) -> None:
    body = json.dumps(
        [listed("odd", asks("instance", "web-1"), odd), listed("good", asks("instance", "web-1"))]
    )
    bad, good = read_active(body.encode()) or ()

    assert (covers(bad, WEB), covers(good, WEB)) == (False, True)
    assert not covers(Silence("none", ()), WEB)


@given(st.binary())
def test_any_bytes_are_a_list_or_nothing(body: bytes) -> None:
    assert read_active(body) in (None, ())
    assert read_created(body) is None


_anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["id", "status", "state", "matchers", "name", "isEqual"]), inner)
    ),
    max_leaves=8,
)


@given(_anything, _anything, _anything)
def test_whatever_json_holds_is_read_or_refused_and_never_an_exception(
    a: object, b: object, c: object
) -> None:
    entry = listed("a", asks("a", "b"), id=a, matchers=b, endsAt=c, createdBy=c)

    for body in (a, [a], [entry], [listed("a", matchers=[b, c])], [listed("a", status=b)]):
        found = read_active(json.dumps(body).encode())
        assert found is None or all(isinstance(silence, Silence) for silence in found)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"[" + b"9" * 5000 + b"]", b"\xff\xfe", b"[null]", b"[{}]", b"{}"]
)
def test_what_is_no_list_of_silences_is_refused(body: bytes) -> None:
    assert read_active(body) is None


_labels = st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), st.text(min_size=1), min_size=1)


@given(_labels, _labels)
def test_what_is_written_covers_exactly_these_labels(labels: dict[str, str], others: dict[str, str]) -> None:
    written = json.loads(write(labels, NOON, NOON + timedelta(hours=4), "alice", "on it"))
    (silence,) = (
        read_active(json.dumps([{"id": "a", "status": {"state": "active"}, **written}]).encode()) or ()
    )

    assert covers(silence, {**others, **labels})
    assert covers(silence, others) is (others.items() >= labels.items())
    assert (silence.starts_at, silence.ends_at) == (NOON, NOON + timedelta(hours=4))


# Asking.


def answer_to(behave: Behaviour, *, timeout: float = 20, **more: Any) -> tuple[Any, list[bytes]]:
    with Loopback(behave) as server:
        settings = AlertmanagerSettings(f"http://127.0.0.1:{server.port}", timeout=timeout, **more)
        found = AlertmanagerClient(settings).active()
    return found, server.requests


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({}, None),
        ({"token": Secret(CANARY)}, f"Bearer {CANARY}"),
        (
            {"username": "ops", "password": Secret("geheim é:")},
            "Basic " + base64.b64encode("ops:geheim é:".encode()).decode(),
        ),
    ],
)
def test_a_request_carries_the_credentials_and_asks_once(
    credentials: dict[str, Any], header: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    found, (request,) = answer_to(answers(b"[]"), **credentials)
    lines = request.decode().split("\r\n")

    assert found == ()
    assert lines[0] == "GET /api/v2/silences HTTP/1.1"
    assert [line for line in lines if line.startswith("Authorization")] == (
        [f"Authorization: {header}"] if header else []
    )


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("302 Found", Why.MISCONFIGURED),
        ("307 Temporary Redirect", Why.MISCONFIGURED),
        ("400 Bad Request", Why.REFUSED),
        ("401 Unauthorized", Why.UNAUTHORIZED),
        ("403 Forbidden", Why.UNAUTHORIZED),
        ("404 Not Found", Why.MISCONFIGURED),
        ("422 Unprocessable", Why.REFUSED),
        ("429 Slowly", Why.FAILED),
        ("503 Sorry", Why.FAILED),
        ("200 OK", Why.UNREADABLE),
        ("204 No Content", Why.UNREADABLE),
    ],
)
def test_every_other_answer_is_a_problem_with_a_reason(status: str, why: Why) -> None:
    found, requests = answer_to(answers(b"<html>", status, "Location: /elsewhere\r\n"))

    assert isinstance(found, AlertmanagerProblem)
    assert (found.why, len(requests)) == (why, 1)
    assert why is Why.UNREADABLE or status[:3] in found.detail


@pytest.mark.parametrize(
    "name", [name for name in BROKEN if "endless page" not in name and "404" not in name]
)
def test_an_answer_that_breaks_off_is_a_problem(name: str) -> None:
    found, requests = answer_to(BROKEN[name][0])

    assert isinstance(found, AlertmanagerProblem)
    assert found.why in (Why.NO_ANSWER, Why.UNREADABLE)
    assert len(requests) == 1


def test_an_answer_without_end_is_cut_off() -> None:
    def floods(conn: socket.socket, stop: threading.Event) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
        while not stop.is_set():
            conn.sendall(b" " * 1_000_000)

    found, _ = answer_to(floods)
    assert found == AlertmanagerProblem(Why.TOO_LARGE, f"the answer has more than {MOST_BYTES >> 20} MiB")


@pytest.mark.parametrize(
    "behave",
    [hangs_after(b""), drips_after(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n[", b" ")],
    ids=["hang", "drip"],
)
def test_an_answer_that_does_not_come_in_time_is_not_waited_for(behave: Behaviour) -> None:
    found, _ = answer_to(behave, timeout=0.3)
    assert found == AlertmanagerProblem(Why.NO_ANSWER, "no answer within the time limit")


def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = AlertmanagerSettings(f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert AlertmanagerClient(settings).active() == AlertmanagerProblem(
            Why.UNREACHABLE, "Connection refused"
        )


def test_tls_is_verified(tmp_path: Path) -> None:
    ca_file, context = certificate(tmp_path, "IP:127.0.0.1")
    with Loopback(answers(b"[]"), context) as server:
        url = f"https://127.0.0.1:{server.port}"
        refused = AlertmanagerClient(AlertmanagerSettings(url)).active()
        assert AlertmanagerClient(AlertmanagerSettings(url, ca_file=ca_file)).active() == ()
        missing = AlertmanagerClient(AlertmanagerSettings(url, ca_file="/nowhere")).active()
    assert isinstance(refused, AlertmanagerProblem)
    assert refused.detail.startswith("certificate not accepted")
    assert missing == AlertmanagerProblem(
        Why.MISCONFIGURED, "ca_file cannot be used: No such file or directory"
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "alertmanager:9093",
        "ftp://alertmanager",
        "http://",
        "http://host:99999",
        "http://[::1",
        f"http://ops:{CANARY}@host",
        "http://host/?x=1",
        "http://host/#/alerts",
        "http://127.0.0.1:1/a b",
    ],
)
def test_an_address_that_cannot_be_is_misconfigured(url: str) -> None:
    found = AlertmanagerClient(AlertmanagerSettings(url))
    outcome = found.active()

    assert isinstance(outcome, AlertmanagerProblem)
    assert outcome.why in (Why.MISCONFIGURED, Why.UNREACHABLE)
    assert CANARY not in f"{outcome} {found.name}"


def test_credentials_in_the_address_are_refused_with_the_place_where_they_belong() -> None:
    outcome = AlertmanagerClient(AlertmanagerSettings(f"http://ops:{CANARY}@127.0.0.1:1")).active()

    assert isinstance(outcome, AlertmanagerProblem)
    assert (outcome.why, "`password`" in outcome.detail) == (Why.MISCONFIGURED, True)


def test_no_secret_is_told_whatever_the_answer_repeats(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    basic = base64.b64encode(f"ops:{CANARY}".encode()).decode()
    told: list[object] = []
    for words, credentials in (
        (f"no {CANARY}", {"token": Secret(CANARY)}),
        (f"no {CANARY}", {"username": "ops", "password": Secret(CANARY)}),
        (f"no Basic {basic}", {"username": "ops", "password": Secret(CANARY)}),
        ("x", {"token": Secret(f"{CANARY}\r\nX: y")}),
        ("x", {"token": Secret(f"{CANARY}\ud800")}),
    ):
        told.append(answer_to(answers(words.encode(), "400 Bad Request"), **credentials)[0])
        told.append(AlertmanagerSettings("http://h", **credentials))

    assert CANARY not in f"{told} {caplog.text}"
    assert basic not in f"{told} {caplog.text}"


def test_making_a_silence_brings_its_id_or_why_not(alertmanager: FakeAlertmanager) -> None:
    client = AlertmanagerClient(alertmanager.settings())
    until = NOON + timedelta(hours=1)

    assert client.create(WEB, NOON, until, "alice", "on it") == "made-0"
    assert alertmanager.posts == [
        {
            "matchers": [asks(name, WEB[name]) for name in sorted(WEB)],
            "startsAt": "2026-11-22T12:00:00Z",
            "endsAt": "2026-11-22T13:00:00Z",
            "createdBy": "alice",
            "comment": "on it",
        }
    ]
    alertmanager.broken = lambda _: 400
    refused = client.create(WEB, NOON, until, "alice", "on it")
    assert refused == AlertmanagerProblem(Why.REFUSED, 'HTTP 400: "silence invalid: nothing is right"')


# A round.


@dataclass
class Desk:
    """A store with incidents, and keepers over it."""

    store: Database
    clock: VirtualClock = field(default_factory=VirtualClock)
    engine: Engine = field(default_factory=lambda: Engine(a_plan(), "node-a"))

    def commit(self, job: Callable[[Tx], T]) -> T:
        with self.store.transaction() as tx:
            return job(tx)

    def opens(self, instance: str = "web-1", source: str = "alertmanager") -> int:
        alert = firing(instance=instance)
        if source != "alertmanager":
            alert = type(alert)(source, alert.fingerprint, alert.status, alert.labels)
        return self.commit(lambda tx: open_episode(tx, alert, self.clock()))

    def acks(self, *ids: int, by: str = "alice", how: AckBy = AckBy.LINK) -> None:
        for id_ in ids:
            assert self.commit(lambda tx, id_=id_: self.engine.acknowledge(tx, [id_], by, how, self.clock()))

    def keeper(self, *fakes: FakeAlertmanager | AlertmanagerSettings, **more: Any) -> Keeper:
        settings = [fake.settings(**more) if isinstance(fake, FakeAlertmanager) else fake for fake in fakes]
        clients = [AlertmanagerClient(one) for one in settings]
        return keeper_of(lambda: self.engine, self.commit, clients, self.clock)

    def resolve(self, tx: Tx, keys: Sequence[AlertKey], now: datetime) -> None:
        """As the daemon does."""
        self.engine.accept(tx, ended(tx, keys, now), now)

    def open(self) -> list[int]:
        rows = self.commit(lambda tx: tx.all("select id from incidents where closed_at is null order by id"))
        return [row["id"] for row in rows]

    def acked(self) -> list[tuple[int, str, str]]:
        sql = "select id, acked_by, acked_how from incidents where acked_at is not null order by id"
        return [tuple(dict(row).values()) for row in self.commit(lambda tx: tx.all(sql))]

    def noted(self) -> list[tuple[int, str]]:
        rows = self.commit(lambda tx: tx.all("select incident_id, silence_id from silences order by 1"))
        return [tuple(dict(row).values()) for row in rows]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = a_store(tmp_path / "sms.db")
    yield Desk(store)
    store.close()


def words(kept: tuple[Kept, ...]) -> list[SilenceEvent]:
    return [one.what for one in kept]


WEB_1 = listed("0ac4f2e1-77aa", asks("instance", "web-1"))


def test_an_incident_that_a_silence_covers_is_acknowledged_by_who_made_it(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    covered, _other = desk.opens("web-1"), desk.opens("web-2")
    alertmanager.silences = [WEB_1]
    keeper = desk.keeper(alertmanager)
    (kept,) = keeper.keep_once()

    assert desk.acked() == [(covered, "carol (silence 0ac4f2e1)", "alertmanager_silence")]
    assert (kept.what, kept.incident_id, kept.silence_id, kept.by) == (
        SilenceEvent.ACKNOWLEDGED,
        covered,
        "0ac4f2e1-77aa",
        "carol (silence 0ac4f2e1)",
    )
    assert keeper.keep_once() == ()


def ends(silence: dict[str, Any]) -> dict[str, Any]:
    return {**silence, "status": {"state": "expired"}}


def test_the_end_of_the_silence_that_made_it_takes_it_back_where_it_still_fires(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    alertmanager.silences = [WEB_1]
    keeper = desk.keeper(alertmanager)
    keeper.keep_once()
    alertmanager.silences = [ends(WEB_1)]
    alertmanager.lists("web-1")

    (kept,) = keeper.keep_once()
    assert (kept.what, kept.incident_id, kept.silence_id) == (SilenceEvent.TAKEN_BACK, id_, WEB_1["id"])
    assert desk.acked() == []
    assert keeper.keep_once() == ()


def test_the_end_of_a_silence_takes_nothing_back_of_what_is_not_listed(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.opens()
    alertmanager.silences = [WEB_1]
    keeper = desk.keeper(alertmanager)
    keeper.keep_once()
    before = desk.acked()
    alertmanager.silences = [ends(WEB_1)]

    assert (keeper.keep_once(), desk.acked()) == ((), before)


def test_a_silence_that_follows_another_keeps_the_acknowledgement_until_its_own_end(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.opens()
    alertmanager.silences = [WEB_1]
    keeper = desk.keeper(alertmanager)
    keeper.keep_once()
    later = listed("later", asks("instance", "web-1"))
    alertmanager.silences = [ends(WEB_1), later]
    alertmanager.lists("web-1", silence="later")
    assert (keeper.keep_once(), len(desk.acked())) == ((), 1)
    alertmanager.silences = [ends(later)]
    alertmanager.lists("web-1")

    assert words(keeper.keep_once()) == [SilenceEvent.TAKEN_BACK]
    assert desk.acked() == []


def test_the_end_of_a_silence_leaves_what_was_acknowledged_with_us(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    desk.acks(id_)
    alertmanager.silences = [WEB_1]
    alertmanager.lists("web-1", silence=WEB_1["id"])
    keeper = desk.keeper(alertmanager)
    keeper.keep_once()
    alertmanager.silences = [ends(WEB_1)]
    alertmanager.lists("web-1")

    assert (keeper.keep_once(), [by for _, by, _ in desk.acked()]) == ((), ["alice"])


def test_what_a_person_took_back_the_same_silence_does_not_acknowledge_again(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    alertmanager.silences = [WEB_1]
    alertmanager.lists("web-1", silence=WEB_1["id"])
    keeper = desk.keeper(alertmanager)
    keeper.keep_once()
    desk.commit(lambda tx: desk.engine.unacknowledge(tx, [id_], "bob", AckEnd.COMMAND, desk.clock()))

    assert (keeper.keep_once(), desk.acked()) == ((), [])
    alertmanager.silences = [WEB_1, listed("another", asks("instance", "web-1"))]
    assert words(keeper.keep_once()) == [SilenceEvent.ACKNOWLEDGED]


def test_while_an_alertmanager_does_not_answer_no_silence_has_ended(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.opens()
    alertmanager.silences = [WEB_1]
    away = AlertmanagerSettings("http://127.0.0.1:9")
    desk.keeper(alertmanager).keep_once()
    before = desk.acked()
    alertmanager.silences = [ends(WEB_1)]
    alertmanager.lists("web-1")

    assert words(desk.keeper(alertmanager, away).keep_once()) == [SilenceEvent.CANNOT_READ]
    assert desk.acked() == before


@pytest.mark.parametrize("state", ["pending", "expired"])
def test_a_silence_that_is_not_in_force_acknowledges_nothing(
    desk: Desk, alertmanager: FakeAlertmanager, state: str
) -> None:
    desk.opens()
    alertmanager.silences = [{**WEB_1, "status": {"state": state}}]

    assert (desk.keeper(alertmanager).keep_once(), desk.acked()) == ((), [])


def test_incidents_of_other_sources_and_those_that_are_over_are_left_alone(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.opens(source="nagios")
    over = desk.opens()
    desk.commit(lambda tx: close_episode(tx, over, NOON))
    alertmanager.silences = [WEB_1]

    assert (desk.keeper(alertmanager, create_silences=True).keep_once(), desk.acked()) == ((), [])


def test_what_somebody_acknowledged_while_we_looked_stays_theirs(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    alertmanager.silences = [WEB_1]

    def commit(job: Callable[[Tx], T]) -> T:
        done = desk.commit(job)
        if not desk.acked():
            desk.acks(id_, by="bob")
        return done

    asked = [AlertmanagerClient(alertmanager.settings())]
    keeper = keeper_of(lambda: desk.engine, commit, asked, desk.clock)
    assert keeper.keep_once() == ()
    assert desk.acked() == [(id_, "bob", "link")]


def test_the_name_of_an_author_is_one_short_line_whatever_it_holds(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.opens()
    alertmanager.silences = [{**WEB_1, "createdBy": "a\r\nb\x00\ud800\u202ec" + "x" * 500}]
    desk.keeper(alertmanager).keep_once()

    ((_, by, _how),) = desk.acked()
    assert by == "a b c" + "x" * 75 + " (silence 0ac4f2e1)"


def test_many_are_acknowledged_in_one_round(desk: Desk, alertmanager: FakeAlertmanager) -> None:
    ids = [desk.opens(f"web-{n}") for n in range(205)]
    alertmanager.silences = [listed("a", asks("instance", "web-.*", isRegex=True))]

    assert [kept.incident_id for kept in desk.keeper(alertmanager).keep_once()] == ids
    assert len(desk.acked()) == 205


def test_an_acknowledge_with_us_makes_one_silence_that_counts_from_it(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    desk.opens("web-2")
    desk.acks(id_)
    desk.clock.move(minutes=2)
    keeper = desk.keeper(alertmanager, create_silences=True, silence_for=timedelta(hours=1))
    kept = keeper.keep_once()

    assert [(one.what, one.incident_id, one.silence_id, one.by) for one in kept] == [
        (SilenceEvent.SILENCED, id_, "made-0", "alice")
    ]
    (made,) = alertmanager.posts
    assert {matcher["name"]: matcher["value"] for matcher in made["matchers"]} == WEB
    assert (made["startsAt"], made["endsAt"]) == ("2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z")
    assert (made["createdBy"], made["comment"]) == (
        "alice",
        f"acknowledged in sms-notify, incident {tag_of(id_)}",
    )
    assert desk.noted() == [(id_, "made-0")]
    assert (keeper.keep_once(), len(alertmanager.posts)) == ((), 1)


def test_no_number_is_told_to_alertmanager_and_nobody_is_us(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.acks(desk.opens("web-1"), by="+32 470 00 00 01")
    desk.acks(desk.opens("web-2"), by="")
    desk.keeper(alertmanager, create_silences=True).keep_once()

    assert [made["createdBy"] for made in alertmanager.posts] == ["[number]", "sms-notify"]


def test_no_silence_is_made_where_none_is_wanted(desk: Desk, alertmanager: FakeAlertmanager) -> None:
    desk.acks(desk.opens("web-1"))
    assert desk.keeper(alertmanager).keep_once() == ()

    desk.commit(lambda tx: tx.run("update incidents set acked_how = :how", how=AckBy.SILENCE))
    assert desk.keeper(alertmanager, create_silences=True).keep_once() == ()
    assert alertmanager.posts == []


@pytest.mark.parametrize(("minutes", "made"), [(58, 1), (60, 0), (600, 0)])
def test_a_silence_that_would_be_over_is_not_made(
    desk: Desk, alertmanager: FakeAlertmanager, minutes: int, made: int
) -> None:
    desk.acks(desk.opens())
    desk.clock.move(minutes=minutes)
    desk.keeper(alertmanager, create_silences=True, silence_for=timedelta(hours=1)).keep_once()

    assert len(alertmanager.posts) == made


def test_a_silence_that_could_not_be_made_is_tried_each_round_and_told_once(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    desk.acks(id_)
    alertmanager.broken = lambda _: 503
    keeper = desk.keeper(alertmanager, create_silences=True)

    (told,) = keeper.keep_once()
    assert (told.what, told.problem) == (
        SilenceEvent.CANNOT_CREATE,
        AlertmanagerProblem(Why.FAILED, "HTTP 503"),
    )
    assert keeper.keep_once() == ()
    alertmanager.broken = lambda _: None
    assert words(keeper.keep_once()) == [SilenceEvent.SILENCED, SilenceEvent.CREATES_AGAIN]
    assert len(alertmanager.posts) == 3
    assert desk.noted() == [(id_, "made-0")]


def test_a_silence_that_is_refused_keeps_no_other_from_being_made(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    bad, good = desk.opens("web-1"), desk.opens("web-2")
    desk.acks(bad, good)
    alertmanager.broken = lambda made: 400 if asks("instance", "web-1") in made["matchers"] else None
    keeper = desk.keeper(alertmanager, create_silences=True)

    assert words(keeper.keep_once()) == [SilenceEvent.SILENCED, SilenceEvent.CANNOT_CREATE]
    assert desk.noted() == [(good, "made-0")]
    assert keeper.keep_once() == ()


def test_an_alertmanager_that_fails_is_not_asked_for_the_others_in_the_same_round(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.acks(desk.opens("web-1"), desk.opens("web-2"))
    alertmanager.broken = lambda _: 500
    desk.keeper(alertmanager, create_silences=True).keep_once()

    assert len(alertmanager.posts) == 1


def test_a_silence_whose_answer_was_lost_is_found_and_not_made_again(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    desk.acks(id_)
    alertmanager.broken = lambda _: 0
    keeper = desk.keeper(alertmanager, create_silences=True)

    assert words(keeper.keep_once()) == [SilenceEvent.CANNOT_CREATE]
    assert desk.noted() == []
    assert words(keeper.keep_once()) == [SilenceEvent.SILENCED, SilenceEvent.CREATES_AGAIN]
    assert (desk.noted(), len(alertmanager.posts)) == ([(id_, "made-0")], 1)


def test_a_crash_before_a_silence_is_written_down_makes_no_second_one(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    desk.acks(id_)

    def commit(job: Callable[[Tx], T]) -> T:
        if alertmanager.posts:
            raise StoreError("the disk is full")
        return desk.commit(job)

    client = AlertmanagerClient(alertmanager.settings(create_silences=True))
    with pytest.raises(StoreError):
        keeper_of(lambda: desk.engine, commit, [client], desk.clock).keep_once()
    assert (desk.noted(), len(alertmanager.posts)) == ([], 1)

    assert words(desk.keeper(alertmanager, create_silences=True).keep_once()) == [SilenceEvent.SILENCED]
    assert (desk.noted(), len(alertmanager.posts)) == ([(id_, "made-0")], 1)


def test_a_pair_makes_one_silence_and_the_second_where_the_first_cannot(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.acks(desk.opens("web-1"))
    with FakeAlertmanager() as other:
        keeper = desk.keeper(alertmanager, other, create_silences=True)
        keeper.keep_once()
        assert (len(alertmanager.posts), len(other.posts)) == (1, 0)

        alertmanager.broken = lambda _: 503
        desk.acks(desk.opens("web-2"))
        assert words(keeper.keep_once()) == [SilenceEvent.SILENCED, SilenceEvent.CANNOT_CREATE]
        assert (len(alertmanager.posts), len(other.posts)) == (2, 1)


def test_what_one_of_a_pair_may_have_made_is_not_asked_of_the_other_before_the_next_round(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.acks(desk.opens())
    alertmanager.broken = lambda _: 0
    with FakeAlertmanager() as other:
        keeper = desk.keeper(alertmanager, other, create_silences=True)
        keeper.keep_once()
        assert (len(alertmanager.posts), len(other.posts)) == (1, 0)
        assert words(keeper.keep_once()) == [SilenceEvent.SILENCED, SilenceEvent.CREATES_AGAIN]
        assert (len(alertmanager.posts), len(other.posts)) == (1, 0)


def test_a_round_with_nothing_to_make_does_not_call_it_better(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    desk.acks(id_)
    alertmanager.broken = lambda _: 503
    keeper = desk.keeper(alertmanager, create_silences=True)
    keeper.keep_once()
    desk.commit(lambda tx: close_episode(tx, id_, NOON))

    assert (keeper.keep_once(), len(alertmanager.posts)) == ((), 1)


def test_no_silence_is_asked_for_that_would_cover_everything(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    id_ = desk.opens()
    desk.commit(lambda tx: tx.run('update incidents set labels = \'{"team": ""}\''))
    desk.acks(id_)
    desk.keeper(alertmanager, create_silences=True).keep_once()

    assert alertmanager.posts == []


def test_one_bad_alertmanager_stops_no_other_and_is_told_once_until_it_changes(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    covered = desk.opens()
    alertmanager.silences = [WEB_1]
    state = ["503 Sorry"]

    def behaves(conn: socket.socket, stop: threading.Event) -> None:
        answers(b"[]", state[0])(conn, stop)

    with Loopback(behaves) as bad:
        keeper = desk.keeper(AlertmanagerSettings(f"http://127.0.0.1:{bad.port}"), alertmanager)
        first = keeper.keep_once()
        assert words(first) == [SilenceEvent.CANNOT_READ, SilenceEvent.ACKNOWLEDGED]
        assert first[0].alertmanager == f"http://127.0.0.1:{bad.port}"
        assert first[0].problem == AlertmanagerProblem(Why.FAILED, "HTTP 503")
        assert keeper.keep_once() == ()
        state[0] = "401 Unauthorized"
        assert [kept.problem.why for kept in keeper.keep_once() if kept.problem] == [Why.UNAUTHORIZED]
        state[0] = "200 OK"
        assert words(keeper.keep_once()) == [SilenceEvent.READS_AGAIN]
        assert keeper.keep_once() == ()
    assert [id_ for id_, *_ in desk.acked()] == [covered]


def test_a_silence_that_cannot_be_read_is_told_once_and_the_others_count(
    desk: Desk, alertmanager: FakeAlertmanager
) -> None:
    desk.opens()
    odd = listed("odd", asks("instance", "(", isRegex=True))
    alertmanager.silences = [odd, WEB_1]
    keeper = desk.keeper(alertmanager)
    told, acknowledged = keeper.keep_once()

    assert told.problem == AlertmanagerProblem(Why.ODD_SILENCE, "silence odd: a matcher cannot be read")
    assert acknowledged.what is SilenceEvent.ACKNOWLEDGED
    assert keeper.keep_once() == ()
    alertmanager.silences = [WEB_1]
    assert words(keeper.keep_once()) == [SilenceEvent.READS_AGAIN]


def test_a_second_note_of_a_silence_changes_nothing(desk: Desk) -> None:
    for id_ in ("first", "second"):
        desk.commit(lambda tx, id_=id_: silences.made(tx, 7, "http://am", id_, NOON))

    assert desk.noted() == [(7, "first")]
