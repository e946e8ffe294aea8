"""`oncall override`: somebody else is on call for a while."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import login_or, now_utc, timetable_at
from sms_notify.cli.terminal import table
from sms_notify.cli.times import read_start, read_time
from sms_notify.config.durations import DurationError, parse_duration
from sms_notify.config.references import near
from sms_notify.config.settings import Settings
from sms_notify.errors import UsageError
from sms_notify.logs import printable
from sms_notify.oncall.roster import by_schedule, obeyed
from sms_notify.oncall.swaps import AskedShift, swap
from sms_notify.policy.rotations import Schedule, Shift
from sms_notify.store import oncall_rows
from sms_notify.store.database import open_store
from sms_notify.store.oncall_rows import Override
from sms_notify.wording.clock import dated

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
Row = dict[str, object]


@click.group("override")
def override_group() -> None:
    """Somebody else is on call for a while.

    \b
    Example:
      sms-notify oncall override add primary bob --from "Sat 09:00" --until "Sun 09:00"
      sms-notify oncall override swap primary alice bob
    """


@override_group.command("add")
@config_option
@click.option("--from", "from_text", metavar="TIME", help="When it begins; else now.")
@click.option(
    "--until",
    "until_text",
    metavar="TIME",
    help="When it ends; a clock's time is the next after its beginning.",
)
@click.option("--for", "for_text", metavar="DURATION", help="How long, instead of --until: 4h, 1d.")
@click.option("--by", metavar="NAME", help="Who makes it; else your login name.")
@json_option
@click.argument("schedule_name", metavar="SCHEDULE")
@click.argument("person", metavar="PERSON")
@click.pass_context
def add(
    ctx: click.Context,
    config_file: str | None,
    from_text: str | None,
    until_text: str | None,
    for_text: str | None,
    by: str | None,
    as_json: bool,
    schedule_name: str,
    person: str,
) -> None:
    """PERSON holds SCHEDULE for a while, instead of its calendar and its rotation.

    TIME is by the schedule's own clock, as `oncall show` prints it: ISO 8601, HH:MM or 'Mon HH:MM' for the next time
    it is that. Of two overrides the one made last counts. A running daemon obeys at once.

    \b
    Example:
      sms-notify oncall override add primary bob --from 18:00 --until 22:00
      sms-notify oncall override add primary bob --for 4h
    """
    settings, now = settings_of(ctx, config_file), now_utc()
    zone = ZoneInfo(_schedule(schedule_name, settings.schedules).timezone)
    _check_person(settings, person)
    start = read_start(from_text, now, zone) if from_text is not None else now
    end = _end(start, until_text, for_text, zone)
    _check_span(start, end, now, zone)
    who, store = login_or(by), open_store(settings.storage_url)
    with store.reading():
        pass  # a database that is not there is not made here
    with store.transaction() as tx:
        before = obeyed(oncall_rows.overrides(tx, start), settings.directory)
        made = oncall_rows.add_override(tx, schedule_name, person, start, end, who, now)
    override = Override(made, schedule_name, person, start, end, now, who)
    hidden = [one for one in before if one.schedule == schedule_name and one.start < end]
    told = [_said(override, zone), *(_hides(one, zone) for one in hidden)]
    say(
        _row(override) | {"counts_before": [one.id for one in hidden]},
        as_json,
        "\n".join(map(printable, told)),
    )


def _end(start: datetime, until_text: str | None, for_text: str | None, zone: ZoneInfo) -> datetime:
    if (until_text is None) == (for_text is None):
        raise UsageError("say when it ends: --until TIME or --for DURATION, one of the two")
    if until_text is not None:
        return read_time(until_text, start, zone, "--until")
    try:
        return start + parse_duration(for_text or "")
    except DurationError as error:
        raise UsageError(f"--for {for_text}: {error} ({error.advice})") from None


def _check_span(start: datetime, end: datetime, now: datetime, zone: ZoneInfo) -> None:
    if end <= start:
        ends, begins = dated(end, zone), dated(start, zone)
        raise UsageError(f"it would end at {ends}, and begins at {begins}; write a later --until")
    if end <= now:
        raise UsageError(f"it would have ended at {dated(end, zone)} already; write a later --until")


def _schedule(name: str, schedules: Mapping[str, Schedule]) -> Schedule:
    if name not in schedules:
        raise UsageError(f"there is no schedule {name!r}; {near(name, schedules, 'schedules')}")
    return schedules[name]


def _check_person(settings: Settings, name: str) -> None:
    people = settings.directory.people
    if name not in people:
        raise UsageError(f"{name!r} is nobody in people; {near(name, people, 'people')}")


@override_group.command("swap")
@config_option
@click.option(
    "--at", "at_text", metavar="TIME", help="The shift that PERSON holds then, or the next one; else now."
)
@click.option("--with", "with_text", metavar="TIME", help="The same for OTHER's shift; else now.")
@click.option("--by", metavar="NAME", help="Who makes it; else your login name.")
@json_option
@click.argument("schedule_name", metavar="SCHEDULE")
@click.argument("person", metavar="PERSON")
@click.argument("other", metavar="OTHER")
@click.pass_context
def swap_shifts(
    ctx: click.Context,
    config_file: str | None,
    at_text: str | None,
    with_text: str | None,
    by: str | None,
    as_json: bool,
    schedule_name: str,
    person: str,
    other: str,
) -> None:
    """PERSON and OTHER take each other's next shift of SCHEDULE: two overrides, made in one step.

    If a shift is under way, its rest is swapped. TIME is by the schedule's own clock, as for `override add`.

    \b
    Example:
      sms-notify oncall override swap primary alice bob
      sms-notify oncall override swap primary alice bob --at "Mon 09:00" --with 2026-12-21T09:00
    """
    settings, now = settings_of(ctx, config_file), now_utc()
    schedule = _schedule(schedule_name, timetable_at(settings, now).schedules)
    zone = ZoneInfo(schedule.timezone)
    for name in (person, other):
        _check_person(settings, name)
    first, second = (
        AskedShift(name, max(now, read_time(text, now, zone, option)) if text is not None else now)
        for name, text, option in ((person, at_text, "--at"), (other, with_text, "--with"))
    )
    who, store = login_or(by), open_store(settings.storage_url)
    with store.reading():
        pass  # a database that is not there is not made here
    with store.transaction() as tx:
        made = by_schedule(obeyed(oncall_rows.overrides(tx, now), settings.directory)).get(schedule_name, ())
        found = _swapped(schedule, made, first, second)
        rows = [
            Override(
                oncall_rows.add_override(tx, schedule_name, shift.person or "", shift.start, shift.end, who, now),
                schedule_name, shift.person or "", shift.start, shift.end, now, who,
            )
            for shift in found
        ]  # fmt: skip
    say([_row(row) for row in rows], as_json, "\n".join(printable(_said(row, zone)) for row in rows))


def _swapped(
    schedule: Schedule, made: Sequence[Shift], first: AskedShift, second: AskedShift
) -> tuple[Shift, Shift]:
    try:
        return swap(schedule, made, first, second)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _said(override: Override, zone: ZoneInfo) -> str:
    span = f"from {dated(override.start, zone)} until {dated(override.end, zone)}"
    return f"override {override.id}: {override.person} holds {override.schedule} {span}"


def _hides(before: Override, zone: ZoneInfo) -> str:
    """Of two the one made last counts, which nobody is to learn from a phone that stays silent."""
    return f"it counts before override {before.id} ({before.person}, until {dated(before.end, zone)}) while both last"


@override_group.command("list")
@config_option
@json_option
@click.pass_context
def list_overrides(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """The overrides that have not ended, by the clocks of their schedules.

    \b
    Example:
      sms-notify oncall override list
    """
    settings = settings_of(ctx, config_file)
    with open_store(settings.storage_url).reading() as tx:
        made = oncall_rows.overrides(tx, now_utc())
    people = settings.directory.people
    shown = [_columns(override, settings.schedules, people) for override in made]
    header = ("ID", "SCHEDULE", "PERSON", "FROM", "UNTIL", "BY")
    rows = [_row(override) | {"counts": override.person in people} for override in made]
    say(rows, as_json, table(shown, header))


def _columns(
    override: Override, schedules: Mapping[str, Schedule], people: Container[str]
) -> tuple[str, ...]:
    gone = "" if override.person in people else " (not in the configuration: does not count)"
    known = schedules.get(override.schedule)
    zone = ZoneInfo(known.timezone if known is not None else "UTC")
    return (
        str(override.id),
        override.schedule,
        f"{override.person}{gone}",
        dated(override.start, zone),
        dated(override.end, zone),
        override.created_by,
    )


def _row(override: Override) -> Row:
    return {
        "id": override.id,
        "schedule": override.schedule,
        "person": override.person,
        "from": override.start,
        "until": override.end,
        "by": override.created_by,
    }


@override_group.command("remove")
@config_option
@json_option
@click.argument("override_id", metavar="ID", type=click.IntRange(1, 2**62))
@click.pass_context
def remove(ctx: click.Context, config_file: str | None, as_json: bool, override_id: int) -> None:
    """Remove an override, by the ID that `override list` shows. Exit 1 if there is none.

    \b
    Example:
      sms-notify oncall override remove 3
    """
    store = open_store(settings_of(ctx, config_file).storage_url)
    with store.reading() as tx:
        known = {override.id: override for override in oncall_rows.overrides(tx, _EVER)}
    gone = False
    if override_id in known:
        with store.transaction() as tx:
            gone = oncall_rows.remove_override(tx, override_id)
    if not gone:
        raise UsageError(f"there is no override {override_id}; `sms-notify oncall override list` shows them")
    override = known[override_id]
    said = f"override {override_id} is removed: {override.person} for {override.schedule}"
    say(_row(override), as_json, printable(said))
