"""The real programs as processes on loopback, and a wire between them that tells the time."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from daemons import eventually, free_port

INTEGRATIONS = Path(__file__).parents[2] / "integrations"
ALERTMANAGER_YML = INTEGRATIONS / "alertmanager" / "alertmanager.yml"
SCRAPE_YML = INTEGRATIONS / "prometheus" / "scrape.yml"
RULES_YML = INTEGRATIONS / "prometheus" / "rules.yml"
STRAIGHT_YML = INTEGRATIONS / "prometheus" / "without-alertmanager.yml"
SHIPPED_ADDRESS = "127.0.0.1:9601"
SHIPPED_TOKEN_FILE = "/etc/prometheus/sms-notify.token"
SHIPPED_METRICS_TOKEN_FILE = "/etc/prometheus/sms-notify-metrics.token"
SHIPPED_RULES = "/etc/prometheus/sms-notify.rules.yml"
# group_wait stays well above the time from a rule to Alertmanager: what began longer ago is flushed at once, and on a
# slow machine without the others of its group.
QUICK = {
    "group_wait: 10s": "group_wait: 3s",
    "group_interval: 1m": "group_interval: 1s",
    "repeat_interval: 4h": "repeat_interval: 1s",
}


def filled_in(shipped: Path, changes: Mapping[str, str]) -> str:
    """The shipped file with what its comments ask to change; each must be there exactly once."""
    text = shipped.read_text("utf-8")
    for before, after in changes.items():
        assert text.count(before) == 1, f"{shipped} has {before!r} {text.count(before)} times"
        text = text.replace(before, after)
    return text


def ask(url: str, body: object = None, timeout: float = 10) -> str:
    """What `url` answers to GET, or to POST where there is a body. Raises OSError for anything but 2xx."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} if data else {})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return str(answer.read().decode())


class Program(AbstractContextManager["Program"]):
    """A process that ends with the block around it, and with this process even when that is killed."""

    def __init__(self, url: str, log: Path, *command: str) -> None:
        self.url, self.log = url, log
        # setpriv becomes the program; the kernel then ends it when its parent is gone, whatever that died of.
        self._command = ["setpriv", "--pdeathsig", "KILL", *command]
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        served = eventually(lambda: self.process.poll() is not None or self._ready(), 60)
        if not served or self.process.poll() is not None:
            self.kill()
            raise AssertionError(f"{self._command} does not serve: {self.log.read_text('utf-8')}")

    def _ready(self) -> bool:
        try:
            return bool(ask(f"{self.url}/-/ready"))
        except OSError:
            return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


class Alertmanager(Program):
    """The shipped configuration, quick, with `address` and `token_file` filled in; on its own, without a mesh."""

    def __init__(self, folder: Path, address: str, token_file: Path) -> None:
        folder.mkdir()
        changes = {SHIPPED_ADDRESS: address, SHIPPED_TOKEN_FILE: str(token_file), **QUICK}
        (folder / "alertmanager.yml").write_text(filled_in(ALERTMANAGER_YML, changes), "utf-8")
        self.address = f"127.0.0.1:{free_port()}"
        super().__init__(
            f"http://{self.address}",
            folder / "log",
            "prometheus-alertmanager",
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        )

    def tell(self, *instances: str, starts: datetime, ends: datetime | None = None) -> None:
        """Posts HostDown of these instances, as Prometheus does: the same start each time, the end when it is over."""
        alerts = [
            {
                "labels": {"alertname": "HostDown", "instance": instance, "severity": "critical"},
                "annotations": {"summary": "no answer"},
                "startsAt": starts.isoformat(),
                **({"endsAt": ends.isoformat()} if ends else {}),
            }
            for instance in instances
        ]
        ask(f"{self.url}/api/v2/alerts", alerts)

    def failed_requests(self) -> int:
        """How many of its requests to a webhook have failed."""
        name = 'alertmanager_notification_requests_failed_total{integration="webhook"}'
        found = re.search(rf"^{re.escape(name)} (\S+)$", ask(f"{self.url}/metrics"), re.MULTILINE)
        return int(float(found[1])) if found else 0


class Prometheus(Program):
    """The shipped scrape.yml and rules.yml against the daemon at `address`, with the test's own targets and rule.

    `dead` maps names to addresses where nothing listens. HostDown fires when all of them have been found dead,
    so that no matter how the scrapes are spread it fires for all at once. `straight`: it posts its alerts to the daemon
    itself, by the shipped without-alertmanager.yml. `watchdog`: its one rule always fires instead.
    """

    def __init__(
        self,
        folder: Path,
        address: str,
        token_file: Path,
        alertmanagers: tuple[str, ...] = (),
        dead: Mapping[str, str] | None = None,
        *,
        straight: bool = False,
        watchdog: bool = False,
    ) -> None:
        folder.mkdir()
        self._write(folder, address, token_file, alertmanagers, dead or {})
        if watchdog:
            rule = {"alert": "Watchdog", "expr": "vector(1)", "labels": {"severity": "none"}}
            rules = {"groups": [{"name": "watchdog", "rules": [rule]}]}
            (folder / "test-rules.yml").write_text(yaml.safe_dump(rules), "utf-8")
        if straight:
            self._post_to(folder, address, token_file)
        listen = f"127.0.0.1:{free_port()}"
        super().__init__(
            f"http://{listen}",
            folder / "log",
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={listen}",
            "--rules.alert.resend-delay=1s",
        )

    @staticmethod
    def _post_to(folder: Path, address: str, token_file: Path) -> None:
        changes = {SHIPPED_ADDRESS: address, SHIPPED_TOKEN_FILE: str(token_file)}
        written = folder / "prometheus.yml"
        config = yaml.safe_load(written.read_text("utf-8"))
        written.write_text(yaml.safe_dump(config | yaml.safe_load(filled_in(STRAIGHT_YML, changes))), "utf-8")

    @staticmethod
    def _write(
        folder: Path, address: str, token_file: Path, alertmanagers: tuple[str, ...], dead: Mapping[str, str]
    ) -> None:
        changes = {
            SHIPPED_ADDRESS: address,
            SHIPPED_METRICS_TOKEN_FILE: str(token_file),
            SHIPPED_RULES: str(RULES_YML),
        }
        config = yaml.safe_load(filled_in(SCRAPE_YML, changes))
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"].append(str(folder / "test-rules.yml"))
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]}
        targets = [{"targets": [at], "labels": {"instance": name}} for name, at in dead.items()]
        config["scrape_configs"].append({"job_name": "nothing", "static_configs": targets})
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
        rule = {
            "alert": "HostDown",
            "expr": f'up{{job="nothing"}} == 0 and on() count(up{{job="nothing"}}) == {len(dead)}',
            "labels": {"severity": "critical"},
            "annotations": {"summary": "no answer"},
        }
        rules = {"groups": [{"name": "test", "rules": [rule]}]}
        (folder / "test-rules.yml").write_text(yaml.safe_dump(rules), "utf-8")

    def value(self, query: str) -> float | None:
        """The only value of an instant query, or None where there is none yet."""
        found = self._data("query", query=query)["result"]
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def rules(self, name: str = "") -> list[dict[str, Any]]:
        """Those whose names begin so; two severities of one alert are two rules."""
        every = [rule for group in self._data("rules")["groups"] for rule in group["rules"]]
        return [rule for rule in every if rule["name"].startswith(name)]

    def last_error(self, job: str) -> str:
        """Why the last scrape of the job's first target failed; empty when it did not."""
        targets = self._data("targets")["activeTargets"]
        return next(str(target["lastError"]) for target in targets if target["labels"]["job"] == job)

    def _data(self, what: str, **parameters: str) -> dict[str, Any]:
        answer = json.loads(ask(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"))
        assert answer["status"] == "success"
        return dict(answer["data"])


@dataclass(frozen=True, slots=True)
class Told:
    """One POST that went over the wire: `at` is when its first line had come, aware UTC."""

    at: datetime
    status: int
    group: str
    firing: tuple[str, ...]
    resolved: tuple[str, ...]


class Wire(AbstractContextManager["Wire"]):
    """Stands between Alertmanager and the daemon at `url`, passes everything on, and notes each POST once answered."""

    def __init__(self, url: str) -> None:
        self.told: list[Told] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, url))
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def statuses(self) -> list[int]:
        return [told.status for told in list(self.told)]

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(wire: Wire, url: str) -> type[BaseHTTPRequestHandler]:
    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at = datetime.now(UTC)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            upstream = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
            upstream.request("POST", self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            wire.told.append(_told(at, answer.status, json.loads(body)))
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Forward


def _told(at: datetime, status: int, payload: dict[str, Any]) -> Told:
    by_status = {
        status: tuple(sorted(a["labels"]["instance"] for a in payload["alerts"] if a["status"] == status))
        for status in ("firing", "resolved")
    }
    return Told(at, status, payload["groupKey"], by_status["firing"], by_status["resolved"])


class Target(AbstractContextManager["Target"]):
    """A scrape target. It is dead, on a port that nobody else can take meanwhile, until it `rises`."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._server: HTTPServer | None = None

    def rise(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _NoMetrics, bind_and_activate=False)
        server.socket.close()
        server.socket = self._socket
        server.server_activate()
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._socket.close()


class _NoMetrics(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
