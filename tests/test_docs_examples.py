"""Every example of the documents is tried: stories are played, JSON and YAML are read, shell is parsed by a shell."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from docs_pages import DOCS, PAGES, ROOT, blocks, read

from sms_notify.config.document import parse_document
from sms_notify.simulator.server import Simulator
from sms_notify.stories.judging import judge
from sms_notify.stories.reading import read_stories


def shown(*kinds: str) -> Iterator[Any]:
    """Each block of these kinds, with the page where it stands."""
    for page in PAGES:
        found = [block for kind, block in blocks(read(page)) if kind in kinds]
        name = page.relative_to(ROOT)
        yield from (pytest.param(block, id=f"{name}-{number}") for number, block in enumerate(found))


def stories() -> Iterator[Any]:
    yield from (example for example in shown("yaml") if "stories:" in example.values[0].splitlines())


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


def shell() -> Iterator[Any]:
    """Whole blocks of shell, and the typed lines of what was seen on a terminal."""
    yield from shown("sh")
    for example in shown("console"):
        typed = re.findall(r"^\$ ((?:.*\\\n)*.*)$", example.values[0], re.MULTILINE)
        assert typed, f"{example.id}: no line begins with $"
        yield pytest.param("\n".join(typed), id=str(example.id))


@pytest.mark.parametrize("example", list(shell()))
def test_shell_that_is_shown_is_understood_by_a_shell(example: str) -> None:
    checked = subprocess.run(["bash", "-n"], input=example, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_no_block_lacks_a_kind_by_which_it_would_be_tried() -> None:
    known = r"|sh|console|json|yaml|yaml sms-notify\.yml|ini|go|promql|text"
    kinds = {kind for page in PAGES for kind, _ in blocks(read(page))}

    assert {kind for kind in kinds if not re.fullmatch(known, kind)} == set()


PROGRAMS = "sms-notify|sudo|systemctl|install|curl|su|grep|groupadd|usermod|runuser|rm|pip|podman|apt|chmod"


@pytest.mark.parametrize("example", list(shown("")))
def test_a_block_without_a_kind_is_no_shell(example: str) -> None:
    assert re.findall(rf"^(?:\$ )?(?:{PROGRAMS}) .*", example, re.MULTILINE) == []


def simulated() -> Iterator[Any]:
    page = read(DOCS / "reference" / "simulator.md")
    shells = (block for kind, block in blocks(page) if kind == "sh")
    yield from (line for block in shells for line in block.splitlines() if line.startswith("curl "))


def call(line: str, address: str) -> None:
    """What curl would do with these options, for a machine that has none. Raises HTTPError."""
    words = iter(shlex.split(re.sub(r"http://127\.0\.0\.1:\d+/", address, line))[1:])
    method, body, headers, url = None, None, {}, ""
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words).encode()
        elif word == "-X":
            method = next(words)
        else:
            url = word
    urlopen(Request(url, body, headers, method=method), timeout=10).close()


TEXT = "http://127.0.0.1:1611/module/gateway.php?klantuser=demo&klantpwd=demo&naar=32470000001&afzender=x&bericht=x"


def test_the_simulator_takes_every_request_that_its_page_shows() -> None:
    lines = list(simulated())
    assert lines
    with Simulator() as simulator:
        simulator.change(delivery_url="http://127.0.0.1:9/")
        for line in [f"curl '{TEXT}'", *lines]:
            call(line, simulator.gateway_url.removesuffix("module/"))


def test_what_the_page_of_stories_shows_is_what_the_command_prints() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sms_notify", "test", "configs/stories.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    shown = next(block for kind, block in blocks(read(DOCS / "how-to" / "stories.md")) if kind == "console")

    assert f"$ sms-notify test configs/stories.yml\n{ran.stdout}" == shown
