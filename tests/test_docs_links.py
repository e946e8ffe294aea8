"""Links lead somewhere, and what a page names of the source is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_pages import BLOCK, DOCS, LINK, PAGES, ROOT, anchors, read
from named_places import is_test, spans

PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+\.png)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(BLOCK.sub("", read(page))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(read(target)), link


def pictures() -> dict[Path, str]:
    """What the pages show, with the words that stand for it."""
    found = [(page.parent / path, words) for page in PAGES for words, path in PICTURE.findall(read(page))]
    return {path.resolve(): words for path, words in found}


def test_every_picture_is_shown_and_described_and_loads_quickly() -> None:
    shown = pictures()
    assert shown.keys() == set(DOCS.rglob("*.png"))
    assert not [path.name for path, words in shown.items() if len(words.split()) < 5]
    assert not [path.name for path in shown if path.stat().st_size > 120_000]


def mentions() -> set[tuple[str, str]]:
    """Pages that files name without a link: in messages of the program, in comments of shipped files. File and page."""
    folders = ("sms_notify", "integrations", "configs", "packaging", "tests", "benchmarks")
    files = [
        path for name in folders for path in (ROOT / name).rglob("*") if path.suffix not in (".pyc", ".png")
    ]
    return {
        (str(path.relative_to(ROOT)), page)
        for path in files
        if path.is_file()
        for page in re.findall(rb"(?<![\w/.:-])(docs/[\w/-]+\.(?:md|png)(?:#[\w-]+)?)", path.read_bytes())
        for page in [page.decode()]
    }


def is_there(mentioned: str) -> bool:
    name, _, anchor = mentioned.partition("#")
    return (ROOT / name).is_file() and (not anchor or anchor in anchors(read(ROOT / name)))


def test_every_page_that_a_message_or_a_comment_names_is_there() -> None:
    assert {(file, page) for file, page in mentions() if not is_there(page)} == set()
    assert ("sms_notify/spool_folder.py", "docs/how-to/hooks.md") in mentions()


def test_the_index_leads_to_every_page() -> None:
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in LINK.findall(read(DOCS / "index.md"))}

    wanted = {*DOCS.rglob("*.md"), *(ROOT / "integrations").rglob("*.md")} - {DOCS / "index.md"}
    assert wanted - linked == set()


def test_every_page_is_found_from_the_index() -> None:
    found, left = set(), [DOCS / "index.md"]
    while left:
        page = left.pop()
        found.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(read(page))}
        left += [target for target in targets - found if target.suffix == ".md"]

    assert set(PAGES) - found == set()


def test_the_readme_stays_short() -> None:
    assert len(read(ROOT / "README.md").splitlines()) < 200


def test_every_test_that_the_page_of_faults_names_is_there() -> None:
    places = [place for place in spans(read(DOCS / "explanation" / "faults.md")) if "::" in place]
    assert len(places) > 20
    assert all(map(is_test, places))


ARCHITECTURE = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_0-9/]+\.py)(?::\w+)?`", ARCHITECTURE))))
def test_what_the_architecture_names_exists(path: str) -> None:
    assert any((ROOT / folder / path).is_file() for folder in ("sms_notify", ".")), path


def test_the_architecture_names_every_room() -> None:
    rooms = {path.name for path in (ROOT / "sms_notify").iterdir() if (path / "__init__.py").is_file()}

    assert {room for room in rooms if f"{room}/" not in ARCHITECTURE} <= {
        "net",
        "silences",
        "importing",
        "demo",
    }
