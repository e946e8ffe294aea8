"""`nodes`: the daemons that share one database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import has_database, now_utc
from sms_notify.cli.terminal import table
from sms_notify.store import leadership, node_rows
from sms_notify.store.database import Database, open_store
from sms_notify.store.node_rows import NodeRow, differences
from sms_notify.wording.clock import Clock

_HEADER = ("NODE", "LEADS", "LAST SEEN", "VERSION", "CONFIGURATION")
_ALONE = "one daemon serves a SQLite file: there are no other nodes"
_NONE = "no daemon serves this database"


@click.command("nodes")
@config_option
@json_option
@click.pass_context
def nodes(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """Show the daemons that share one PostgreSQL: which of them lives, which leads, and what each runs. Exit 1 if one has died in
    the last day, none lives, or two run different versions or configurations.

    \b
    Example:
      sms-notify nodes
    """
    store = open_store(settings_of(ctx, config_file).storage_url)
    if not store.shared:
        say({"nodes": [], "differ": []}, as_json, _ALONE)
        return
    leads, rows, clock = _look(store) if has_database(store, "the nodes") else ("", (), Clock(now_utc()))
    living = [row for row in rows if row.lives(clock.now)]
    differ = differences(living[0], living[1:]) if living else []
    lines = [table([_columns(row, leads, clock) for row in rows], _HEADER), *differ] if rows else [_NONE]
    document = {"nodes": [_document(row, leads, clock.now) for row in rows], "differ": differ}
    say(document, as_json, "\n".join(lines))
    if differ or not living or len(living) < len(rows):
        ctx.exit(1)


def _look(store: Database) -> tuple[str, Sequence[NodeRow], Clock]:
    """By the database's own clock, as they write by it."""
    with store.reading() as tx:
        now = node_rows.time_of(tx)
        known = leadership.leader(tx)
        leads = known.node if known is not None and known.until > now else ""
        return leads, node_rows.known(tx), Clock(now)


def _columns(row: NodeRow, leads: str, clock: Clock) -> tuple[str, ...]:
    seen = clock.at(row.seen_at) if row.lives(clock.now) else f"{clock.at(row.seen_at)} (dead)"
    return row.node, "yes" if row.node == leads else "no", seen, row.version, row.configuration


def _document(row: NodeRow, leads: str, now: datetime) -> dict[str, object]:
    return {
        "node": row.node,
        "host": row.host,
        "leads": row.node == leads,
        "lives": row.lives(now),
        "version": row.version,
        "configuration": row.configuration,
        "started_at": row.started_at,
        "seen_at": row.seen_at,
    }
