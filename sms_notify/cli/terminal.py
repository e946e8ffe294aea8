"""How commands write for people: columns that fit the terminal, and colour where somebody is there to see it.

What goes to a pipe or a file is whole and plain.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from sms_notify.logs import printable, unnumbered

Colour = Callable[[Sequence[str]], str | None]
"""The colour of a row of a table, by what stands in it; None for plain."""
_LEAST = 12  # characters that are left of a column, or it says nothing
_SHRINK = 2  # the last columns are texts, and may be cut; an id or a time may not


def terminal_width() -> int | None:
    """The columns of the terminal on standard output; None where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(rows: Sequence[Sequence[str]], header: Sequence[str], colour: Colour | None = None) -> str:
    """Columns as wide as what stands in them, on a terminal no wider than it; nothing that a terminal would obey gets through.

    `click.echo` takes the colours away where nobody would see them.
    """
    clean = [[unnumbered(printable(cell.replace("\n", " "))) for cell in row] for row in (header, *rows)]
    widths = _fitted([max(len(row[n]) for row in clean) for n in range(len(header))], terminal_width())
    lines = [_line(row, widths) for row in clean]
    if colour is None:
        return "\n".join(lines)
    return "\n".join(
        [lines[0], *(_painted(line, colour(row)) for line, row in zip(lines[1:], rows, strict=True))]
    )


def _fitted(widths: list[int], room: int | None) -> list[int]:
    over = sum(widths) + 2 * (len(widths) - 1) - room if room is not None else 0
    while over > 0:
        widest = max(range(max(0, len(widths) - _SHRINK), len(widths)), key=lambda n: widths[n])
        if widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
        over -= 1
    return widths


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.ljust(width) if len(cell) <= width else f"{cell[: width - 1]}…"
        for cell, width in zip(row, widths, strict=True)
    )
    return "  ".join(cells).rstrip()


def _painted(line: str, colour: str | None) -> str:
    return click.style(line, fg=colour) if colour is not None else line


def wrapped(begins: str, text: str) -> str:
    """`begins` and then `text`, on a terminal broken between words, with what follows below the text."""
    width = terminal_width()
    if width is None or len(begins) + len(text) <= width or width - len(begins) < 2 * _LEAST:
        return begins + text
    hanging = " " * len(begins)
    return "\n".join(
        textwrap.wrap(text, width, initial_indent=begins, subsequent_indent=hanging, break_on_hyphens=False)
    )


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while somebody is there to watch it; yields what moves it on by so much."""
    if not length or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def elapsed(label: str) -> Iterator[Callable[[], None]]:
    """As `progress`, of what nobody knows how long it takes: the seconds so far, from the first second on."""
    begun, shown = time.monotonic(), 0

    def goes_on() -> None:
        nonlocal shown
        seconds = int(time.monotonic() - begun)
        if seconds > shown and sys.stderr.isatty():
            shown = seconds
            click.echo(f"\r{label}: {seconds} s", nl=False, err=True)

    yield goes_on
    if shown:
        click.echo("\r\x1b[K", nl=False, err=True)  # to the end of the line: what follows is the answer


def critical(text: str) -> str:
    """The line that stands before all others."""
    return click.style(f"CRITICAL: {text}", fg="red", bold=True)
