"""From a check's result to a phone and back to calm, through Debian's Icinga 2 with the file that we ship."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from checking import incidents, states, told, waiting
from conftest import Site, hook_in, spool_for
from daemons import eventually
from icinga_running import CRITICAL, DOWN, OK, SHIPPED, UP, USER, Icinga, checked, configure, problems

from sms_notify.simulator.server import Simulator

pytestmark = [pytest.mark.real, pytest.mark.timeout(170)]
PATIENCE = 60.0  # seconds; what they take here is a few
MANY = tuple(f"Disk {n:02}" for n in range(80))
DATABASE = "MSSQL$PROD"  # a dollar begins a macro of Icinga's
# Each test has hosts of its own, for one Icinga serves them all: it takes its time to start.
HOSTS = {f"web-{n}": ("HTTP",) for n in range(1, 8)} | {"sql-1": (DATABASE,), "db-1": MANY}
# Alice is told at once; Bob when nobody has acknowledged by then.
SECTIONS = {
    "route": "{receiver: oncall, group_by: [host], group_wait: 1s, group_interval: 1s}",
    "receivers": "[{name: oncall, notify: [person:alice], escalate: [{after: 8s, notify: [person:bob]}]}]",
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sms-notify-", dir="/var/tmp") as name:
        made = Path(name)
        made.chmod(0o755)  # its user is another one
        yield made


@pytest.fixture(scope="module")
def spool(folder: Path) -> Path:
    return spool_for(folder, USER)


@pytest.fixture
def site(tmp_path: Path, simulator: Simulator, spool: Path) -> Iterator[Site]:
    running = Site(tmp_path, simulator, spool=str(spool), **SECTIONS)
    yield running
    with suppress(ProcessLookupError):
        running.daemon.kill()


@pytest.fixture(scope="module")
def icinga(folder: Path, spool: Path) -> Iterator[Icinga]:
    with Icinga(folder / "icinga", hook_in(folder), spool, HOSTS) as running:
        yield running
        print("\n    icinga2.log:", *running.notifications()[:9], sep="\n        ")
        assert problems(running.said()) == []


def heard(simulator: Simulator, name: str, *parts: str) -> bool:
    """Whether one text to Alice or Bob says all of it, within the time that it may take."""
    return eventually(
        lambda: any(all(part in text for part in parts) for text in told(simulator, name)), PATIENCE
    )


def test_icinga_takes_our_file_as_it_is_shipped_without_a_warning(open_folder: Path) -> None:
    configure(open_folder / "icinga", SHIPPED.read_text("utf-8"), HOSTS)
    said = checked(open_folder / "icinga")

    assert problems(said) == []
    applied = len(HOSTS) + sum(map(len, HOSTS.values()))
    assert f"Instantiated {applied} Notifications" in said
    assert "Instantiated 2 NotificationCommands" in said
    assert "Instantiated 1 User." in said


def test_a_service_and_a_host_are_told_acknowledged_in_icinga_and_over(
    site: Site, icinga: Icinga, simulator: Simulator
) -> None:
    icinga.service("web-1", "HTTP", CRITICAL, "HTTP CRITICAL: 503 Service Unavailable|time=9.9s;2;4")
    icinga.host("web-2", DOWN, "PING CRITICAL - 100% packet loss")
    assert heard(simulator, "alice", "FIRING critical HTTP web-1", "503 Service Unavailable")
    assert heard(simulator, "alice", "FIRING critical HostDown web-2", "100% packet loss")

    icinga.command(
        "ACKNOWLEDGE_SVC_PROBLEM;web-1;HTTP;1;1;0;Bob Smith;working on it",
        "ACKNOWLEDGE_HOST_PROBLEM;web-2;1;1;0;Carol;the power is out",
    )
    cared_for = {
        "HTTP web-1": "acknowledged by Bob Smith",
        "HostDown web-2": "acknowledged by Carol",
    }
    assert eventually(lambda: states(site) == cared_for, PATIENCE)

    # Nobody takes care of this one, and by the time that Bob hears of it he would have heard of the others.
    icinga.service("web-3", "HTTP", CRITICAL, "HTTP CRITICAL: connection refused")
    assert heard(simulator, "bob", "ESCALATED critical HTTP web-3", "connection refused")

    icinga.service("web-1", "HTTP", OK, "HTTP OK: 200")
    icinga.host("web-2", UP, "PING OK")
    assert heard(simulator, "alice", "OK HTTP web-1")
    assert heard(simulator, "alice", "OK HostDown web-2")
    assert set(states(site)) == {"HTTP web-3"}
    assert len(told(simulator, "bob")) == 1


def test_a_downtime_and_a_custom_notification_are_told_as_what_they_are(
    site: Site, icinga: Icinga, simulator: Simulator
) -> None:
    icinga.service("web-4", "HTTP", OK, "HTTP OK: 200")
    icinga.host("web-5", UP, "PING OK")
    now = int(time.time())
    icinga.command(
        "SEND_CUSTOM_SVC_NOTIFICATION;web-4;HTTP;0;Bob Smith;new certificate tonight",
        f"SCHEDULE_HOST_DOWNTIME;web-5;{now - 60};{now + 3600};1;0;0;Bob Smith;new memory",
    )
    assert heard(simulator, "alice", "Custom HTTP web-4", "new certificate tonight")
    assert heard(simulator, "alice", "Downtime host web-5", "new memory")


def test_what_a_check_or_a_person_says_is_never_run_and_arrives_unharmed(
    site: Site, icinga: Icinga, simulator: Simulator, folder: Path
) -> None:
    ran = folder / "ran"  # whoever is made to run something could write here
    ran.mkdir()
    shutil.chown(ran, USER, USER)
    first = f"""--spool={ran} "a" 'b' $host.name$ $5 $(touch {ran}/1) `touch {ran}/2`; touch {ran}/3 & Zürich 🔥"""
    second = f"""--help '; touch {ran}/4 #' C:\\Temp \\"""
    icinga.service("sql-1", DATABASE, CRITICAL, f"{first}\\n{second}")
    assert heard(simulator, "alice", f"{DATABASE} sql-1", "$host.name$")
    stored = site.daemon.rows("select annotations from alerts")
    assert [json.loads(text) for (text,) in stored] == [{"summary": first, "description": second}]

    by = f"--type=RECOVERY O'Neil $user.name$ `touch {ran}/5` $"
    icinga.command(f"ACKNOWLEDGE_SVC_PROBLEM;sql-1;{DATABASE};1;1;0;{by};it's $(touch {ran}/6) \\")
    assert eventually(lambda: states(site) == {f"{DATABASE} sql-1": f"acknowledged by {by}"}, PATIENCE)
    assert list(ran.iterdir()) == []


def test_what_happens_while_our_daemon_is_down_is_told_when_it_is_back(
    site: Site, icinga: Icinga, simulator: Simulator, spool: Path
) -> None:
    site.stop()
    icinga.service("web-6", "HTTP", CRITICAL, "HTTP CRITICAL: 503")
    icinga.host("web-7", DOWN, "PING CRITICAL")
    assert eventually(lambda: len(waiting(spool)) == 2, PATIENCE)
    assert simulator.texts() == []

    site.start()
    assert heard(simulator, "alice", "FIRING critical HTTP web-6", "503")
    assert heard(simulator, "alice", "FIRING critical HostDown web-7", "PING")
    assert eventually(lambda: waiting(spool) == [], PATIENCE)


def test_of_eighty_services_that_go_critical_at_once_none_is_lost(
    site: Site, icinga: Icinga, simulator: Simulator
) -> None:
    icinga.command(*(f"PROCESS_SERVICE_CHECK_RESULT;db-1;{name};{CRITICAL};full" for name in MANY))

    assert eventually(lambda: len(incidents(site)) == len(MANY), PATIENCE)
    assert set(states(site)) == {f"{name} db-1" for name in MANY}
    commands = [f"Problem db-1!{name}" for name in MANY]  # one for each, and no more
    assert eventually(lambda: sorted(n for n in icinga.notifications() if "db-1" in n) == commands, PATIENCE)
    assert eventually(lambda: all(row["people_told"] for row in incidents(site)), PATIENCE)
    assert heard(simulator, "alice", "FIRING critical", "Disk ")
