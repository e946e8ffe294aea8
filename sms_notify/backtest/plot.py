"""One picture of one or two configurations: what they cost, whom they text, and how long critical trouble waits.

The only room that knows matplotlib, an optional extra. The same numbers make the same file, byte for byte.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sms_notify.backtest.statistics import Amount, Tally
from sms_notify.backtest.table import spelled
from sms_notify.errors import UsageError
from sms_notify.ownership import why_denied

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png")
_MOST_BARS = 45  # more days than these are shown as weeks, more weeks as months
_MOST_PEOPLE = 10
_FILLS = ("#1f4e79", "#e8a33d")  # told apart by their lightness alone, too
_HATCHES = ("", "////")
_LINES = ("-", "--")
_DOTS = ("o", "D")
_INK, _FAINT = "#222222", "#d9d9d9"
_STYLE: Any = {
    "svg.hashsalt": "sms-notify",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": _INK,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _FAINT,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "text.color": _INK,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class _Spans:
    """The bars along the time: days, or weeks or months where days would be too many."""

    word: str
    starts: tuple[date, ...]

    def index(self, day: date) -> int:
        return self.starts.index(_start(self.word, day))

    @property
    def labels(self) -> list[str]:
        shown = "%b %Y" if self.word == "month" else "%d %b"
        return [f"{start:{shown}}".lstrip("0") for start in self.starts]


def check(path: Path) -> None:
    """Raises UsageError where the picture cannot be drawn: a strange suffix, a missing folder, or no matplotlib."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a plot is drawn as {' or '.join(SUFFIXES)}; give the file such a name")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: the folder {path.absolute().parent} is not there; make it first")
    try:
        import matplotlib  # noqa: F401 - only whether it is there
    except ImportError:
        raise UsageError(
            f"--plot needs matplotlib, which is not installed: {sys.prefix}/bin/pip install 'sms-notify[plot]'"
        ) from None


def draw(path: Path, names: Sequence[str], tallies: Sequence[Tally]) -> None:
    """Writes the picture. Raises UsageError where it cannot be drawn or written."""
    check(path)
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(10.5, 7.2), layout="constrained")
        FigureCanvasAgg(figure)
        figure.get_layout_engine().set(h_pad=0.08, w_pad=0.1)  # type: ignore[union-attr,call-arg]
        _fill(figure, names, tallies)
        kind = path.suffix.lower().removeprefix(".")
        metadata = {"Date": None, "Creator": "sms-notify"} if kind == "svg" else {"Software": "sms-notify"}
        try:
            figure.savefig(path, format=kind, dpi=120, metadata=metadata)
        except OSError as error:
            raise UsageError(
                f"{path}: {why_denied(path, error)}; choose a file that is ours to write"
            ) from None


def _fill(figure: Figure, names: Sequence[str], tallies: Sequence[Tally]) -> None:
    spans = _spans(tallies)
    axes = figure.subplots(2, 2, width_ratios=(3, 2))
    _credits(axes[0][0], spans, names, tallies)
    _sum(axes[0][1], spans, tallies)
    _waits(axes[1][0], spans, tallies)
    _people(axes[1][1], tallies)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=1, fontsize=10)


# Along the time.


def _spans(tallies: Sequence[Tally]) -> _Spans:
    """Without holes: a day on which nothing was sent is a day all the same."""
    days = [date.fromisoformat(day) for tally in tallies for day in (*tally.days, *tally.longest_by_day)] or [
        date(2000, 1, 1)
    ]
    every = [min(days) + timedelta(days=n) for n in range((max(days) - min(days)).days + 1)]
    for word in ("day", "week", "month"):
        starts = tuple(dict.fromkeys(_start(word, day) for day in every))
        if len(starts) <= _MOST_BARS:
            break
    return _Spans(word, starts)


def _start(word: str, day: date) -> date:
    if word == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if word == "month" else day


def _credits(axes: Axes, spans: _Spans, names: Sequence[str], tallies: Sequence[Tally]) -> None:
    for n, (name, tally) in enumerate(zip(names, tallies, strict=True)):
        total = tally.total
        legend = f"{name}: {total.credits} credits, {total.texts} texts, {_worst(tally)}"
        _bars(axes, n, len(tallies), _by_span(spans, tally.days), label=legend)
    axes.set_title(f"Credits by {spans.word}")
    _along(axes, spans)


def _worst(tally: Tally) -> str:
    wait = (
        f"longest critical wait {spelled(tally.longest.wait)}" if tally.longest else "nothing critical told"
    )
    return wait + (f", {tally.untold_critical} critical never told" if tally.untold_critical else "")


def _by_span(spans: _Spans, days: Mapping[str, Amount]) -> list[float]:
    found = [0.0] * len(spans.starts)
    for day, amount in days.items():
        found[spans.index(date.fromisoformat(day))] += amount.credits
    return found


def _bars(axes: Axes, n: int, of: int, heights: Sequence[float], label: str = "") -> list[float]:
    """Draws one configuration's bars beside the other's; returns where they stand."""
    width = 0.8 / of
    places = [place - 0.4 + width * (n + 0.5) for place in range(len(heights))]
    axes.bar(places, heights, width, label=label, **_look(n))
    return places


def _look(n: int) -> dict[str, Any]:
    return {
        "color": _FILLS[n],
        "hatch": _HATCHES[n],
        "edgecolor": "white" if n == 0 else "#8a5a10",
        "linewidth": 0.5,
    }


def _sum(axes: Axes, spans: _Spans, tallies: Sequence[Tally]) -> None:
    for n, tally in enumerate(tallies):
        heights = list(accumulate(_by_span(spans, tally.days)))
        axes.plot(
            range(len(heights)), heights, _LINES[n], color=_FILLS[n], linewidth=2.2, marker="o", markersize=3
        )
        axes.annotate(
            f" {heights[-1]:.0f}", (len(heights) - 1, heights[-1]), va="center", fontweight="bold", annotation_clip=False
        )  # fmt: skip
    axes.set_title("Credits, added up")
    _along(axes, spans, labels=6)
    axes.set_xlim(-0.6, (len(spans.starts) - 1) * 1.09 + 0.4)  # room for the sums at the end
    axes.set_ylim(top=axes.get_ylim()[1] * 1.04)


def _waits(axes: Axes, spans: _Spans, tallies: Sequence[Tally]) -> None:
    """A dot on the ground says that there was critical trouble and that it was told at once."""
    for n, tally in enumerate(tallies):
        minutes: dict[int, float] = {}
        for day, wait in tally.longest_by_day.items():
            place = spans.index(date.fromisoformat(day))
            minutes[place] = max(minutes.get(place, 0.0), wait / timedelta(minutes=1))
        heights = [minutes.get(place, 0.0) for place in range(len(spans.starts))]
        places = _bars(axes, n, len(tallies), heights)
        at_once = [places[place] for place, height in minutes.items() if not round(height, 1)]
        axes.plot(at_once, [0.0] * len(at_once), _DOTS[n], color=_FILLS[n], clip_on=False, zorder=3)
        _name_worst(axes, places, heights)
    axes.set_title(f"Longest wait of a critical problem for its first text, by {spans.word}")
    axes.set_ylabel("minutes (a dot: told at once)")
    _along(axes, spans)
    axes.set_ylim(top=max(1.0, axes.get_ylim()[1] * 1.08))


def _name_worst(axes: Axes, places: Sequence[float], heights: Sequence[float]) -> None:
    worst = max(range(len(heights)), key=lambda place: heights[place])
    if round(heights[worst], 1):
        said = spelled(timedelta(minutes=heights[worst]))
        axes.annotate(
            said,
            (places[worst], heights[worst]),
            (0, 2),
            textcoords="offset points",
            ha="center",
            fontweight="bold",
        )


def _along(axes: Axes, spans: _Spans, labels: int = 10) -> None:
    step = -(-len(spans.starts) // labels)
    places = range(0, len(spans.starts), step)
    axes.set_xticks(list(places), [spans.labels[place] for place in places])
    axes.set_xlim(-0.6, len(spans.starts) - 0.4)
    axes.set_ylim(bottom=0)
    axes.grid(visible=False, axis="x")
    axes.locator_params(axis="y", integer=True, nbins=6)


# By person.


def _people(axes: Axes, tallies: Sequence[Tally]) -> None:
    """Those with the most texts, the busiest on top."""
    most = {
        name: max(tally.people.get(name, Amount()).texts for tally in tallies)
        for tally in tallies
        for name in tally.people
    }
    names = sorted(most, key=lambda name: (-most[name], name))[:_MOST_PEOPLE]
    height = 0.8 / len(tallies)
    for n, tally in enumerate(tallies):
        texts = [tally.people.get(name, Amount()).texts for name in names]
        places = [place - 0.4 + height * (n + 0.5) for place in range(len(names))]
        bars = axes.barh(places, texts, height, **_look(n))
        axes.bar_label(bars, padding=3)
    left = len(most) - len(names)
    axes.set_title("Texts by person" + (f" (and {left} more)" if left else ""))
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", integer=True, nbins=6)
