"""The man pages and the completion files that are shipped: they name what the program has, and shells and man read them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from sms_notify.cli import COMMANDS, group

ROOT = Path(__file__).parent.parent
PROGRAM = "sms-notify"


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("share"))


def made(folder: Path) -> Path:
    command = [sys.executable, str(ROOT / "packaging" / "share.py"), str(folder), "1.2.3"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(command, env=environment, check=True)
    return folder


def every_command() -> Iterator[list[str]]:
    """The words of every command and group; none for the root, which is first."""
    yield []
    waiting = [([name], found) for name in COMMANDS if (found := command_of([name]))]
    for words, command in waiting:
        yield words
        if isinstance(command, click.Group):
            waiting += [([*words, name], below) for name, below in command.commands.items()]


def command_of(words: list[str]) -> click.Command:
    found: click.Command = group
    for word in words:
        assert isinstance(found, click.Group)
        below = found.get_command(click.Context(found), word)
        assert below is not None, words
        found = below
    return found


def long_options(command: click.Command) -> set[str]:
    context = click.Context(command, **group.context_settings)
    return {
        name
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in parameter.opts
        if name.startswith("--")
    }


def text_of(page: Path) -> str:
    return page.read_text("utf-8").replace(r"\-", "-").replace(r"\e", "\\")


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_each_command_has_a_man_page_with_its_options(words: list[str], share: Path) -> None:
    page = share / "man" / "man1" / f"{'-'.join([PROGRAM, *words[:1]])}.1"
    text, command = text_of(page), " ".join([PROGRAM, *words])

    assert f"\n.B {command}\n" in text
    if len(words) > 1:
        text = text.split(f".SS {command}\n")[1].split(".SS ")[0]
    assert long_options(command_of(words)) - set(re.findall(r"--[a-z-]+", text)) == set()


def test_the_page_of_the_program_lists_the_others(share: Path) -> None:
    text = text_of(share / "man" / "man1" / f"{PROGRAM}.1")

    assert re.findall(rf"^\.BR {PROGRAM}-(\S+) \(1\)$", text, re.MULTILINE) == list(COMMANDS)
    assert {path.stem for path in (share / "man" / "man1").iterdir()} == {
        PROGRAM,
        *(f"{PROGRAM}-{name}" for name in COMMANDS),
    }


def test_an_example_is_shown_as_it_is_typed(share: Path) -> None:
    text = text_of(share / "man" / "man1" / f"{PROGRAM}-pipe.1")

    assert "\nbackup.sh 2>&1 >/dev/null | sms-notify pipe --label host=db1 --severity critical\n" in text


def test_the_same_commit_makes_the_same_pages(share: Path, tmp_path: Path) -> None:
    again = made(tmp_path / "share")
    files = [path.relative_to(share) for path in share.rglob("*") if path.is_file()]

    assert len(files) == len(COMMANDS) + 4
    assert {path: (again / path).read_bytes() for path in files} == {
        path: (share / path).read_bytes() for path in files
    }
    assert '"2023-11-14" "sms-notify 1.2.3"' in text_of(share / "man" / "man1" / f"{PROGRAM}.1")


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff on this machine")
def test_groff_finds_nothing_to_warn_of(share: Path) -> None:
    for page in sorted((share / "man" / "man1").iterdir()):
        command = ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-rLL=80n", str(page)]
        outcome = subprocess.run(command, capture_output=True, text=True, check=True)
        assert outcome.stderr == "", page.name


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_completion_offers_every_command_and_option(words: list[str]) -> None:
    complete = ShellComplete(group, {}, PROGRAM, "_SMS_NOTIFY_COMPLETE")
    command = command_of(words)

    if isinstance(command, click.Group):
        offered = [item.value for item in complete.get_completions(words, "")]
        assert offered == command.list_commands(click.Context(command))
    options = {item.value for item in complete.get_completions(words, "--")}
    assert options == long_options(command)


def test_bash_completes_what_is_typed(share: Path, tmp_path: Path) -> None:
    program = tmp_path / PROGRAM
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -m sms_notify\n", "utf-8")
    program.chmod(0o755)
    script = f"""
        . {share}/bash-completion/completions/{PROGRAM}
        COMP_WORDS=({PROGRAM} oncall override a) COMP_CWORD=3
        _sms_notify_completion {program}
        echo "${{COMPREPLY[@]}}"
        complete -p {PROGRAM}
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    outcome = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=True
    )

    assert outcome.stdout.splitlines() == ["add", f"complete -o nosort -F _sms_notify_completion {PROGRAM}"]


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("zsh", "zsh/site-functions/_sms-notify"),
        ("fish", "fish/vendor_completions.d/sms-notify.fish"),
    ],
)
def test_each_other_shell_reads_its_file(shell: str, file: str, share: Path) -> None:
    assert f"_SMS_NOTIFY_COMPLETE={shell}_complete" in (share / file).read_text("utf-8")
    if shutil.which(shell):
        subprocess.run([shell, "--no-execute", str(share / file)], check=True)
