"""`sms-notify simulator`: a local 1601SMS gateway to try things against."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sms_notify.errors import UsageError
from sms_notify.secret import Secret

if TYPE_CHECKING:
    from sms_notify.simulator.server import Simulator


@click.command("simulator")
@click.option(
    "--listen", default="127.0.0.1:1601", show_default=True, metavar="HOST:PORT", help="Port 0: a free one."
)
@click.option("--username", default="demo", show_default=True)
@click.option("--password", default="demo", help="Plain or its SHA-1 is accepted; 'demo' unless given.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Overrides --password.",
)
@click.option("--credits", "balance", type=click.IntRange(0), default=500, show_default=True)
@click.option(
    "--delivery-url", default="", metavar="URL", help="The address that is called with each delivery report."
)
@click.option(
    "--phone", "phones", multiple=True, metavar="NAME=NUMBER", help="A phone with a name; repeatable."
)
@click.option(
    "--error-style",
    type=click.Choice(["spaced", "colon", "bare"]),
    default="spaced",
    show_default=True,
    help="'ERROR 104', 'ERROR: 104' or '104'.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:VALUE]",
    help="Break requests from the start, such as latency:5 or drop_after:reset,scope=sends,count=1; "
    "repeatable. An unknown kind lists them all.",
)
def simulator_command(
    listen: str,
    username: str,
    password: str,
    password_file: Path | None,
    balance: int,
    delivery_url: str,
    phones: tuple[str, ...],
    error_style: str,
    faults: tuple[str, ...],
) -> None:
    """Run a local 1601SMS gateway with a page that shows the phones.

    \b
    Example:
      sms-notify simulator --phone alice=+32470000001 --credits 20
      sms-notify simulator --fault latency:5 --fault error:108,scope=sends,count=3
    Then open the address it prints. No text leaves this machine.
    """
    from sms_notify.simulator.codes import ErrorStyle
    from sms_notify.simulator.server import Simulator
    from sms_notify.simulator.settings import SimulatorSettings

    secret = password_file.read_text(encoding="utf-8").strip() if password_file else password
    host, port = _address(listen)
    try:
        settings = SimulatorSettings(
            username=username,
            password=Secret(secret),
            credits=balance,
            delivery_url=delivery_url,
            phones=dict(_phone(phone) for phone in phones),
            error_style=ErrorStyle(error_style),
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    simulator = Simulator(settings, host=host, port=port)
    for fault in faults:
        _arm(simulator, fault)
    _serve(simulator, listen)


def _arm(simulator: Simulator, fault: str) -> None:
    from sms_notify.simulator.faults import written

    try:
        fields: dict[str, str] = written(fault)
        simulator.fault(fields.pop("kind"), **fields)
    except ValueError as error:
        raise UsageError(f"--fault {fault}: {error}") from error


def _serve(simulator: Simulator, listen: str) -> None:
    stop = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    try:
        base_url = simulator.start()
    except OSError as error:
        raise UsageError(f"cannot listen on {listen}: {error.strerror}; try --listen 127.0.0.1:0") from error
    try:
        click.echo(f"page:     {base_url}/")
        click.echo(f"gateway:  {simulator.gateway_url}")
        click.echo(f"try:      {simulator.example}")
        click.echo(f"control:  {base_url}/api/")
        click.echo("Ctrl-C stops it.")
        stop.wait()
    finally:
        simulator.stop()


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise UsageError(f"--listen {listen}: write HOST:PORT, such as 127.0.0.1:1601 or [::1]:1601")
    return host.strip("[]"), int(port)


def _phone(phone: str) -> tuple[str, str]:
    """NAME=NUMBER as (digits, name)."""
    name, _, written = phone.rpartition("=")
    number = re.sub(r"[ .()/-]", "", written).removeprefix("+")
    if not (name.strip() and re.fullmatch(r"[0-9]{8,15}", number)):
        raise UsageError(f"--phone {phone}: write NAME=NUMBER, such as alice=+32470000001")
    return number, name.strip()
