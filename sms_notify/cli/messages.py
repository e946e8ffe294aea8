"""`messages`, `incidents` and `explain`: what was sent, what is open, and why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, tzinfo

import click

from sms_notify.cli.common import config_option, json_option, local, say, settings_of, table
from sms_notify.cli.options import clock, now_utc, row_of
from sms_notify.errors import UsageError
from sms_notify.explain import timeline
from sms_notify.logs import masked, printable
from sms_notify.policy.episodes import tag_of
from sms_notify.store import queries
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Row, Tx, moment

_HEADER = ("ID", "TIME", "TO", "STATE", "TRIES", "PARTS", "SMSID", "TEXT")
_OPEN = ("id", "since", "severity", "state", "told", "what")  # columns of `incidents`
_FOLLOW_EVERY = 1.0  # seconds


@click.command()
@config_option
@click.option("-n", "--last", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@click.option("--follow", is_flag=True, help="Go on printing as messages are written, until Ctrl-C.")
@json_option
@click.pass_context
def messages(ctx: click.Context, config_file: str | None, last: int, follow: bool, as_json: bool) -> None:
    """Show the newest messages, oldest first.

    Example: sms-notify messages --last 50
    """
    store = SqliteStore(settings_of(ctx, config_file).storage_url)
    seen = _print_messages(store, last, 0, as_json, header=True)
    while follow:
        time.sleep(_FOLLOW_EVERY)
        seen = _print_messages(store, 1000, seen, as_json, header=False)


def _print_messages(store: SqliteStore, limit: int, after: int, as_json: bool, *, header: bool) -> int:
    with store.reading() as tx:
        rows = queries.last_messages(tx, limit, after)
    if rows or header:
        shown = table([_columns(row) for row in rows], _HEADER)
        say([_document(row) for row in rows], as_json, shown if header else shown.partition("\n")[2])
    return int(rows[-1]["id"]) if rows else after


def _columns(row: Row) -> tuple[str, ...]:
    at, text = local(moment(row["created_at"])), queries.shown_body(row).replace("\n", " ")
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
    shown: dict[str, object] = {k: row[k] for k in told}
    shown |= {"body": queries.shown_body(row)}
    return {"id": f"m{row['id']}", "at": moment(row["created_at"]), "number": masked(row["number"])} | shown


@click.command()
@config_option
@json_option
@click.pass_context
def incidents(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """The open incidents, also those that nobody was texted about: acknowledged by whom, told to how many, held until when.

    Example: sms-notify incidents
    """
    with SqliteStore(settings_of(ctx, config_file).storage_url).reading() as tx:
        rows = queries.open_incidents(tx)
    shown = [_incident(row) for row in rows]
    say(
        shown,
        as_json,
        table([[str(row[name]) for name in _OPEN] for row in shown], [n.upper() for n in _OPEN]),
    )


def _incident(row: Row) -> dict[str, object]:
    until = moment(row["held_until"]) if row["held"] else None
    lapses = moment(row["ack_until"]) if row["acked_at"] is not None and row["ack_until"] else None
    lasts = f" until {clock(lapses, now_utc())}" if lapses is not None else ""
    return {
        "id": f"#{tag_of(row['id'])}",
        "since": local(moment(row["opened_at"])),
        "severity": row["severity"],
        "state": f"{timeline.state_of(row)}{lasts}",
        "told": _reached(row["told"], row["texted"] - row["told"], row["held"], until),
        "what": timeline.name_of(row),
        "people_told": row["told"],
        "people_leaving": row["texted"] - row["told"],
        "people_waiting": row["held"],
        "waits_until": local(until) if until is not None else None,
        "acknowledged_by": row["acked_by"] or None,
        "acknowledged_how": row["acked_how"] or None,
        "acknowledged_until": local(lapses) if lapses is not None else None,
    }


def _reached(told: int, leaving: int, held: int, until: datetime | None) -> str:
    """`2 people, 1 waits until 07:00`: how many have a text, and how many not yet."""
    waits = [f"{leaving} {_wait(leaving)} to leave"] if leaving else []
    if until is not None:
        waits.append(f"{held} {_wait(held)} until {clock(until, now_utc())}")
    nobody = "nobody yet" if waits else "nobody"
    return ", ".join([_people(told) if told else nobody, *waits])


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"


def _people(number: int) -> str:
    return f"{number} {'person' if number == 1 else 'people'}"


@click.command()
@config_option
@json_option
@click.argument("id_", metavar="ID")
@click.pass_context
def explain(ctx: click.Context, config_file: str | None, as_json: bool, id_: str) -> None:
    """Why somebody did or did not get a text. ID is the tag in a text (k3f9), an incident's number or a message (m12).

    Example: sms-notify explain k3f9
    """
    settings, now = settings_of(ctx, config_file), now_utc()
    names = tuple(gateway.name for gateway in settings.gateways)
    beside = timeline.Beside(lambda at: clock(at, now), settings.route, settings.receivers, names)
    with SqliteStore(settings.storage_url).reading() as tx:
        told = _story(tx, id_, beside)
    if told is None:
        raise UsageError(
            f"there is no incident and no message {id_!r}; `sms-notify messages` shows the newest"
        )
    headline, lines = printable(told[0]), told[1]
    shown = zip(stamps([line.at for line in lines], now), lines, strict=True)
    text = "\n".join(
        (headline, *(f"  {at}  {'  ' * line.depth}{printable(line.what)}" for at, line in shown))
    )
    plain = [{"at": local(line.at), "depth": line.depth, "what": printable(line.what)} for line in lines]
    say({"id": id_, "headline": headline, "lines": plain}, as_json, text)


def stamps(times: Sequence[datetime], now: datetime, zone: tzinfo | None = None) -> list[str]:
    """The time of each line; with the date where it begins a day, unless all of them are of today."""
    days = [f"{at.astimezone(zone):%Y-%m-%d}" for at in times]
    clocks = [f"{at.astimezone(zone):%H:%M:%S}" for at in times]
    if set(days) <= {f"{now.astimezone(zone):%Y-%m-%d}"}:
        return clocks
    new = [day if day != before else " " * len(day) for day, before in zip(days, ["", *days], strict=False)]
    return [f"{day} {at}" for day, at in zip(new, clocks, strict=True)]


def _story(tx: Tx, id_: str, beside: timeline.Beside) -> timeline.Story | None:
    found = row_of(id_)
    if found is None:
        return None
    tell = timeline.of_message if found[0] == "message" else timeline.of_incident
    return tell(tx, found[1], beside)
