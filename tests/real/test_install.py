"""Installing what the tests of the real systems need, with an apt-get that only writes down how it was called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import install
import pytest

SCRIPT = Path(install.__file__)
PROGRAMS = [name for name in install.PACKAGE_OF if "/" not in name]
FILES = [name for name in install.PACKAGE_OF if "/" in name]


def an_apt_get(folder: Path, script: str) -> Path:
    """An apt-get in `folder` that notes its arguments, and then does what `script` says."""
    folder.mkdir()
    (folder / "apt-get").write_text(f'#!/bin/sh\necho "$@" >>{folder}/calls\n{script}\n', "utf-8")
    (folder / "apt-get").chmod(0o755)
    return folder / "calls"


def run(path: Path, root: Path) -> subprocess.CompletedProcess[str]:
    """The script on a machine whose programs are in `path`, and whose files are below `root`."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(root)],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_names_what_is_missing_and_fails_where_there_is_no_apt_get(tmp_path: Path) -> None:
    outcome = run(tmp_path, tmp_path)

    assert outcome.returncode == 1
    assert all(name in outcome.stdout for name in (*PROGRAMS, *FILES))
    assert "apt-get install --no-install-recommends chromium chromium-driver icinga2-bin" in outcome.stdout


def test_it_does_nothing_where_everything_is_there(tmp_path: Path) -> None:
    calls = an_apt_get(tmp_path / "bin", "exit 1")
    for program in PROGRAMS:
        (tmp_path / "bin" / program).symlink_to(sys.executable)
    for file in FILES:
        there = Path(f"{tmp_path}{file.replace('*', '8.2')}")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.touch()

    assert run(tmp_path / "bin", tmp_path).returncode == 0
    assert not calls.exists()


def test_nothing_may_start_while_packages_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    calls = an_apt_get(tmp_path / "bin", f'{policy}; echo "policy says $?" >>{tmp_path}/bin/calls')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert install.install(["prometheus"], policy)
    asked = "install -y -q --no-install-recommends prometheus"
    assert calls.read_text("utf-8").splitlines() == [asked, "policy says 101"]
    assert not policy.exists()


def test_a_policy_that_the_machine_has_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n", "utf-8")
    an_apt_get(tmp_path / "bin", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert install.install(["prometheus"], policy)
    assert policy.read_text("utf-8") == "#!/bin/sh\nexit 0\n"


def test_lists_are_fetched_only_after_a_first_try_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = tmp_path / "fresh"
    calls = an_apt_get(tmp_path / "bin", f'case "$1" in update) : >{fresh};; esac; [ -e {fresh} ]')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert install.install(["amtool"], tmp_path / "policy-rc.d")
    assert [line.split()[0] for line in calls.read_text("utf-8").splitlines()] == [
        "install",
        "update",
        "install",
    ]


def test_a_failed_installation_leaves_no_policy_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_apt_get(tmp_path / "bin", "exit 100")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert not install.install(["amtool"], tmp_path / "policy-rc.d")
    assert not (tmp_path / "policy-rc.d").exists()
