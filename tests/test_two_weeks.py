"""Two recorded weeks cost about what they cost before the rules of belief: committed then, replayed now."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from click.testing import CliRunner
from docs_pages import BLOCK, DOCS, read
from two_weeks import BEFORE, CONFIGURATION, ENVIRON, RECORDING, THRIFTY, cost, recorded

from sms_notify.cli.backtest import backtest

DEARER = 1.10  # times what it cost before
MORE_TEXTS = 3  # a person and a week


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(BEFORE.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return cost()


def test_the_recording_is_what_its_script_makes() -> None:
    assert RECORDING.read_text("utf-8").splitlines() == recorded()


def test_two_weeks_cost_at_most_a_tenth_more_than_before(before: dict[str, Any], now: dict[str, Any]) -> None:
    assert 0 < now["credits"] <= before["credits"] * DEARER


def test_nobody_gets_more_than_three_texts_a_week_more_than_before(
    before: dict[str, Any], now: dict[str, Any]
) -> None:
    more = {
        (person, week): texts - before["by_week"].get(person, {}).get(week, 0)
        for person, weeks in now["by_week"].items()
        for week, texts in weeks.items()
    }
    assert max(more.values()) <= MORE_TEXTS, more


def test_no_more_critical_alerts_than_before_are_told_to_nobody(
    before: dict[str, Any], now: dict[str, Any]
) -> None:
    """Those of before are episodes within a bout of flapping, which one text tells."""
    assert now["never_told_critical"] <= before["never_told_critical"]


def test_the_page_about_backtests_shows_what_the_command_prints_today() -> None:
    """Where it fails: write the new numbers into docs/how-to/backtest.md, and draw its picture anew (`--plot`)."""
    page = read(DOCS / "how-to" / "backtest.md")
    words = ["--config", CONFIGURATION, "--against", THRIFTY, RECORDING]
    outcome = CliRunner().invoke(backtest, [str(word) for word in words], env=ENVIRON)

    assert outcome.exit_code == 0
    printed = outcome.stdout.splitlines()
    shown = [line for kind, block in BLOCK.findall(page) if kind == "text" for line in block.splitlines()]
    assert len(shown) == 5
    assert [line for line in shown if line not in printed] == []
    total, tenth, wait = (shown[at].split() for at in (1, 2, 4))
    assert f"saves {total[-1][1:]} of {total[4]} credits, {tenth[-1][1:]} of them on one bad day" in page
    assert f"waited {wait[3]} for\nits first text, not {wait[2]}" in page
