"""Dead in the middle of arming a step, or of taking one back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from armed_site import BOB, Site, armed_site, over
from workbench import Bench, firing

from sms_notify.policy.armed_texts import ArmedState
from sms_notify.store.tx import Tx


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with armed_site(tmp_path) as made:
        yield made


@dataclass
class Dying:
    """A commit that the process does not live through: the last of those that are `left`, before or after it is on the disk."""

    bench: Bench
    left: int
    written: bool

    def __call__(self, job: Callable[[Tx], object]) -> object:
        self.left -= 1
        if self.left == 0 and not self.written:
            raise KeyboardInterrupt
        done = self.bench.commit(job)
        if self.left == 0:
            raise KeyboardInterrupt
        return done


def die_in_a_pass(site: Site, commits: int, written: bool) -> None:
    site.arming._commit = Dying(site.bench, commits, written)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        site.keep()
    site.die()


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("commits", [1, 2])
def test_dead_in_the_middle_of_arming_somebody_is_told_once_or_the_ledger_says_that_it_may_be_twice(
    site: Site, commits: int, written: bool
) -> None:
    site.bench.accept(firing())
    site.post.drain()
    die_in_a_pass(site, commits, written)
    site.pass_time(minutes=9)
    from_outbox = [number for number, _ in site.phones].count(BOB)
    site.come_back()
    site.live(seconds=120)

    told = [number for number, _ in site.phones].count(BOB)
    assert 1 <= told <= 2
    if told == 2:
        assert from_outbox == 1
        assert any("perhaps" in said for said in site.decided("outbox_sent"))


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("commits", [1, 2])
def test_dead_in_the_middle_of_taking_back_nobody_is_left_believing_that_it_fires(
    site: Site, commits: int, written: bool
) -> None:
    site.hear(firing())
    over(site)
    site.post.drain()
    die_in_a_pass(site, commits, written)
    site.pass_time(minutes=9)
    site.come_back()
    site.live(seconds=120)

    words = [word for number, word in site.phones if number == BOB]
    assert "ESCALATED" not in words or words[-1] == "OK"
    assert all(ArmedState(state).final for state in site.armed())
