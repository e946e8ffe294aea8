"""`sms-notify serve`: the daemon in the foreground."""

from __future__ import annotations

import gc
import os
import resource
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sms_notify.cli.common import config_option
from sms_notify.config.load import find_config, load
from sms_notify.daemon.signals import Wish, Wishes
from sms_notify.errors import ConfigError, Fault, SmsNotifyError

if TYPE_CHECKING:
    from sms_notify.config.settings import Settings
    from sms_notify.daemon.app import App

_LOOK_EVERY = 1.0  # seconds


@click.command()
@config_option
@click.option(
    "--log-level",
    default="info",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    show_default=True,
    help="The lowest level that is logged.",
)
@click.pass_context
def serve(ctx: click.Context, config_file: str | None, log_level: str) -> None:
    """Run the daemon until SIGTERM or Ctrl-C; requests under way end first. SIGHUP reads the configuration again.

    Example: sms-notify serve --config /etc/sms-notify/sms-notify.yml
    """
    wishes = Wishes()  # first of all: what follows takes a second or longer
    _leave_no_core()

    from sms_notify.daemon.app import App
    from sms_notify.daemon.systemd import Watch, manager_of
    from sms_notify.logs import configure

    configure(log_level.upper())
    # Absolute, so that a reload reads the same file and names the same relative ones, wherever we stand then.
    read = partial(_read, find_config(config_file or ctx.obj, os.environ).absolute())
    settings = read()
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    manager = manager_of(os.environ, os.getpid())
    app = App(settings, watch=Watch(time.monotonic, manager), manager=manager, read=read)
    try:
        manager.ready(f"serving on port {app.start()}")
        _spare_what_stays()
        stopped = _obey(app, wishes)
    finally:
        manager.stopping()
        app.stop()
        wishes.done()
    if not stopped:
        raise SmsNotifyError(
            "a part of the daemon has ended; the log says which. Let the init system start it again"
        )


def _leave_no_core() -> None:
    """A core would hold the gateway's password. Whoever must have one raises the limit again: `prlimit --core`."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _spare_what_stays() -> None:
    """Of modules and configuration, some 70,000 objects: under load the collector would go through them every second,
    while every thread waits 30 ms for it. It looks at the young ones after 10,000, not after 700, which some requests at
    once make and are rid of by themselves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def _read(path: Path) -> Settings:
    """A pipe in the place of the file would hold up the start, or every later reload, for ever."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ConfigError([Fault(str(path), 0, "", "is not a regular file", "name a file")])
    return load(path, os.environ)


def _obey(app: App, wishes: Wishes) -> bool:
    """Until it is to stop, which is True, or a part of it has ended by itself."""
    while app.alive:
        wish = wishes.next(_LOOK_EVERY)
        if wish is Wish.STOP:
            return True
        if wish is Wish.RELOAD:
            app.reload()
    return False
