"""From a check's result to a phone and back to calm, through Debian's Nagios 4 with the file that we ship."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from checking import incidents, states, told, waiting
from conftest import Site, hook_in, spool_for
from daemons import eventually
from nagios_running import CRITICAL, DOWN, OK, SHIPPED, UP, USER, Nagios, beside_debians_own, warnings

from sms_notify.simulator.server import Simulator

pytestmark = [pytest.mark.real, pytest.mark.timeout(170)]
PATIENCE = 60.0  # seconds; what they take here is a few
MANY = tuple(f"Disk {n:02}" for n in range(80))
HOSTS = {"web-1": ("HTTP",), "web-2": ("HTTP",), "db-1": MANY}
# Alice is told at once; Bob when nobody has acknowledged by then.
SECTIONS = {
    "route": "{receiver: oncall, group_by: [host], group_wait: 1s, group_interval: 1s}",
    "receivers": "[{name: oncall, notify: [person:alice], escalate: [{after: 12s, notify: [person:bob]}]}]",
}


@pytest.fixture
def spool(open_folder: Path) -> Path:
    return spool_for(open_folder, USER)


@pytest.fixture
def site(tmp_path: Path, simulator: Simulator, spool: Path) -> Iterator[Site]:
    running = Site(tmp_path, simulator, spool=str(spool), **SECTIONS)
    yield running
    with suppress(ProcessLookupError):
        running.daemon.kill()


@pytest.fixture
def nagios(open_folder: Path, spool: Path) -> Iterator[Nagios]:
    with Nagios(open_folder / "nagios", hook_in(open_folder), spool, HOSTS) as running:
        yield running
        print("\n   ", *running.notifications()[-9:], sep="\n    nagios.log: ")
        assert running.failures() == []


def summaries(site: Site) -> dict[str, str]:
    """What was said of each host."""
    rows = site.daemon.rows("select labels, annotations from incidents")
    return {json.loads(labels)["host"]: json.loads(said)["summary"] for labels, said in rows}


def heard(simulator: Simulator, name: str, beginning: str, about: str = "") -> bool:
    """Whether one text says it, within the time that it may take."""
    return eventually(
        lambda: any(text.startswith(beginning) and about in text for text in told(simulator, name)), PATIENCE
    )


def test_nagios_takes_our_file_as_it_is_shipped_beside_debians_own(open_folder: Path) -> None:
    main = beside_debians_own(open_folder / "nagios", SHIPPED.read_text("utf-8"))

    assert [line for line in warnings(main) if "sms-notify" in line] == []
    understood = (main.parent / "precached_object_file").read_text("utf-8")
    assert "members\tnagiosadmin,sms-notify\n" in understood


def test_nagios_takes_it_with_the_group_of_its_own_that_its_comments_tell_of(open_folder: Path) -> None:
    shipped = SHIPPED.read_text("utf-8")
    group = "".join(line[4:] + "\n" for line in shipped.splitlines() if line.startswith("#   "))
    group = group[group.index("define contactgroup") :]
    assert shipped.count(" admins ") == 1
    main = beside_debians_own(open_folder / "nagios", shipped.replace(" admins ", " texted ") + group)

    assert [line for line in warnings(main) if "sms-notify" in line] == []
    understood = (main.parent / "precached_object_file").read_text("utf-8")
    assert "members\tsms-notify\n" in understood


def test_a_service_and_a_host_are_told_acknowledged_in_nagios_and_over(
    site: Site, nagios: Nagios, simulator: Simulator
) -> None:
    nagios.service("web-1", "HTTP", CRITICAL, "HTTP CRITICAL: 503 Service Unavailable|time=9.9s;2;4")
    nagios.host("web-2", DOWN, "PING CRITICAL - 100% packet loss")
    assert heard(simulator, "alice", "FIRING critical HTTP web-1", "503 Service Unavailable")
    assert heard(simulator, "alice", "FIRING critical HostDown web-2", "100% packet loss")

    nagios.command("ACKNOWLEDGE_SVC_PROBLEM;web-1;HTTP;2;1;0;Bob Smith;working on it")
    nagios.command("ACKNOWLEDGE_HOST_PROBLEM;web-2;2;1;0;Carol;the power is out")
    by = {"HTTP web-1": "acknowledged by Bob Smith", "HostDown web-2": "acknowledged by Carol"}
    assert eventually(lambda: states(site) == by, PATIENCE)

    # Nobody takes care of this one, and by the time that Bob hears of it he would have heard of the others.
    nagios.service("db-1", MANY[0], CRITICAL, "DISK CRITICAL - 1% free")
    assert heard(simulator, "bob", "ESCALATED critical Disk 00 db-1", "1% free")

    nagios.service("web-1", "HTTP", OK, "HTTP OK: 200")
    nagios.host("web-2", UP, "PING OK")
    assert heard(simulator, "alice", "OK HTTP web-1")
    assert heard(simulator, "alice", "OK HostDown web-2")
    assert states(site) == {"Disk 00 db-1": "open"}
    assert not any("web-" in text for text in told(simulator, "bob"))


def test_a_downtime_is_told_and_the_trouble_within_it_is_not(
    site: Site, nagios: Nagios, simulator: Simulator
) -> None:
    begin, end = int(time.time()), int(time.time()) + 3600
    nagios.command(f"SCHEDULE_HOST_DOWNTIME;web-1;{begin};{end};1;0;3600;Bob Smith;new disks")
    assert heard(simulator, "alice", "FIRING info Downtime host web-1", "new disks")

    nagios.host("web-1", DOWN, "PING CRITICAL")
    nagios.host("web-1", UP, "PING OK")
    nagios.command("DEL_HOST_DOWNTIME;1")
    assert heard(simulator, "alice", "OK Downtime host web-1")
    assert eventually(lambda: "HOST ALERT: web-1;DOWN;HARD" in nagios.said())
    assert not any("HostDown" in text for text in told(simulator, "alice"))
    assert states(site) == {}


def test_what_is_said_is_never_run_and_arrives_as_far_as_nagios_lets_it_through(
    site: Site, nagios: Nagios, simulator: Simulator, open_folder: Path
) -> None:
    ran = open_folder / "ran"  # whoever is made to run something could write here
    ran.mkdir()
    shutil.chown(ran, USER, USER)
    # The quote would end the one in our command, and all that follows would be the shell's.
    said = f"""Zürich "a" ' $(touch {ran}/1) `touch {ran}/2` ; touch {ran}/3 & touch {ran}/4 & '| touch {ran}/5"""
    nagios.service("web-1", "HTTP", CRITICAL, said)
    nagios.service("web-2", "HTTP", CRITICAL, "--help äöüß (C:) 100% * \\")
    nagios.host("db-1", DOWN, "caf\udce9 down")
    assert heard(simulator, "alice", "FIRING critical HTTP web-1", ": Zürich a (touch ")
    assert heard(simulator, "alice", "FIRING critical HTTP web-2", ": --help äöüß (C:) 100% * \\ since")
    assert heard(simulator, "alice", "FIRING critical HostDown db-1", ": caf? down since")
    through = f"Zürich a  (touch {ran}/1) touch {ran}/2 : touch {ran}/3  touch {ran}/4"
    assert summaries(site)["web-1"] == through

    nagios.command(
        f"ACKNOWLEDGE_SVC_PROBLEM;web-1;HTTP;2;1;0;O'Neil `touch {ran}/6`;it's $(touch {ran}/7) \\"
    )
    by = f"acknowledged by O'Neil `touch {ran}/6`"
    assert eventually(lambda: states(site)["HTTP web-1"] == by, PATIENCE)
    assert list(ran.iterdir()) == []


def test_what_happens_while_our_daemon_is_down_is_told_when_it_is_back(
    site: Site, nagios: Nagios, simulator: Simulator, spool: Path
) -> None:
    site.stop()
    nagios.service("web-1", "HTTP", CRITICAL, "HTTP CRITICAL: 503")
    nagios.host("web-2", DOWN, "PING CRITICAL")
    assert eventually(lambda: len(waiting(spool)) == 2, PATIENCE)
    assert simulator.texts() == []

    site.start()
    assert heard(simulator, "alice", "FIRING critical HTTP web-1", "503")
    assert heard(simulator, "alice", "FIRING critical HostDown web-2", "PING")
    assert eventually(lambda: waiting(spool) == [], PATIENCE)


def test_of_eighty_services_that_go_critical_at_once_none_is_lost(
    site: Site, nagios: Nagios, simulator: Simulator
) -> None:
    nagios.command(*(f"PROCESS_SERVICE_CHECK_RESULT;db-1;{name};{CRITICAL};full" for name in MANY))

    assert eventually(lambda: len(nagios.notifications()) == len(MANY), PATIENCE)
    assert eventually(lambda: len(incidents(site)) == len(MANY), PATIENCE)
    assert set(states(site)) == {f"{name} db-1" for name in MANY}
    assert eventually(lambda: all(row["people_told"] for row in incidents(site)), PATIENCE)
    assert len(told(simulator, "alice")) < len(MANY)  # those of one host share texts
