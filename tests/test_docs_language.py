"""Documents, shipped files and everything that the program shows are plain English."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_pages import PAGES, ROOT
from plain_english import not_plain, shown, shown_in

SHIPPED = [
    path
    for name in ("configs", "integrations", "packaging")
    for path in sorted((ROOT / name).rglob("*"))
    if path.suffix != ".pyc"
]
PROGRAM = [
    path
    for path in sorted((ROOT / "sms_notify").rglob("*"))
    if path.suffix in (".py", ".html", ".js", ".txt")
]
READ = [
    ROOT / "pyproject.toml",
    *PAGES,
    *(path for path in SHIPPED if path.is_file() and path not in PAGES),
    *PROGRAM,
]


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_phrase_that_we_gave_up_comes_back(path: Path) -> None:
    assert not_plain(shown_in(path)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Who acknowledges stops the escalation and the reminders.",
        "What is over is held and told\ntogether, never dropped",
        "the next until 14:15",
        "`x` is no target",
        "Nobody takes care of these 40 yet",
        "What is over is **held and told together**",
    ],
)
def test_such_a_phrase_would_be_noticed(text: str) -> None:
    assert not_plain(text)


def test_good_english_is_not_noticed() -> None:
    assert not_plain("There is no receiver `a`. It is no longer open, and this is not an alert.") == []


def test_what_a_user_sees_of_a_file_are_its_texts_and_the_help_of_its_commands() -> None:
    source = '"""Hidden."""\n@click.command()\ndef a():\n    """Help."""\n    say("said")\n\ndef b():\n    """Hidden."""\n'

    assert list(shown(source)) == ["Help.", "said"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("said.py", 'say(f"held, the next until {moment}")'),
        ("said.py", 'say(f"{name} is "\n    f"no {kind}")'),
        ("said.html", "<p>the next until {{ moment }}</p>"),
        ("said.html", "<p>Nobody <b>takes care</b> of it</p>"),
    ],
)
def test_a_phrase_in_pieces_would_be_noticed(name: str, source: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(source, "utf-8")

    assert not_plain(shown_in(tmp_path / name))
