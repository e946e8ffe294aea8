"""Every command and option is documented, and every command line that is shown would be understood."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from docs_pages import BLOCK, DOCS, PAGES, SPAN, blocks, read, rows, section

from sms_notify.cli import COMMANDS, group


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        yield from within(name, command)


def within(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """The command, or all that are below it."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    for below, found in command.commands.items():
        yield from within(f"{name} {below}", found)


ALL_COMMANDS = dict(commands())


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_the_table_of_commands_names_every_command(name: str) -> None:
    table = rows(section(read(DOCS / "reference" / "commands.md"), "All commands"))

    assert [word for word in table if f"{word} ".startswith(f"{name} ")]


def test_the_table_of_commands_names_no_other_command() -> None:
    table = rows(section(read(DOCS / "reference" / "commands.md"), "All commands"))

    assert [word for word in table if command_of(word.split()) is None] == []


def command_of(words: list[str]) -> str | None:
    """The longest beginning of these words that is a command."""
    beginnings = (" ".join(words[:count]) for count in range(min(3, len(words)), 0, -1))
    return next((beginning for beginning in beginnings if beginning in ALL_COMMANDS), None)


def options_of(command: click.Command) -> set[str]:
    return {
        spelled
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for spelled in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_option_of_a_command_stands_in_its_section(name: str) -> None:
    told = section(read(DOCS / "reference" / "commands.md"), name)
    documented = set(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", BLOCK.sub("", told)))

    assert documented == options_of(ALL_COMMANDS[name])


def spoken_of() -> Iterator[Any]:
    """Each `command --option` that a page speaks of without the program's name. A hook takes any option."""
    hooks = {"nagios", "icinga", "checkmk"}
    for page in PAGES:
        for span in SPAN.findall(BLOCK.sub("", read(page))):
            name = command_of(span.split())
            options = re.findall(r"(?<=\s)--?[a-z][a-z0-9-]*", span)
            if name is not None and name not in hooks and options:
                yield pytest.param(name, options, id=f"{page.name}: {span}"[:80])


@pytest.mark.parametrize(("name", "options"), list(spoken_of()))
def test_an_option_that_is_spoken_of_is_one_of_its_command(name: str, options: list[str]) -> None:
    assert set(options) - options_of(ALL_COMMANDS[name]) - {"-h", "--help"} == set()


def shell_lines() -> Iterator[tuple[str, str, bool]]:
    """Page, command line, and whether it is meant to be run as it stands."""
    for page in PAGES:
        text = read(page)
        for kind, block in blocks(text):
            for line in block.replace("\\\n", " ").splitlines():
                if kind.startswith("console") and line.startswith("$ "):
                    yield page.name, line[2:], True
                elif kind.startswith(("sh", "ini")):
                    yield page.name, line.removeprefix("ExecStart="), True
        yield from ((page.name, span, False) for span in SPAN.findall(BLOCK.sub("", text)))


def our_words(line: str) -> Iterator[list[str]]:
    """The words after `sms-notify` in each simple command of a shell line that calls it."""
    lexer = shlex.shlex(re.sub(r"\s\d?>>?\s*\S+", "", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    for word in [*lexer, "|"]:
        if word not in ("|", "||", "&&", "&", ";", ">", "<"):
            command.append(word)
            continue
        while command and re.match(r"[A-Z_]+=", command[0]):
            command = command[1:]
        if command[:2] == ["sudo", "-u"]:
            command = command[3:]
        if command[:2] == ["podman", "exec"]:
            command = command[3:]
        if len(command) > 1 and Path(command[0]).name == "sms-notify" and "…" not in command:
            yield command[1:]
        command = []


def shown_commands() -> Iterator[Any]:
    for page, line, whole in shell_lines():
        if "sms-notify" in line:
            for words in our_words(line):
                yield pytest.param(words, whole, id=f"{page}: {' '.join(words)}"[:80])


def parse(words: list[str], whole: bool) -> None:
    """Parses as the program would, without running anything. Raises click.UsageError."""
    try:
        context = group.make_context("sms-notify", list(words))
        found: click.Group = group
        rest = [*context._protected_args, *context.args]
        while rest:
            _, command, rest = found.resolve_command(context, rest)
            assert command is not None
            if not isinstance(command, click.Group):
                command.make_context(words[0], rest, parent=context)
                return
            found = command
    except click.exceptions.Exit:  # --version has said what it had to say
        return
    except click.MissingParameter:
        if whole:
            raise
    except click.BadParameter as error:
        if error.param is None or not isinstance(error.param.type, click.Path):
            raise


@pytest.mark.parametrize(("words", "whole"), list(shown_commands()))
def test_a_command_line_that_is_shown_would_be_understood(words: list[str], whole: bool) -> None:
    parse(words, whole)


@pytest.mark.parametrize(
    "line",
    [
        "sms-notify grafana",
        "SMS_PASSWORD=none sms-notify grafana",
        "podman exec CONTAINER sms-notify grafana",
        "sms-notify send --too x y",
        "sms-notify serve --log-level loud",
        "sms-notify report",
    ],
)
def test_a_command_line_that_cannot_be_would_be_noticed(line: str) -> None:
    [words] = our_words(line)
    with pytest.raises(click.UsageError):
        parse(words, True)
