"""Every question that the dashboard for Grafana asks, asked of a real Prometheus that scrapes a real daemon."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from conftest import Site
from daemons import eventually, post
from systems import INTEGRATIONS, Prometheus, ask

from sms_notify.simulator.server import Simulator

pytestmark = pytest.mark.real
PATIENCE = 60
DASHBOARD = json.loads((INTEGRATIONS / "grafana" / "dashboard.json").read_text("utf-8"))
FIRING = Path(__file__).parents[1] / "payloads" / "grafana" / "firing.json"
# What Grafana puts in before it asks; here all instances, over the last minutes.
PUT_IN = {"$instance": ".*", "$__rate_interval": "5m"}
# Where nothing has gone wrong nothing is to be seen. In this configuration nobody is on call, and there is no budget.
MAY_BE_EMPTY = {
    "On call",
    "Who was on call",
    "Nobody on call, in the next 7 days",
    "Not told yet, by what holds it",
    "Limits that began to hold texts back",
    "Budget, over time",
    "Escalation steps",
    "Errors by code",
    "What is not tried",
    "Call-backs of the gateway",
    "Alerts that led to no text",
    "Webhooks refused",
    "Database errors",
    "Watches missing",
}


def questions() -> dict[tuple[str, str], str]:
    """Panel and reference → PromQL."""
    asked = {}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for before, after in PUT_IN.items():
                expression = expression.replace(before, after)
            asked[panel["title"], target["refId"]] = expression
    return asked


def answer(prometheus: Prometheus, expression: str) -> list[dict[str, Any]]:
    """The series of an instant query. Raises OSError (HTTP 400) where Prometheus cannot parse it."""
    told = json.loads(ask(f"{prometheus.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"))
    assert told["status"] == "success"
    return list(told["data"]["result"])


def test_prometheus_understands_every_question_and_a_text_shows_wherever_it_should(
    tmp_path: Path, site: Site, simulator: Simulator
) -> None:
    asked = questions()
    assert all("$" not in expression for expression in asked.values())
    with Prometheus(tmp_path / "prometheus", site.address, site.token_file) as prometheus:
        for expression in asked.values():
            answer(prometheus, expression)
        assert eventually(lambda: prometheus.value('up{job="sms-notify"}') == 1, PATIENCE)
        assert eventually(lambda: bool(answer(prometheus, "sms_notify_messages_total")), PATIENCE)
        assert post(site.daemon.url, FIRING.read_bytes(), path="/grafana") == 200
        simulator.wait_for_texts(2, PATIENCE)

        def missing() -> list[tuple[str, str]]:
            return [where for where, expression in asked.items() if not answer(prometheus, expression)]

        def dead() -> set[str]:
            return {title for title, _ in missing()} - MAY_BE_EMPTY

        assert eventually(lambda: not dead(), PATIENCE), dead()
        sent = 'sum(sms_notify_messages_total{outcome="sent"})'
        assert eventually(lambda: prometheus.value(sent) == 2, PATIENCE)
        grown = asked["Texts by outcome", "A"]
        assert eventually(
            lambda: any(float(series["value"][1]) > 0 for series in answer(prometheus, grown)), PATIENCE
        )


def test_there_is_no_excuse_for_a_panel_that_is_not_there() -> None:
    assert {title for title, _ in questions()} > MAY_BE_EMPTY
