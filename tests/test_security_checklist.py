"""The checklist of `docs/explanation/security.md`: what it names is there, and those of its lines that no other test proves."""

from __future__ import annotations

import ast
import json
import logging
import os
import re
import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from daemons import PASSWORD, Daemon, eventually, get, post, write_config
from named_places import PACKAGE, ROOT, is_test, named, spans

from sms_notify.config import config_schema
from sms_notify.logs import LineFormatter
from sms_notify.secret import Secret
from sms_notify.simulator.records import SimulatedText
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| S(\d+) \|(.*)\|$", PAGE, re.MULTILINE))
SOURCES = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


# The page


def test_every_line_of_the_checklist_is_there_once_and_in_order() -> None:
    assert re.findall(r"^\| S(\d+) \|", PAGE, re.MULTILINE) == [str(number) for number in range(1, 42)]


@pytest.mark.parametrize("number", ROWS, ids="S{}".format)
def test_a_line_names_tests_that_exist_a_command_or_a_residual_risk(number: str) -> None:
    holds, proof = (cell.strip() for cell in ROWS[number].split(" | "))
    places = [place for place in spans(proof) if "::" in place]

    assert holds
    assert all(map(is_test, places))
    assert places or re.search(r"`[^`]+` prints ", proof) or "(#what-remains)" in proof


def test_the_readme_leads_to_the_risks_that_remain() -> None:
    remains = PAGE.partition("## What remains")[2]

    assert "(docs/explanation/security.md)" in (ROOT / "README.md").read_text("utf-8")
    for risk in (
        "Plain http to the gateway",
        "Texts are not confidential",
        "A forged call-back",
        "gatewayrapport.php",
    ):
        assert risk in remains


# The source


class Call(NamedTuple):
    file: str
    name: str
    node: ast.Call


def calls() -> Iterator[Call]:
    for file, text in SOURCES.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                yield Call(file, ast.unparse(node.func), node)


def imported() -> set[str]:
    nodes = [node for text in SOURCES.values() for node in ast.walk(ast.parse(text))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def test_nothing_is_run_by_a_shell_or_from_a_text_and_nothing_is_unpickled() -> None:
    runs = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput"}
    shells = [call for call in calls() for key in call.node.keywords if key.arg == "shell"]

    assert [call for call in calls() if call.name in runs] == []
    assert shells == []
    assert imported().isdisjoint({"pickle", "marshal", "shelve", "dill", "code"})


def test_yaml_is_read_by_the_safe_loader_alone() -> None:
    loaders = {
        ast.unparse(key.value)
        for call in calls()
        if call.name.startswith("yaml.")
        for key in call.node.keywords
        if key.arg == "Loader"
    }

    assert loaders == {"yaml.CSafeLoader"}
    assert not [call for call in calls() if re.match(r"yaml\.(?:\w*load\w*)$", call.name)]


def test_a_template_is_made_in_one_place_of_what_the_configuration_says() -> None:
    assert {call.file for call in calls() if call.name.endswith("from_string")} == {"wording/templates.py"}


@pytest.mark.parametrize(
    "place",
    [
        "web/auth.py:Gatekeeper._token",
        "web/passwords.py:verify",
        "daemon/active_configuration.py:ActiveConfiguration.call_backs",
        "daemon/active_configuration.py:ActiveConfiguration.watch_of",
    ],
)
def test_what_somebody_sends_is_compared_with_a_secret_in_constant_time(place: str) -> None:
    tree = ast.parse(named(place))

    assert "hmac.compare_digest(" in named(place)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Eq | ast.NotEq | ast.In | ast.NotIn)]


def test_a_text_that_is_only_a_test_is_sent_by_hand_or_to_ask_a_closed_gateway() -> None:
    asks = {
        call.file
        for call in calls()
        for key in call.node.keywords
        if key.arg == "test" and call.name in ("Submission", "Batch", "_message")
    }

    assert {file for file in asks if not file.startswith("stories/")} == {
        "cli/send.py",
        "delivery/breaker_probe.py",
    }


def keys_of(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from keys_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from keys_of(value)


def test_no_key_of_the_configuration_turns_sending_into_testing() -> None:
    assert {key for key in keys_of(config_schema()) if "test" in key or "dry" in key} == set()


# What is shipped


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_one_version_with_its_hashes_and_no_address(path: Path) -> None:
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    pins = re.findall(r"^\S.*(?:\n +--hash=.*)*", "\n".join(lines), re.MULTILINE)

    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+(?:\[\w+\])?==[\w.]+(?: ; [^\\\n]+)? \\\n", pin), pin
        assert re.search(r"--hash=sha256:[0-9a-f]{64}$", pin), pin
        assert "://" not in pin


def shipped() -> Iterator[Path]:
    for folder in ("configs", "integrations", "docs", "sms_notify"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file())


def test_what_is_shipped_holds_no_key_and_every_secret_of_an_example_is_a_variable() -> None:
    for path in shipped():
        text = path.read_text("utf-8", "replace")
        assert "PRIVATE KEY-----" not in text, path
        if path.suffix == ".yml":
            written = re.findall(r"^[ #]*-? ?(?:password|token):[ ]+([^\s#]+)", text, re.MULTILINE)
            assert [value for value in written if not value.startswith("${")] == [], path


# What runs

STRANGE = "x\r\n2026-11-22T12:00:00.000Z CRITICAL forged\x1b[2J\x00\x85\u2028\u2029\u202e\ud800"


def test_one_event_is_one_line_of_the_log_whatever_its_values_are() -> None:
    record = logging.LogRecord("sms_notify", logging.INFO, "", 0, "told %s", (STRANGE,), None)
    record.label = STRANGE
    line = LineFormatter().format(record)

    assert line.splitlines() == [line]
    assert line.isprintable()


ELSEWHERE = "+881612345678"
FORGED = "x\r\n2026-11-22T12:00:00.000Z CRITICAL forged"
HOSTILE = {
    "alertname": "Hostile",
    "severity": "critical",
    "phone": ELSEWHERE,
    "naar": ELSEWHERE,
    "operator": f"&naar={ELSEWHERE}",
    "instance": "{{7*7}} %(x)s {0.__class__}",
    "job": "'; drop table incidents; --",
    "team": f"{FORGED}\x1b[2J\u2028",
}


class After(NamedTuple):
    """A daemon that was told of a hostile alert and has texted it."""

    daemon: Daemon
    texts: list[SimulatedText]


def as_open_as_can_be() -> None:
    """What whoever starts the daemon may have set."""
    os.umask(0)
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), credits=5000, buffered_after=0, final_after=0)
    with Simulator(settings) as simulator:
        config = write_config(tmp_path_factory.mktemp("hostile"), simulator.gateway_url)
        daemon = Daemon(config, "--log-level", "debug", before=as_open_as_can_be)
        alert = {"status": "firing", "labels": HOSTILE, "annotations": {"summary": HOSTILE["instance"]}}
        try:
            assert (
                post(daemon.url, json.dumps({"version": "4", "groupKey": "{}", "alerts": [alert]}).encode())
                == 200
            )
            texts = list(simulator.wait_for_texts(2, timeout=20))
            assert eventually(lambda: daemon.said().count(" sent ") == 2)
            yield After(daemon, texts)
        finally:
            daemon.kill()


def test_a_number_in_a_label_is_texted_to_nobody(after: After) -> None:
    assert {text.number for text in after.texts} == {"32470000001", "31612345678"}


def test_source_of_a_template_in_a_label_is_told_as_it_stands(after: After) -> None:
    assert all("{{7*7}}" in text.text for text in after.texts)


def test_a_statement_in_a_label_is_a_value(after: After) -> None:
    [(labels,)] = after.daemon.rows("select labels from incidents")

    assert json.loads(labels)["job"] == HOSTILE["job"]


def test_every_line_of_the_log_begins_with_its_time_after_hostile_labels(after: After) -> None:
    lines = after.daemon.said().split("\n")[:-1]

    assert lines
    for line in lines:
        assert re.match(r"warning: |\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ ", line)
        assert line.isprintable()
        assert not re.match(r"\S+ CRITICAL forged", line)


def test_no_text_and_no_number_is_in_the_log(after: After) -> None:
    said = after.daemon.said()

    assert said.count("******") >= 2
    assert not re.search(r"\+?[1-9][0-9]{9,}", said)
    assert not [text for text in after.texts if text.text in said]
    assert "{{7*7}}" not in said


def test_the_metrics_hold_no_number_and_nothing_of_an_alert(after: After) -> None:
    metrics = get(after.daemon.url, "/metrics")

    assert "sms_notify_" in metrics
    assert not re.search(r"\+[0-9]{8,}", metrics)
    assert not [value for key, value in HOSTILE.items() if key != "severity" and value in metrics]


def test_the_database_is_its_owners_alone_whatever_the_umask(after: After) -> None:
    folder = after.daemon.config.parent / "data"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}

    assert set(modes) >= {"sms.db", "sms.db-wal", "sms.db-shm"}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750


def test_the_daemon_leaves_no_core(after: After) -> None:
    limits = Path(f"/proc/{after.daemon.process.pid}/limits").read_text("utf-8")

    assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)
