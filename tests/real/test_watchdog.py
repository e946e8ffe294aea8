"""A Watchdog of Debian's Prometheus and Alertmanager: it stops with Prometheus, and somebody is paged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import Site
from daemons import eventually
from systems import Alertmanager, Prometheus

from sms_notify.simulator.server import Simulator

pytestmark = [pytest.mark.real, pytest.mark.timeout(170)]
MISSING_FOR = 30.0  # seconds: the shortest that there is
# Alertmanager goes on for four resend delays (1 s here) after Prometheus has stopped, and looks at its groups every second.
ONE_INTERVAL = 8.0
WATCH = "[{name: prometheus, matchers: ['alertname=\"Watchdog\"'], missing_for: 30s, notify: [person:alice]}]"


@pytest.fixture
def watching(tmp_path: Path, simulator: Simulator) -> Iterator[Site]:
    running = Site(tmp_path, simulator, watch=WATCH)
    yield running
    with suppress(ProcessLookupError):
        running.daemon.kill()


def test_prometheus_that_is_killed_pages_and_its_return_is_told(
    tmp_path: Path, watching: Site, simulator: Simulator
) -> None:
    with ExitStack() as running:
        alertmanager = running.enter_context(
            Alertmanager(tmp_path / "am", watching.address, watching.token_file)
        )
        prometheus = running.enter_context(
            Prometheus(
                tmp_path / "prometheus",
                watching.address,
                watching.token_file,
                (alertmanager.address,),
                watchdog=True,
            )
        )
        heard = "select heard_at is not null from watches"
        assert eventually(lambda: watching.daemon.rows(heard) == [(1,)], 60)
        assert watching.daemon.rows("select count(*) from incidents") == [(0,)]

        killed = datetime.now(UTC)
        prometheus.kill()
        [page] = simulator.wait_for_texts(1, MISSING_FOR + 2 * ONE_INTERVAL)
        waited = (page.at - killed).total_seconds()
        print(f"\nfrom the kill to the gateway having the page: {waited:.1f} s")
        assert page.text.startswith("FIRING critical WatchMissing: no sign of life from prometheus since ")
        assert MISSING_FOR - 2 < waited < MISSING_FOR + ONE_INTERVAL

        prometheus.start()
        _, end = simulator.wait_for_texts(2, 60)
        assert end.text.startswith("OK WatchMissing")
        assert {text.number for text in simulator.texts()} == {"32470000001"}
