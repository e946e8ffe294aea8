"""An oracle that shares nothing with the program: it plays a random story through `sms-notify test --json`, a black box,
and judges the texts by the rules alone. What is wrong has a kind, such as `end unheard: after a bout`.

    python tests/oracle.py 17               the story, its texts and what is wrong with them
    python tests/oracle.py more 10000       judges so many more, beginning with another seed each time
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import Any

from click.testing import CliRunner
from oracle_case import Case, Violation
from oracle_checks import violations
from oracle_problem import Problem
from oracle_reading import Heard, heard_of
from oracle_story import OracleStory, read_story
from oracle_truth import problems_of
from random_scenes import GROUP
from random_stories import random_story

SEEDS = 500
RARE = (
    "flapping then staying",
    "a shared incident that changes hands",
    "a rise after a fall",
    "a step into quiet hours",
    "a reload with held texts",
    "a given-up text",
    "an acknowledgement taken back",
    "a crowd of 40",
    "an acknowledgement given back by hand",
    "a problem that somebody closes",
    "a problem that nothing is heard of",
    "a suppression at the source",
    "an end that a silence hides",
    "a barred number",
    "a text to a group",
    "a clock that is set",
)
_GIVES_UP_AFTER = 22 * 60  # 1, 5 and 15 minutes, and a little
_BARRING = ("error:106", "error:112")
_STEP, _NIGHT = 300, range(21, 24)  # seconds; hours UTC at which the quiet of Brussels begins or goes on


@dataclass(frozen=True)
class Judged:
    """One story, and what is wrong with it."""

    seed: int
    heard: Heard
    problems: dict[str, Problem]
    wrong: Sequence[Violation]

    @property
    def kinds(self) -> set[str]:
        return {violation.kind for violation in self.wrong}


def played(text: str) -> dict[str, Any]:
    """What the program makes of a story file: all that is known of it here."""
    from sms_notify.cli import group

    with TemporaryDirectory() as folder:
        file = Path(folder) / "story.yml"
        file.write_text(text, "utf-8")
        result = CliRunner().invoke(group, ["test", "--json", str(file)], catch_exceptions=False)
    found: dict[str, Any] = json.loads(result.stdout)
    assert "stories" in found, result.output
    return found


def judged(seed: int) -> Judged:
    """Plays and judges the story of a seed."""
    text = random_story(seed)
    story = read_story(text)
    problems = problems_of(story)
    try:
        heard = heard_of(story, played(text))
    except Exception as error:  # noqa: BLE001 - whatever it is, the story shows it
        return Judged(
            seed, Heard(story, []), problems, [Violation("crash", type(error).__name__, "", "", str(error))]
        )
    return Judged(seed, heard, problems, list(violations(heard, problems)))


def rare_states(seed: int) -> set[str]:
    """Which of the rare states a story has, by its own words alone."""
    story = read_story(random_story(seed))
    problems = list(problems_of(story).values())
    named = {
        "flapping then staying": any(one.open and one.bouts for one in problems),
        "a shared incident that changes hands": any(len(one.members) > 1 and _changes_hands(one) for one in problems),
        "a rise after a fall": any(_rises_after_a_fall(one) for one in problems),
        "a step into quiet hours": any(_steps_into_quiet(story, one) for one in problems),
        "a reload with held texts": any(story.faulty("alice", at - 20, at) for at, _ in story.config_at[1:]),
        "a given-up text": any(until - at > _GIVES_UP_AFTER for at, until, _, _ in story.faults),
        "an acknowledgement taken back": any(one.unacks for one in problems),
        "a crowd of 40": any(len(what.get("firing", ())) >= 40 for _, _, what in story.of_kind("alertmanager")),
        "an acknowledgement given back by hand": any(story.of_kind("unack")),
        "a problem that somebody closes": any(one.closed_by for one in problems),
        "a problem that nothing is heard of": any(one.unheard for one in problems),
        "a suppression at the source": any(one.suppressed for one in problems),
        "an end that a silence hides": any(story.of_kind("gone")),
        "a barred number": any(what in _BARRING for _, _, _, what in story.faults),
        "a text to a group": any(GROUP in holders for one in problems for holders in Case(Heard(story, []), one).duty()),
        "a clock that is set": any(story.of_kind("clock")),
    }  # fmt: skip
    return {name for name, found in named.items() if found}


def _changes_hands(problem: Problem) -> bool:
    """Whoever opened it is over before the other one is."""
    first = next(iter(problem.members.values()))
    return not first.firing or problem.open


def _rises_after_a_fall(problem: Problem) -> bool:
    return any(len(one.severities) > 2 and one.rises for one in problem.stretches)


def _steps_into_quiet(story: OracleStory, problem: Problem) -> bool:
    return bool(story.last.quiet_people) and any(
        (story.start.hour + (one.begin + _STEP) // 3600) % 24 in _NIGHT and one.worst == "warning"
        for one in problem.stretches
    )


def judge_more(count: int) -> None:
    begin = SystemRandom().randrange(SEEDS, 1_000_000_000)
    found, rare = Counter[str](), Counter[str]()
    with ProcessPoolExecutor() as pool:
        for one in pool.map(judged, range(begin, begin + count), chunksize=10):
            found.update(one.kinds)
            for kind in sorted(one.kinds):
                print(f"seed {one.seed}: {kind}", flush=True)
    for seed in range(begin, begin + min(count, 500)):
        rare.update(rare_states(seed))
    print(f"{count} stories from seed {begin}; wrong: {dict(found)}; rare states of the first: {dict(rare)}")


def main() -> None:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if word == "more":
        judge_more(int(sys.argv[2]))
        return
    one = judged(int(word))
    print(random_story(one.seed))
    for text in one.heard.texts:
        print(f"{text.at:9.0f} {text.wall:%a %H:%M:%S} {','.join(text.to)}: {text.body} [{text.report}]")
    for violation in one.wrong:
        print(violation)


if __name__ == "__main__":
    main()
