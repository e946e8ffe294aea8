"""What is said of a file that is not to be had: its path, whose it is, its mode, and who asked."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sms_notify.ownership import denied, owner_of, why_denied

NOBODY = 65534
REFUSED = PermissionError(errno.EACCES, "Permission denied")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def test_a_permission_is_told_with_owner_mode_and_who_asked(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("x", "utf-8")
    file.chmod(0o640)

    said = why_denied(file, REFUSED)
    assert said == f"Permission denied: {owner_of(file)}; you are {said.rpartition(' ')[2]}"
    assert owner_of(file).endswith(", mode 0640")


def test_of_a_file_that_cannot_be_made_the_folder_is_told(tmp_path: Path) -> None:
    assert f"{tmp_path} is owned by " in why_denied(tmp_path / "new" / "sms.db", REFUSED)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "No such file or directory"),
        (ValueError("embedded null byte"), "its name cannot be used"),
    ],
)
def test_what_is_no_matter_of_permission_is_told_as_it_is(error: OSError | ValueError, said: str) -> None:
    assert why_denied(Path("/nowhere"), error) == said


def test_what_is_not_there_is_not_denied(tmp_path: Path) -> None:
    assert denied(tmp_path / "nothing") == ""
    assert denied(tmp_path) == ""


@as_root
def test_another_user_hears_whose_database_it_is(tmp_path: Path) -> None:
    for folder in (tmp_path, *(one for one in tmp_path.parents if one.stat().st_mode & 0o055 != 0o055)):
        folder.chmod(0o755)
    file, closed = tmp_path / "sms.db", tmp_path / "closed"
    file.touch(0o600)
    closed.mkdir(0o700)
    code = (
        "import os, sys; from pathlib import Path; from sms_notify.ownership import denied\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "print(*(denied(Path(one)) for one in sys.argv[1:]), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), str(closed / "sms.db")],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip

    assert done.stdout.splitlines() == [
        f"Permission denied: {file} is owned by root:root, mode 0600; you are nobody",
        f"Permission denied: {closed} is owned by root:root, mode 0700; you are nobody",
    ]
