"""The alert rules for Prometheus, without a Prometheus: what they name exists, and what they advise can be done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from promql import unknown_in

from sms_notify.cli import group

ROOT = Path(__file__).parent.parent
[GROUP] = yaml.safe_load((ROOT / "integrations" / "prometheus" / "rules.yml").read_text("utf-8"))["groups"]
ALERTS: list[dict[str, Any]] = [rule for rule in GROUP["rules"] if "alert" in rule]
# What Prometheus has of every target, and what the first rule records.
BESIDE: dict[str, set[str]] = {"up": set(), "sms_notify:gateway_usable": {"gateway"}}
TOLD = "\n".join(rule["annotations"]["description"] for rule in ALERTS)


@pytest.mark.parametrize("rule", GROUP["rules"], ids=lambda rule: rule.get("alert", "recorded"))
def test_a_rule_names_only_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    assert unknown_in(rule["expr"], BESIDE) == set()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_whose_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"].keys() == {"severity", "service"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description"}


def test_the_documentation_lists_every_alert_with_its_severities() -> None:
    table = re.findall(
        r"^\| `(SmsNotify\w+)` \| ([^|]*) \|",
        (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8"),
        re.MULTILINE,
    )
    documented = {name: set(re.findall(r"`(\w+)`", severities)) for name, severities in table}
    shipped: dict[str, set[str]] = {}
    for rule in ALERTS:
        shipped.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])

    assert documented == shipped


def test_every_command_that_a_rule_advises_exists() -> None:
    advised = re.findall(r"`sms-notify ([a-z -]+)`", TOLD)
    assert advised
    for words in advised:
        command: click.Command = group
        for word in words.split(" --")[0].split():
            assert isinstance(command, click.Group), words
            found = command.get_command(click.Context(command), word)
            assert found is not None, words
            command = found


def test_every_page_that_a_rule_refers_to_exists() -> None:
    text = (ROOT / "integrations" / "prometheus" / "rules.yml").read_text("utf-8")
    pages = set(re.findall(r"docs/[\w/.-]+\.md", text))

    assert pages
    assert {page for page in pages if not (ROOT / page).exists()} == set()
