"""The pages of the documentation, and how the tests read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FOLDERS = ("docs", "integrations", "benchmarks", "configs", "packaging")
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(page for name in FOLDERS for page in sorted((ROOT / name).rglob("*.md"))),
]
# A block within a list is indented.
BLOCK = re.compile(r"^ *```([^`\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def read(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each block's kind, such as `sh`, and its lines."""
    yield from ((kind, dedent(block)) for kind, block in BLOCK.findall(text))


def rows(text: str) -> dict[str, list[str]]:
    """The tables of a text: each word in backticks of a row's first cell → the row's cells."""
    found: dict[str, list[str]] = {}
    for line in BLOCK.sub("", text).splitlines():
        if line.startswith("|"):
            # a bar inside a code span parts no cells
            cells = [cell.strip() for cell in re.split(r"(?<!`)\|(?!`)", line.strip().strip("|"))]
            found |= dict.fromkeys(SPAN.findall(cells[0]), cells)
    return found


def section(text: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no section '{title}'"
    return found[1]


def anchors(text: str) -> set[str]:
    """The anchors that a forge makes of the headings."""
    titles = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
