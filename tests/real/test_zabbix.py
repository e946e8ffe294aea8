"""From a value in Zabbix to a phone and back, through Debian's Zabbix 6.0, with the files that we ship."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Site, hook_in, spool_for
from daemons import TOKEN, command, eventually
from zabbix_running import ALERT_SCRIPT, CHANNELS, EXPORT_6_0, EXPORT_7_0, PATIENCE, SHIPPED_TOKEN, Zabbix

from sms_notify.simulator.server import Simulator
from sms_notify.sources import input_limits

pytestmark = [pytest.mark.real, pytest.mark.timeout(170)]
ALICE, BOB = "32470000001", "31612345678"
ADMIN = "Zabbix Administrator (Admin)"
ROUTE = "{receiver: oncall, group_wait: 0s, group_interval: 1s}"
AFTER = 20  # seconds until Bob is called; an acknowledgement in Zabbix takes five to get here
AWKWARD = (
    "Zürich 温度 🔥 é ß",
    "$(touch /tmp/pwned) `id` $HOME ${PATH} %s %n",
    """it's "quoted" and 'single' and \\"both\\\\" \\""",
    "; rm -rf x | cat & echo > y < z",
    "--help -x --spool=/nowhere",
    "two\nlines\n\nfour",
    "x\nEVENT.ID: 1\nEVENT.VALUE: 0\nEVENT.UPDATE.STATUS: 1\nEVENT.UPDATE.ACTION: closed\nMONITOR: other",
    "tab\there and \x1b[31mred\x1b[0m and \x07bell",
    "{HOST.NAME} {ALERT.SENDTO} {$MACRO} {EVENT.ID}",
    '{"EVENT.ID": "1"}, <b>&amp;</b> # not a comment: no',
    "long " + "0123456789" * 150,
)


@pytest.fixture(scope="module")
def zabbix() -> Iterator[Zabbix]:
    with tempfile.TemporaryDirectory(prefix="sms-notify-zabbix-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        began = time.monotonic()
        with Zabbix(folder) as running:
            print(f"\nZabbix runs after {time.monotonic() - began:.1f} s")
            yield running


class Aimed:
    """A daemon that both channels of Zabbix lead to."""

    def __init__(self, site: Site, spool: Path, hook: Path, zabbix: Zabbix) -> None:
        self.site, self.spool, self._hook, self._zabbix = site, spool, hook, zabbix
        self.aim()

    def aim(self, token: str = TOKEN) -> None:
        self._zabbix.aim(self.site, self.spool, self._hook, token)

    def incidents(self) -> dict[str, dict[str, Any]]:
        """What `sms-notify incidents` shows, by the name of the problem."""
        shown = json.loads(command(self.site.config, "incidents", "--json").stdout)
        return {incident["what"].partition(" Web")[0].partition(" web1")[0]: incident for incident in shown}

    def rows(self, sql: str) -> list[tuple]:
        return self.site.daemon.rows(sql)

    def open(self) -> int:
        return int(self.rows("select count(*) from incidents where closed_at is null")[0][0])


@pytest.fixture
def aimed(tmp_path: Path, open_folder: Path, simulator: Simulator, zabbix: Zabbix) -> Iterator[Aimed]:
    spool = spool_for(open_folder, "zabbix")
    first = (
        f"[{{name: oncall, notify: [person:alice], escalate: [{{after: {AFTER}s, notify: [person:bob]}}]}}]"
    )
    site = Site(tmp_path, simulator, spool=str(spool), route=ROUTE, receivers=first)
    yield Aimed(site, spool, hook_in(open_folder), zabbix)
    with suppress(ProcessLookupError):
        site.daemon.kill()


def told(simulator: Simulator, number: str, *words: str) -> list[str]:
    """The texts to that number in which all these words are."""
    texts = [text.text for text in simulator.texts() if text.number == number]
    return [text for text in texts if all(word in text for word in words)]


def shipped(export: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(export.read_text("utf-8"))["zabbix_export"])


# The files


def test_the_two_exports_differ_in_nothing_but_their_formats() -> None:
    """6.4 numbers the parameters of a script (C62ImportConverter of Zabbix' front end); nothing else of it concerns us."""
    expected = deepcopy(shipped(EXPORT_6_0)) | {"version": "7.0"}
    (script,) = (one for one in expected["media_types"] if one["type"] == "SCRIPT")
    numbered = [{"sortorder": str(at), "value": value} for at, value in enumerate(script["parameters"])]
    script["parameters"] = numbered
    assert shipped(EXPORT_7_0) == expected


def test_every_line_to_be_changed_says_so() -> None:
    for export in (EXPORT_6_0, EXPORT_7_0):
        marked = [line for line in export.read_text("utf-8").splitlines() if line.endswith("# CHANGE")]
        assert [line.split("'")[1] for line in marked] == ["http://127.0.0.1:9601/zabbix", SHIPPED_TOKEN]
    assert ALERT_SCRIPT.read_text("utf-8").splitlines()[-1].endswith("# CHANGE")
    assert ALERT_SCRIPT.stat().st_mode & 0o111 == 0o111


def test_zabbix_imports_the_export_twice_and_exports_the_same(zabbix: Zabbix) -> None:
    assert zabbix.take(EXPORT_6_0)
    assert zabbix.take(EXPORT_6_0)
    ids = [zabbix.media_type(name)["mediatypeid"] for name in CHANNELS.values()]
    again = zabbix.call("configuration.export", format="yaml", options={"mediaTypes": ids})
    exported = yaml.safe_load(again)["zabbix_export"]
    del exported["date"]
    assert _sorted(exported) == _sorted(shipped(EXPORT_6_0))


def _sorted(export: dict[str, Any]) -> dict[str, Any]:
    """The webhook's parameters have no order, and a text that ends a block may or may not end in a newline."""
    for one in export["media_types"]:
        if one["type"] == "WEBHOOK":
            one["parameters"].sort(key=lambda parameter: parameter["name"])
    return dict(json.loads(json.dumps(export).replace('\\n"', '"').replace("\\r", "")))


# The webhook's script by itself


class Door(BaseHTTPRequestHandler):
    """Answers as its path says: /302/200 sends on to /200, /page says yes but is not sms-notify."""

    seen: list[tuple[str, str, bytes]] = []  # noqa: RUF012 - one server, one class

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.path, self.headers.get("Authorization", ""), body))
        status = self.path.split("/")[1]
        content = b"hello" if status == "page" else b'{"accepted": 1}\n'
        self.send_response(200 if status == "page" else int(status))
        if status.startswith("30"):
            self.send_header("Location", self.path.removeprefix(f"/{status}"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def door() -> Iterator[str]:
    Door.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def by_script(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """The webhook's JavaScript in Zabbix' own interpreter; it says what was returned or thrown."""
    (webhook,) = (one for one in shipped(EXPORT_6_0)["media_types"] if one["type"] == "WEBHOOK")
    (folder / "script.js").write_text(webhook["script"], "utf-8")
    given = json.dumps({"URL": url, "Token": TOKEN, "EVENT.ID": "7"})
    line = ["zabbix_js", "-s", str(folder / "script.js"), "-p", given]
    return subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)


def test_the_script_sends_the_parameters_but_not_the_token_and_the_address(tmp_path: Path, door: str) -> None:
    done = by_script(tmp_path, f"{door}/200")
    assert (done.returncode, done.stdout.strip()) == (0, '{"accepted": 1}'), done
    assert Door.seen == [("/200", f"Bearer {TOKEN}", b'{"EVENT.ID":"7"}')]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/400", "sms-notify answers 400: "),
        ("/401", "sms-notify answers 401: "),
        ("/503", "sms-notify answers 503: "),
        ("/page", "not sms-notify answers at this URL"),
        ("/302/page", "not sms-notify answers at this URL"),
        ("/302/400", "sms-notify answers 400: "),
    ],
)
def test_the_script_fails_with_whatever_is_no_yes_of_ours(
    tmp_path: Path, door: str, path: str, why: str
) -> None:
    done = by_script(tmp_path, f"{door}{path}")
    assert done.returncode != 0
    assert why in done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr


# From Zabbix to a phone


def test_a_problem_its_acknowledgement_and_its_end_come_by_both_channels(
    zabbix: Zabbix, aimed: Aimed, simulator: Simulator
) -> None:
    """Nobody is called about what was acknowledged in Zabbix; `Fan` is the proof that somebody would have been."""
    triggers = {
        channel: zabbix.watch(f"story.{channel}", channel, f"{channel.title()} hot") for channel in CHANNELS
    }
    zabbix.watch("story.fan", "script", "Fan")
    names = [f"{channel.title()} hot" for channel in CHANNELS]
    for channel in CHANNELS:
        zabbix.send(f"story.{channel}", 99)
    assert simulator.wait_for(lambda _: len(told(simulator, ALICE)) == 2, PATIENCE)

    for trigger in triggers.values():
        event = zabbix.problem(trigger)
        zabbix.update(event, "acknowledge", "message", message='on it: "10 min" $HOME\nsecond line')
    zabbix.send("story.fan", 99)
    acknowledged = "select count(*) from incidents where acked_at is not null"
    assert eventually(lambda: aimed.rows(acknowledged) == [(2,)], PATIENCE)
    assert simulator.wait_for(lambda _: bool(told(simulator, BOB)), PATIENCE)
    shown = aimed.incidents()
    assert {name: shown[name]["acknowledged_by"] for name in shown} == dict.fromkeys(names, ADMIN) | {
        "Fan": None
    }
    assert [("Fan" in text, "hot" in text) for text in told(simulator, BOB)] == [(True, False)]

    for key in (*CHANNELS, "fan"):
        zabbix.send(f"story.{key}", 1)
    assert eventually(lambda: aimed.open() == 0, PATIENCE)
    for name in (*names, "Fan"):
        assert simulator.wait_for(lambda _, name=name: bool(told(simulator, ALICE, "OK", name)), PATIENCE)
        assert len(told(simulator, ALICE, "OK", name)) == 1
        assert len(told(simulator, ALICE, "FIRING", name)) == 1
    labels = json.loads(aimed.rows("select labels from incidents")[0][0])
    assert labels["host"] == labels["instance"] == "web1"
    assert (labels["team"], labels["sendto"], labels["zabbix_severity"]) == ("infra", "sms-notify", "High")


def test_a_changed_severity_and_a_closing_by_hand_come_by_both_channels(
    zabbix: Zabbix, aimed: Aimed, simulator: Simulator
) -> None:
    triggers = {
        channel: zabbix.watch(f"worse.{channel}", channel, f"{channel.title()} slow", severity=2)
        for channel in CHANNELS
    }
    for channel in CHANNELS:
        zabbix.send(f"worse.{channel}", 99)
    events = {channel: zabbix.problem(trigger) for channel, trigger in triggers.items()}
    severities = "select severity from incidents order by id"
    assert eventually(lambda: aimed.rows(severities) == [("warning",)] * 2, PATIENCE)

    for event in events.values():
        zabbix.update(event, "severity", severity=5)
    assert eventually(lambda: aimed.rows(severities) == [("critical",)] * 2, PATIENCE)
    assert all(not incident["acknowledged_by"] for incident in aimed.incidents().values())

    for event in events.values():
        zabbix.update(event, "close", "message", message="replaced")
    assert eventually(lambda: aimed.open() == 0, PATIENCE)
    for channel in CHANNELS:
        name = f"{channel.title()} slow"
        assert simulator.wait_for(lambda _, name=name: bool(told(simulator, ALICE, "OK", name)), PATIENCE)
    # The closing and the recovery that comes with it, in either order, are one end, and it is told once.
    ends = [zabbix.end(event) for event in events.values()]
    assert eventually(lambda: all(len(zabbix.alerts(end)) == 2 for end in ends), PATIENCE)
    assert eventually(lambda: _all_sent(zabbix, *ends), PATIENCE)
    assert eventually(lambda: not _waiting(aimed), PATIENCE)
    assert (len(told(simulator, ALICE, "OK")), aimed.open()) == (2, 0)
    assert aimed.rows("select count(*) from incidents") == [(2,)]


def _waiting(aimed: Aimed) -> list[str]:
    """What lies in the spool, but for the folder of what was refused."""
    return [path.name for path in aimed.spool.iterdir() if path.is_file()]


def _all_sent(zabbix: Zabbix, *events: str) -> bool:
    return {alert["status"] for event in events for alert in zabbix.alerts(event)} == {"1"}


def test_what_zabbix_tells_while_the_daemon_is_down_is_texted_once_it_is_back(
    zabbix: Zabbix, aimed: Aimed, simulator: Simulator
) -> None:
    triggers = {
        channel: zabbix.watch(f"down.{channel}", channel, f"{channel.title()} lost") for channel in CHANNELS
    }
    aimed.site.stop()
    for channel in CHANNELS:
        zabbix.send(f"down.{channel}", 99)
    events = {channel: zabbix.problem(trigger) for channel, trigger in triggers.items()}

    assert eventually(lambda: _all_sent(zabbix, events["script"]), PATIENCE)
    assert len(_waiting(aimed)) == 1
    assert eventually(lambda: _tries(zabbix, events["webhook"]) >= 1, PATIENCE)
    (failing,) = zabbix.alerts(events["webhook"])
    assert (failing["status"], "Couldn't connect to server" in failing["error"]) == ("0", True), failing
    assert simulator.texts() == []

    aimed.site.start()
    for channel in CHANNELS:
        name = f"{channel.title()} lost"
        assert simulator.wait_for(lambda _, name=name: bool(told(simulator, ALICE, name)), PATIENCE)
    assert eventually(lambda: _all_sent(zabbix, events["webhook"]), PATIENCE)
    assert len(told(simulator, ALICE)) == 2
    assert _waiting(aimed) == []


def _tries(zabbix: Zabbix, event: str) -> int:
    return max((int(alert["retries"]) for alert in zabbix.alerts(event)), default=0)


def test_a_wrong_token_is_shown_in_zabbix_with_what_we_answered(
    zabbix: Zabbix, aimed: Aimed, simulator: Simulator
) -> None:
    aimed.aim(token="guessed")
    trigger = zabbix.watch("wrong", "webhook", "Wrong token")
    zabbix.send("wrong", 99)
    event = zabbix.problem(trigger)

    assert eventually(lambda: _tries(zabbix, event) >= 1, PATIENCE)
    (failing,) = zabbix.alerts(event)
    assert failing["error"] == "sms-notify answers 401: no valid bearer token or user and password"
    assert failing["status"] == "0"  # it goes on trying, and shows that it does
    assert aimed.rows("select count(*) from alerts") == [(0,)]
    assert simulator.texts() == []
    assert "guessed" not in aimed.site.daemon.said() + zabbix.said("server")


def test_awkward_text_comes_unharmed_by_both_channels(
    zabbix: Zabbix, aimed: Aimed, simulator: Simulator
) -> None:
    for channel in CHANNELS:
        zabbix.watch(f"text.{channel}", channel, "{ITEM.VALUE}", text=True)
        for text in AWKWARD:
            zabbix.send(f"text.{channel}", text)
    assert eventually(lambda: aimed.open() == 2 * len(AWKWARD), PATIENCE), aimed.open()

    rows = aimed.rows("select labels, annotations, state from incidents order by id")
    names = sorted(json.loads(labels)["alertname"] for labels, _, _ in rows)
    assert names == sorted(2 * [input_limits.one_line(text) for text in AWKWARD])
    assert {state for _, _, state in rows} == {"open"}
    opdata = sorted(json.loads(annotations)["summary"] for _, annotations, _ in rows)
    assert opdata == sorted(2 * [input_limits.plain(f"now {text}") for text in AWKWARD])
    assert not Path("/tmp/pwned").exists()

    for channel in CHANNELS:
        zabbix.send(f"text.{channel}", "ok")
    assert eventually(lambda: aimed.open() == 0, PATIENCE)
