"""One row for each fault, and the table of them at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # the helpers that all tests share

from scenes import Scene
from shim import built
from tables import print_table
from verdicts import Tally

_MEASURED = ("attack", "webhooks", "slowest 200", "slowest critical text", "memory")
_COLUMNS = ("fault", "tries", "acknowledged", "lost", "doubled", "unexplained", "complained", "recovery")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def stage(tmp_path: Path, library: Path) -> Iterator[Callable[..., Scene]]:
    """Makes a scene; whatever was started ends with the test."""
    scenes: list[Scene] = []

    def make(*, shadow: bool = False, **sections: str) -> Scene:
        folder = tmp_path / f"scene{len(scenes)}"
        folder.mkdir()
        scenes.append(Scene(folder, library, sections, shadow))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.end()


@pytest.fixture
def verdict(record_property: Callable[[str, object], None]) -> Callable[..., Tally]:
    """Writes the row of a fault into the table, and fails where something was lost or cannot be explained."""

    def judged(scene: Scene, fault: str, found: Tally) -> Tally:
        recovery = f"{scene.recovery():.1f} s"
        row = (
            fault, scene.tries, found.acknowledged, len(found.lost), found.doubled, len(found.unexplained),
            len(found.late), recovery,
        )  # fmt: skip
        record_property("row", row)
        assert found.acknowledged > 0
        assert found.lost == ()
        assert found.unexplained == ()
        return found

    return judged


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(600))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for kind, columns in (("row", _COLUMNS), ("measured", _MEASURED)):
        rows = [value for report in reports for name, value in report.user_properties if name == kind]
        if rows:
            print_table(terminalreporter, [columns, *sorted(rows)])
