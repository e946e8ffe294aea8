"""The demonstration: a simulated gateway, the real daemon, and an incident staged as Alertmanager would tell it.

Everything runs in this process and in a folder that is removed at the end; nothing leaves the machine.
"""

from __future__ import annotations

import json
import secrets
import socket
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from string import Template
from types import TracebackType

from sms_notify.alert import fingerprint_of
from sms_notify.config.load import load
from sms_notify.daemon.app import App
from sms_notify.gateways.registry import delivery_token
from sms_notify.secret import Secret
from sms_notify.simulator.records import SimulatedText
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

_FAVOURITE_PORTS = (1601, 9601)
_ZERO_TIME = "0001-01-01T00:00:00Z"
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DemoStep:
    """One thing that happens: what a person is told of it, what Alertmanager posts, and how many texts follow."""

    said: str
    posts: tuple[
        tuple[tuple[str, Labels, str], ...], ...
    ]  # a post each: status, labels, summary of every alert
    texts: int


_WEB = [
    {"alertname": "HostDown", "instance": f"web{n}:9100", "severity": "critical", "cluster": "ams1"}
    for n in (1, 2, 3)
]
_DB = {"alertname": "DiskFillsUp", "instance": "db1:9100", "severity": "critical", "team": "dba"}
_INFO = {"alertname": "BackupFinished", "instance": "db1:9100", "severity": "info"}
_WEB_FIRES = tuple(
    ("firing", labels, f"{labels['instance'].split(':')[0]} does not answer") for labels in _WEB
)
_WEB_ENDS = tuple(("resolved", labels, summary) for _, labels, summary in _WEB_FIRES)
_DB_FIRES = ("firing", _DB, "/var/lib/postgresql full in 20 min")
_DB_ENDS = ("resolved", _DB, "/var/lib/postgresql full in 20 min")


def _storm(name: str, hosts: range) -> tuple[tuple[str, Labels, str], ...]:
    labels = ({"alertname": name, "instance": f"app{n}", "severity": "warning"} for n in hosts)
    return tuple(("firing", each, "switch ams1-sw3 is overloaded") for each in labels)


STORY = (
    DemoStep(
        "Three web servers of ams1 go down. Alertmanager groups them: one text a person.", (_WEB_FIRES,), 2
    ),
    DemoStep("Alertmanager's second peer tells the same again: nobody is texted twice.", (_WEB_FIRES,), 0),
    DemoStep(
        "A database disk fills up: the DBA hears of it, and so does the platform team.", ((_DB_FIRES,),), 3
    ),
    DemoStep("The web servers are back: told once, to those who were told of the trouble.", (_WEB_ENDS,), 2),
    DemoStep(
        "A backup finished (info): the route says that nobody needs a text.",
        ((("firing", _INFO, "took 41 min"),),),
        0,
    ),
    DemoStep("The DBA has not acknowledged the disk for ten seconds: it climbs to Bob.", (), 1),
    DemoStep(
        "A switch drowns: 40 warnings in three groups. Two texts a person, and the second says until when.",
        (
            _storm("LoadHigh", range(1, 15)),
            _storm("SlowAnswers", range(1, 15)),
            _storm("DiskSlow", range(1, 13)),
        ),
        4,
    ),
    DemoStep("The disk was cleaned up: all three hear it at once, whatever else waits.", ((_DB_ENDS,),), 3),
)


class Demo:
    """The simulator and the daemon, started together; a context manager."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self._folder = folder
        self._port = port
        self._password = secrets.token_urlsafe(12)
        self._posted = 0

    def __enter__(self) -> Demo:
        page_port, web_port = (_free_port(preferred) for preferred in _FAVOURITE_PORTS)
        phones = {"32470000001": "Alice", "31612345678": "Bob", "32470000003": "Carol"}
        settings = SimulatorSettings(password=Secret(self._password), phones=phones)
        self.simulator = Simulator(settings, port=self._port or page_port)
        self.simulator.start()
        self.app = self._daemon(web_port)
        self.url = f"http://127.0.0.1:{self.app.start()}"
        self.simulator.change(delivery_url=f"{self.url}/delivery/{self._token}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.app.stop()
        self.simulator.stop()

    @property
    def page(self) -> str:
        """Where the phones can be watched."""
        return f"{self.simulator.base_url}/"

    def play(self, step: DemoStep, now: datetime) -> list[SimulatedText]:
        """Posts one step as Alertmanager would, and returns the texts that the phones got of it."""
        before = len(self.simulator.texts())
        for alerts in step.posts:
            self._post(alerts, now)
        return self.simulator.wait_for_texts(before + step.texts, timeout=15)[before:]

    def _post(self, alerts: Sequence[tuple[str, Labels, str]], now: datetime) -> None:
        body = json.dumps(_payload(alerts, now)).encode()
        request = urllib.request.Request(  # noqa: S310 - our own daemon on loopback
            f"{self.url}/alertmanager", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            answer.read()
        self._posted += len(alerts)

    def wait_for_reports(self) -> int:
        """Waits until every text has its final report; returns how many were delivered."""
        all_told = self.simulator.wait_for(
            lambda state: all(t.status == "DELIVERED" for t in state.texts()), 15
        )
        texts = self.simulator.texts()
        return len(texts) if all_told else sum(t.status == "DELIVERED" for t in texts)

    @property
    def posted(self) -> int:
        """Alerts posted so far."""
        return self._posted

    def _daemon(self, port: int) -> App:
        found = {"folder": str(self._folder), "port": str(port), "gateway": self.simulator.gateway_url}
        template = Template(files("sms_notify").joinpath("demo.yml").read_text("utf-8"))
        path = self._folder / "sms-notify.yml"
        path.write_text(template.safe_substitute(found), "utf-8")
        read = partial(load, path, {"DEMO_PASSWORD": self._password})
        settings = read()
        self._token = delivery_token(settings.gateways[0])
        return App(settings, read=read)


def tell(demo: Demo, say: Callable[[str], object], pause: Callable[[float], object], between: float) -> None:
    """Plays the whole story, a line for each thing that happens; `between` seconds from step to step."""
    names = demo.simulator.settings.phones
    for number, step in enumerate(STORY, 1):
        say(f"\n[{number}/{len(STORY)}] {step.said}")
        for text in demo.play(step, datetime.now(UTC)):
            say(f"      {names.get(text.number, text.number):<6} <- {text.text}")
        pause(between)
    delivered = demo.wait_for_reports()
    texts = demo.simulator.texts()
    credits_spent, failed = sum(text.parts for text in texts), len(texts) - delivered
    told = f"{demo.posted} alerts told, {len(texts)} texts, {credits_spent} credits"
    say(f"\n{told}, {delivered} delivered, {failed} failed.")


def _payload(told: Sequence[tuple[str, Labels, str]], now: datetime) -> dict[str, object]:
    began, ended = (now - timedelta(minutes=2)).isoformat(), now.isoformat()
    alerts = [
        {
            "status": status,
            "labels": dict(labels),
            "annotations": {"summary": summary},
            "startsAt": began,
            "endsAt": ended if status == "resolved" else _ZERO_TIME,
            "fingerprint": fingerprint_of(labels),
        }
        for status, labels, summary in told
    ]
    name = told[0][1]["alertname"]
    group = f'{{}}:{{alertname="{name}"}}'
    return {
        "version": "4",
        "status": alerts[0]["status"],
        "receiver": "sms",
        "groupKey": group,
        "truncatedAlerts": 0,
        "alerts": alerts,
    }


def _free_port(preferred: int) -> int:
    """`preferred`, so that the address is the same each time; any other where it is taken."""
    for port in (preferred, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as taken:
                return int(taken.getsockname()[1])
        except OSError:
            continue
    raise OSError("no free port on 127.0.0.1")
