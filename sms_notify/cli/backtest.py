"""`sms-notify backtest`: what recorded alerts would have cost and told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, tzinfo
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from zoneinfo import ZoneInfo

import click

from sms_notify.cli.common import config_option, json_of, settings_of
from sms_notify.cli.terminal import progress
from sms_notify.errors import UsageError
from sms_notify.ownership import why_denied

if TYPE_CHECKING:
    from sms_notify.backtest.baseline import OneText
    from sms_notify.backtest.recording import Event, Recording
    from sms_notify.backtest.replay import Replay, Setup
    from sms_notify.backtest.statistics import Tally
    from sms_notify.config.settings import Settings
    from sms_notify.policy.rotations import Shift
    from sms_notify.store.database import Database

STORE, STDIN = "store", "-"
_STEP = 65_536  # bytes from one look at the bar to the next
_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


@click.command()
@config_option
@click.option(
    "--against", metavar="FILE", help="A second configuration to compare with, or one-text-a-notification."
)
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Draw a picture, too: FILE ends in .svg or .png.",
)
@click.option("--skip-bad", is_flag=True, help="Skip lines that cannot be read, and count them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("alerts")
@click.pass_context
def backtest(
    ctx: click.Context,
    config_file: str | None,
    against: str | None,
    plot: Path | None,
    skip_bad: bool,
    as_json: bool,
    alerts: str,
) -> None:
    """Replay recorded alerts through a configuration on a virtual clock: texts, credits, waits, and what was missed.

    ALERTS is a file of JSON lines, `-` for standard input, or `store` for what this configuration's own database
    remembers. Nothing is sent, and nothing is written but the plot.

    \b
    Example:
      sms-notify backtest --config sms-notify.yml --against stricter.yml alerts.jsonl --plot costs.svg
      sms-notify backtest --against one-text-a-notification store
    """
    settings = settings_of(ctx, config_file)
    _check(plot)
    with ExitStack() as stack:
        found = stack.enter_context(_events(settings, alerts, skip_bad))
        sides = _sides(stack, settings, against, found, of_store=alerts == STORE)
        for event in found.all():
            for side in sides:
                side.feed(event)
        for side in sides:
            side.finish()
    names = _names([side.name for side in sides])
    tallies = [side.tally for side in sides]
    _print(names, tallies, found.skipped, as_json)
    if plot is not None:
        from sms_notify.backtest.plot import draw

        draw(plot, names, tallies)


def _check(plot: Path | None) -> None:
    """Before the work of an hour: that its picture can be drawn."""
    if plot is not None:
        from sms_notify.backtest.plot import check

        check(plot)


def _names(files: Sequence[str]) -> list[str]:
    """Short ones, where these differ."""
    short = [Path(file).name for file in files]
    return short if len(set(short)) == len(short) else list(files)


def _print(names: Sequence[str], tallies: Sequence[Tally], skipped: int, as_json: bool) -> None:
    from sms_notify.backtest.statistics import as_document
    from sms_notify.backtest.table import report

    if as_json:
        sides = [{"configuration": n} | as_document(t) for n, t in zip(names, tallies, strict=True)]
        click.echo(json_of({"skipped_lines": skipped, "results": sides}))
        return
    click.echo(report(names, tallies))
    if skipped:
        lines = "line" if skipped == 1 else "lines"
        click.echo(f"\n{skipped} {lines} could not be read: skipped")


# What is replayed.


class _Found:
    """The events of a recording, the first of which is known before they are replayed."""

    def __init__(self, events: Iterator[Event], recording: Recording | None) -> None:
        self._events = events
        self.first = next(events, None)
        self.recording = recording

    def all(self) -> Iterator[Event]:
        if self.first is not None:
            yield from chain((self.first,), self._events)

    @property
    def skipped(self) -> int:
        return self.recording.skipped if self.recording is not None else 0


@contextmanager
def _events(settings: Settings, alerts: str, skip_bad: bool) -> Iterator[_Found]:
    from sms_notify.backtest.recording import Recording, of_store
    from sms_notify.store.database import open_store

    if alerts == STORE:
        store = open_store(settings.storage_url)
        _warn_of_erased(store)
        yield _Found(iter(of_store(store)), None)
        return
    with ExitStack() as stack:
        name, file = _opened(stack, alerts)
        recording = Recording(name, file, skip_bad=skip_bad)
        events = stack.enter_context(_watched(recording, alerts))
        yield _Found(events, recording)


def _warn_of_erased(store: Database) -> None:
    from sms_notify.store.history import count_erased

    with store.reading() as tx:
        erased = count_erased(tx)
    if erased:
        said = f"warning: {erased} older alerts are not replayed: their labels are erased (keep.texts)"
        click.echo(said, err=True)


def _opened(stack: ExitStack, alerts: str) -> tuple[str, BinaryIO]:
    if alerts == STDIN:
        return "standard input", sys.stdin.buffer
    try:
        return alerts, stack.enter_context(Path(alerts).open("rb"))
    except OSError as error:
        raise UsageError(
            f"{alerts}: {why_denied(Path(alerts), error)}; name a file of JSON lines, - for standard input, or {STORE}"
        ) from None


@contextmanager
def _watched(recording: Recording, alerts: str) -> Iterator[Iterator[Event]]:
    """With a bar on standard error, where somebody is there to watch it."""
    size = Path(alerts).stat().st_size if alerts != STDIN else 0
    with progress("replaying", size) as update:
        yield _moving(recording, update)


def _moving(recording: Recording, update: Callable[[int], None]) -> Iterator[Event]:
    seen = 0
    for event in recording:
        yield event
        if recording.read - seen >= _STEP:
            update(recording.read - seen)
            seen = recording.read
    update(recording.read - seen)


# Through what.


def _sides(
    stack: ExitStack, settings: Settings, against: str | None, found: _Found, *, of_store: bool
) -> list[Replay | OneText]:
    from sms_notify.backtest.baseline import NAME, OneText
    from sms_notify.backtest.replay import Replay

    overrides = _overrides(settings) if of_store else {}
    first = _setup(settings, found.first, overrides)
    zone = _zone(settings)
    sides: list[Replay | OneText] = [stack.enter_context(Replay(first, zone))]
    if against == NAME:
        sides.append(OneText(first, zone))
    elif against is not None:
        from sms_notify.config.load import load

        other = load(Path(against), os.environ)
        sides.append(stack.enter_context(Replay(_setup(other, found.first, overrides), zone)))
    return sides


def _setup(settings: Settings, first: Event | None, overrides: Mapping[str, Sequence[Shift]]) -> Setup:
    from sms_notify.backtest.replay import Setup
    from sms_notify.cli.options import plan_at
    from sms_notify.daemon.wiring import account_of, plan_of

    if not settings.gateways:
        raise UsageError(
            f"{settings.source}: no gateway is configured, so nothing would be sent; add one under `gateways:`"
        )
    plan = plan_at(settings, first.at) if first is not None else plan_of(settings)
    account = account_of(settings.gateways[0], plan)
    return Setup(settings.source, plan, account, overrides)


def _overrides(settings: Settings) -> Mapping[str, Sequence[Shift]]:
    from sms_notify.cli.options import overrides_at
    from sms_notify.oncall.roster import by_schedule

    return by_schedule(overrides_at(settings, _LONG_AGO))


def _zone(settings: Settings) -> tzinfo:
    """Days are those of the gateway's clock, as on its bill."""
    return ZoneInfo(settings.gateways[0].timezone)
