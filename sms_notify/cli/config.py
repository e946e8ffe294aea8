"""Commands about the configuration: check-config, config schema, config reference, hash-password."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import click

from sms_notify.cli.common import config_option
from sms_notify.errors import ConfigError, Fault
from sms_notify.logs import printable

if TYPE_CHECKING:
    from datetime import datetime

    from sms_notify.cli.unbar import Bar
    from sms_notify.config import Settings
    from sms_notify.gateways.registry import GatewaySettings
    from sms_notify.oncall.schedules import CalendarProblem, Timetable
    from sms_notify.policy.directory import Person
    from sms_notify.policy.routing import Route


_NOT_STOPPED = (
    "The daemon would start with this configuration, and log the faults; a running one refuses to reload it."
)


@click.command("check-config")
@config_option
@click.argument("file", required=False)
@click.option(
    "--online",
    is_flag=True,
    help="Also ask PostgreSQL whether it lets us in, each gateway whether it takes our texts, and about barred"
    " numbers; nothing is sent or spent.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def check_config(config_file: str | None, file: str | None, online: bool, as_json: bool) -> None:
    """Check a configuration and print every fault with its line and what to do.

    Without FILE it checks the file of --config. Exit code 0 = usable, 1 = faults, or PostgreSQL or a gateway
    refuses us, or a gateway refuses at least one number. Two faults do not stop a start, but a reload is refused:
    nobody on call in the coming weeks, and time intervals that never let anything pass.

    \b
    Example:
      sms-notify check-config /etc/sms-notify/sms-notify.yml
      sms-notify check-config --online
    """
    from sms_notify.config import find_config, load

    try:
        settings = load(find_config(file or config_file or _named_file(), os.environ), os.environ)
    except ConfigError as error:
        _print_faults(error.faults, (), (), as_json)
        sys.exit(1)
    settings, stopping, ahead = _judged(settings, online)
    if stopping or ahead:
        _print_faults(stopping, ahead, settings.warnings, as_json)
        sys.exit(1)
    trials = _try_gateways(settings) if online else []
    _print_settings(settings, as_json, trials)
    if not all(trial.usable for trial in trials):
        sys.exit(1)


def _judged(settings: Settings, online: bool) -> tuple[Settings, list[Fault], list[Fault]]:
    """What only the machine, the calendar and the clock show: the settings with more warnings, the faults that stop a start,
    and those that do not.
    """
    from sms_notify.cli.options import now_utc, timetable_at
    from sms_notify.cli.start_checks import lost_overrides, spool_warnings, start_faults, unreached
    from sms_notify.config.all_quiet import all_quiet
    from sms_notify.config.closed_windows import closed_windows
    from sms_notify.config.idle_members import idle_members
    from sms_notify.oncall.schedules import Timetable

    now = now_utc()
    closed = closed_windows(settings, now)
    # Without schedules a configuration is checked anywhere, without the daemon's database and the calendars' libraries.
    timetable = timetable_at(settings, now, fetch=online, said=False) if settings.schedules else Timetable({})
    reports = [_report(settings, problem) for problem in timetable.problems]
    warnings = [
        *closed.warnings,
        *idle_members(settings, now),
        *all_quiet(settings, timetable.schedules, now),
        *reports,
        *spool_warnings(settings),
        *(lost_overrides(settings, now) if settings.schedules else ()),
    ]
    ordered = sorted([*settings.warnings, *warnings], key=lambda fault: fault.line)
    judged = replace(settings, warnings=tuple(ordered))
    stopping = (unreached(settings) if online else []) or start_faults(settings)
    return judged, stopping, [*closed.faults, *_gaps(settings, timetable, now)]


def _gaps(settings: Settings, timetable: Timetable, now: datetime) -> list[Fault]:
    """When nobody is on call in the weeks to come. The database with its overrides is opened only where there is a gap."""
    from sms_notify.cli.options import overriding
    from sms_notify.config.coverage_gaps import calendars_read, gap_faults

    calendars = calendars_read(settings, timetable.schedules)
    if not gap_faults(settings, now, calendars=calendars):
        return []
    return gap_faults(settings, now, overriding(settings, now), calendars)


def _report(settings: Settings, problem: CalendarProblem) -> Fault:
    path = f"schedules.{problem.schedule}"
    keys = (f"{path}.{key}" for key in ("ical_file", "ical_url", "ical_url_file"))
    path = next((key for key in keys if key in settings.lines), path)
    return Fault(settings.source, settings.lines.get(path, 0), path, problem.what, problem.advice)


@dataclass(frozen=True, slots=True)
class _Trial:
    """How one gateway answered; `credits` is None where it did not tell. `bars` are those that it was asked about."""

    gateway: str
    ok: bool
    credits: int | None
    said: str
    bars: tuple[Bar, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether everybody can be texted by it."""
        return self.ok and all(bar.cleared for bar in self.bars)


def _try_gateways(settings: Settings) -> list[_Trial]:
    """The first person who is not barred lends the number, for the gateway checks that too.

    What is barred is asked about by itself, and only of a gateway that works: a wrong password is told once.
    """
    from sms_notify.cli.unbar import ask_about, bars_at

    trials = []
    for account in settings.gateways:
        bars = bars_at(settings, account.name)
        trial = _try(account, _lender(settings, {bar.subject for bar in bars}))
        asked = ask_about(settings, account, bars) if trial.ok and bars else ()
        trials.append(replace(trial, bars=tuple(asked)))
    return trials


def _lender(settings: Settings, barred: Container[str]) -> Person | None:
    return next((one for one in settings.directory.people.values() if one.number not in barred), None)


def _try(account: GatewaySettings, person: Person | None) -> _Trial:
    """A test message with the account's own sender, then the balance, so that a silent gateway is asked once."""
    from sms_notify.cli.credits import why
    from sms_notify.delivery.breaker_probe import trial_text
    from sms_notify.gateways.base import Failed
    from sms_notify.gateways.registry import client_of
    from sms_notify.policy.outcomes import Fate

    client = client_of(account)
    trial = "no person to try a text to"
    if person is not None:
        outcome = client.send(trial_text(person.number))
        if outcome.fate is not Fate.SENT:
            return _Trial(account.name, False, None, f"a test text to {person.name}: {why(outcome)}")
        trial = f"would take a text to {person.name}"
    left = client.credits()
    if isinstance(left, Failed):
        return _Trial(account.name, False, None, f"{trial}; the balance is not known: {why(left)}")
    return _Trial(account.name, True, left, f"{trial}; {left} credits")


def _named_file() -> str | None:
    """What `--config` of the whole program says."""
    named = click.get_current_context().find_root().params.get("config_file")
    return str(named) if named else None


def _print_faults(
    stopping: Sequence[Fault], ahead: Sequence[Fault], warnings: Sequence[Fault], as_json: bool
) -> None:
    """With the warnings that were found by then: a calendar that is not understood is why there is a gap."""
    if as_json:
        listed = [_plain(fault) | {"stops_start": fault in stopping} for fault in (*stopping, *ahead)]
        found = {"ok": False, "faults": listed}
        more = {"warnings": [_plain(warning) for warning in warnings]} if warnings else {}
        click.echo(json.dumps({**found, **more}, indent=2))
        return
    for fault in (*stopping, *ahead):
        click.echo(str(fault), err=True)
    for warning in warnings:
        click.echo(f"warning: {printable(str(warning))}", err=True)
    if ahead and not stopping:
        click.echo(_NOT_STOPPED, err=True)


def _print_settings(settings: Settings, as_json: bool, trials: list[_Trial]) -> None:
    counts = _counts(settings)
    if as_json:
        ok = all(trial.usable for trial in trials)
        warnings = [_plain(fault) for fault in settings.warnings]
        found = {"ok": ok, "file": settings.source, **counts, "warnings": warnings}
        online = {"online": [asdict(trial) for trial in trials]} if trials else {}
        click.echo(json.dumps({**found, **online}, indent=2))
        return
    told = ", ".join(f"{key}: {count}" for key, count in counts.items())
    click.echo(f"{settings.source}: OK ({told})")
    if not settings.operator:
        click.echo(
            "operator: nobody is told of problems of sms-notify (write `operator: [person:NAME, gateway:CHANNEL]`)"
        )
    for warning in settings.warnings:
        click.echo(f"warning: {printable(str(warning))}")
    for trial in trials:
        click.echo(f"gateway {trial.gateway}: {'OK' if trial.ok else 'FAILED'}: {trial.said}")
        for bar in trial.bars:
            click.echo(f"gateway {trial.gateway}: {bar.about}: {bar.said}")


def _counts(settings: Settings) -> dict[str, int]:
    from sms_notify.config.watches import receiver_of

    made = sum(receiver_of(name) in settings.receivers for name in settings.watches)
    return {
        "people": len(settings.directory.people),
        "receivers": len(settings.receivers) - made,
        "routes": _count_routes(settings.route) - made,
        **({"watches": len(settings.watches)} if settings.watches else {}),
        "gateways": len(settings.gateways),
        "channels": len(settings.channels),
    }


def _count_routes(route: Route) -> int:
    return 1 + sum(_count_routes(child) for child in route.routes)


def _plain(fault: Fault) -> dict[str, str | int]:
    return {
        "file": fault.file,
        "line": fault.line,
        "path": fault.path,
        "what": fault.what,
        "advice": fault.advice,
    }


@click.group("config")
def config_group() -> None:
    """Helpers for writing a configuration.

    \b
    Example:
      sms-notify config schema > sms-notify.schema.json
    """


@config_group.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors.

    \b
    Example:
      sms-notify config schema > sms-notify.schema.json
    """
    from sms_notify.config import config_schema

    click.echo(json.dumps(config_schema(), indent=2))


@config_group.command("reference")
def reference_command() -> None:
    """Print every key of the configuration as a Markdown table: whole path, type, default, meaning.

    \b
    Example:
      sms-notify config reference | grep limits.credits
    """
    from sms_notify.config.reference import as_markdown, reference

    click.echo(as_markdown(reference()))


@click.command("hash-password")
def hash_password() -> None:
    """Print the scrypt hash of a password, for `web.users`.

    Asks for the password twice on a terminal, and reads one line of stdin otherwise.

    \b
    Example:
      sms-notify hash-password
      printf '%s' "$PASSWORD" | sms-notify hash-password
    """
    from sms_notify.web import passwords

    click.echo(passwords.hash_password(_ask(), secrets.token_bytes(16)))


def _ask() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not password:
        raise click.UsageError("stdin holds no password; pipe one in, or run this on a terminal")
    return password
