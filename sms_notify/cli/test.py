"""`sms-notify test`: stories, the unit tests of a configuration."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sms_notify.cli.common import json_of, json_option
from sms_notify.cli.terminal import progress, terminal_width
from sms_notify.errors import ConfigError, Fault
from sms_notify.logs import printable

if TYPE_CHECKING:
    from sms_notify.stories.judging import StoryVerdict
    from sms_notify.stories.played import StoryText
    from sms_notify.stories.reading import Story

_NOT_UNDERSTOOD = 2


@click.command("test")
@click.option("-v", "--verbose", is_flag=True, help="Print the texts of every story.")
@json_option
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_context
def story_tests(ctx: click.Context, files: tuple[Path, ...], verbose: bool, as_json: bool) -> None:
    """Play stories on a virtual clock, and say whether the phones got what each expects. Nothing is sent.

    A story names what happens (alerts, acknowledgements, a gateway that refuses, a restart) and what must follow (who is
    texted, who is not, what it costs). Exit 1 if one fails, 2 if a file is not understood.

    \b
    Example:
      sms-notify test configs/stories.yml
      sms-notify test -v --json tests/*.yml
    """
    logging.getLogger("sms_notify").addHandler(logging.NullHandler())  # the texts tell the same
    stories, faults = _read(files)
    if faults:
        if as_json:
            click.echo(json_of({"faults": [asdict(fault) for fault in faults]}))
        for fault in faults:
            click.echo(printable(str(fault)), err=True)
        ctx.exit(_NOT_UNDERSTOOD)
    verdicts = _judged(stories, verbose, quiet=as_json)
    failed = sum(not verdict.passed for verdict in verdicts)
    if as_json:
        click.echo(json_of(_document(verdicts, failed)))
    else:
        click.echo(f"{_stories(len(verdicts))}: {len(verdicts) - failed} passed, {failed} failed")
    ctx.exit(1 if failed else 0)


def _stories(number: int) -> str:
    return f"{number} story" if number == 1 else f"{number} stories"


def _read(files: Sequence[Path]) -> tuple[list[Story], list[Fault]]:
    """Every story of every file, or what is wrong with any of them."""
    from sms_notify.stories.reading import read_stories

    stories: list[Story] = []
    faults: list[Fault] = []
    for file in files:
        try:
            stories += read_stories(file)
        except ConfigError as error:
            faults += error.faults
    return stories, faults


def _judged(stories: Sequence[Story], verbose: bool, *, quiet: bool) -> list[StoryVerdict]:
    """Told one by one, as they end: a long file shows where it is. A bar does so where these lines go elsewhere."""
    from sms_notify.stories.judging import judge

    verdicts = []
    hidden = quiet or terminal_width() is None
    with progress("playing", len(stories) if hidden else 0) as update:
        for story in stories:
            verdicts.append(judge(story))
            update(1)
            if not quiet:
                _tell(verdicts[-1], verbose)
    return verdicts


def _tell(verdict: StoryVerdict, verbose: bool) -> None:
    word = "ok    " if verdict.passed else "FAILED"
    click.echo(printable(f"{word} {verdict.story.file}: {verdict.story.name}"))
    for failure in verdict.failures:
        for line in str(failure).splitlines():
            click.echo(printable(f"  {line}"))
    if verbose or not verdict.passed:
        for text in verdict.texts:
            click.echo(printable(f"    {_when(text)}  {', '.join(text.to)}: {text.body}"))


def _when(text: StoryText) -> str:
    from sms_notify.config.durations import spell_duration

    return f"{text.wall:%a %H:%M:%S} UTC (+{spell_duration(text.at)})"


def _document(verdicts: Sequence[StoryVerdict], failed: int) -> dict[str, object]:
    return {
        "passed": len(verdicts) - failed,
        "failed": failed,
        "stories": [_row(verdict) for verdict in verdicts],
    }


def _row(verdict: StoryVerdict) -> dict[str, object]:
    return {
        "file": verdict.story.file,
        "line": verdict.story.line,
        "story": verdict.story.name,
        "passed": verdict.passed,
        "failures": [
            {"line": failure.line or None, "expectation": failure.words, "why": failure.why}
            for failure in verdict.failures
        ],
        "credits": verdict.credits,
        "texts": [
            {
                "at": text.wall,
                "after_seconds": text.at.total_seconds(),
                "to": list(text.to),
                "text": text.body,
                "gateway": text.gateway or None,
                "credits": text.credits,
                "report": text.report or None,
            }
            for text in verdict.texts
        ],
    }
