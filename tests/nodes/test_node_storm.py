"""Nodes die, PostgreSQL crashes and connections are cut: what was accepted is told once, or the ledger says why twice."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from node_storm import NodeStorm, Shape, shapes

pytestmark = [pytest.mark.nodes, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: shape.name)
def test_each_accepted_alert_is_told_and_twice_only_where_an_answer_was_lost(
    shape: Shape, record_property: Callable[[str, object], None]
) -> None:
    with tempfile.TemporaryDirectory(prefix="sms-notify-nodes-", dir="/tmp") as folder:
        storm = NodeStorm(Path(folder), shape)
        try:
            storm.play()
            found = storm.judge()
            record_property("storm", storm.row(found))
        finally:
            storm.end()
    assert found.acknowledged >= shape.alerts
    assert found.lost == ()
    assert found.unexplained == ()
    assert storm.kills > 0
    assert storm.restarts == shape.restarts
