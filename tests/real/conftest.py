"""What the tests of the real systems share: a gateway, the daemon as a process, and the texts for all to see."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for daemons.py, which the tests one folder up use too

from daemons import PASSWORD, Daemon, command, free_port, write_config

from sms_notify import hook
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

NAMES = {"32470000001": "alice", "31612345678": "bob"}


@pytest.fixture
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    settings = SimulatorSettings(
        "acme", Secret(PASSWORD), credits=500, phones=NAMES, buffered_after=0, final_after=0
    )
    with Simulator(settings) as running:
        yield running
        print(f"\n{request.node.name}")
        for text in running.texts():
            print(f"    {text.at:%H:%M:%S.%f} to {NAMES[text.number]:5} {text.status:9} {text.text!r}")


class Site:
    """A daemon that can go and come back, with a configuration and a token of its own."""

    def __init__(self, folder: Path, simulator: Simulator, **more: str) -> None:
        port = free_port()
        web = f"{{listen: '127.0.0.1:{port}', webhook_tokens_file: tokens, external_url: 'http://127.0.0.1:{port}'}}"
        self.config = write_config(folder, simulator.gateway_url, **{"web": web} | more)
        self.token_file = folder / "token"
        simulator.change(delivery_url=command(self.config, "delivery-url").stdout.strip())
        self.daemon = Daemon(self.config)

    @property
    def address(self) -> str:
        return self.daemon.url.removeprefix("http://")

    def stop(self) -> None:
        assert self.daemon.stop() == 0

    def start(self) -> None:
        self.daemon = Daemon(self.config)


@pytest.fixture
def site(tmp_path: Path, simulator: Simulator) -> Iterator[Site]:
    running = Site(tmp_path, simulator)
    yield running
    with suppress(ProcessLookupError):
        running.daemon.kill()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the users of other programs may enter; pytest's own are for its user alone."""
    with tempfile.TemporaryDirectory(prefix="sms-notify-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def spool_for(folder: Path, group: str) -> Path:
    """The hand-over folder, made as docs/how-to/hooks.md says, for the programs of that Unix group."""
    spool = folder / "spool"
    spool.mkdir()
    shutil.chown(spool, os.getuid(), group)
    spool.chmod(0o3770)
    return spool


def hook_in(folder: Path) -> Path:
    """The hook's one file, copied to where other users may read it: a checkout may lie in its owner's home."""
    copy = folder / "hook.py"
    shutil.copyfile(hook.__file__, copy)
    copy.chmod(0o755)
    return copy
