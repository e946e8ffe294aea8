"""Every example of the documents is tried: stories are played, JSON and YAML are read, shell is parsed by a shell."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docs_pages import BLOCK, DOCS, PAGES, ROOT, read

from sms_notify.config.document import parse_document
from sms_notify.stories.judging import judge
from sms_notify.stories.reading import read_stories


def shown(*kinds: str) -> Iterator[Any]:
    """Each block of these kinds, with the page where it stands."""
    for page in PAGES:
        blocks = [block for kind, block in BLOCK.findall(read(page)) if kind in kinds]
        name = page.relative_to(ROOT)
        yield from (pytest.param(block, id=f"{name}-{number}") for number, block in enumerate(blocks))


def stories() -> Iterator[Any]:
    yield from (example for example in shown("yaml") if example.values[0].startswith("config:"))


@pytest.mark.parametrize("example", list(stories()))
def test_a_story_that_is_shown_holds(example: str, tmp_path: Path) -> None:
    file = tmp_path / "shown.yml"
    file.write_text(example, "utf-8")

    for story in read_stories(file):
        assert judge(story).passed, story.name


def test_each_section_of_the_rules_has_a_story() -> None:
    _, *sections = read(DOCS / "explanation" / "texts.md").split("\n## ")

    assert len(sections) > 5
    assert all("\nstories:" in section for section in sections)


@pytest.mark.parametrize("page", ["routing", "on-call"])
def test_each_recipe_of_a_cookbook_has_a_story(page: str) -> None:
    _, *recipes = read(DOCS / "how-to" / f"{page}.md").split("\n## ")
    without = [recipe.split("\n")[0] for recipe in recipes if "\nstories:" not in recipe]

    assert without in (["Before you change it"], ["Shifts in your own calendar", "Who hears of a gap"])


@pytest.mark.parametrize("example", list(shown("json")))
def test_json_that_is_shown_is_json(example: str) -> None:
    json.loads(example)


@pytest.mark.parametrize("example", list(shown("yaml", "yaml sms-notify.yml")))
def test_yaml_that_is_shown_is_yaml(example: str) -> None:
    parse_document(example, "shown.yml")


@pytest.mark.parametrize("example", list(shown("sh")))
def test_shell_that_is_shown_is_understood_by_a_shell(example: str) -> None:
    checked = subprocess.run(["bash", "-n"], input=example, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_no_block_lacks_a_kind_by_which_it_would_be_tried() -> None:
    known = r"|sh|console|json|yaml|yaml sms-notify\.yml|ini|go|promql|text"
    kinds = {kind for page in PAGES for kind, _ in BLOCK.findall(read(page))}

    assert {kind for kind in kinds if not re.fullmatch(known, kind)} == set()
