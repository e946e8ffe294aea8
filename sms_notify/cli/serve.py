"""`sms-notify serve`: the daemon in the foreground."""

from __future__ import annotations

import os
import signal
import threading
import time

import click

from sms_notify.cli.common import config_option, settings_of
from sms_notify.errors import SmsNotifyError

_LOOK_EVERY = 1.0  # seconds


@click.command()
@config_option
@click.option(
    "--log-level",
    default="info",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
)
@click.pass_context
def serve(ctx: click.Context, config_file: str | None, log_level: str) -> None:
    """Run the daemon until SIGTERM or Ctrl-C; what is under way is settled first.

    Example: sms-notify serve --config /etc/sms-notify/sms-notify.yml
    """
    from sms_notify.app import App
    from sms_notify.logs import configure
    from sms_notify.service import Watch, manager_of

    configure(log_level.upper())
    settings = settings_of(ctx, config_file)
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    manager = manager_of(os.environ, os.getpid())
    app = App(settings, watch=Watch(time.monotonic, manager))
    try:
        manager.ready(f"serving on port {app.start()}")
        while app.alive and not stop.wait(_LOOK_EVERY):
            pass
        ended_by_itself = not stop.is_set()
    finally:
        manager.stopping()
        app.stop()
    if ended_by_itself:
        raise SmsNotifyError(
            "a part of the daemon has ended; the log says which. Let the init system start it again"
        )
