"""The files for Alertmanager and Prometheus, judged by their own tools."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from systems import (
    ALERTMANAGER_YML,
    RULES_YML,
    SCRAPE_YML,
    SHIPPED_METRICS_TOKEN_FILE,
    SHIPPED_RULES,
    filled_in,
)

from sms_notify.alert import Alert, Status
from sms_notify.wording.compose import compose
from sms_notify.wording.content import Notice, Reader, TextedIncident

pytestmark = pytest.mark.real
RULES_TEST = Path(__file__).parent / "rules_test.yml"


def passes(*command: str | Path) -> str:
    outcome = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def uncommented(text: str) -> str:
    return "".join(line[2:] + "\n" for line in text.splitlines() if line.startswith("#   "))


def test_alertmanager_loads_our_configuration_as_it_is_shipped() -> None:
    assert "SUCCESS" in passes("amtool", "check-config", ALERTMANAGER_YML)


def test_alertmanager_loads_it_with_the_other_channel_that_its_comments_tell_of(tmp_path: Path) -> None:
    text, other = ALERTMANAGER_YML.read_text("utf-8").split("# The other channel")
    routes, channel_receivers = (uncommented(part) for part in other.split("# and under `receivers:`"))
    head, receivers = text.split("receivers:\n")
    whole = tmp_path / "alertmanager.yml"
    whole.write_text(f"{head}{routes}receivers:\n{channel_receivers}{receivers}", "utf-8")

    assert "2 receivers" in passes("amtool", "check-config", whole)
    ways = ("amtool", "config", "routes", "test", f"--config.file={whole}")
    assert (
        passes(*ways, "alertname=SmsNotifyDown", "service=sms-notify").strip() == "other-channel,sms-notify"
    )
    assert passes(*ways, "alertname=HostDown").strip() == "sms-notify"


def test_prometheus_takes_our_rules_and_our_scrape_configuration(tmp_path: Path) -> None:
    passes("promtool", "check", "rules", RULES_YML)
    passes("promtool", "check", "config", "--syntax-only", SCRAPE_YML)
    (tmp_path / "token").write_text("token\n", "utf-8")
    whole = tmp_path / "prometheus.yml"
    changes = {SHIPPED_RULES: str(RULES_YML), SHIPPED_METRICS_TOKEN_FILE: str(tmp_path / "token")}
    whole.write_text(filled_in(SCRAPE_YML, changes), "utf-8")
    passes("promtool", "check", "config", whole)


def test_every_rule_fires_when_it_should_and_not_before() -> None:
    passes("promtool", "test", "rules", RULES_TEST)
    shipped = {(rule["alert"], rule["labels"]["severity"]) for rule in _alerts()}
    assert shipped == {(name, alert["exp_labels"]["severity"]) for name, alert in _expected()}
    assert {name for name, _ in shipped} == {name for name, fires in _cases() if not fires}


def test_every_summary_is_told_whole_in_one_text() -> None:
    for name, alert in _expected():
        labels = {"alertname": name, **alert["exp_labels"], "instance": "monitoring-1.example.org:9601"}
        told = TextedIncident(
            "k3f9",
            Alert("alertmanager", "f", Status.FIRING, labels, alert["exp_annotations"]),
            datetime.now(UTC),
        )
        text = compose(Notice(Status.FIRING, (told,)), Reader("Europe/Brussels"), None, 1)
        print(f"    {text.septets:3} {text.body}")
        assert text.parts == 1
        # `sms-notify: does not answer`: what the place has said is not said again, nor the word that led to it.
        assert {
            word for word in alert["exp_annotations"]["summary"].split() if word.strip("(),") not in text.body
        } <= {"of"}


def _alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES_YML.read_text("utf-8"))["groups"]
    return [rule for rule in group["rules"] if "alert" in rule]


def _cases() -> list[tuple[str, list[dict[str, Any]]]]:
    """Alert name, and what of it fires."""
    tests = yaml.safe_load(RULES_TEST.read_text("utf-8"))["tests"]
    return [
        (case["alertname"], case.get("exp_alerts", [])) for test in tests for case in test["alert_rule_test"]
    ]


def _expected() -> list[tuple[str, dict[str, Any]]]:
    """What promtool has found the rules to say: alert name, labels and annotations."""
    return [(name, alert) for name, fires in _cases() for alert in fires]
