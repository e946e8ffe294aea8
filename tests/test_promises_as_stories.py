"""The random stories of the promises, told again from a file: two drivers of one engine, and the same texts."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from promises import Story
from promises_written import WrittenWorld
from test_promises import happening, plans

from sms_notify.policy.ruleset import Plan
from sms_notify.stories.judging import judge
from sms_notify.stories.reading import read_stories

SEEDS = int(os.environ.get("SMS_NOTIFY_SEEDS", "300"))
pytestmark = [pytest.mark.timeout(0 if SEEDS > 300 else 400)]

stories = st.lists(happening, min_size=5, max_size=25)


def test_the_promises_random_stories_give_the_same_texts_from_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At least half of the seeds need no event that stories lack; the others are counted by what they lack."""
    lacking: Counter[str] = Counter()
    told = texts = 0

    @given(plans(), stories)
    @settings(
        max_examples=SEEDS,
        phases=(Phase.generate,),
        derandomize=not os.environ.get("SMS_NOTIFY_RANDOM"),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def play(plan: Plan, story: Story) -> None:
        nonlocal told, texts
        world = WrittenWorld(plan)
        try:
            for what, how in (*story, ("wait", {"seconds": 5000.0})):
                world.do(what, **how)
            if world.lacks:
                lacking.update(world.lacks)
                return
            file = tmp_path / f"{told}.yml"
            file.write_text(world.story(), "utf-8")
        finally:
            world.close()
        (written,) = read_stories(file)
        verdict = judge(written)
        assert verdict.passed, (file.read_text("utf-8"), list(map(str, verdict.failures)))
        told, texts = told + 1, texts + len(verdict.texts)
        file.unlink()

    play()
    with capsys.disabled():
        print(f"\n{told} of {SEEDS} seeds told again, {texts} texts; the others lack {dict(lacking)}")
    assert told >= SEEDS / 2
    assert texts > SEEDS / 2  # stories in which something happens
