"""From a dead target to a phone, through Debian's Prometheus alone, with the files that we ship."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import Site
from daemons import eventually
from systems import Prometheus, Target

from sms_notify.simulator.server import Simulator

pytestmark = [pytest.mark.real, pytest.mark.timeout(170)]
PEOPLE = {"32470000001", "31612345678"}
PATIENCE = 60.0  # seconds; what they take here is a few


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Ends what the test has started, whatever becomes of the test."""
    with ExitStack() as stack:
        yield stack


def test_prometheus_posts_by_itself_and_its_end_is_told_once(
    tmp_path: Path, simulator: Simulator, running: ExitStack
) -> None:
    quick = "{receiver: oncall, group_wait: 1s, group_interval: 1s}"
    site = Site(tmp_path, simulator, route=quick)
    running.callback(site.daemon.kill)
    target = running.enter_context(Target())
    running.enter_context(
        Prometheus(
            tmp_path / "prometheus",
            site.address,
            site.token_file,
            (),
            {"web-1": target.address},
            straight=True,
        )
    )

    texts = simulator.wait_for_texts(2, PATIENCE)
    assert {text.number for text in texts} == PEOPLE
    assert all(text.text.startswith("FIRING critical HostDown web-1") for text in texts)

    # It posts every other second by now, and none of it is told again.
    repeated = "select count(*) >= 4 from alerts where reason = 'duplicate' and source = 'prometheus'"
    assert eventually(lambda: site.daemon.rows(repeated) == [(1,)], PATIENCE)
    assert len(simulator.texts()) == 2
    promised = "select count(*) from agenda where what = 'silent'"
    assert site.daemon.rows(promised) == [(1,)]

    target.rise()
    over = "select count(*) = 1 from incidents where closed_at is not null"
    assert eventually(lambda: site.daemon.rows(over) == [(1,)], PATIENCE)
    texts = simulator.wait_for_texts(4, PATIENCE)
    assert all(text.text.startswith("OK HostDown web-1") for text in texts[2:])
    assert {text.number for text in texts[2:]} == PEOPLE
