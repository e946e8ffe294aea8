"""Ten thousand call-backs that are forged, doubled, late or nonsense change nothing, and the real ones apply."""

from __future__ import annotations

import http.client
import random
import re
import threading
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from daemons import PASSWORD, Daemon, command, eventually, free_port, get, payload, post, write_config

from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

STATUSES = (
    "DELIVERED",
    "NOT DELIVERED",
    "BUFFERED",
    "SUBMITTED",
    "REJECTED",
    "NONE",
    "'; drop table messages; --",
    "",
)


def memory(daemon: Daemon) -> int:
    """Resident kilobytes."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text("utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def call(url: str, paths: list[str]) -> None:
    """Calls them one after the other on one connection; every one is answered 200."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    for path in paths:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


def call_side_by_side(url: str, paths: list[str]) -> None:
    threads = [threading.Thread(target=call, args=(url, paths[n::4])) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.timeout(240)
def test_ten_thousand_forged_doubled_and_reordered_call_backs_change_nothing(tmp_path: Path) -> None:
    dice, port = random.Random(1601), free_port()
    listen = f"{{listen: '127.0.0.1:{port}', webhook_tokens_file: tokens, external_url: 'http://127.0.0.1:{port}'}}"
    settings = SimulatorSettings(
        "acme", Secret(PASSWORD), buffered_after=3600, final_after=7200
    )  # it says nothing by itself
    with Simulator(settings) as simulator:
        config = write_config(tmp_path, simulator.gateway_url, web=listen)
        address = urlsplit(command(config, "delivery-url").stdout.strip()).path
        daemon = Daemon(config)
        try:
            for n in range(10):
                assert post(daemon.url, payload(f"Alert{n}")) == 200
            texts = simulator.wait_for_texts(20, timeout=30)
            assert eventually(
                lambda: daemon.rows("select count(*) from messages where state = 'sent'") == [(20,)]
            )

            def path(token: str, smsid: str, status: str, reference: str) -> str:
                stamp = f"202611{dice.randrange(10, 30)}120000"
                query = urlencode({"smsid": smsid, "datum": stamp, "status": status, "referentie": reference})
                return f"{token}?{query}"

            def forged() -> str:
                text, other = dice.choice(texts), dice.choice(texts)
                status = dice.choice(STATUSES)
                return dice.choice(
                    [
                        path("/delivery/guessed", text.smsid, status, text.reference),
                        path(address, str(dice.randrange(10**12)), status, ""),
                        path(address, "", status, f"{dice.getrandbits(128):032x}"),
                        path(address, text.smsid, status, f"{dice.getrandbits(128):032x}"),
                        path(address, text.smsid, dice.choice(STATUSES[:3]), other.reference + "x"),
                        path(address, text.smsid, "SUBMITTED", text.reference),
                        path(address, text.smsid, "NONE", text.reference),
                        f"{address}?smsid={text.smsid}&smsid=1&status=DELIVERED",
                        f"{address}?{'x' * 3000}",
                    ]
                )

            before = daemon.rows("select id, state, smsid from messages order by id")
            call_side_by_side(daemon.url, [forged() for _ in range(2000)])
            grown_from = memory(daemon)
            call_side_by_side(daemon.url, [forged() for _ in range(8000)])

            assert daemon.rows("select id, state, smsid from messages order by id") == before
            assert memory(daemon) - grown_from < 16_000
            assert "duplicate" not in daemon.said()
            assert len(daemon.said()) < 100_000, "nobody can fill the disk with log lines"

            real = [
                path(address, t.smsid, s, t.reference)
                for t in texts
                for s in ("BUFFERED", "DELIVERED", "BUFFERED")
            ]
            late = [path(address, t.smsid, "NOT DELIVERED", t.reference) for t in texts]
            call(daemon.url, real + real + late)

            assert daemon.rows("select distinct state from messages") == [("delivered",)]
            moves = daemon.rows("select state, count(*) from ledger where reason = 'callback' group by state")
            assert moves == [("buffered", 20), ("delivered", 20)]
            metrics = get(daemon.url, "/metrics")
            assert 'sms_notify_callbacks_total{did="moved"} 40.0' in metrics
            total = sum(
                float(v) for v in re.findall(r"^sms_notify_callbacks_total\{.*\} (\S+)$", metrics, re.M)
            )
            assert 7_000 < total < 10_000 + len(real) * 2 + len(late)
        finally:
            daemon.kill()


def test_a_report_about_a_text_of_the_second_gateway_of_one_account_is_no_forgery(tmp_path: Path) -> None:
    port = free_port()
    listen = f"{{listen: '127.0.0.1:{port}', webhook_tokens_file: tokens, external_url: 'http://127.0.0.1:{port}'}}"
    settings = SimulatorSettings("acme", Secret(PASSWORD), buffered_after=3600, final_after=7200)
    with Simulator(settings) as simulator:
        account = (
            "type: 1601sms, username: acme, password_file: password, sender: ACME, delivery_reports: callback"
        )
        first, second = "http://127.0.0.1:1/", simulator.gateway_url
        gateways = (
            f"[{{name: first, url: '{first}', {account}}}, {{name: second, url: '{second}', {account}}}]"
        )
        config = write_config(
            tmp_path,
            simulator.gateway_url,
            web=listen,
            gateways=gateways,
            receivers="[{name: oncall, notify: [person:alice]}]",
        )
        address = urlsplit(command(config, "delivery-url").stdout.split()[0]).path
        daemon = Daemon(config)
        try:
            assert post(daemon.url, payload("Alert")) == 200
            (text,) = simulator.wait_for_texts(1, timeout=60)
            assert eventually(
                lambda: daemon.rows("select state, gateway from messages") == [("sent", "second")]
            )
            told = {
                "smsid": text.smsid,
                "status": "DELIVERED",
                "datum": "20261130080000",
                "referentie": text.reference,
            }
            call(daemon.url, [f"{address}?{urlencode(told)}"])
            assert eventually(lambda: daemon.rows("select state from messages") == [("delivered",)])
        finally:
            daemon.kill()
