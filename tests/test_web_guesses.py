"""Guessed passwords: they starve nobody, they are slowed, logged and counted, and time tells nothing."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import requests
from pages_serving import HASHED, LOGIN, USER, site
from web_serving import ONE_ALERT, SOON, Served, serving

from sms_notify.logs import LineFormatter
from sms_notify.secret import Secret
from sms_notify.web import passwords
from sms_notify.web.guesses import Guesses, network_of
from sms_notify.web.roles import Role, Token, User
from sms_notify.web.settings import WebSettings
from sms_notify.web.turns import PER_CLIENT, FairQueue
from sms_notify.web.webhooks import Patience

TOKEN = "t0ken-of-a-machine"
PASSWORDS = {"am": "s3cret of am", "ops": "s3cret of ops"}
LOCKED = WebSettings(
    port=0,
    tokens=(Token(Secret(TOKEN)),),
    users={
        name: User(Secret(passwords.hash_password(word, name.encode().ljust(16))), frozenset(Role))
        for name, word in PASSWORDS.items()
    },
)
AS_SHIPPED = Patience(accept=SOON)
WORKERS = 40


def login(
    served: Served, name: str, password: str, method: str = "POST", path: str = "/alertmanager"
) -> requests.Response:
    given = base64.b64encode(f"{name}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {given}"}
    return requests.request(method, served.url(path), data=ONE_ALERT, headers=headers, timeout=SOON)


def bearer(served: Served, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(served.url("/alertmanager"), data=ONE_ALERT, headers=headers, timeout=SOON)


def wait_until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def took(ask: Callable[[], requests.Response]) -> tuple[int, float]:
    """Status, and seconds until it came."""
    started = time.monotonic()
    answer = ask()
    return answer.status_code, time.monotonic() - started


def patience() -> float:
    """Seconds in which a first login must get in: 2, more on a machine that takes long for a hash just now."""
    started = time.monotonic()
    for _ in range(3):
        passwords.verify(HASHED, "x")
    return max(2.0, 50 * (time.monotonic() - started) / 3)


def hang_up_on(served: Served, name: str, password: str) -> None:
    """A guess whose answer nobody waits for."""
    given = base64.b64encode(f"{name}:{password}".encode()).decode()
    request = f"POST /alertmanager HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {given}\r\nContent-Length: 0\r\n\r\n"
    with contextlib.suppress(OSError), served.connect() as sock:
        sock.sendall(request.encode())
        sock.settimeout(0.25)
        sock.recv(1)


@contextmanager
def hammering(
    served: Served, names: Sequence[str], ask: Callable[[Served, str, str], object] = login
) -> Iterator[None]:
    """WORKERS clients that guess without a pause, from the address of everybody else here."""
    stop, numbers = threading.Event(), count()

    def guess() -> None:
        while not stop.is_set():
            number = next(numbers)
            ask(served, names[number % len(names)].format(n=number), f"guess {number}")

    threads = [threading.Thread(target=guess) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    wait_until(lambda: served.recorder.guesses > 0)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(SOON)


# Nobody is starved


@pytest.mark.parametrize(
    ("names", "later"),
    [
        (["am"], 0.0),
        (["am"], 1.5),
        (["nobody"], 0.0),
        (["nobody {n}"], 0.5),
        (["am", "ops", "root", "nobody {n}"], 1.0),
    ],
    ids=["the same user, at once", "the same user", "no user, at once", "ever new names", "all of them"],
)
def test_while_forty_clients_of_one_address_guess_a_token_and_a_first_login_get_in(
    names: list[str], later: float
) -> None:
    with serving(settings=LOCKED, patience=AS_SHIPPED) as served, hammering(served, names):
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() - begun >= later)
        code, seconds = took(lambda: bearer(served, TOKEN))
        assert (code, seconds < 1) == (200, True), seconds
        code, seconds = took(lambda: login(served, "am", PASSWORDS["am"]))
        assert (code, seconds < patience()) == (200, True), seconds
        code, seconds = took(lambda: login(served, "am", PASSWORDS["am"]))  # known by now
        assert (code, seconds < 1) == (200, True), seconds
    assert len(served.recorder.deliveries) == 3


@pytest.mark.parametrize("name", ["am", "nobody {n}"])
def test_guessers_who_hang_up_before_their_answer_take_nobodys_place(name: str) -> None:
    with serving(settings=LOCKED, patience=AS_SHIPPED) as served, hammering(served, [name], hang_up_on):
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() - begun >= 1.5)
        code, seconds = took(lambda: bearer(served, TOKEN))
        assert (code, seconds < 1) == (200, True), seconds
        code, seconds = took(lambda: login(served, "am", PASSWORDS["am"]))
        assert (code, seconds < patience()) == (200, True), seconds


def test_a_webhook_that_is_turned_away_because_of_guesses_leaves_a_trace() -> None:
    with serving(settings=LOCKED, patience=AS_SHIPPED) as served:
        threads = [
            threading.Thread(target=login, args=(served, f"nobody {n}", "guess"))
            for n in range(3 * PER_CLIENT)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: ("alertmanager", "503") in served.recorder.refusals)
        for thread in threads:
            thread.join(SOON)


def test_a_page_opens_for_its_user_meanwhile(tmp_path: Path) -> None:
    settings = WebSettings(port=0, users={USER: User(Secret(HASHED))})
    with site(tmp_path, settings=settings, patience=AS_SHIPPED) as pages, hammering(pages.served, [USER]):
        code, seconds = took(lambda: pages.get("/", auth=LOGIN))
        assert (code, seconds < patience()) == (200, True), seconds


def test_the_same_wrong_password_is_paid_for_once() -> None:
    with serving(settings=LOCKED) as served:
        first = took(lambda: login(served, "am", "mistyped"))
        again = [took(lambda: login(served, "am", "mistyped")) for _ in range(20)]
        assert {code for code, _ in (first, *again)} == {401}
        assert statistics.median(seconds for _, seconds in again) < first[1]
        assert served.recorder.guesses == 21


def test_many_requests_with_one_right_password_right_after_a_start_are_one_check() -> None:
    with serving(settings=LOCKED) as served:
        codes: list[int] = []
        threads = [
            threading.Thread(target=lambda: codes.append(login(served, "am", PASSWORDS["am"]).status_code))
            for _ in range(100)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
        assert codes == [200] * 100


# Turns


def taken(turns: FairQueue[str]) -> list[str]:
    found = []
    while (job := turns.take()) is not None:
        found.append(job)
    return found


@pytest.mark.parametrize(
    ("put", "order"),
    [
        ([], []),
        ([("a", 0, "a1"), ("a", 0, "a2"), ("a", 0, "a3")], ["a3", "a1", "a2"]),
        ([("a", 0, "a1"), ("a", 0, "a2"), ("b", 0, "b1")], ["a2", "b1", "a1"]),
        ([("a", 0, "x1"), ("a", 0, "x2"), ("a", 1, "y1"), ("b", 0, "b1")], ["x2", "b1", "y1", "x1"]),
    ],
)
def test_turns_go_round_by_client_and_by_lane_and_take_the_newest_and_the_oldest_in_turn(
    put: list[tuple[str, int, str]], order: list[str]
) -> None:
    turns: FairQueue[str] = FairQueue()
    for client, lane, job in put:
        assert turns.put(client, lane, job) is None
    assert taken(turns) == order


def test_nobody_is_passed_for_ever_by_those_who_keep_coming() -> None:
    turns: FairQueue[str] = FairQueue()
    for n in range(10):
        turns.put("a", 0, f"before {n}")
    turns.put("a", 0, "mine")
    turns.put("a", 0, "one more")
    passed = 0
    while turns.take() != "mine":
        turns.put("a", 0, "one more")
        turns.put("a", 0, "and one more")
        passed += 1
    assert 10 <= passed <= 2 * 11


def test_who_sends_too_many_makes_room_for_itself_alone() -> None:
    turns: FairQueue[str] = FairQueue(per_client=3, most=100)
    assert turns.put("b", 0, "b1") is None
    gave_way = [turns.put("a", 0, f"a{n}") for n in range(6)]
    assert gave_way == [None, None, None, "a0", "a1", "a2"]
    assert turns.put("a", 1, "another name") == "a3"
    assert taken(turns) == ["b1", "a5", "another name", "a4"]


def test_where_all_together_are_too_many_the_busiest_client_gives_way() -> None:
    turns: FairQueue[str] = FairQueue(per_client=10, most=4)
    for n in range(3):
        assert turns.put("a", 0, f"a{n}") is None
    assert turns.put("b", 0, "b1") is None
    assert turns.put("c", 0, "c1") == "a0"
    assert sorted(taken(turns)) == ["a1", "a2", "b1", "c1"]
    assert turns.put("a", 0, "empty again") is None


# Slowed, counted, logged


def test_refusals_come_later_and_later_up_to_a_bound_and_a_right_password_at_once() -> None:
    with serving(settings=LOCKED, patience=Patience(accept=SOON, guess=1.2)) as served:
        waited = [took(lambda: login(served, "am", "mistyped"))[1] for _ in range(5)]
        assert max(waited[:3]) < 1.0
        assert waited[3] >= 1.0
        assert waited[4] >= 1.2
        code, seconds = took(lambda: login(served, "am", PASSWORDS["am"]))
        assert (code, seconds < 1.0) == (200, True)
        code, seconds = took(lambda: bearer(served, TOKEN))
        assert (code, seconds < 1.0) == (200, True)
        code, seconds = took(lambda: requests.get(served.url("/metrics"), timeout=SOON))
        assert (code, seconds < 1.0) == (401, True)  # nothing was tried


@pytest.mark.parametrize(
    ("header", "guesses", "shown"),
    [
        (None, 0, None),
        ("Basic " + base64.b64encode(b"am:wrong").decode(), 1, "user=am"),
        ("Basic " + base64.b64encode(b"nobody:wrong").decode(), 1, "user=nobody"),
        (
            "Basic " + base64.b64encode('é" x=1\u2028\x9b:wrong'.encode()).decode(),
            1,
            '"é\\" x=1\\u2028\\x9b"',
        ),
        ("Basic " + base64.b64encode(b"n" * 500 + b":wrong").decode(), 1, f"user={'n' * 40}… "),
        ("Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode(), 1, 'user="(a token)"'),
        ("Basic wrong", 1, "user=(unreadable)"),
        ("Bearer wrong", 1, 'user="(a token)"'),
        (f"{TOKEN}", 1, "user=(unreadable)"),
        (f"Bearer {TOKEN}", 0, None),
        ("Basic " + base64.b64encode(f"am:{PASSWORDS['am']}".encode()).decode(), 0, None),
    ],
    ids=str,
)
def test_every_refused_login_is_counted_and_logged_without_what_was_tried(
    caplog: pytest.LogCaptureFixture, header: str | None, guesses: int, shown: str | None
) -> None:
    headers = {"Authorization": header} if header else {}
    with serving(settings=LOCKED) as served:
        requests.get(served.url("/metrics"), headers=headers, timeout=SOON)
        assert served.recorder.guesses == guesses
    lines = [LineFormatter().format(one) for one in caplog.records if "login" in one.getMessage()]
    assert len(lines) == guesses
    for line in lines:
        assert "WARNING a login was refused client=127.0.0.1" in line
        assert shown is not None
        assert shown in line
        assert "wrong" not in line
        assert TOKEN not in line
        assert len(line) < 300


def test_repeated_guesses_are_one_line_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    hush, began = 0.5, time.monotonic()
    with serving(settings=LOCKED, patience=Patience(accept=SOON, guess=0, hush=hush)) as served:
        for number in range(30):
            login(served, f"user{number}", "same")
        wait_until(lambda: len(caplog.records) >= 2 and getattr(caplog.records[-1], "times", 0) > 0)
        lines = [one for one in caplog.records if one.getMessage() == "a login was refused"]
        wait_until(lambda: sum(getattr(one, "times", 1) for one in caplog.records) >= 30)
        assert len(lines) <= (time.monotonic() - began) / hush + 2
        assert {one.levelno for one in lines} == {logging.WARNING}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:0:0:1", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("", ""),
    ],
)
def test_a_client_is_an_address_and_of_ipv6_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


# Time


def test_time_does_not_tell_which_users_exist() -> None:
    """Medians of 25 guesses each; a hash that was left out would make them differ by its whole 30 ms or more."""
    with serving(settings=LOCKED) as served:
        login(served, "am", PASSWORDS["am"])  # who is logged in costs a hash, too
        times: dict[str, list[float]] = {"am": [], "ops": [], "nobody": []}
        for number in range(25):
            for name, spent in times.items():
                spent.append(took(lambda: login(served, name, f"guess {number}"))[1])  # noqa: B023 - called at once
        medians = {name: statistics.median(spent) for name, spent in times.items()}
        assert max(medians.values()) < 2 * min(medians.values()), medians


def test_the_memory_of_guesses_is_bounded() -> None:
    async def flood() -> None:
        guesses = Guesses(lambda: None, longest=0)
        for number in range(5_000):
            await guesses.refused(f"192.0.{number // 250}.{number % 250}", "x" * 10_000)
        assert len(guesses._failures) <= 1_024
        assert len(guesses._rarely._kinds) <= 65

    asyncio.run(flood())
