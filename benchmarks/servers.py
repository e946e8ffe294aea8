"""The servers that are measured, each as a process of its own in a fresh folder, started and ended around one run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

TOKEN = "bench-token-of-no-worth"  # noqa: S105 - opens nothing but the daemon of one run
HERE = Path(__file__).parent
THIS = HERE.parent
_START_WITHIN = 20.0
_STOP_WITHIN = 20.0
NOBODY = "[{name: oncall}]"
ONE_PERSON = "[{name: oncall, notify: [person:alice]}]"


@dataclass(frozen=True, slots=True)
class Server:
    """A process that listens on a port of loopback."""

    port: int
    pid: int


@contextmanager
def process(command: list[str], port: int, log: Path, tree: Path = THIS) -> Iterator[Server]:
    """Runs `command` with the code of `tree` until the block ends.

    Raises RuntimeError with its output where it does not listen in time.
    """
    with log.open("ab") as output:
        running = subprocess.Popen(command, stdout=output, stderr=output, **code_of(tree))
    try:
        _await_listening(running, port, log)
        yield Server(port, running.pid)
    finally:
        running.terminate()
        try:
            running.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


class Place(TypedDict):
    """Where a process finds its code."""

    cwd: Path
    env: dict[str, str]


def code_of(tree: Path) -> Place:
    """For a process that is to run the code of `tree`: `python -m` looks in its own folder first, a script in PYTHONPATH."""
    return {"cwd": tree, "env": os.environ | {"PYTHONPATH": str(tree)}}


@contextmanager
def floor(folder: Path, *options: str) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, str(HERE / "floor.py"), "--port", str(port), *options]
    with process(command, port, folder / "floor.log") as server:
        yield server


@contextmanager
def phones(folder: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, str(HERE / "phones.py"), "--port", str(port)]
    with process(command, port, folder / "phones.log") as server:
        yield server


@contextmanager
def daemon(
    folder: Path, receivers: str, gateway: int, tree: Path = THIS, storage: str = ""
) -> Iterator[Server]:
    """`sms-notify serve` of `tree`, as anybody starts it, with the gateway at port `gateway`. Without `storage` on a file."""
    port = free_port()
    config = write_config(folder, receivers, port, gateway, storage)
    command = [sys.executable, "-m", "sms_notify", "--config", str(config), "serve"]
    with process(command, port, folder / "daemon.log", tree) as server:
        yield server


def load_command(server: Server, *options: str) -> list[str]:
    command = [sys.executable, str(HERE / "load.py"), "--port", str(server.port), "--pid", str(server.pid)]
    return [*command, "--token", TOKEN, *options]


def write_config(folder: Path, receivers: str, port: int, gateway: int, storage: str = "") -> Path:
    for name, secret in (("password", "of no worth"), ("tokens", f"{TOKEN} role=webhook,metrics,read")):
        (folder / name).write_text(secret + "\n", "utf-8")
        (folder / name).chmod(0o600)
    path = folder / "sms-notify.yml"
    path.write_text(
        f"""
storage: {storage or f"sqlite://{folder}/sms.db"}
web: {{listen: '127.0.0.1:{port}', webhook_tokens_file: tokens}}
gateways:
  - {{name: main, type: 1601sms, url: 'http://127.0.0.1:{gateway}/', username: bench, password_file: password,
      sender: BENCH}}
people: {{alice: {{number: '+32 470 00 00 01'}}}}
limits: off
route: {{receiver: oncall}}
receivers: {receivers}
""",
        "utf-8",
    )
    return path


def arrivals(gateway: Server) -> dict[str, float]:
    """When each alert's text arrived, by the alert's number."""
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/arrivals", timeout=10) as answer:
        return dict(json.load(answer))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _await_listening(running: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + _START_WITHIN
    while time.monotonic() < ends and running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the server did not start:\n{log.read_text('utf-8')}")
