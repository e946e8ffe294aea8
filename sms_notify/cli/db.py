"""`db`: whether the database is sound, and a copy of it while it is served."""

from __future__ import annotations

from pathlib import Path

import click

from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.terminal import elapsed
from sms_notify.store.sqlite import SqliteStore


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
    """Look at every page of the database, and compare each index with its table. Exit 1 where it is not sound.

    It may be served meanwhile. An index that is wrong is made anew by the next start of `serve`.

    Example: sms-notify db check
    """
    store = SqliteStore(settings_of(ctx, config_file).storage_url)
    with elapsed(f"looking at every page of {store.path}") as goes_on:
        found = store.problems(goes_on)
    row = {"database": str(store.path), "sound": not found, "problems": list(found)}
    advice = "restart `sms-notify serve`, which makes indexes anew; where this is said again, put a backup in its place"
    told = "; ".join(found)
    say(row, as_json, f"{store.path}: NOT SOUND: {told} ({advice})" if found else f"{store.path}: sound")
    if found:
        ctx.exit(1)


@db_group.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@json_option
@click.pass_context
def backup(ctx: click.Context, file: Path, config_file: str | None, as_json: bool) -> None:
    """Copy the database into FILE as it is at this moment, and look at every page of the copy.

    It may be served meanwhile. FILE must not be there yet; it is readable for its owner alone, for numbers and texts stand in
    it. Exit 1 where the copy is not sound.

    Example: sms-notify db backup /var/backups/sms-notify.db
    """
    store = SqliteStore(settings_of(ctx, config_file).storage_url)
    size = store.backup(file)
    say(
        {"database": str(store.path), "copy": str(file), "bytes": size},
        as_json,
        f"{file}: {size} bytes, sound",
    )
