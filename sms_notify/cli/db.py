"""`db`: whether the database is sound, and a copy of it while it is served."""

from __future__ import annotations

from pathlib import Path

import click

from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.terminal import elapsed
from sms_notify.store.database import open_store


@click.group("db")
def db_group() -> None:
    """The database: is it sound, and a copy of it.

    Example: sms-notify db check
    """


@db_group.command("check")
@config_option
@json_option
@click.pass_context
def check(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """Check every page of the database, and compare each index with its table. Exit 1 if it is not sound. The
    daemon may run meanwhile. The next start of `serve` rebuilds a damaged index.

    Example: sms-notify db check
    """
    store = open_store(settings_of(ctx, config_file).storage_url)
    with elapsed(f"checking every page of {store.name}") as goes_on:
        found = store.problems(goes_on)
    row = {"database": store.name, "sound": not found, "problems": list(found)}
    advice = "restart `sms-notify serve`, which rebuilds indexes; if this comes again, restore a backup"
    told = "; ".join(found)
    say(row, as_json, f"{store.name}: NOT SOUND: {told} ({advice})" if found else f"{store.name}: sound")
    if found:
        ctx.exit(1)


@db_group.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@json_option
@click.pass_context
def backup(ctx: click.Context, file: Path, config_file: str | None, as_json: bool) -> None:
    """Copy the database into FILE as it is at this moment, and check every page of the copy. The daemon may
    run meanwhile. FILE must not exist yet. Only its owner can read it, because it holds numbers and texts.
    Exit 1 if the copy is not sound.

    Example: sms-notify db backup /var/backups/sms-notify.db
    """
    store = open_store(settings_of(ctx, config_file).storage_url)
    size = store.backup(file)
    say(
        {"database": store.name, "copy": str(file), "bytes": size},
        as_json,
        f"{file}: {size} bytes, sound",
    )
