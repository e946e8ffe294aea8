"""What commands print: nothing that a terminal obeys, no whole number, no code that acknowledges."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workbench import NOON, Bench, VirtualClock, a_plan, firing

from sms_notify.cli.common import json_of
from sms_notify.cli.messages import show
from sms_notify.engine import Engine
from sms_notify.explain import timeline
from sms_notify.store.ledger_queries import MessageFilter

HOSTILE = "X\x1b]0;owned\x07\x9b2J\u202e\u2028 call +32 470 00 00 01"


@given(st.text())
def test_json_has_no_character_that_a_terminal_obeys_and_says_the_same(text: str) -> None:
    shown = json_of({"text": text})
    assert all(c.isprintable() for c in shown)
    assert json.loads(shown) == {"text": text}


@pytest.fixture
def linked(bench: Bench) -> Bench:
    """One text with a link, about a problem whose words are hostile."""
    plan = replace(a_plan(), ack_url="https://sms.example.org/a/")
    made = Bench(bench.store, Engine(plan, "node", lambda: ""), VirtualClock(NOON))
    alert = firing("HostDown", host="web1", severity="critical")
    made.accept(replace(alert, annotations={"summary": HOSTILE}))
    code = (
        "update messages set ack_code = 'c0decode4' || id, body = body || ' ack: https://x/a/c0decode4' || id"
    )
    made.commit(lambda tx: tx.run(code))
    return made


@pytest.mark.parametrize("as_json", [True, False])
def test_the_list_of_messages_says_no_code_and_no_number(
    linked: Bench, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    show(linked.store, MessageFilter(limit=10), as_json=as_json)
    said = capsys.readouterr().out
    assert "HostDown" in said
    assert "c0decode4" not in said
    assert "470 00 00 01" not in said
    assert all(c.isprintable() or c == "\n" for c in said)


def test_a_story_says_no_code_and_no_number(linked: Bench) -> None:
    with linked.reading() as tx:
        told = (
            timeline.of_incident(tx, 1, timeline.Beside(str)),
            timeline.of_message(tx, 1, timeline.Beside(str)),
        )
    for story in told:
        assert story is not None
        text = "\n".join([story[0], *(line.what for line in story[1])])
        assert "HostDown" in text
        assert "c0decode4" not in text
        assert "470 00 00 01" not in text
