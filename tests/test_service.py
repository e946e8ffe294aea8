"""What the service manager is told, over real sockets; and when its watchdog is petted, with a clock of the test's own."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stores import a_store

from sms_notify.daemon.systemd import ROUND_WITHIN, Manager, Watch, manager_of
from sms_notify.store.committer import Committer
from sms_notify.store.tx import Tx

PATIENCE = 60.0


class Listening:
    """A service manager's socket. `address` is what it would put into $NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(20)

    def hear(self) -> list[str]:
        """The lines of the next message; waits for it."""
        return self._socket.recv(4096).decode().split("\n")

    def heard(self) -> list[list[str]]:
        """Every message that lies there by now."""
        self._socket.setblocking(False)
        messages = []
        try:
            while True:
                messages.append(self._socket.recv(4096).decode().split("\n"))
        except BlockingIOError:
            return messages
        finally:
            self._socket.settimeout(20)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listening]:
    name = f"@sms-notify-test-{os.getpid()}-{threading.get_ident()}"
    found = Listening(name if request.param == "abstract" else str(tmp_path / "notify"))
    yield found
    found.close()


class Time:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds

    def round(self, step: object, seconds: float = 1.0) -> None:
        """One round of the clock loop, so many seconds after the last."""
        self.seconds += seconds
        step()  # type: ignore[operator]


@pytest.fixture
def time() -> Time:
    return Time()


def _watched(listening: Listening, time: Time) -> Watch:
    return Watch(time, Manager(listening.address, PATIENCE))


def _pets(listening: Listening) -> int:
    return listening.heard().count(["WATCHDOG=1"])


def test_the_manager_hears_of_ready_status_and_stopping(listening: Listening) -> None:
    manager = Manager(listening.address)

    assert manager.ready("serving on port 9601")
    assert manager.status("two\nlines are one")
    assert manager.stopping()
    ready, status, stopping = listening.heard()
    assert ready == ["READY=1", "STATUS=serving on port 9601"]
    assert status == ["STATUS=two lines are one"]
    assert stopping[0] == "STOPPING=1"


@pytest.mark.parametrize(
    "address", ["", "relative", "vsock:2:9999", "/nobody/listens", "@nobody-listens", "/a\0b"]
)
def test_a_manager_that_cannot_be_told_stops_nothing(address: str) -> None:
    assert Manager(address).ready("serving") is False
    assert Manager(address).pet() is False


def test_a_manager_that_takes_nothing_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sms_notify.daemon.systemd._SEND_WITHIN", 0.05)
    deaf = Listening(str(tmp_path / "notify"))
    manager = Manager(deaf.address, PATIENCE)

    taken = 0
    while manager.pet():  # until its queue is full
        taken += 1
        assert taken < 100_000

    deaf.close()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Manager()),
        ({"NOTIFY_SOCKET": "@x"}, Manager("@x")),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "60000000"}, Manager("/x", 60.0)),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "7"}, Manager("/x", 1.5)),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, Manager("/x")),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "x"}, Manager("/x")),
        *(
            ({"WATCHDOG_USEC": strange}, Manager())
            for strange in ("0", "-1", "", "1e6", "²", "soon", "9" * 400)
        ),
    ],
)
def test_the_environment_says_who_wants_to_hear(environment: dict[str, str], expected: Manager) -> None:
    assert manager_of(environment, pid=7) == expected


def test_the_watchdog_is_petted_four_times_in_its_limit_and_not_with_every_round(
    listening: Listening, time: Time
) -> None:
    step = _watched(listening, time).pace(lambda: None)

    for _ in range(240):
        time.round(step, 0.25)

    assert _pets(listening) == 4


def test_nobody_is_petted_where_the_manager_has_no_watchdog(listening: Listening, time: Time) -> None:
    step = Watch(time, Manager(listening.address)).pace(lambda: None)

    for _ in range(240):
        time.round(step)

    assert listening.heard() == []


def test_a_round_that_ends_in_an_error_counts_and_the_error_goes_on(listening: Listening, time: Time) -> None:
    def full() -> None:
        raise OSError("disk full")

    step = _watched(listening, time).pace(full)

    with pytest.raises(OSError, match="disk full"):
        time.round(step, PATIENCE)
    assert _pets(listening) == 1


def test_a_step_hands_on_what_it_returns(time: Time) -> None:
    watch = Watch(time)

    assert watch.pace(lambda: 0.5)() == 0.5
    assert watch.follow("sender", lambda: "now")() == "now"


def test_a_committer_that_hangs_leaves_the_watchdog_hungry(tmp_path: Path, time: Time) -> None:
    listening = Listening(str(tmp_path / "notify"))
    committer = Committer(a_store(tmp_path / "sms.db"))
    committer.start()
    held, go_on = threading.Event(), threading.Event()

    def hang(_: Tx) -> None:
        held.set()
        go_on.wait()

    step = _watched(listening, time).pace(lambda: committer(lambda _: None))
    try:
        time.round(step, PATIENCE)
        assert _pets(listening) == 1
        hung = committer.submit(hang)
        assert held.wait(20)
        with ThreadPoolExecutor(1) as clock_loop:
            round_under_way = clock_loop.submit(time.round, step, PATIENCE)
            with pytest.raises(TimeoutError):
                round_under_way.result(0.2)
            assert _pets(listening) == 0  # however long it lasts: nobody else pets
            go_on.set()
            round_under_way.result(20)
        hung.result(20)
        assert _pets(listening) == 1
    finally:
        go_on.set()
        committer.stop()
        listening.close()


def test_one_of_several_threads_that_hangs_leaves_the_watchdog_hungry(
    listening: Listening, time: Time
) -> None:
    watch = _watched(listening, time)
    step, clock = watch.pace(lambda: None), watch.follow("sender main", lambda: "now")
    with ThreadPoolExecutor(1) as other:
        other.submit(clock).result(20)
        petted = 0
        for _ in range(int(ROUND_WITHIN)):
            clock()  # this thread comes round, the other one does not
            time.round(step)
            petted += _pets(listening)
        assert watch.stuck() == ()
        assert petted == ROUND_WITHIN // (PATIENCE / 4)
        clock()
        for _ in range(100):
            time.round(step)

        assert watch.stuck() == ("sender main has not answered for 180 s",)
        assert listening.heard() == [["STATUS=sender main has not answered for 180 s"]]
        other.submit(clock).result(20)
        clock()
        time.round(step)

        assert watch.stuck() == ()
        assert listening.heard() == [["STATUS=serving"], ["WATCHDOG=1"]]


def test_a_thread_that_has_ended_is_not_waited_for(time: Time) -> None:
    watch = Watch(time)
    step, clock = watch.pace(lambda: None), watch.follow("sender main", lambda: "now")
    ended = threading.Thread(target=clock)
    ended.start()
    ended.join(20)
    for _ in range(int(ROUND_WITHIN) + 100):
        time.round(step)

    assert watch.stuck() == ()


def test_the_manager_hears_when_a_reload_begins(listening: Listening) -> None:
    assert Manager(listening.address).reloading()

    [[first, second, third]] = listening.heard()
    assert (first, third) == ("RELOADING=1", "STATUS=reading the configuration")
    assert second.removeprefix("MONOTONIC_USEC=").isdigit()


def test_what_hangs_is_logged_once(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(time)
    step, clock = watch.pace(lambda: None), watch.follow("sender main", lambda: "now", within=5)
    clock()
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            time.round(step)
        clock()
        time.round(step)

    assert [record.levelname for record in caplog.records] == ["CRITICAL", "WARNING"]
    assert "sender main has not answered for 5 s" in caplog.text


def test_a_machine_that_was_held_for_an_hour_has_hung_nobody(listening: Listening, time: Time) -> None:
    watch = _watched(listening, time)
    step, clock = watch.pace(lambda: None), watch.follow("sender main", lambda: "now")
    clock()
    time.round(step, 3_600)

    assert watch.stuck() == ()
    assert _pets(listening) == 1


def test_a_thread_that_was_never_seen_is_not_waited_for(time: Time) -> None:
    watch = Watch(time)
    watch.follow("spool", lambda: None)
    step = watch.pace(lambda: None)
    for _ in range(400):
        time.round(step)

    assert watch.stuck() == ()
