"""A table at the end of a run of tests."""

from __future__ import annotations

from collections.abc import Sequence

import pytest


def print_table(reporter: pytest.TerminalReporter, table: Sequence[Sequence[object]]) -> None:
    """The first row names the columns, and its first cell the table."""
    rows = [tuple(str(cell) for cell in row) for row in table]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    reporter.section(rows[0][0])
    for row in rows:
        cells = (
            cell.ljust(width) if not n else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        reporter.write_line("  ".join(cells).rstrip())
