"""`oncall`: who holds each schedule, until when, and the overrides that people make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click

from sms_notify.barring import advise, say_barring
from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import barred_at, now_utc, overrides_at, timetable_at
from sms_notify.cli.override import override_group
from sms_notify.cli.terminal import table
from sms_notify.cli.times import read_time
from sms_notify.config.settings import Settings
from sms_notify.errors import UsageError
from sms_notify.logs import printable
from sms_notify.oncall.calendar_export import AROUND, export
from sms_notify.oncall.roster import obeyed
from sms_notify.policy.rotations import Schedule, Shift, shifts, strongest
from sms_notify.store.oncall_rows import Override
from sms_notify.wording.clock import Clock, dated

_DAY = timedelta(days=1)
_LOOK_AHEAD = timedelta(days=60)  # how far after the days shown the end of a turn is looked for
_NOBODY = "NOBODY"
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody holds the pager for a while, or nobody does; `override` where that is why."""

    shift: Shift
    override: Override | None = None


def turns(schedule: Schedule, made: Sequence[Override], start: datetime, end: datetime) -> list[Turn]:
    """Who holds it from `start` to `end`, without a hole; where an override holds, it is named.

    `made` are those of this schedule, in the order in which they were made.
    """
    by_id = {str(override.id): override for override in made}
    lying = [Shift(str(override.id), override.start, override.end) for override in made]
    found: list[Turn] = []
    for piece in strongest(lying, start, end):
        if piece.person is None:
            found += [Turn(shift) for shift in shifts(schedule, (), piece.start, piece.end)]
        else:
            override = by_id[piece.person]
            found.append(Turn(Shift(override.person, piece.start, piece.end), override))
    return found


@click.group("oncall")
def oncall_group() -> None:
    """Who is on call, and overrides.

    \b
    Example:
      sms-notify oncall show --days 14
      sms-notify oncall override add primary bob --from 18:00 --for 4h
    """


oncall_group.add_command(override_group)


@oncall_group.command("show")
@config_option
@click.option(
    "--at",
    "at_text",
    metavar="TIME",
    help="Then instead of now, by each schedule's own clock: ISO 8601, HH:MM or 'Mon HH:MM' for the next time it is that,"
    " or +30m.",
)
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 366), help="How far to look.")
@json_option
@click.pass_context
def show(ctx: click.Context, config_file: str | None, at_text: str | None, days: int, as_json: bool) -> None:
    """Show who holds each schedule now and in the coming days, by the schedule's own clock. Calendar entries
    that are not understood are warnings on standard error. Exit 1 if nobody is on call at some time.

    \b
    Example:
      sms-notify oncall show
      sms-notify oncall show --at "Sat 03:00" --days 2
    """
    settings, now = settings_of(ctx, config_file), now_utc()
    if not settings.schedules:
        raise UsageError(f"{settings.source}: no schedule is configured; add one under `schedules:`")
    at = {name: _at(at_text, now, schedule) for name, schedule in settings.schedules.items()}
    first = min(at.values())
    known = overrides_at(settings, first)
    made = obeyed(known, settings.directory)
    for override in known:
        if override not in made:
            _warn_of(override)
    timetable = timetable_at(settings, first)
    schedules = timetable.schedules
    rotas = {name: _rota(schedule, made, at[name], days) for name, schedule in schedules.items()}
    stuck = _stuck(settings, rotas)
    barred = {name: one.said for name, one in stuck.items()}
    reports = {name: [one.what for one in timetable.problems if one.schedule == name] for name in rotas}
    rows = [
        _document(schedules[name], rota, at[name]) | {"barred": barred.get(name), "reports": reports[name]}
        for name, rota in rotas.items()
    ]
    text = "\n\n".join(
        _drawn(schedules[name], rota, at[name], days) + (f"\n  !! {barred[name]}" if name in barred else "")
        for name, rota in rotas.items()
    )
    say(rows, as_json, text)
    out_of_reach = any(one.nowhere for one in stuck.values())
    if out_of_reach or any(turn.shift.person is None for rota in rotas.values() for turn in rota):
        ctx.exit(1)


@oncall_group.command("export")
@config_option
@click.option("--schedule", metavar="NAME", help="Only this schedule.")
@click.option("--person", metavar="NAME", help="Only the shifts of this person.")
@click.pass_context
def write_calendar(
    ctx: click.Context, config_file: str | None, schedule: str | None, person: str | None
) -> None:
    """Print the shifts of the next 26 weeks as a calendar file (iCalendar).

    \b
    Example:
      sms-notify oncall export --person alice > alice.ics
    """
    settings, now = settings_of(ctx, config_file), now_utc()
    made = obeyed(overrides_at(settings, now - AROUND), settings.directory)
    schedules, site = timetable_at(settings, now).schedules, settings.web.external_url
    try:
        click.echo(export(schedules, made, now, site, schedule, person), nl=False)
    except LookupError as error:
        raise UsageError(f"{settings.source}: {error}") from None


def _at(text: str | None, now: datetime, schedule: Schedule) -> datetime:
    """By the clock of the schedule, as `override add` reads it and as its turns are printed."""
    return now if text is None else read_time(text, now, ZoneInfo(schedule.timezone))


@dataclass(frozen=True, slots=True)
class _Stuck:
    """What keeps texts from whoever is on call; with `nowhere` there is no other gateway either."""

    said: str
    nowhere: bool


def _stuck(settings: Settings, rotas: Mapping[str, Sequence[Turn]]) -> dict[str, _Stuck]:
    """By schedule, what keeps texts from whoever holds it first: on call and out of reach is as bad as a gap."""
    barred, people, found = barred_at(settings), settings.directory.people, {}
    for name, rota in rotas.items():
        holder = people.get(rota[0].shift.person or "")
        barring = None if holder is None else barred(holder.number)
        if holder is not None and barring is not None:
            told = say_barring(barring, Clock(now_utc()).at)
            advice = f": {advise(barring, holder.name)}" if barring.nowhere else ""
            found[name] = _Stuck(f"{holder.name} is {told}{advice}", barring.nowhere)
    return found


def _warn_of(override: Override) -> None:
    gone = f"{override.person} is not in the configuration"
    said = f"warning: override {override.id} of {override.schedule} by {override.created_by} does not count: {gone}"
    click.echo(printable(said), err=True)


def _rota(schedule: Schedule, made: Sequence[Override], at: datetime, days: int) -> list[Turn]:
    """The turns that begin within the days, each with its real end."""
    mine = [override for override in made if override.schedule == schedule.name]
    last = at + days * _DAY
    return [turn for turn in turns(schedule, mine, at, last + _LOOK_AHEAD) if turn.shift.start < last]


def _drawn(schedule: Schedule, rota: Sequence[Turn], at: datetime, days: int) -> str:
    zone, last = ZoneInfo(schedule.timezone), at + days * _DAY + _LOOK_AHEAD
    rows = [
        (
            dated(turn.shift.start, zone),
            "on and on" if turn.shift.end >= last else dated(turn.shift.end, zone),
            turn.shift.person or f"{_NOBODY} IS ON CALL",
            _because(turn),
        )
        for turn in rota
    ]
    gaps = [turn.shift for turn in rota if turn.shift.person is None]
    return "\n".join(
        [
            f"{schedule.name} ({schedule.timezone}): {_now(rota, zone, last)}",
            *(f"  {line}" for line in table(rows, ("FROM", "UNTIL", "WHO", "")).splitlines()),
            *([_mend(schedule, gaps, days, last)] if gaps else []),
        ]
    )


def _now(rota: Sequence[Turn], zone: ZoneInfo, last: datetime) -> str:
    first = rota[0].shift
    until = "on and on" if first.end >= last else f"until {dated(first.end, zone)}"
    after = f", then {rota[1].shift.person or _NOBODY}" if len(rota) > 1 else ""
    return printable(f"{first.person or f'{_NOBODY} IS ON CALL'} {until}{after}")


def _because(turn: Turn) -> str:
    override = turn.override
    return "" if override is None else f"override {override.id} by {override.created_by}"


def _mend(schedule: Schedule, gaps: Sequence[Shift], days: int, last: datetime) -> str:
    zone, first = ZoneInfo(schedule.timezone), gaps[0]
    times = "once" if len(gaps) == 1 else f"{len(gaps)} times"
    until = "on" if first.end >= last else f"to {dated(first.end, zone)}"
    when = f"first from {dated(first.start, zone)} {until}"
    return (
        f"  !! NOBODY is on call {times} within {days} day{'s' if days > 1 else ''}, {when}. Say who: "
        f"`sms-notify oncall override add {schedule.name} PERSON --from TIME --until TIME`"
    )


def _document(schedule: Schedule, rota: Sequence[Turn], at: datetime) -> Row:
    return {
        "schedule": schedule.name,
        "timezone": schedule.timezone,
        "at": at,
        "person": rota[0].shift.person,
        "until": rota[0].shift.end,
        "gap": any(turn.shift.person is None for turn in rota),
        "turns": [
            {
                "from": turn.shift.start,
                "until": turn.shift.end,
                "person": turn.shift.person,
                "override": turn.override.id if turn.override is not None else None,
            }
            for turn in rota
        ],
    }
