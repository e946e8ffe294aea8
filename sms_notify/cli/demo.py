"""`sms-notify demo`: everything at once, to be watched."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path

import click

from sms_notify.demo import Demo, tell
from sms_notify.logs import configure

_BETWEEN = 3.0  # seconds from one step to the next, when somebody watches


@click.command()
@click.option("--once", is_flag=True, help="Play the incident, check that every text arrived, and end.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port of the page with the phones; else 1601, else any that is free.",
)
@click.pass_context
def demo(ctx: click.Context, once: bool, port: int | None) -> None:
    """Simulated gateway, real daemon, and a staged incident; nothing leaves this machine.

    Example: sms-notify demo
    """
    configure("WARNING")
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="sms-notify-demo-") as folder, Demo(Path(folder), port) as staged:
        click.echo(
            f"The phones:  {staged.page}   (open it in a browser)\nThe daemon:  {staged.url}/   (its status page)"
        )
        tell(staged, click.echo, stop.wait, 0.2 if once else _BETWEEN)
        complete = all(text.status == "DELIVERED" for text in staged.simulator.texts())
        if not once:
            click.echo(f"\nStill serving. Try it yourself:\n\n  {_own_alert(staged.url)}\n\nCtrl-C ends it.")
            stop.wait()
    ctx.exit(0 if complete else 1)


def _own_alert(url: str) -> str:
    alert = '{"alerts":[{"labels":{"alertname":"MyFirst","severity":"critical"},"annotations":{"summary":"hello"}}]}'
    return f"curl -d '{alert}' {url}/alertmanager"
