"""What the commands say where PostgreSQL does not let them in."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from daemons import PASSWORD, command, free_port, write_config

from sms_notify.cli import group
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store.postgres_errors import unreachable


@pytest.fixture
def nobody_there(tmp_path: Path) -> str:
    """The configuration of a daemon whose database is down."""
    storage = f"postgresql://sms_notify@127.0.0.1:{free_port()}/sms_notify"
    return str(write_config(tmp_path, "http://127.0.0.1:9/module/", storage=storage))


def test_check_config_online_refuses_a_database_that_is_not_reached_and_asks_no_gateway(
    tmp_path: Path,
) -> None:
    storage = f"postgresql://sms_notify@127.0.0.1:{free_port()}/sms_notify"
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD))) as simulator:
        config = write_config(tmp_path, simulator.gateway_url, storage=storage)
        found = CliRunner().invoke(group, ["check-config", "--online", "--json", str(config)])
        assert simulator.requests() == []

    assert found.exit_code == 1
    [fault] = json.loads(found.stdout)["faults"]
    assert (fault["path"], fault["stops_start"]) == ("storage", True)
    assert fault["what"].startswith("PostgreSQL cannot be reached: ")


def test_without_online_a_configuration_is_checked_anywhere(nobody_there: str) -> None:
    assert CliRunner().invoke(group, ["check-config", nobody_there]).exit_code == 0


def test_nodes_of_a_database_that_is_not_reached_are_not_said_to_be_none(nobody_there: str) -> None:
    shown = command(Path(nobody_there), "nodes")

    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith("PostgreSQL cannot be reached: ")


@pytest.mark.parametrize(
    ("why", "advice"),
    [
        ('FATAL: no pg_hba.conf entry for host "10.0.0.2", user "sms_notify"', "pg_hba.conf, and reload"),
        ("fe_sendauth: no password supplied", "mode 0600"),
        ('root certificate file "/root.crt" does not exist', "`sslrootcert=FILE`"),
        ("Connection refused", "see that the server runs"),
    ],
)
def test_what_refuses_a_connection_is_told_with_what_to_do(why: str, advice: str) -> None:
    said = str(unreachable("postgresql://sms_notify@db/sms_notify", psycopg.OperationalError(why)))

    assert why in said
    assert advice in said.partition("; ")[2]
