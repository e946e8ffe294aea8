"""Commands about the configuration: check-config, config schema, hash-password."""

from __future__ import annotations

import json
import os
import secrets
import sys
from typing import TYPE_CHECKING

import click

from sms_notify.errors import ConfigError, Fault

if TYPE_CHECKING:
    from sms_notify.config import Settings
    from sms_notify.decide.routing import Route


@click.command("check-config")
@click.argument("file", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def check_config(file: str | None, as_json: bool) -> None:
    """Check a configuration and print every fault with its line and what to do.

    FILE is --config's file where it is left out. Exit code 0 = usable, 1 = faults.

    \b
    Example:
      sms-notify check-config /etc/sms-notify/sms-notify.yml
    """
    from sms_notify.config import find_config, load

    try:
        settings = load(find_config(file or _named_file(), os.environ), os.environ)
    except ConfigError as error:
        _print_faults(error, as_json)
        sys.exit(1)
    _print_settings(settings, as_json)


def _named_file() -> str | None:
    """What `--config` of the whole program says."""
    named = click.get_current_context().find_root().params.get("config")
    return str(named) if named else None


def _print_faults(error: ConfigError, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"ok": False, "faults": [_plain(fault) for fault in error.faults]}, indent=2))
        return
    for fault in error.faults:
        click.echo(str(fault), err=True)


def _print_settings(settings: Settings, as_json: bool) -> None:
    counts = _counts(settings)
    if as_json:
        warnings = [_plain(fault) for fault in settings.warnings]
        click.echo(
            json.dumps({"ok": True, "file": settings.source, **counts, "warnings": warnings}, indent=2)
        )
        return
    told = ", ".join(f"{key}: {count}" for key, count in counts.items())
    click.echo(f"{settings.source}: OK ({told})")
    for warning in settings.warnings:
        click.echo(f"warning: {warning}")


def _counts(settings: Settings) -> dict[str, int]:
    return {
        "people": len(settings.directory.people),
        "receivers": len(settings.receivers),
        "routes": _count_routes(settings.route),
        "gateways": len(settings.gateways),
    }


def _count_routes(route: Route) -> int:
    return 1 + sum(_count_routes(child) for child in route.routes)


def _plain(fault: Fault) -> dict[str, str | int]:
    return {
        "file": fault.file,
        "line": fault.line,
        "path": fault.path,
        "what": fault.what,
        "advice": fault.advice,
    }


@click.group("config")
def config_group() -> None:
    """Helpers for writing a configuration.

    \b
    Example:
      sms-notify config schema > sms-notify.schema.json
    """


@config_group.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors.

    \b
    Example:
      sms-notify config schema > sms-notify.schema.json
    """
    from sms_notify.config import config_schema

    click.echo(json.dumps(config_schema(), indent=2))


@click.command("hash-password")
def hash_password() -> None:
    """Print the scrypt hash of a password, for `web.users`.

    Asks for the password twice on a terminal, and reads one line of stdin otherwise.

    \b
    Example:
      sms-notify hash-password
      printf '%s' "$PASSWORD" | sms-notify hash-password
    """
    from sms_notify.web import passwords

    click.echo(passwords.hash_password(_ask(), secrets.token_bytes(16)))


def _ask() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not password:
        raise click.UsageError("stdin holds no password; pipe one in, or run this on a terminal")
    return password
