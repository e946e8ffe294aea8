"""What somebody takes out of the outbox by hand, or puts there with an answer that was lost: nothing of ours counts on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from armed_site import armed_site
from site_alive_bench import ALICE, SwitchBench
from test_cli_gateway import configured, run, told_json
from test_gateway_transport import Loopback, answers
from workbench import NOON, firing

from sms_notify.config.load import load
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.store import armed_rows, gateway_outbox
from sms_notify.store.database import open_store
from sms_notify.store.in_memory import ScratchStore
from sms_notify.store.tx import Tx

MINUTE = timedelta(minutes=1)


def armed(tx: Tx, outboxid: str, minutes: int, state: ArmedState = ArmedState.ARMED) -> None:
    due = NOON + minutes * MINUTE
    text = ArmedText(ArmedFor.SITE_ALIVE, "main", "alice", ALICE.number, "x", due, "", state, outboxid)
    armed_rows.add(tx, text, NOON)


def by_hand(tx: Tx, outboxid: str, minutes: int) -> None:
    due = NOON + minutes * MINUTE
    gateway_outbox.note(tx, "main", outboxid, "alice", ALICE.number, "x", due, NOON)


def lies(tx: Tx) -> list[str]:
    waits = [row["outboxid"] for row in gateway_outbox.waiting(tx, "main", NOON)]
    return sorted(waits + [t.outboxid for t in armed_rows.lying(tx) if t.state is ArmedState.ARMED])


@pytest.mark.parametrize(
    ("what", "rest"),
    [
        (None, []),
        ("2", ["1", "3"]),
        ("3", ["1", "2"]),
        (ALICE.number, ["2", "3"]),
        ("+31612345678", ["1", "2", "3"]),
    ],
)
def test_what_is_taken_out_by_hand_counts_as_gone_whoever_put_it_there(
    what: str | None, rest: list[str]
) -> None:
    with ScratchStore().transaction() as tx:
        armed(tx, "1", 5)
        by_hand(tx, "2", 10)
        armed(tx, "3", 15)
        gateway_outbox.removed(tx, "main", what, NOON)
        assert lies(tx) == rest


def test_a_removal_by_number_takes_the_text_by_hand_where_that_is_due_first() -> None:
    with ScratchStore().transaction() as tx:
        armed(tx, "1", 5)
        by_hand(tx, "2", 4)
        gateway_outbox.removed(tx, "main", ALICE.number, NOON)
        assert lies(tx) == ["1"]


def test_after_a_removal_by_number_what_follows_an_unsure_text_is_unsure_too() -> None:
    with ScratchStore().transaction() as tx:
        armed(tx, "", 5, ArmedState.UNSURE)
        armed(tx, "1", 10)
        gateway_outbox.removed(tx, "main", ALICE.number, NOON)
        assert [text.state for text in armed_rows.lying(tx)] == [ArmedState.UNSURE] * 2


def test_an_outbox_that_somebody_emptied_is_armed_again_at_once() -> None:
    bench = SwitchBench(datetime(2026, 3, 2, 12, 0, 10, tzinfo=UTC))
    bench.live(timedelta(hours=1))
    bench.gateway.outbox.clear()
    with bench.store.transaction() as tx:
        gateway_outbox.removed(tx, "main", None, bench.now)
    bench.switch.keep_once()
    assert [kept.number for kept in bench.gateway.outbox] == [ALICE.number]


def test_a_step_that_somebody_took_out_of_the_outbox_is_told_when_we_are_back(tmp_path: Path) -> None:
    with armed_site(tmp_path) as site:
        site.hear(firing())
        assert site.armed() == ["armed"]
        site.simulator.state.outbox.clear()
        site.bench.commit(lambda tx: gateway_outbox.removed(tx, "main", None, site.clock()))
        site.die()
        site.pass_time(minutes=10)
        site.come_back()
        assert [word for number, word in site.phones if number == "31612345678"] == ["ESCALATED"]


def test_a_text_by_hand_of_the_minute_that_has_just_begun_may_still_lie_there() -> None:
    with ScratchStore().transaction() as tx:
        by_hand(tx, "1", 0)
        soon, later = NOON + MINUTE / 2, NOON + MINUTE
        assert [number for _, number, _ in armed_rows.beside(tx, ArmedFor.SITE_ALIVE, soon)] == [ALICE.number]
        assert armed_rows.beside(tx, ArmedFor.SITE_ALIVE, later) == []


@pytest.mark.parametrize("command", [("send", "--to", "person:alice", "--at", "+2h", "x"), ("watch", "test")])
def test_a_text_whose_answer_was_lost_is_remembered_for_it_may_lie_there(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    with Loopback(answers(b"<html>")) as server:
        url = server.url.removesuffix("gateway.php")
        config = configured(url, tmp_path, site_alive="{after: 15m, notify: [person:alice]}")
        with open_store(load(config, {}).storage_url).transaction():
            pass  # there is a database
        assert run(config, *command).exit_code == 1

    [row] = told_json(run(config, "outbox", "list", "--json"))
    assert (row["outboxid"], row["to"]) == ("-", "alice")
