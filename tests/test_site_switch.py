"""The dead man's switch: while we live no text leaves, however the gateway fails; once we are dead, one does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from paper_outbox import faulty
from site_alive_bench import SwitchBench

NOON = datetime(2026, 3, 2, 12, 0, 10, tzinfo=UTC)
SPRING, AUTUMN = datetime(2026, 3, 14, 12, 0, 10, tzinfo=UTC), datetime(2026, 10, 10, 12, 0, 10, tzinfo=UTC)
MONTH, DAY = timedelta(days=30), timedelta(days=1)


@pytest.mark.parametrize("begin", [SPRING, AUTUMN])
def test_with_a_sound_gateway_nothing_leaves_in_a_month_and_two_at_most_lie_there(begin: datetime) -> None:
    bench = SwitchBench(begin)
    bench.live(MONTH)
    assert bench.gateway.fired == []
    assert bench.gateway.most == 2
    assert len(bench.gateway.outbox) == len(bench.armed()) == 1


@pytest.mark.parametrize("begin", [SPRING, AUTUMN])
@pytest.mark.parametrize("share", [0.1, 0.3])
@pytest.mark.parametrize("seed", [1, 2])
def test_with_a_faulty_gateway_nothing_leaves_in_a_month(begin: datetime, share: float, seed: int) -> None:
    bench = SwitchBench(begin, faulty(share, seed))
    bench.live(MONTH)
    assert bench.gateway.fired == []
