"""One row for each storm, and the table of them at the end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The helpers that all tests share, and the judge of what was lost or doubled.
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from tables import print_table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [value for report in reports for name, value in report.user_properties if name == "storm"]
    if rows:
        print_table(terminalreporter, [tuple(rows[0]), *(tuple(row.values()) for row in rows)])
