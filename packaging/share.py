"""Writes the man pages and the completion files, made from the commands themselves: nobody edits them.

    python packaging/share.py FOLDER [VERSION]

FOLDER gets the layout of /usr/share: man/man1, bash-completion/completions, zsh/site-functions and
fish/vendor_completions.d. The date in a man page is that of $SOURCE_DATE_EPOCH, else there is none, so that the same
commit makes the same bytes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import cleandoc
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from sms_notify.cli import COMMANDS
from sms_notify.cli.tree import group

PROGRAM = "sms-notify"
COMPLETION = {
    "bash": "bash-completion/completions/sms-notify",
    "zsh": "zsh/site-functions/_sms-notify",
    "fish": "fish/vendor_completions.d/sms-notify.fish",
}
ENDING = f"""\
.SH EXIT STATUS
.TP
.B 0
done
.TP
.B 1
it did not work; standard error says why
.TP
.B 2
wrong use of the command line
.P
A command with other codes names them above.
.SH FILES
.TP
.I /etc/sms\\-notify/sms\\-notify.yml
the configuration, where neither
.B \\-\\-config
nor
.B $SMS_NOTIFY_CONFIG
names one and there is no
.I ./sms\\-notify.yml
.TP
.I /var/spool/sms\\-notify
where the command hooks hand notifications over
.SH SEE ALSO
.BR {PROGRAM.replace("-", chr(92) + "-")} (1)
"""


@dataclass(frozen=True, slots=True)
class Help:
    """What a command says of itself: its sentences, and its examples as they are typed."""

    paragraphs: Sequence[str]
    examples: Sequence[str]


def roff(text: str) -> str:
    """Text as roff prints it letter for letter."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^(?=[.'])", r"\\&", escaped, flags=re.MULTILINE)


def help_of(command: click.Command) -> Help:
    r"""The command's docstring; a paragraph that begins with \b keeps its lines, as in `--help`."""
    paragraphs: list[str] = []
    examples: list[str] = []
    for paragraph in cleandoc(command.help or "").split("\n\n"):
        verbatim = paragraph.startswith("\b")
        lines = paragraph.removeprefix("\b").strip("\n").splitlines()
        if lines and lines[0].startswith("Example:"):
            inline = lines[0].removeprefix("Example:").strip()
            examples += [inline] * bool(inline) + [line.strip() for line in lines[1:]]
        else:
            text = "\n".join(roff(line if verbatim else line.strip()) for line in lines)
            paragraphs.append(f".nf\n{text}\n.fi" if verbatim else text)
    return Help(paragraphs, examples)


def synopsis(context: click.Context) -> str:
    words = " ".join(context.command.collect_usage_pieces(context))
    return f".B {roff(context.command_path)}\n{roff(words)}"


def options(context: click.Context) -> Iterator[str]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and (
            record[1] or isinstance(parameter, click.Option)
        ):  # sentences explain an argument
            yield f".TP\n.B {roff(record[0])}\n{roff(' '.join(record[1].split()))}"


def children(context: click.Context) -> Iterator[click.Context]:
    """The commands below this one, at any depth, in the order of `--help`; none below the root, which has its pages."""
    command = context.command
    if not isinstance(command, click.Group) or context.parent is None:
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            below = click.Context(found, info_name=name, parent=context)
            yield below
            yield from children(below)


def described(context: click.Context) -> Iterator[str]:
    """A command inside the page of its group."""
    said = help_of(context.command)
    yield f".SS {roff(context.command_path)}"
    yield synopsis(context)
    for paragraph in said.paragraphs:
        yield f".P\n{paragraph}"
    yield from options(context)
    if said.examples:
        yield from (".P", "Example:", *typed(said.examples))


def typed(lines: Sequence[str]) -> Iterator[str]:
    yield from (".P", ".nf", ".RS", *(roff(line) for line in lines), ".RE", ".fi")


def all_commands() -> Iterator[str]:
    """The list of every command, for the root's page."""
    yield ".SH COMMANDS"
    for name, (_, _, about) in COMMANDS.items():
        yield f".TP\n.BR {roff(f'{PROGRAM}-{name}')} (1)\n{roff(about)}"


def page(context: click.Context, about: str, version: str) -> str:
    """One man page, whole."""
    said, name = help_of(context.command), context.command_path.replace(" ", "-")
    inner = [line for child in children(context) for line in described(child)]
    lines = [
        f'.TH "{roff(name.upper())}" 1 "{date()}" "{PROGRAM} {version}" "User Commands"',
        f".SH NAME\n{roff(name)} \\- {roff(about.rstrip('.'))}",
        f".SH SYNOPSIS\n{synopsis(context)}",
        ".SH DESCRIPTION",
        *(f".P\n{paragraph}" for paragraph in said.paragraphs),
        *(all_commands() if context.parent is None else ()),
        ".SH OPTIONS",
        *options(context),
        *([".SH COMMANDS", *inner] if inner else ()),
        *([".SH EXAMPLES", *typed(said.examples)] if said.examples else ()),
    ]
    return "\n".join(lines) + "\n" + ENDING


def date() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return f"{datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%d}" if epoch else ""


def pages(version: str) -> Iterator[tuple[str, str]]:
    """Each man page with its file's name."""
    root = click.Context(group, info_name=PROGRAM, **group.context_settings)
    yield f"{PROGRAM}.1", page(root, "alerts to people's phones, by SMS", version)
    for name, (_, _, about) in COMMANDS.items():
        command = group.get_command(root, name)
        assert command is not None, name  # noqa: S101 - the table names it
        yield f"{PROGRAM}-{name}.1", page(click.Context(command, info_name=name, parent=root), about, version)


def completion(shell: str) -> str:
    """click's own file for a shell: at each TAB it asks the program, which thereby never knows more or less."""
    kind = get_completion_class(shell)
    assert kind is not None, shell  # noqa: S101 - click's own three
    made = kind(group, {}, PROGRAM, "_SMS_NOTIFY_COMPLETE")
    return made.source_template % made.source_vars() + "\n"


def write(folder: Path, version: str) -> None:
    files = {f"man/man1/{name}": text for name, text in pages(version)}
    files |= {path: completion(shell) for shell, path in COMPLETION.items()}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
