"""A daemon in this process whose configuration the tests write anew: sections replaced, then reloaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from daemons import free_port, get, write_config

from sms_notify.config.load import load
from sms_notify.daemon.app import App

SOON = 20.0


class Site:
    """The daemon and its file; `sections` are what the file says beside the usual."""

    def __init__(self, folder: Path, gateway: str, **sections: str) -> None:
        self.folder, self.gateway = folder, gateway
        self.port = free_port()
        self.sections = sections
        self.write()
        self.config = folder / "sms-notify.yml"
        read = partial(load, self.config, {})
        self.app = App(read(), read=read)
        self.url = f"http://127.0.0.1:{self.port}"

    def write(self, **sections: str) -> None:
        self.sections |= sections
        write_config(self.folder, self.gateway, port=self.port, **self.sections)

    def reload(self, **sections: str) -> str:
        """Writes the sections, reloads, and returns what was answered; raises what it was refused with."""
        self.write(**sections)
        return self.app.reload().result(SOON)

    def metric(self, name: str) -> float | None:
        lines = [line for line in get(self.url, "/metrics").splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].rpartition(" ")[2]) if lines else None

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.app.store.reading() as tx:
            return [tuple(dict(row).values()) for row in tx.all(sql)]


@contextmanager
def serving(folder: Path, gateway: str, **sections: str) -> Iterator[Site]:
    site = Site(folder, gateway, **sections)
    try:
        site.app.start()
        yield site
    finally:
        site.app.stop()


@dataclass
class Held:
    """A gateway that answers a text only when the test opens `gate`, and notes what was asked. `answers` go first."""

    url: str = ""
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    texts: list[dict[str, str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def taken(self, query: dict[str, str]) -> str:
        if "bericht" not in query:
            return "500"
        self.texts.append(query)
        self.entered.set()
        self.gate.wait(SOON)
        return self.answers.pop(0) if self.answers else "OK 4711"


@contextmanager
def held_gateway() -> Iterator[Held]:
    held = Held()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            body = held.taken(query).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_port}/module/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield held
    finally:
        held.gate.set()
        server.shutdown()
        server.server_close()
