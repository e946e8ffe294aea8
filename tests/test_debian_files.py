"""What the Debian package is made of, as far as no Debian is needed to judge it; `make test-packages` installs it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from sms_notify.config import load

ROOT = Path(__file__).parent.parent
DEBIAN = ROOT / "packaging" / "debian"
UNIT = ROOT / "integrations" / "systemd" / "sms-notify.service"


def pins(name: str) -> Mapping[str, str]:
    text = (ROOT / "requirements" / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


def test_the_example_loads_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "sms-notify.yml"
    path.write_bytes((DEBIAN / "sms-notify.yml.example").read_bytes())
    for name in ("password", "tokens"):
        (tmp_path / name).write_text("not-a-secret-but-long-enough\n", "utf-8")
        (tmp_path / name).chmod(0o600)

    assert list(load(path, {}).warnings) == []


@pytest.mark.parametrize("script", ["preinst", "postinst", "prerm", "postrm"])
def test_each_script_of_the_maintainer_parses_and_stops_at_a_fault(script: str) -> None:
    path = DEBIAN / script

    subprocess.run(["/bin/sh", "-n", str(path)], check=True)
    assert path.read_text("utf-8").startswith("#!/bin/sh\nset -e\n")


def test_the_unit_waits_for_the_configuration_that_it_starts_with() -> None:
    unit = UNIT.read_text("utf-8")
    (waits_for,) = re.findall(r"^ConditionPathExists=(.*)$", unit, re.MULTILINE)

    assert f"--config {waits_for}\n" in unit


def test_what_is_packaged_is_what_is_tested() -> None:
    packaged, tested = pins("packaged.txt"), {**pins("dev.txt"), **pins("runtime.txt")}

    assert pins("runtime.txt").items() <= packaged.items()
    assert {name: version for name, version in packaged.items() if tested.get(name, version) != version} == {}
