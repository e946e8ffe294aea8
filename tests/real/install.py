"""Installs the real systems from Debian's packages where they are missing. Nothing is started.

Standard library only: it runs before anything else. Exit status: 0 when every program is there, 1 when not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import glob
from pathlib import Path

PACKAGE_OF = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "setpriv": "util-linux",
    "setsid": "util-linux",
    "nagios4": "nagios4-core",
    "icinga2": "icinga2-bin",
    "zabbix_server": "zabbix-server-pgsql",
    "zabbix_sender": "zabbix-agent",
    "/usr/share/zabbix/index.php": "zabbix-frontend-php",
    "/etc/php/*/mods-available/pgsql.ini": "php-pgsql",
    "php": "php-cli",
    "/usr/lib/postgresql": "postgresql",
    "systemd-analyze": "systemd",
    "logrotate": "logrotate",
}
COMPILER = {"cc": "gcc", "/usr/include/stdio.h": "libc6-dev"}
"""What `make test-faults` wants instead."""
POLICY = Path("/usr/sbin/policy-rc.d")


def missing(root: str = "", wanted: Mapping[str, str] = PACKAGE_OF) -> list[str]:
    """The programs that are not on the PATH, and the files that are not below `root`."""
    return [name for name in wanted if not (glob(root + name) if "/" in name else shutil.which(name))]


def install(packages: list[str], policy: Path = POLICY) -> bool:
    """True when apt-get said that they are there; asks the mirrors for fresh lists only when it fails without."""
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    with nothing_starts(policy):
        return _run(command) or (_run(["apt-get", "update", "-q"]) and _run(command))


@contextmanager
def nothing_starts(policy: Path) -> Iterator[None]:
    """101 forbids to start services (invoke-rc.d(8)). A policy that the machine has already is left alone."""
    try:
        with policy.open("x", encoding="ascii") as file:
            file.write("#!/bin/sh\nexit 101\n")
    except FileExistsError:
        print(f"{policy} is there already; it decides whether the services start", flush=True)
        yield
        return
    try:
        policy.chmod(0o755)
        yield
    finally:
        policy.unlink()


def _run(command: list[str]) -> bool:
    print("+", *command, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, check=False).returncode == 0


def main(root: str = "", wanted: Mapping[str, str] = PACKAGE_OF) -> int:
    absent = missing(root, wanted)
    if not absent:
        print("everything that the tests start is there.")
        return 0
    packages = sorted({wanted[program] for program in absent})
    names = ", ".join(absent)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"missing: {names}.\nThese tests need them, and there is no skipping. Install them first:")
        print(f"  sudo apt-get install --no-install-recommends {' '.join(packages)}")
        return 1
    print(
        f"missing: {names}. INSTALLING {' '.join(packages)} on this machine; nothing is started.", flush=True
    )
    if not install(packages) or missing(root, wanted):
        print(
            f"could not be installed: {', '.join(missing(root, wanted)) or 'apt-get failed'}. See what it said above."
        )
        return 1
    print("installed.")
    if services := [package for package in packages if package.startswith("prometheus")]:
        print(f"To keep them off at the next boot too: systemctl disable {' '.join(services)}")
    return 0


if __name__ == "__main__":
    roots = [argument for argument in sys.argv[1:] if argument != "compiler"]
    sys.exit(main(*roots, wanted=COMPILER if "compiler" in sys.argv else PACKAGE_OF))
