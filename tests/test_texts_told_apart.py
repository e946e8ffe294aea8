"""Among open problems of one reader no two texts read alike but for the tag, though each is told by a text of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.cli import group

CONFIG = """\
people: {alice: {number: "+32470000001", timezone: UTC}}
limits: off
route: {receiver: oncall, group_by: ["..."], group_wait: 0s}
receivers: [{name: oncall, notify: ["person:alice"]}]
"""
# Some are told as a place, some are left out of texts, and some are too many to be told.
LABELS = (
    "host",
    "instance",
    "mountpoint",
    "job",
    "team",
    "endpoint",
    "owner",
    "shard",
    "x1",
    "x2",
    "x3",
    "x4",
)
VALUES = st.sampled_from(["a", "b", "a:1", "c" * 30])
Labels = dict[str, str]

labels_of_one = st.dictionaries(st.sampled_from(LABELS), VALUES, max_size=7).map(
    lambda labels: {"alertname": "Y", **labels}
)
problems = st.lists(
    st.tuples(labels_of_one, st.sampled_from(["warning", "critical"])), min_size=2, max_size=5, unique_by=repr
)


def played(story: dict[str, Any]) -> Sequence[tuple[int, str]]:
    """Each text with the second of the story at which it came."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "story.yml"
        file.write_text(yaml.safe_dump({"config": CONFIG, "stories": [story]}), "utf-8")
        result = CliRunner().invoke(group, ["test", "--json", str(file)], catch_exceptions=False)
    (row,) = json.loads(result.stdout)["stories"]
    return [(round(text["after_seconds"]), text["text"]) for text in row["texts"]]


def a_story(some: Sequence[tuple[Labels, str]], ends: Sequence[int]) -> dict[str, Any]:
    """Each begins in a minute of its own, and then each ends in one."""
    every = [{**labels, "severity": severity} for labels, severity in some]
    turns = [*(("firing", one) for one in every), *(("resolved", every[at]) for at in ends)]
    events = [
        {"at": f"{60 * at}s", "alertmanager": {state: [labels], "group": str(every.index(labels))}}
        for at, (state, labels) in enumerate(turns)
    ]
    expect = [{"credits": 99}]
    return {
        "story": "s",
        "start": "2026-11-23T12:00:00Z",
        "run_for": "2h",
        "events": events,
        "expect": expect,
    }


def words_of(text: str) -> str:
    """What a text says of what, where and how bad: without its tags, its times and what else it says fires."""
    return re.sub(r" (?:since|after) \S+| #\w+", "", text).split(", ")[0]


@settings(deadline=None, max_examples=60)
@given(problems, st.randoms(use_true_random=False))
def test_texts_about_different_open_problems_differ_in_more_than_the_tag(
    some: list[tuple[Labels, str]], random: Any
) -> None:
    ends = random.sample(range(len(some)), len(some))
    texts = [text for _, text in played(a_story(some, ends))]
    begun, over = texts[: len(some)], texts[len(some) :]
    assert len(over) == len(some), texts

    told = [words_of(text).removeprefix("FIRING ") for text in begun]
    assert len(set(told)) == len(told), texts
    for turn, (mine, text) in enumerate(zip(ends, over, strict=True)):
        said = words_of(text).removeprefix("OK ")
        for other in ends[turn + 1 :]:
            assert said not in (told[other], told[other].split(" ", 1)[1]), (begun[other], text, begun[mine])
