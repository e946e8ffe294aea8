"""`migrate-store`: the whole state goes from one database to another, of either kind."""

from __future__ import annotations

from dataclasses import asdict

import click

from sms_notify.cli.common import json_option, say
from sms_notify.cli.terminal import progress
from sms_notify.errors import UsageError
from sms_notify.store.database import Database, open_store
from sms_notify.store.postgres_address import AddressError, is_postgres
from sms_notify.store.sqlite import SCHEME
from sms_notify.store.whole_copy import copy_whole, rows_in


@click.command("migrate-store")
@json_option
@click.argument("from_", metavar="FROM")
@click.argument("to", metavar="TO")
def migrate_store(from_: str, to: str, as_json: bool) -> None:
    """Copy a whole database into another one, and compare both. FROM and TO are written as in `storage`. No
    daemon may run on FROM; nothing in it is changed. TO must be new, or a copy that was cut off: the same command
    goes on with it. Nobody can use TO until the copy is whole.

    Example: sms-notify migrate-store sqlite:///var/lib/sms-notify/sms-notify.db postgresql://sms_notify@db.example.org/sms_notify
    """
    if from_ == to:
        raise UsageError("FROM and TO are the same database; name two")
    source, target = _opened("FROM", from_), _opened("TO", to)
    with progress("copying and comparing", 2 * rows_in(source)) as done:
        tables = copy_whole(source, target, done)
    total = sum(table.rows for table in tables.values())
    row = {"from": source.name, "to": target.name, "rows": total}
    row |= {"tables": {name: asdict(table) for name, table in tables.items()}}
    advice = "name it as `storage` in the configuration, and start the daemon"
    say(row, as_json, f"{target.name}: {total} rows in {len(tables)} tables, as in {source.name}; {advice}")


def _opened(which: str, url: str) -> Database:
    """What is not understood is not quoted: it may hold a password. Raises UsageError."""
    if not is_postgres(url) and not url.startswith(SCHEME):
        raise UsageError(
            f"{which} is not understood; write it like {SCHEME}var/lib/sms-notify/sms-notify.db, or"
            " postgresql://sms_notify@db.example.org/sms_notify"
        )
    try:
        return open_store(url)
    except AddressError as error:
        raise UsageError(f"{which} {error}") from None
