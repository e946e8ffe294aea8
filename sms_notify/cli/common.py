"""What several commands share: the configuration they were given, and how they print."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any, TypeVar

import click

from sms_notify.config.load import find_config, load
from sms_notify.config.settings import Settings
from sms_notify.errors import UsageError
from sms_notify.gateways.registry import GatewaySettings
from sms_notify.logs import unnumbered
from sms_notify.wording.clock import rfc3339

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """`--config` may stand before the command or after it."""
    return click.option("--config", "config_file", metavar="FILE", help="Configuration file.")(command)


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def settings_of(ctx: click.Context, config_file: str | None) -> Settings:
    """The configuration that the command line, the environment or the usual places name. Raises ConfigError."""
    return load(find_config(config_file or ctx.obj, os.environ), os.environ)


def account_of(settings: Settings, name: str | None) -> GatewaySettings:
    """The gateway called `name`, or the first one. Raises UsageError when there is none."""
    known = {gateway.name: gateway for gateway in settings.gateways}
    if not known:
        raise UsageError(f"{settings.source}: no gateway is configured; add one under `gateways:`")
    if name is not None and name not in known:
        raise UsageError(f"no gateway is called {name!r}; there is {', '.join(known)}")
    return known[name] if name is not None else settings.gateways[0]


def command_node() -> str:
    """This process in the ledger: the host's daemon counts what its commands did."""
    return f"{socket.gethostname()}/{os.getpid()}"


def say(
    value: Mapping[str, object] | Sequence[Mapping[str, object]],
    as_json: bool,
    text: str,
    *,
    whole: bool = False,
) -> None:
    """Numbers are masked, whoever wrote them into a label; `whole` leaves those that the caller has typed."""
    said = json_of(value) if as_json else text
    click.echo(said if whole else unnumbered(said))


def json_of(value: object, **more: Any) -> str:
    """For people and programs: letters as they are, whatever a terminal could obey as an escape."""
    text = json.dumps(value, default=_plain, ensure_ascii=False, **more)
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    )


def _plain(value: object) -> object:
    """What JSON has no form of its own for."""
    if isinstance(value, datetime):
        return rfc3339(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
