"""`nodes`: the daemons that share one database."""

from __future__ import annotations

import click

from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import now_utc
from sms_notify.cli.terminal import table
from sms_notify.store.database import Database, open_store
from sms_notify.store.node_rows import NodeRow
from sms_notify.store.standing_nodes import StandingNodes, standing_nodes
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
    found = _look(open_store(settings_of(ctx, config_file).storage_url))
    if found is None:
        say({"nodes": [], "differ": []}, as_json, _ALONE)
        return
    rows, differ = found.rows, found.differ
    clock = Clock(found.now)
    lines = [table([_columns(row, found, clock) for row in rows], _HEADER), *differ] if rows else [_NONE]
    document = {"nodes": [_document(row, found) for row in rows], "differ": differ}
    say(document, as_json, "\n".join(lines))
    if differ or not found.living or len(found.living) < len(rows):
        ctx.exit(1)


def _look(store: Database) -> StandingNodes | None:
    if not store.shared:
        return None
    if not store.is_there():
        return StandingNodes((), "", now_utc())
    with store.reading() as tx:
        return standing_nodes(tx)


def _columns(row: NodeRow, found: StandingNodes, clock: Clock) -> tuple[str, ...]:
    seen = clock.second(row.seen_at) if row.lives(found.now) else f"{clock.second(row.seen_at)} (dead)"
    return row.node, "yes" if row.node == found.leader else "no", seen, row.version, row.configuration


def _document(row: NodeRow, found: StandingNodes) -> dict[str, object]:
    return {
        "node": row.node,
        "host": row.host,
        "leads": row.node == found.leader,
        "lives": row.lives(found.now),
        "version": row.version,
        "configuration": row.configuration,
        "started_at": row.started_at,
        "seen_at": row.seen_at,
    }
