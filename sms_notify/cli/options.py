"""What the commands about deciding share: the schedules with their calendars and overrides, and times as people read them."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from sms_notify.barring import barring_of
from sms_notify.config.references import near
from sms_notify.config.settings import Settings
from sms_notify.errors import StoreError, UsageError
from sms_notify.logs import printable
from sms_notify.oncall.roster import by_schedule, obeyed
from sms_notify.policy.bars import Barring
from sms_notify.policy.episodes import incident_of
from sms_notify.policy.roster import Overrides
from sms_notify.store import ledger_queries, oncall_rows
from sms_notify.store.database import Database, open_store
from sms_notify.store.oncall_rows import Override
from sms_notify.store.tx import Tx

if TYPE_CHECKING:
    from sms_notify.oncall.schedules import Timetable
    from sms_notify.policy.ruleset import Plan

_LONGEST_NAME = 60
_LONGEST_ID = 18  # digits that surely fit a row's number


def now_utc() -> datetime:
    """What `app.wall_clock` says, without the weight of `app`."""
    return datetime.now(UTC)


def plan_at(settings: Settings, at: datetime) -> Plan:
    """What the daemon would decide by at `at`; what is wrong with a calendar is said on standard error."""
    from sms_notify.daemon.wiring import plan_of  # half a second, which most commands need not wait for

    return plan_of(settings, schedules=timetable_at(settings, at).schedules)


def timetable_at(settings: Settings, at: datetime, *, fetch: bool = True, said: bool = True) -> Timetable:
    """Every schedule with its calendar read: the daemon's copy of one that is fetched, else it is fetched now.

    Warns on standard error of what was wrong with one, unless `said` is False.
    """
    from sms_notify.oncall.schedules import read_timetable

    copies = _copies(settings)
    missing = any(not source.file and copies.get(source.schedule) is None for source in settings.calendars)
    found = read_timetable(settings, at, copies.get, fetch=fetch and missing)
    for problem in found.problems if said else ():
        click.echo(f"warning: schedule {problem.schedule}: {printable(problem.what)}", err=True)
    return found


def _copies(settings: Settings) -> Mapping[str, bytes | None]:
    with contextlib.suppress(StoreError, OSError), open_store(settings.storage_url).reading() as tx:
        return {source.schedule: oncall_rows.calendar(tx, source.schedule) for source in settings.calendars}
    return {}


def overrides_at(settings: Settings, at: datetime) -> Sequence[Override]:
    """Those that have not ended by `at`; says so loudly where there is no database to have them from."""
    try:
        with open_store(settings.storage_url).reading() as tx:
            return oncall_rows.overrides(tx, at)
    except (StoreError, OSError) as error:  # OSError: a folder that only the daemon's user may look into
        click.echo(f"warning: NO OVERRIDES ARE KNOWN here, only the configuration counts: {error}", err=True)
        return ()


def barred_at(settings: Settings, gateways: Sequence[str] | None = None) -> Callable[[str], Barring | None]:
    """What bars a number now, by the database where there is one; says so where it cannot be read."""
    names = tuple(known.name for known in settings.gateways) if gateways is None else gateways

    def barred(number: str) -> Barring | None:
        if not known:
            return None
        with store.reading() as tx:
            return barring_of(tx, names, number)

    store = open_store(settings.storage_url)
    known = has_database(store, "BARRED NUMBERS")
    return barred


def has_database(store: Database, what: str) -> bool:
    """Whether there is one to look into; one that cannot be read is warned of, for then `what` is not known.

    Where there is none nothing was ever texted, so that nothing is missed.
    """
    try:
        if not store.is_there():
            return False
        with store.reading():
            return True
    except (StoreError, OSError) as error:  # OSError: a folder that only the daemon's user may look into
        click.echo(f"warning: {what} are not known here: {error}", err=True)
        return False


def overriding(settings: Settings, at: datetime) -> Overrides:
    """The overrides that the daemon obeys at `at`: those for people of today, by schedule."""
    return by_schedule(obeyed(overrides_at(settings, at), settings.directory))


def row_of(id_: str) -> tuple[str, int] | None:
    """`m12` → ("message", 12); a tag or a number → ("incident", its number); None for what can be neither."""
    number = id_.removeprefix("m")
    if number.isascii() and number.isdigit():
        known = int(number) if len(number) <= _LONGEST_ID else 0
        return ("message" if id_.startswith("m") else "incident"), known
    incident_id = incident_of(id_)
    return None if incident_id is None else ("incident", incident_id)


def check_reader(tx: Tx, settings: Settings, name: str) -> None:
    """Raises UsageError where neither the configuration nor the ledger has a person of that name: an empty list would say that
    nothing was texted. Somebody who left stays in the ledger.
    """
    people = settings.directory.people
    if name and not name.startswith("+") and name not in people and not ledger_queries.names_reader(tx, name):
        raise UsageError(f"there is no person {name!r}; {near(name, people, 'people')}")


def check_receiver(tx: Tx, settings: Settings, name: str) -> None:
    """As `check_reader`, of receivers."""
    known = settings.receivers
    if name and name not in known and not ledger_queries.names_receiver(tx, name):
        raise UsageError(f"there is no receiver {name!r}; {near(name, known, 'receivers')}")


def login_or(by: str | None) -> str:
    """Who says so: `by`, else the login name. Raises UsageError for what is not a name."""
    name = _login() if by is None else by.strip()
    if not name or len(name) > _LONGEST_NAME:
        raise UsageError(f"--by: write a name of 1 to {_LONGEST_NAME} characters")
    return name


def _login() -> str:
    """Whoever sits at the keyboard: the command often runs as the daemon's user, by sudo."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        raise UsageError("your login name is not known; say who you are with --by NAME") from None
