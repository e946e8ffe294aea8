"""`messages`, `incidents` and `explain`: what was sent, what is open, and why."""

from __future__ import annotations

import time

import click

from sms_notify import story
from sms_notify.cli.common import config_option, json_option, local, say, settings_of, table
from sms_notify.decide.incidents import incident_of, tag_of
from sms_notify.errors import UsageError
from sms_notify.logs import masked, printable
from sms_notify.store import reading
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Row, Tx, load, moment

_HEADER = ("ID", "TIME", "TO", "STATE", "TRIES", "PARTS", "SMSID", "TEXT")
_FOLLOW_EVERY = 1.0  # seconds
_LONGEST_ID = 18  # digits that surely fit a row's number


@click.command()
@config_option
@click.option("-n", "--last", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@click.option("--follow", is_flag=True, help="Go on printing as messages are written, until Ctrl-C.")
@json_option
@click.pass_context
def messages(ctx: click.Context, config_file: str | None, last: int, follow: bool, as_json: bool) -> None:
    """The newest messages, oldest of them first.

    Example: sms-notify messages --last 50
    """
    store = SqliteStore(settings_of(ctx, config_file).storage_url)
    seen = _print_messages(store, last, 0, as_json, header=True)
    while follow:
        time.sleep(_FOLLOW_EVERY)
        seen = _print_messages(store, 1000, seen, as_json, header=False)


def _print_messages(store: SqliteStore, limit: int, after: int, as_json: bool, *, header: bool) -> int:
    with store.reading() as tx:
        rows = reading.last_messages(tx, limit, after)
    if rows or header:
        shown = table([_columns(row) for row in rows], _HEADER)
        say([_document(row) for row in rows], as_json, shown if header else shown.partition("\n")[2])
    return int(rows[-1]["id"]) if rows else after


def _columns(row: Row) -> tuple[str, ...]:
    at, text = local(moment(row["created_at"])), row["body"].replace("\n", " ")
    return (
        f"m{row['id']}",
        at,
        row["recipient"],
        row["state"],
        str(row["attempts"]),
        str(row["parts"]),
        row["smsid"] or "-",
        text,
    )


def _document(row: Row) -> dict[str, object]:
    told = (
        "kind",
        "receiver",
        "recipient",
        "severity",
        "gateway",
        "body",
        "parts",
        "state",
        "attempts",
        "smsid",
    )
    return {"id": f"m{row['id']}", "at": moment(row["created_at"]), "number": masked(row["number"])} | {
        k: row[k] for k in told
    }


@click.command()
@config_option
@json_option
@click.pass_context
def incidents(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """The open incidents, also those that nobody was texted about.

    Example: sms-notify incidents
    """
    with SqliteStore(settings_of(ctx, config_file).storage_url).reading() as tx:
        rows = reading.open_incidents(tx)
    shown = [_incident(row) for row in rows]
    header = ("ID", "SINCE", "SEVERITY", "TOLD", "WHAT")
    say(shown, as_json, table([tuple(map(str, row.values())) for row in shown], header))


def _incident(row: Row) -> dict[str, object]:
    labels = load(row["labels"])
    what = (
        " ".join(labels[name] for name in ("alertname", "instance") if name in labels)
        or "alert without a name"
    )
    opened = local(moment(row["opened_at"]))
    told = f"{row['told']} people" if row["told"] else "nobody"
    return {
        "id": f"#{tag_of(row['id'])}",
        "since": opened,
        "severity": row["severity"],
        "told": told,
        "what": what,
    }


@click.command()
@config_option
@json_option
@click.argument("id_", metavar="ID")
@click.pass_context
def explain(ctx: click.Context, config_file: str | None, as_json: bool, id_: str) -> None:
    """Why somebody did or did not get a text. ID is the tag in a text (k3f9), an incident's number or a message (m12).

    Example: sms-notify explain k3f9
    """
    store = SqliteStore(settings_of(ctx, config_file).storage_url)
    with store.reading() as tx:
        told = _story(tx, id_)
    if told is None:
        raise UsageError(
            f"there is no incident and no message {id_!r}; `sms-notify messages` shows the newest"
        )
    headline, lines = told
    headline, shown = (
        printable(headline),
        [(local(line.at), "  " * line.depth, printable(line.what)) for line in lines],
    )
    row = {"id": id_, "headline": headline, "lines": [{"at": at, "what": what} for at, _, what in shown]}
    say(row, as_json, "\n".join((headline, *(f"  {at}  {indent}{what}" for at, indent, what in shown))))


def _story(tx: Tx, id_: str) -> tuple[str, list[story.Line]] | None:
    number = id_.removeprefix("m")
    if number.isascii() and number.isdigit():
        known = int(number) if len(number) <= _LONGEST_ID else 0
        return story.of_message(tx, known) if id_.startswith("m") else story.of_incident(tx, known)
    incident_id = incident_of(id_)
    return story.of_incident(tx, incident_id) if incident_id is not None else None
