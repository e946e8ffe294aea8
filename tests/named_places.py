"""The places that a page of the documentation names: `file.py:name` of the package, `test_file.py::test_name` of the tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE, TESTS = ROOT / "sms_notify", ROOT / "tests"


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def definitions(path: Path) -> dict[str, str]:
    """Everything that a module defines, methods as `Class.method`: its name and its source."""
    text = path.read_text("utf-8")
    return dict(_defined(ast.parse(text).body, text, ""))


def _defined(body: list[ast.stmt], text: str, prefix: str) -> Iterator[tuple[str, str]]:
    for node in body:
        source = ast.get_source_segment(text, node) or ""
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name, source
                if isinstance(node, ast.ClassDef):
                    yield from _defined(node.body, text, f"{prefix}{name}.")
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield prefix + name, source


def named(place: str) -> str:
    """The source of what a page names as `file.py:name`, or of the test that it names as `file.py::name`."""
    file, _, name = place.partition("::" if "::" in place else ":")
    path = (TESTS if "::" in place else PACKAGE) / file
    assert path.is_file(), f"{place}: there is no such file"
    found = definitions(path).get(name)
    assert found is not None, f"{place}: the file has no such name"
    return found


def is_test(place: str) -> bool:
    """Whether it is a test that is there; a place that is not there at all is an AssertionError."""
    return re.match(r"(?:async )?def test_", named(place)) is not None
