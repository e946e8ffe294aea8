"""The daemon for tests: its configuration in a folder of the test's own, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from stores import a_store, url_of

TOKEN = "tok-Zq9canary-31337"  # a canary: it must show up nowhere
PASSWORD = "Zq9canary/geheim é"


_PER_WORKER = 1_500
_TURN = itertools.count(os.getpid() * 37)


def free_port() -> int:
    """A port that nobody listens on, and that nobody else will be given before the one who asked binds it.

    It lies below the range from which the kernel serves "any port" (32768 and up), in a part of this worker's own:
    with a port of the kernel's, another worker's server could have it by the time the daemon wants it.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
    while True:
        port = 12_000 + worker * _PER_WORKER + next(_TURN) % _PER_WORKER
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def write_config(
    folder: Path, gateway: str, *, port: int | None = None, timeout: str = "5s", **more: str
) -> Path:
    """A configuration with a token, a password file and two people; `more` replaces whole sections.

    Without limits: what is tested with it is how texts leave, one by one. Limits have tests of their own.
    """
    (folder / "password").write_text(PASSWORD + "\n", "utf-8")
    (folder / "tokens").write_text(f"{TOKEN} role=webhook,metrics,read,ack\n", "utf-8")
    (folder / "token").write_text(TOKEN, "utf-8")  # as a monitoring system has it: alone in a file
    for secret in ("password", "tokens", "token"):
        (folder / secret).chmod(0o600)
    sections = {
        "storage": url_of(folder / "data/sms.db"),
        "spool": f"{folder}/spool",
        "web": f"{{listen: '127.0.0.1:{port or free_port()}', webhook_tokens_file: tokens}}",
        "gateways": f"[{{name: main, type: 1601sms, url: '{gateway}', username: acme, password_file: password,"
        f" sender: ACME, timeout: {timeout}}}]",
        "people": "{alice: {number: '+32 470 00 00 01'}, bob: {number: '+31 6 1234 5678'}}",
        "route": "{receiver: oncall}",
        "receivers": "[{name: oncall, notify: [person:alice, person:bob]}]",
        "limits": "off",
    } | more
    path = folder / "sms-notify.yml"
    path.write_text("\n".join(f"{name}: {text}" for name, text in sections.items()) + "\n", "utf-8")
    return path


def payload(
    *names: str, status: str = "firing", severity: str = "critical", starts: str = "2026-11-22T12:00:00Z"
) -> bytes:
    alerts = [
        {
            "status": status,
            "labels": {"alertname": name, "severity": severity},
            "annotations": {"summary": f"{name} is bad"},
            "startsAt": starts,
            "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-22T12:10:00Z",
        }
        for name in names
    ]
    return json.dumps({"version": "4", "groupKey": "{}", "status": status, "alerts": alerts}).encode()


def post(
    url: str, body: bytes, token: str | None = TOKEN, timeout: float = 10, path: str = "/alertmanager"
) -> int:
    """The status of the answer."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"{url}{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def get(url: str, path: str) -> str:
    request = urllib.request.Request(f"{url}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def eventually(met: Callable[[], bool], timeout: float = 20) -> bool:
    """Looks again until `met` or the time is over; for what another process does."""
    ends, pause = time.monotonic() + timeout, threading.Event()
    while not (done := met()) and time.monotonic() < ends:
        pause.wait(0.02)
    return done


class Daemon:
    """`sms-notify serve` as a process, with everything it says kept in a file."""

    def __init__(
        self,
        config: Path,
        *options: str,
        before: Callable[[], None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.config = config
        self.log = config.parent / "log"
        port = re.search(r"listen: '127\.0\.0\.1:(\d+)'", config.read_text("utf-8"))
        assert port is not None
        self.url = f"http://127.0.0.1:{port[1]}"
        self.store = a_store(config.parent / "data/sms.db")
        command = [sys.executable, "-m", "sms_notify", "--config", str(config), "serve", *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stderr=log,
                stdout=log,
                preexec_fn=before,  # noqa: PLW1509
                env=environment,
            )
        assert eventually(self._serves), self.said()

    def _serves(self) -> bool:
        try:
            return get(self.url, "/-/healthy") == "OK" or self.process.poll() is not None
        except OSError:
            return self.process.poll() is not None

    def said(self) -> str:
        return self.log.read_text("utf-8")

    def rows(self, sql: str) -> list[tuple]:
        with self.store.reading() as tx:
            return [tuple(dict(row).values()) for row in tx.all(sql)]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM, as an init system says it; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def command(config: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """One command of ours as a process."""
    line = [sys.executable, "-m", "sms_notify", "--config", str(config), *arguments]
    return subprocess.run(
        line, input=stdin, capture_output=True, text=True, timeout=60, env=os.environ, check=False
    )
