"""`ack`, `unack` and `close`: somebody takes care of an incident, takes that back, or ends what its source never ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from sms_notify.cli.common import command_node, config_option, json_option, say, settings_of
from sms_notify.cli.options import login_or, plan_at, row_of
from sms_notify.daemon.wiring import ack_code, plan_of, wall_clock
from sms_notify.engine import Engine
from sms_notify.errors import UsageError
from sms_notify.explain.incident_names import name_of
from sms_notify.logs import printable
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.records import TimerKind
from sms_notify.policy.routing import step_of
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, AckEnd
from sms_notify.store import queries
from sms_notify.store.database import open_store
from sms_notify.store.incidents import incident_of
from sms_notify.store.tx import Row, Tx, moment
from sms_notify.wording.clock import exact


@dataclass(frozen=True, slots=True)
class _Stopped:
    """What was still to follow: steps of an escalation, reminders."""

    steps: int
    reminders: int


@click.command()
@config_option
@click.option("--by", metavar="NAME", help="Who takes care of it; else your login name.")
@json_option
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def ack(
    ctx: click.Context, config_file: str | None, by: str | None, as_json: bool, ids: tuple[str, ...]
) -> None:
    """Acknowledge incidents: escalation and reminders stop. People still get the OK.

    ID is the tag in a text (k3f9), an incident's number, or a message (m12) for everything that it tells.
    Exit 1 if nothing was acknowledged: somebody else was first, or it has ended.

    \b
    Example:
      sms-notify ack k3f9
      sms-notify ack --by alice k3f9 m12
    """
    settings = settings_of(ctx, config_file)
    who, store, now = login_or(by), open_store(settings.storage_url), wall_clock()
    with store.reading() as tx:  # a database that is not there is not made here
        wanted = list(dict.fromkeys(number for id_ in ids for number in _incidents(tx, id_)))
    plan = plan_of(settings)
    with store.transaction() as tx:
        stopped = {number: _to_follow(tx, plan, number) for number in wanted}
        taken = Engine(plan, command_node()).acknowledge(tx, wanted, who, AckBy.COMMAND, now)
        found = [(number, queries.incident(tx, number)) for number in wanted]
    rows = [_told(row, number in taken, stopped[number]) for number, row in found if row is not None]
    _say(ctx, rows, as_json, taken)


def _say(ctx: click.Context, rows: Sequence[dict[str, object]], as_json: bool, done: Sequence[int]) -> None:
    say(rows, as_json, "\n".join(str(row["said"]) for row in rows))
    if not done:
        ctx.exit(1)


@click.command()
@config_option
@click.option("--by", metavar="NAME", help="Who takes it back; else your login name.")
@json_option
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def unack(
    ctx: click.Context, config_file: str | None, by: str | None, as_json: bool, ids: tuple[str, ...]
) -> None:
    """Take an acknowledgement back, whoever made it: people are told, and the escalation starts again.

    ID as for `ack`. Exit 1 if nothing was taken back: nobody had acknowledged it, or it has ended.

    \b
    Example:
      sms-notify unack k3f9
    """

    def take_back(engine: Engine, tx: Tx, wanted: Sequence[int], who: str, now: datetime) -> list[int]:
        return engine.unacknowledge(tx, wanted, who, AckEnd.COMMAND, now)

    done = "not acknowledged any more; the escalation starts again"
    words = _Words("unacknowledged", done, "is not acknowledged")
    _change(ctx, config_file, by, as_json, ids, take_back, words)


@click.command()
@config_option
@click.option("--by", metavar="NAME", help="Who closes it; else your login name.")
@json_option
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def close(
    ctx: click.Context, config_file: str | None, by: str | None, as_json: bool, ids: tuple[str, ...]
) -> None:
    """Close incidents that their source will never end. Everybody who was told of one gets CLOSED, and by
    whom. Repeats make no text after it, until the source ends it, a later start comes, or it is worse than
    what was closed. ID as for `ack`. Exit 1 if nothing was closed: it has ended.

    \b
    Example:
      sms-notify close --by alice k3f9
    """

    def end(engine: Engine, tx: Tx, wanted: Sequence[int], who: str, now: datetime) -> list[int]:
        return engine.close(tx, wanted, who, AckBy.COMMAND, now)

    words = _Words("closed", "closed; repeats of it make no text", "is open")
    _change(ctx, config_file, by, as_json, ids, end, words)


@dataclass(frozen=True, slots=True)
class _Words:
    """How a change is told: its key in the JSON, what was done, and why nothing was while it goes on."""

    key: str
    done: str
    otherwise: str


_Step = Callable[[Engine, Tx, Sequence[int], str, datetime], list[int]]


def _change(
    ctx: click.Context,
    config_file: str | None,
    by: str | None,
    as_json: bool,
    ids: Sequence[str],
    step: _Step,
    words: _Words,
) -> None:
    """What people are told of it is written into the database; the daemon sends it."""
    settings, now = settings_of(ctx, config_file), wall_clock()
    who, store = login_or(by), open_store(settings.storage_url)
    with store.reading() as tx:  # a database that is not there is not made here
        wanted = list(dict.fromkeys(number for id_ in ids for number in _incidents(tx, id_)))
    engine = Engine(plan_at(settings, now), command_node(), ack_code)
    with store.transaction() as tx:
        done = step(engine, tx, wanted, who, now)
        found = [row for number in wanted if (row := queries.incident(tx, number)) is not None]
    _say(ctx, [_changed(row, row["id"] in done, words) for row in found], as_json, done)


def _changed(row: Row, done: bool, words: _Words) -> dict[str, object]:
    tag, what, closed = f"#{tag_of(row['id'])}", name_of(incident_of(row)), row["closed_at"]
    said = words.done
    if not done:
        over = closed is not None
        said = f"ended at {exact(moment(closed))} ({row['state']})" if over else words.otherwise
    return {
        "id": tag,
        "incident": row["id"],
        "what": what,
        words.key: done,
        "state": row["state"],
        "said": printable(f"{tag} {what} {said}"),
    }


def _incidents(tx: Tx, id_: str) -> Sequence[int]:
    """The incidents that an ID means. Raises UsageError where there are none; nothing is acknowledged then."""
    kind, number = row_of(id_) or ("", 0)
    if kind == "message" and queries.message(tx, number) is not None:
        told = [int(row["id"]) for row in queries.incidents_of(tx, number)]
        if not told:
            raise UsageError(f"{id_} tells of no incident; `sms-notify incidents` shows those that are open")
        return told
    if kind == "incident" and queries.incident(tx, number) is not None:
        return [number]
    raise UsageError(
        f"there is no incident and no message {id_!r}; `sms-notify incidents` shows those that are open"
    )


def _to_follow(tx: Tx, plan: Plan, incident_id: int) -> _Stopped:
    steps = reminders = 0
    for row in queries.agenda_of(tx, incident_id):
        receiver = plan.receivers.get(row["receiver"])
        if row["what"] == TimerKind.ESCALATE and receiver is not None:
            steps += max(0, len(receiver.escalate) - step_of(row["nth"]) + 1)
        elif row["what"] == TimerKind.REMIND:
            reminders += 1
    return _Stopped(steps, reminders)


def _told(row: Row, taken: bool, stopped: _Stopped) -> dict[str, object]:
    tag, what = f"#{tag_of(row['id'])}", name_of(incident_of(row))
    closed, acked = row["closed_at"], row["acked_at"]
    if taken:
        until = f" until {exact(moment(row['ack_until']))}" if row["ack_until"] else ""
        said = f"acknowledged{until}; {_stops(stopped)}"
    elif closed is not None:
        said = f"ended at {exact(moment(closed))} ({row['state']}); there is nothing to acknowledge"
    else:
        said = f"was acknowledged before, by {row['acked_by']} at {exact(moment(acked))} ({row['acked_how']})"
    return {
        "id": tag,
        "incident": row["id"],
        "what": what,
        "acknowledged": taken,
        "state": row["state"],
        "by": row["acked_by"] or None,
        "steps_stopped": stopped.steps if taken else 0,
        "said": printable(f"{tag} {what} {said}"),
    }


def _stops(stopped: _Stopped) -> str:
    if stopped.steps:
        return f"{stopped.steps} escalation step{'s' if stopped.steps > 1 else ''} will not run"
    return "nobody is reminded" if stopped.reminders else "nothing else was to follow"
