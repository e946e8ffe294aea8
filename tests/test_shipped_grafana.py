"""The files for Grafana, without a Grafana: what can be known of them from its documentation and from our own metrics."""

from __future__ import annotations

import itertools
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from daemons import PASSWORD, Daemon, free_port, write_config
from prometheus_client.parser import text_string_to_metric_families
from promql import OUR_OWN, exported, families, names_in, unknown_in
from workbench import Bench

from sms_notify.metrics import AskedAtScrape, Metrics
from sms_notify.policy.rate_limits import STANDARD
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.web.webhooks import SOURCES

SHIPPED = Path(__file__).parent.parent / "integrations" / "grafana"
CONTACT_POINT = SHIPPED / "contact-point.yaml"
PAYLOADS = Path(__file__).parent / "payloads" / "grafana"
SHIPPED_ADDRESS, SHIPPED_TOKEN_FILE = "127.0.0.1:9601", "/etc/grafana/sms-notify.token"

# The words of Grafana's documentation: "Create and manage alerting resources using file provisioning".
OF_A_POINT = {"orgId", "name", "receivers"}
OF_A_RECEIVER = {"uid", "type", "settings", "disableResolveMessage"}
OF_A_WEBHOOK = {
    "url",
    "httpMethod",
    "username",
    "password",
    "authorization_scheme",
    "authorization_credentials",
    "maxAlerts",
}
OF_A_POLICY = {
    "orgId",
    "receiver",
    "group_by",
    "matchers",
    "object_matchers",
    "mute_time_intervals",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "routes",
}


# The contact point


def filled_in(**changes: str) -> str:
    """The shipped file with what its comments ask to change; each stands there once, on a line that ends in CHANGE."""
    text = CONTACT_POINT.read_text("utf-8")
    before = {"address": SHIPPED_ADDRESS, "token_file": SHIPPED_TOKEN_FILE}
    for name, value in changes.items():
        [line] = [line for line in text.splitlines() if before[name] in line]
        assert line.endswith("# CHANGE")
        text = text.replace(before[name], value)
    return text


def with_policies(text: str) -> str:
    head, policies = text.split("# policies:")
    return head + "policies:" + re.sub(r"^# ?", "", policies, flags=re.MULTILINE)


def receiver(text: str) -> dict[str, Any]:
    [point] = yaml.safe_load(text)["contactPoints"]
    [found] = point["receivers"]
    return dict(found)


def test_the_contact_point_says_only_what_grafana_documents() -> None:
    told = yaml.safe_load(CONTACT_POINT.read_text("utf-8"))
    assert (told.keys(), told["apiVersion"]) == ({"apiVersion", "contactPoints"}, 1)
    [point] = told["contactPoints"]
    assert point.keys() == OF_A_POINT
    webhook = receiver(CONTACT_POINT.read_text("utf-8"))
    assert webhook.keys() == OF_A_RECEIVER
    assert (webhook["type"], webhook["disableResolveMessage"]) == ("webhook", False)
    assert webhook["settings"].keys() <= OF_A_WEBHOOK
    assert {type(value) for value in webhook["settings"].values()} == {str}
    assert webhook["settings"]["maxAlerts"] == "0"


def test_its_address_is_a_door_of_ours_and_its_token_stands_elsewhere() -> None:
    settings = receiver(CONTACT_POINT.read_text("utf-8"))["settings"]
    host, _, path = settings["url"].removeprefix("http://").partition("/")
    assert host == SHIPPED_ADDRESS
    assert SOURCES[f"/{path}"].__module__ == "sms_notify.sources.grafana"
    assert settings["authorization_credentials"] == f"$__file{{{SHIPPED_TOKEN_FILE}}}"


def test_the_policies_at_its_end_are_policies_to_this_contact_point() -> None:
    told = yaml.safe_load(with_policies(CONTACT_POINT.read_text("utf-8")))
    [policy], [point] = told["policies"], told["contactPoints"]
    assert policy.keys() <= OF_A_POLICY
    assert policy["receiver"] == point["name"]
    assert {policy[f"group_{name}"] for name in ("wait", "interval")} == {"10s", "1m"}


def test_what_the_comments_ask_to_change_is_what_there_is_to_change() -> None:
    lines = CONTACT_POINT.read_text("utf-8").splitlines()
    told = [line for line in lines if line.endswith("CHANGE") and not line.startswith("#")]
    assert len(told) == 2
    assert "Two things to change" in CONTACT_POINT.read_text("utf-8")


def test_the_readme_speaks_of_the_files_that_are_there() -> None:
    told = (SHIPPED / "README.md").read_text("utf-8")
    for path in SHIPPED.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in told
    for link in re.findall(r"\]\((\.\.[^)]+)\)", told):
        assert (SHIPPED / link).exists(), link


class Grafana:
    """Posts what Grafana's webhook contact point posts, to where and with what the provisioned file says."""

    def __init__(self, contact_point: str) -> None:
        self._settings = receiver(contact_point)["settings"]

    def notify(self, payload: Path) -> str:
        given = self._settings["authorization_credentials"]
        secret = re.sub(r"\$__file\{([^}]+)\}", lambda path: Path(path[1]).read_text("utf-8").strip(), given)
        headers = {
            "Authorization": f"{self._settings['authorization_scheme']} {secret}",
            "Content-Type": "application/json",
            "User-Agent": "Grafana",
        }
        request = urllib.request.Request(
            self._settings["url"], payload.read_bytes(), headers, method=self._settings["httpMethod"]
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(answer.read().decode())


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), credits=500, buffered_after=0, final_after=0)
    with Simulator(settings) as running:
        yield running


def test_what_grafana_posts_becomes_a_text_and_so_does_its_end(tmp_path: Path, simulator: Simulator) -> None:
    port = free_port()
    route = "{receiver: oncall, group_wait: 0s, group_interval: 1s}"
    daemon = Daemon(write_config(tmp_path, simulator.gateway_url, port=port, route=route))
    grafana = Grafana(filled_in(address=f"127.0.0.1:{port}", token_file=str(tmp_path / "token")))
    try:
        assert grafana.notify(PAYLOADS / "firing.json") == '{"accepted": 1}\n'
        begun = simulator.wait_for_texts(2, timeout=20)
        assert {text.number for text in begun} == {"32470000001", "31612345678"}
        assert all("HighMemory web1: Memory is at 97 %" in text.text for text in begun)
        grafana.notify(PAYLOADS / "firing.json")  # repeat_interval
        grafana.notify(PAYLOADS / "resolved.json")
        over = simulator.wait_for_texts(4, timeout=20)[2:]
        assert all(text.text.startswith("OK") for text in over)
        assert daemon.rows("select count(*) from alerts where source = 'grafana'") == [(3,)]
    finally:
        daemon.kill()


# The dashboard


DASHBOARD = json.loads((SHIPPED / "dashboard.json").read_text("utf-8"))
PANELS = DASHBOARD["panels"]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@pytest.fixture
def values(bench: Bench) -> set[tuple[str, str, str]]:
    """Name, label and value of all that a daemon exports before anything has happened."""
    bench.tick()  # the first transaction makes the tables
    page, _ = Metrics(["main"], "node", asked=AskedAtScrape(limits=lambda: STANDARD)).render(
        bench.store, "", bench.clock
    )
    return {
        (sample.name, label, value)
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        for label, value in sample.labels.items()
    }


def targets() -> list[tuple[str, dict[str, Any]]]:
    return [(panel["title"], target) for panel in PANELS for target in panel.get("targets", ())]


def expressions() -> list[Any]:
    return [
        pytest.param(target["expr"], id=f"{title} {target['refId']}".replace(" ", "_"))
        for title, target in targets()
    ]


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_names_only_metrics_and_labels_that_are_exported(expression: str) -> None:
    assert unknown_in(expression) == set()
    assert "sms_notify_" in expression


@pytest.mark.parametrize(
    "wrong",
    [
        "sms_notify_credits_left",
        "sum by (gatewy) (sms_notify_gateway_up)",
        "sms_notify_delivery_seconds",
        'sms_notify_messages_total{result="sent"}',
        "rat(sms_notify_messages_total[5m])",
        "sum by (le) (increase(sms_notify_messages_total[5m]))",
    ],
)
def test_a_name_that_is_not_exported_would_be_noticed(wrong: str) -> None:
    assert unknown_in(wrong)


@pytest.mark.parametrize("expression", expressions())
def test_a_value_that_is_asked_for_exists(expression: str, values: set[tuple[str, str, str]]) -> None:
    for metric, matchers in re.findall(r"(\w+)\{([^}]*)\}", expression):
        asked = re.findall(r'(\w+)=~?"([^"]*)"', matchers)
        assert ("instance", "$instance") in asked
        for label, words in set(asked) - {("instance", "$instance")}:
            assert {(metric, label, word) for word in words.split("|")} <= values


@pytest.mark.parametrize("expression", expressions())
def test_what_grows_is_asked_over_the_interval_that_loses_no_sample(expression: str) -> None:
    assert set(re.findall(r"\[([^\]]*)\]", expression)) <= {"$__rate_interval"}
    counted = {name for name in names_in(expression) if name.endswith(("_total", "_bucket"))}
    assert counted == set(re.findall(r"increase\((\w+)", expression))


def test_a_colour_is_given_to_a_value_or_a_query_that_exists(values: set[tuple[str, str, str]]) -> None:
    for panel in PANELS:
        there = {
            "byName": {value for _, _, value in values},
            "byFrameRefID": {target["refId"] for target in panel.get("targets", ())},
        }
        for override in panel.get("fieldConfig", {}).get("overrides", ()):
            assert override["matcher"]["options"] in there[override["matcher"]["id"]], panel["title"]


@pytest.mark.parametrize("name", ["credits_low_water", "credits_budget", "expire_seconds"])
def test_what_the_configuration_allows_is_drawn_from_the_configuration(name: str) -> None:
    assert any(f"sms_notify_{name}{{" in target["expr"] for _, target in targets())


def test_a_legend_names_labels_that_the_expression_leaves() -> None:
    for title, target in targets():
        left = {
            name.strip()
            for group in re.findall(r"by \(([^)]*)\)", target["expr"])
            for name in group.split(",")
        }
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left, title
        assert left - {"le"} <= set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])), title


def test_panels_have_ids_of_their_own_and_say_what_they_show() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(ids) == len(set(ids))
    titles = [panel["title"] for panel in PANELS]
    assert len(titles) == len(set(titles))
    for panel in PANELS:
        if panel["type"] != "row":
            assert panel["description"].endswith((".", "?")), panel["title"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_no_two_panels_overlap_and_none_hangs_over_the_edge() -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))

    taken = [cells(panel) for panel in PANELS]
    assert all(0 <= x < 24 for x, _ in set.union(*taken))
    assert sum(map(len, taken)) == len(set.union(*taken))


def test_every_question_goes_to_the_prometheus_that_was_chosen() -> None:
    chosen, *others = DASHBOARD["templating"]["list"]
    assert (chosen["name"], chosen["type"], chosen["query"]) == ("datasource", "datasource", "prometheus")
    asked = (
        [panel for panel in PANELS if panel["type"] != "row"] + [target for _, target in targets()] + others
    )
    assert all(one["datasource"] == DATASOURCE for one in asked)
    assert "__inputs" not in DASHBOARD  # else only an import through the browser would work


def test_what_a_variable_is_made_from_is_exported() -> None:
    [instance] = [one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    [(metric, label)] = re.findall(r"^label_values\((\w+), (\w+)\)$", instance["query"]["query"])
    assert metric in exported()
    assert label in OUR_OWN


def test_every_metric_is_shown_or_wakes_somebody() -> None:
    [group] = yaml.safe_load((SHIPPED.parent / "prometheus" / "rules.yml").read_text("utf-8"))["groups"]
    asked = [target["expr"] for _, target in targets()] + [rule["expr"] for rule in group["rules"]]
    used = set().union(*map(names_in, asked))

    assert {family for family, names in families().items() if not used & set(names)} == set()


def test_every_panel_has_a_unit() -> None:
    for panel in PANELS:
        if panel["type"] not in ("row", "heatmap", "state-timeline"):
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
