"""`incidents`: what is open, what nobody was told of first, and what was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from sms_notify.alert import Severity
from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import check_reader, check_receiver, now_utc
from sms_notify.cli.terminal import critical, table
from sms_notify.cli.times import read_past
from sms_notify.explain.incident_names import name_of, state_of
from sms_notify.explain.untold import UntoldReason, reason_of, untold_line
from sms_notify.policy.episodes import tag_of
from sms_notify.store import ledger_queries
from sms_notify.store.database import open_store
from sms_notify.store.ledger_queries import IncidentFilter, LedgerIncident
from sms_notify.wording.clock import Clock, exact

_HEADER = ("ID", "SINCE", "SEVERITY", "STATE", "TOLD", "WHAT")
_TOLD = _HEADER.index("TOLD")
_UNTOLD, _YET = "NOBODY: ", "nobody yet: "


@click.command()
@config_option
@click.option("--all", "every", is_flag=True, help="Also the closed ones, after the open ones.")
@click.option(
    "--severity",
    "severities",
    multiple=True,
    type=click.Choice([one.value for one in Severity]),
    help="May be repeated.",
)
@click.option(
    "--since",
    "since_text",
    metavar="TIME",
    help="Opened then or later: 2h (ago), HH:MM, 'Mon HH:MM' or ISO 8601.",
)
@click.option("--receiver", metavar="NAME", default="", help="Of which this receiver tells, or was to tell.")
@click.option(
    "--person", metavar="NAME", default="", help="Of which this person has, or was to have, a text."
)
@click.option(
    "-n", "--last", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="At most so many."
)
@json_option
@click.pass_context
def incidents(
    ctx: click.Context,
    config_file: str | None,
    every: bool,
    severities: tuple[str, ...],
    since_text: str | None,
    receiver: str,
    person: str,
    last: int,
    as_json: bool,
) -> None:
    """Show the open incidents: acknowledged by whom, told to how many, held until when. Critical ones that reached nobody come
    first, then the most severe, not acknowledged before acknowledged, the newest first.

    \b
    Example:
      sms-notify incidents
      sms-notify incidents --all --severity critical --since 7d
      sms-notify incidents --person alice
    """
    now, settings = now_utc(), settings_of(ctx, config_file)
    since = read_past(since_text, now, option="--since") if since_text is not None else None
    reader = person.removeprefix("person:")
    wanted = IncidentFilter(every, tuple(map(Severity, severities)), since, receiver, reader, limit=last)
    names, clock = tuple(gateway.name for gateway in settings.gateways), Clock(now)
    with open_store(settings.storage_url).reading() as tx:
        check_receiver(tx, settings, receiver)
        check_reader(tx, settings, reader)
        found = ledger_queries.incidents_by(tx, wanted)
        why = {
            one.incident.id: reason_of(tx, one.incident.id, names, now, clock.soon)
            for one in found
            if one.untold
        }
        first = untold_line(tx, now, clock.soon)
    rows = [_columns(one, why.get(one.incident.id), clock) for one in found]
    shown = table(rows, _HEADER, _colour)
    documents = [_document(one, why.get(one.incident.id)) for one in found]
    say(documents, as_json, f"{critical(first)}\n{shown}" if first else shown)
    if len(found) == last:
        click.echo(f"The first {last}; there may be more: --last", err=True)


def _colour(row: Sequence[str]) -> str | None:
    return "red" if row[_TOLD].startswith(_UNTOLD) else None


def _columns(one: LedgerIncident, why: UntoldReason | None, clock: Clock) -> tuple[str, ...]:
    incident = one.incident
    lapses = _lapses(one)
    lasts = f" until {clock.at(lapses)}" if lapses is not None else ""
    return (
        f"#{tag_of(incident.id)}",
        exact(incident.opened_at),
        incident.severity,
        f"{state_of(incident)}{lasts}",
        _reached(one, clock) if why is None else f"{_YET if why.grouping else _UNTOLD}{why.said}",
        name_of(incident),
    )


def _lapses(one: LedgerIncident) -> datetime | None:
    """When its acknowledgement ends by itself."""
    return one.incident.ack_until if one.incident.acked_at is not None else None


def _reached(one: LedgerIncident, clock: Clock) -> str:
    """`2 people, 1 waits until 07:00 CET`: how many have a text, and how many not yet."""
    waits = [f"{one.leaving} {_wait(one.leaving)} to leave"] if one.leaving else []
    if one.held_until is not None:
        waits.append(f"{one.held} {_wait(one.held)} until {clock.soon(one.held_until)}")
    nobody = "nobody yet" if waits else "nobody"
    return ", ".join([_people(one.told) if one.told else nobody, *waits])


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"


def _people(number: int) -> str:
    return f"{number} {'person' if number == 1 else 'people'}"


def _document(one: LedgerIncident, why: UntoldReason | None) -> dict[str, object]:
    incident = one.incident
    return {
        "id": f"#{tag_of(incident.id)}",
        "incident": incident.id,
        "since": incident.opened_at,
        "closed_at": incident.closed_at,
        "severity": incident.severity,
        "state": incident.state,
        "what": name_of(incident),
        "labels": dict(incident.labels),
        "untold": one.untold,
        "untold_why": why.word if why is not None else None,
        "untold_until": why.next_at if why is not None else None,
        "next_text_at": why.next_at if why is not None else one.held_until,
        "people_told": one.told,
        "people_leaving": one.leaving,
        "people_waiting": one.held,
        "waits_until": one.held_until,
        "acknowledged_by": incident.acked_by or None,
        "acknowledged_how": incident.acked_how or None,
        "acknowledged_until": _lapses(one),
        "closed_by": incident.closed_by or None,
    }
