"""What one or two configurations cost, as a table for a terminal: numbers side by side, with the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from sms_notify.alert import Severity
from sms_notify.backtest.statistics import Amount, Tally
from sms_notify.logs import printable
from sms_notify.policy.vocabulary import Heard, Kind
from sms_notify.store.history import Untold

_NONE = Amount()
_TABLES: tuple[tuple[str, Callable[[Tally], Mapping[str, Amount]]], ...] = (
    ("by day", lambda tally: tally.days),
    ("by person", lambda tally: tally.people),
    ("by rule", lambda tally: tally.rules),
    ("by kind", lambda tally: tally.kinds),
)
Cells = tuple[str, ...]


def report(names: Sequence[str], tallies: Sequence[Tally]) -> str:
    """The whole report. Two configurations stand beside each other; what is listed of the missed is each one's own."""
    blocks = [_amounts(names, tallies), _facts(names, tallies)]
    for name, tally in zip(names, tallies, strict=True):
        if tally.left.listed:
            blocks.append(_missed(name, tally))
    return "\n\n".join(blocks)


# Texts, parts and credits.


def _amounts(names: Sequence[str], tallies: Sequence[Tally]) -> str:
    rows: list[Cells] = [
        ("", *("texts", "parts", "credits") * len(names), *("+/-",) * (len(names) - 1)),
        _row("in all", [tally.total for tally in tallies]),
    ]
    for title, of in _TABLES:
        rows.append((title,))
        keys = sorted({key for tally in tallies for key in of(tally)})
        rows += [_row(f"  {key}", [of(tally).get(key, _NONE) for tally in tallies]) for key in keys]
    return _aligned(rows, names)


def _row(title: str, amounts: Sequence[Amount]) -> Cells:
    cells = [str(n) for amount in amounts for n in (amount.texts, amount.parts, amount.credits)]
    if len(amounts) == 2:
        cells.append(_signed(amounts[1].credits - amounts[0].credits))
    return (title, *cells)


def _signed(n: int) -> str:
    return f"{n:+d}" if n else "0"


# What became of the alerts.

_Fact = tuple[str, Callable[[Tally], int | timedelta | None]]
_FACTS: tuple[tuple[str, tuple[_Fact, ...]], ...] = (
    (
        "alerts",
        (
            ("told to us", lambda tally: sum(tally.alerts.values())),
            ("new problems", lambda tally: tally.alerts[Heard.FIRST]),
            ("repeats", lambda tally: tally.alerts[Heard.DUPLICATE]),
            ("for nobody", lambda tally: tally.alerts[Heard.NOBODY]),
            ("acknowledged", lambda tally: tally.acknowledged),
        ),
    ),
    (
        "critical problems, from arrival to the first text",
        (
            ("told", lambda tally: len(tally.waits)),
            ("never told", lambda tally: tally.untold_critical),
            ("half waited at most", lambda tally: tally.wait_of(0.5)),
            ("95 % waited at most", lambda tally: tally.wait_of(0.95)),
            ("longest wait", lambda tally: tally.longest.wait if tally.longest else None),
        ),
    ),
    (
        "missed: nobody was told",
        (
            ("incidents", lambda tally: tally.untold_at_all),
            ("still open at the end", lambda tally: tally.untold_open),
            ("ended before they were told", lambda tally: tally.untold_over),
        ),
    ),
    (
        "merged",
        (
            ("texts about several things", lambda tally: tally.merged_texts),
            ("things told in them", lambda tally: tally.merged_things),
        ),
    ),
)


def _facts(names: Sequence[str], tallies: Sequence[Tally]) -> str:
    two = len(names) == 2
    rows: list[Cells] = [("", *names, "+/-") if two else ("", *names)]
    for title, facts in _FACTS:
        rows.append((title,))
        rows += [_fact(f"  {name}", [of(tally) for tally in tallies]) for name, of in facts]
    for title, counted in _pages(tallies):
        rows.append((title,))
        keys = sorted({key for table in counted for key in table})
        rows += [_fact(f"  {key}", [table.get(key, 0) for table in counted]) for key in keys]
    return _aligned(rows)


def _pages(tallies: Sequence[Tally]) -> Iterator[tuple[str, list[Mapping[str, int]]]]:
    """What was held or dropped and why, where anything was."""
    named: tuple[tuple[str, Callable[[Tally], Mapping[str, int]]], ...] = (
        ("held for a while, then told", lambda tally: tally.held()),
        ("still held at the end", lambda tally: _by_why(tally.left.still_held)),
        ("dropped untold", lambda tally: _by_why(tally.left.dropped)),
    )
    for title, of in named:
        counted = [of(tally) for tally in tallies]
        if any(counted):
            yield title, counted


def _by_why(pages: Mapping[tuple[Kind, str], int]) -> dict[str, int]:
    return {f"{kind}, {why}": n for (kind, why), n in pages.items()}


def _fact(title: str, values: Sequence[int | timedelta | None]) -> Cells:
    cells = [_shown(value) for value in values]
    if len(values) == 2:
        cells.append(_difference(*values))
    return (title, *cells)


def _shown(value: int | timedelta | None) -> str:
    if value is None:
        return "-"
    return spelled(value) if isinstance(value, timedelta) else str(value)


def _difference(first: int | timedelta | None, second: int | timedelta | None) -> str:
    if isinstance(first, timedelta) and isinstance(second, timedelta):
        by = second - first
        return "0" if not by else ("+" if by > timedelta() else "-") + spelled(abs(by))
    return _signed(second - first) if isinstance(first, int) and isinstance(second, int) else ""


def spelled(wait: timedelta) -> str:
    """`0s`, `45s`, `1m30s`, `2h05m`: short enough for a column."""
    seconds = round(wait.total_seconds())
    if seconds < 60:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m{seconds:02d}s" if seconds else f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m"


# What was missed.


def _missed(name: str, tally: Tally) -> str:
    listed = tally.left.listed
    left = tally.untold_at_all - len(listed)
    more = f", the first {len(listed)} of {tally.untold_at_all}" if left > 0 else ""
    return "\n".join([f"nobody was told of, by {name}{more}:", *(f"  {_incident(one)}" for one in listed)])


def _incident(one: Untold) -> str:
    urgent = "CRITICAL " if one.severity is Severity.CRITICAL else ""
    labels = {key: value for key, value in one.labels.items() if key not in ("alertname", "severity")}
    about = " ".join(f"{key}={value}" for key, value in sorted(labels.items()))[:100]
    by = f" by {one.held_by}" if one.held_by else ""
    why = f"{one.page}: {one.why}{by}" if one.page else "nobody on call"
    title = f"{urgent}{one.labels.get('alertname', 'alert')} {about}".rstrip()
    return printable(f"{one.opened_at:%Y-%m-%d %H:%M} UTC  {title} ({one.state}; {why})")


def _aligned(rows: Sequence[Cells], names: Sequence[str] = ()) -> str:
    """The first column to the left, the others to the right; a row of one cell takes no part in the widths.

    `names` stand above three columns each.
    """
    clean = [tuple(printable(cell) for cell in row) for row in rows]
    full = [row for row in clean if len(row) > 1]
    widths = [max(len(row[n]) for row in full) for n in range(len(full[0]))]
    for n, name in enumerate(names):
        first = 1 + 3 * n
        widths[first] += max(0, len(printable(name)) - (sum(widths[first : first + 3]) + 4))
    headings = "".join(
        "  " + printable(name).rjust(sum(widths[1 + 3 * n : 4 + 3 * n]) + 4) for n, name in enumerate(names)
    )
    lines = [" " * widths[0] + headings] if names else []
    for row in clean:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)
