"""Two daemons on one PostgreSQL and one simulated gateway, each with a folder and a port of its own."""

from __future__ import annotations

import os
import signal
import urllib.error
from collections.abc import Mapping
from pathlib import Path

from daemons import Daemon, eventually, get, write_config

from sms_notify.simulator.server import Simulator
from sms_notify.store.database import open_store


class Nodes:
    """`url` is the database's; `sections` are of the configuration that all of them run."""

    def __init__(self, folder: Path, simulator: Simulator, url: str, **sections: str) -> None:
        self.folder, self.simulator, self.url = folder, simulator, url
        self.sections = sections
        self.daemons: list[Daemon] = []

    def start(self, name: str, environment: Mapping[str, str] | None = None, **sections: str) -> Daemon:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        told = {"storage": self.url, **self.sections, **sections}
        daemon = Daemon(write_config(folder, self.simulator.gateway_url, **told), environment=environment)
        daemon.store = open_store(self.url)
        self.daemons.append(daemon)
        return daemon

    def pair(self) -> tuple[Daemon, Daemon]:
        """The first leads."""
        first = self.start("one")
        assert eventually(lambda: self.leads(first), 40)
        return first, self.start("two")

    def leads(self, daemon: Daemon) -> bool:
        return "sms_notify_leader 1.0" in get(daemon.url, "/metrics")

    def end(self) -> None:
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.process.send_signal(signal.SIGCONT)
                daemon.kill()
            daemon.store.close()


def of_a_later_version(folder: Path) -> dict[str, str]:
    """The environment of a daemon whose database has one table more."""
    return _beginning_with(
        folder,
        "from sms_notify.store import migrations\n"
        "migrations.LATER += ('create table of_a_later_version (n bigint not null);',)\n",
    )


def with_a_clock_ahead(folder: Path) -> dict[str, str]:
    """The environment of a daemon on a host whose clock is ten minutes ahead."""
    return _beginning_with(
        folder,
        "from datetime import timedelta\n"
        "from sms_notify.daemon import wiring\n"
        "right = wiring.wall_clock\n"
        "wiring.wall_clock = lambda: right() + timedelta(minutes=10)\n",
    )


def _beginning_with(folder: Path, code: str) -> dict[str, str]:
    """What Python reads before anything else."""
    (folder / "sitecustomize.py").write_text(code, "utf-8")
    known = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{known}" if known else str(folder)}


def ready(daemon: Daemon) -> str:
    try:
        return get(daemon.url, "/-/ready")
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()
