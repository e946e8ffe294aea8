"""The wheel: the same commit makes the same bytes, and everything that a user needs is in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sms_notify.cli import COMMANDS

ROOT = Path(__file__).parent.parent
SOURCES = ("sms_notify", "packaging", "docs", "configs", "integrations")
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
FILES = ("pyproject.toml", "LICENSE", *PAGES)


def built(folder: Path) -> Path:
    """The wheel of a copy of the sources in `folder`."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        (folder / name).write_bytes((ROOT / name).read_bytes())  # with times of its own
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("first"))


def shared(wheel: Path) -> set[str]:
    """What is installed into share/, by its path there."""
    marker = ".data/data/share/"
    names = zipfile.ZipFile(wheel).namelist()
    return {name.partition(marker)[2] for name in names if marker in name}


def files_of(*folders: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_same_commit_makes_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    again = built(tmp_path)

    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_the_package_is_whole(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("sms_notify/")}

    assert held == files_of("sms_notify")


def test_the_pages_and_the_files_for_other_systems_are_in_it(wheel: Path) -> None:
    wanted = files_of("docs", "configs", "integrations") | {*PAGES}

    assert {f"sms-notify/{name}" for name in wanted} <= shared(wheel)


def test_man_pages_and_completion_files_are_in_it(wheel: Path) -> None:
    wanted = {f"man/man1/sms-notify-{name}.1" for name in COMMANDS} | {
        "man/man1/sms-notify.1",
        "bash-completion/completions/sms-notify",
        "zsh/site-functions/_sms-notify",
        "fish/vendor_completions.d/sms-notify.fish",
    }

    assert wanted <= shared(wheel)
    assert b"2023-11-14" in member(wheel, "man/man1/sms-notify.1")


def member(wheel: Path, path: str) -> bytes:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(f"/share/{path}"))
    return archive.read(name)


def test_scripts_for_other_systems_stay_executable(wheel: Path) -> None:
    modes = {info.filename: info.external_attr >> 16 for info in zipfile.ZipFile(wheel).infolist()}
    (script,) = (mode for name, mode in modes.items() if name.endswith("integrations/zabbix/sms-notify"))

    assert script & 0o111 == 0o111
