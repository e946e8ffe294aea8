"""`db`: whether the database is sound, a copy of it while it is served, and erasing what is too old."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.terminal import elapsed
from sms_notify.config.durations import spell_duration
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import wall_clock
from sms_notify.policy.retention import ErasedPart, cuts
from sms_notify.store.conversion import forget_copies
from sms_notify.store.database import Database, open_store
from sms_notify.store.erasure import Erasure, count, erase_few
from sms_notify.wording.phrases import counted

_LEAST_REST = 0.01  # seconds
Erasable = Mapping[tuple[ErasedPart, str], int]
"""How many rows of a table lose, or lost, this part."""


@click.group("db")
def db_group() -> None:
    """The database: is it sound, a copy of it, and erasing what is too old.

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


@db_group.command("purge")
@config_option
@click.option("--dry-run", is_flag=True, help="Count what would be erased, and erase nothing.")
@click.option("--vacuum", is_flag=True, help="Then make the file smaller; the daemon must not run.")
@json_option
@click.pass_context
def purge(ctx: click.Context, config_file: str | None, dry_run: bool, vacuum: bool, as_json: bool) -> None:
    """Erase now what `keep` says is too old; the daemon does so once a day. It may run meanwhile. The file does
    not become smaller, but what is free in it is used again: --vacuum gives it back to the disk.

    \b
    Example:
      sms-notify db purge --dry-run
      sms-notify db purge
    """
    settings = settings_of(ctx, config_file)
    store = open_store(settings.storage_url)
    if vacuum and store.path is None:
        store.vacuum()  # refuses, before anything is erased
    with store.reading() as tx:  # a database that is not there is not made here
        found: Erasable = count(tx, cuts(settings.keep, wall_clock())) if dry_run else {}
    if not dry_run:
        with elapsed(f"erasing what is too old in {store.name}") as goes_on:
            found = _erase(store, settings, goes_on)
        forget_copies(store.path, settings.keep, wall_clock())
    if vacuum and not dry_run:
        store.vacuum()
    done = {part: {table: n for (of, table), n in found.items() if of is part} for part in ErasedPart}
    row: dict[str, object] = {"database": store.name, "dry_run": dry_run, "bytes": store.size}
    row |= {str(part): tables for part, tables in done.items()}
    say(row, as_json, _said(store, settings, done, dry_run=dry_run))


def _erase(store: Database, settings: Settings, goes_on: Callable[[], None]) -> Erasable:
    """A rest as long as each step: the daemon's commits wait for one of them at most."""
    found: Counter[tuple[ErasedPart, str]] = Counter()
    run, due = Erasure(), cuts(settings.keep, wall_clock())
    while True:
        with store.transaction() as tx:
            begun = time.monotonic()
            done = run.step(tx, due)
            run.took(time.monotonic() - begun)
            if done is None:
                found[ErasedPart.ROWS, "troubles"] += erase_few(tx, due)
                return found
        found[done.part, done.table] += done.rows
        goes_on()
        time.sleep(max(_LEAST_REST, time.monotonic() - begun))


def _said(
    store: Database, settings: Settings, done: Mapping[ErasedPart, Mapping[str, int]], *, dry_run: bool
) -> str:
    did = "would erase" if dry_run else "erased"
    lines = []
    for part, kept in ((ErasedPart.TEXTS, settings.keep.texts), (ErasedPart.ROWS, settings.keep.ledger)):
        key = "texts" if part is ErasedPart.TEXTS else "ledger"
        listed = ", ".join(_rows(n, table) for table, n in done[part].items() if n) or "nothing"
        what = "the words of" if part is ErasedPart.TEXTS else "the rows of"
        after = "off: nothing is erased" if kept is None else f"{spell_duration(kept)}: {did} {what} {listed}"
        lines.append(f"keep.{key} {after}")
    return "\n".join([*lines, f"{store.name}: {store.size} bytes"])


def _rows(number: int, table: str) -> str:
    """`1 incident`, `2 incidents`: tables are named by what they have many of."""
    return counted(f"{{}} {table.removesuffix('s')}|{{}} {table}", number)
