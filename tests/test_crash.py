"""kill -9 between any two statements of accept and send: nothing that got its 200 is lost, and nobody is texted
twice without an attempt in the ledger that says why it was not known whether the first text had left.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores import Chosen, Kind, a_store, drop, make_tables, url_of

from sms_notify.simulator.records import SimulatedText
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

DRIVER = Path(__file__).parent / "crash_driver.py"
SHARES = 4  # the places of death are dealt out over so many tests, which can run side by side


class Driven:
    """The driver process and what it is told."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVER), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, **order: object) -> dict:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the driver died"
        return json.loads(answer)

    def live(self, n: int) -> dict:
        make_tables(self.place(n))
        return self.do(kill={"n": n, "store": url_of(self.place(n))})

    def rows(self, n: int, sql: str) -> list[tuple]:
        store = a_store(self.place(n))
        with store.reading() as tx:
            found = [tuple(dict(row).values()) for row in tx.all(sql)]
        store.close()
        return found

    def place(self, n: int) -> Path:
        return self.folder / f"{n}.db"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorSettings(credits=100_000)) as running:
        yield running


@pytest.fixture
def driven(tmp_path: Path, simulator: Simulator) -> Iterator[Driven]:
    driver = Driven(tmp_path, simulator.gateway_url)
    yield driver
    assert driver.process.stdin is not None
    assert driver.process.stdout is not None
    driver.process.stdin.close()
    driver.process.stdout.close()
    driver.process.wait(10)


def texts_of(simulator: Simulator, n: int) -> list[SimulatedText]:
    ours = {f"3247{n:07d}", f"316{n:08d}"}
    return [text for text in simulator.texts() if text.number in ours]


def settle(simulator: Simulator) -> None:
    """The dead process may have left a request in the socket: it is read before these two, which came after it."""
    for _ in range(2):
        with urllib.request.urlopen(
            f"{simulator.gateway_url}gateway.php?action=credits", timeout=10
        ) as answer:
            answer.read()


def check(driven: Driven, simulator: Simulator, n: int, at_most: int) -> int:
    """The ledger against the phones; returns how many attempts were ambiguous."""
    texts = texts_of(simulator, n)
    ambiguous = 0
    for number in (f"+3247{n:07d}", f"+316{n:08d}"):
        got = sum(text.number == number.lstrip("+") for text in texts)
        logged = driven.rows(
            n,
            "select count(*) from ledger l join messages m on m.id = l.message_id"
            f" where l.state = 'unknown' and m.number = '{number}'",
        )[0][0]
        assert got >= 1, f"place {n}: {number} never got its text"
        assert got <= min(at_most, 1 + logged), f"place {n}: {got} texts, {logged} ambiguous attempts logged"
        ambiguous += logged
    states = {state for (state,) in driven.rows(n, "select distinct state from messages")}
    assert states <= {"no_report", "delivered", "unknown_final"}, f"place {n}: {states}"
    again = driven.rows(n, "select count(*) from ledger where state = 'unknown_final' and reason = 'resend'")
    assert driven.rows(n, "select count(*) from messages") == [(2 + again[0][0],)]
    if Chosen.kind is Kind.SQLITE:
        assert driven.rows(n, "pragma integrity_check") == [("ok",)]
    return ambiguous


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "with_reports", [False, True], ids=["no report ever comes", "reports carry the reference"]
)
@pytest.mark.parametrize("share", range(SHARES))
def test_wherever_the_process_is_killed_no_page_is_lost_and_none_doubled_in_silence(
    driven: Driven, simulator: Simulator, share: int, with_reports: bool
) -> None:
    n, kills, ambiguous, answered = share + 1, 0, 0, 0
    while not (life := driven.live(n))["ended"]:
        settle(simulator)
        evidence = {text.reference: text.smsid for text in texts_of(simulator, n)} if with_reports else {}
        again = {"n": n, "store": url_of(driven.place(n)), "acked": life["acked"], "evidence": evidence}
        driven.do(restart=again)
        ambiguous += check(driven, simulator, n, at_most=1 if with_reports else 2)
        drop(driven.place(n))
        kills, answered, n = kills + 1, answered + life["acked"], n + SHARES

    print(f"killed at {kills} places, {answered} after the 200, {ambiguous} ambiguous attempts")
    # The sweep means something only if it went through all of it: before the 200, after it, and mid-request.
    # A step is a few statements in bulk: of SQLite each of our lines is a place, of PostgreSQL what reaches its server.
    assert kills > (60 if Chosen.kind is Kind.SQLITE else 5)
    assert 0 < answered < kills
    assert ambiguous > 0 or Chosen.kind is Kind.POSTGRES
