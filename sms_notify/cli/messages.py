"""`messages`: the ledger of texts, by filters, and as it is written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import click

from sms_notify.cli.common import config_option, json_of, json_option, say, settings_of
from sms_notify.cli.options import check_reader, now_utc, row_of
from sms_notify.cli.terminal import critical, table
from sms_notify.cli.times import read_past
from sms_notify.config.phone import NumberError, parse_number
from sms_notify.errors import UsageError
from sms_notify.explain.untold import untold_line
from sms_notify.logs import masked, unnumbered
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.records import Message
from sms_notify.policy.vocabulary import State
from sms_notify.store import ledger_queries, queries
from sms_notify.store.database import Database, open_store
from sms_notify.store.ledger_queries import MessageFilter
from sms_notify.store.tx import Tx
from sms_notify.wording.clock import Clock, exact

_HEADER = ("ID", "TIME", "TO", "STATE", "TRIES", "PARTS", "SMSID", "TEXT")
_STATE = _HEADER.index("STATE")
_FOLLOW_EVERY = 1.0  # seconds


@click.command()
@config_option
@click.option("-n", "--last", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@click.option("--to", "to", metavar="PERSON|+NUMBER", default="", help="To this person alone.")
@click.option("--state", type=click.Choice([state.value for state in State]), help="In this state alone.")
@click.option(
    "--since",
    "since_text",
    metavar="TIME",
    help="Written then or later: 2h (ago), HH:MM, 'Mon HH:MM' or ISO 8601.",
)
@click.option("--incident", "incident_id", metavar="ID", help="About this incident: its tag or number.")
@click.option(
    "--follow",
    is_flag=True,
    help="Go on printing new messages until Ctrl-C; with --state, those that come into the state;"
    " with --json, one document a line.",
)
@json_option
@click.pass_context
def messages(
    ctx: click.Context,
    config_file: str | None,
    last: int,
    to: str,
    state: str | None,
    since_text: str | None,
    incident_id: str | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Show the newest messages, oldest first.

    \b
    Example:
      sms-notify messages --last 50
      sms-notify messages --to alice --since 2h
      sms-notify messages --follow --state failed
    """
    since = read_past(since_text, now_utc(), option="--since") if since_text is not None else None
    incident = _incident(incident_id) if incident_id is not None else None
    wanted = MessageFilter(_reader(to), State(state) if state else None, since, incident, limit=last)
    settings = settings_of(ctx, config_file)
    store = open_store(settings.storage_url)
    with store.reading() as tx:
        check_reader(tx, settings, wanted.to)
    seen = show(store, wanted, as_json=as_json, lines=follow)
    while follow:
        time.sleep(_FOLLOW_EVERY)
        with store.reading() as tx:
            seen, found = ledger_queries.entered(tx, seen, replace(wanted, since=None))
        if found:
            _print(found, as_json=as_json, lines=True, header=False)


def _reader(to: str) -> str:
    """A name as it stands in the ledger, or a number. Raises UsageError for what is neither."""
    try:
        return parse_number(to).e164 if to.startswith("+") else to.removeprefix("person:")
    except NumberError as error:
        raise UsageError(f"--to {to}: {error}") from None


def _incident(id_: str) -> int:
    kind, number = row_of(id_) or ("", 0)
    if kind != "incident":
        raise UsageError(
            f"--incident {id_}: write an incident's tag or number; `sms-notify incidents` shows them"
        )
    return number


def show(store: Database, wanted: MessageFilter, *, as_json: bool, lines: bool = False) -> int:
    """Prints what is there; returns the last row of the ledger, where what follows begins."""
    with store.reading() as tx:
        found = ledger_queries.messages_by(tx, wanted)
        _, seen = queries.newest(tx)
        _warn_of_untold(tx, now_utc())
    told = {message.id: incidents for message, incidents in found}
    _print([message for message, _ in reversed(found)], as_json=as_json, lines=lines, told=told)
    return seen


def _warn_of_untold(tx: Tx, now: datetime) -> None:
    """On standard error: what is read from the table is the table."""
    if line := untold_line(tx, now, Clock(now).soon):
        click.echo(critical(line), err=True)


def _print(
    found: Sequence[Message],
    *,
    as_json: bool,
    lines: bool,
    header: bool = True,
    told: dict[int, tuple[int, ...]] | None = None,
) -> None:
    documents = [_document(message, (told or {}).get(message.id)) for message in found]
    if as_json and lines:
        for document in documents:
            click.echo(unnumbered(json_of(document)))
        return
    shown = table([_columns(message) for message in found], _HEADER, _colour)
    say(documents, as_json, shown if header else shown.partition("\n")[2])


def _colour(row: Sequence[str]) -> str | None:
    state = State(row[_STATE])
    if state.without_trace:
        return "red"
    return "green" if state is State.DELIVERED else None


def _columns(message: Message) -> tuple[str, ...]:
    return (
        f"m{message.id}",
        exact(message.created_at),
        message.recipient,
        message.state,
        str(message.attempts),
        str(message.parts),
        message.smsid or "-",
        message.body.replace("\n", " "),
    )


def _document(message: Message, told: tuple[int, ...] | None) -> dict[str, object]:
    shown = {
        "id": f"m{message.id}",
        "at": message.created_at,
        "number": masked(message.number),
        "kind": message.kind,
        "receiver": message.receiver,
        "recipient": message.recipient,
        "severity": message.severity,
        "gateway": message.gateway,
        "body": message.body,
        "parts": message.parts,
        "state": message.state,
        "attempts": message.attempts,
        "smsid": message.smsid or None,
    }
    return shown if told is None else shown | {"incidents": [tag_of(one) for one in told]}
