"""Whom a target on the command line means at a moment: the same words as in the configuration, and never nobody."""

from __future__ import annotations

from datetime import datetime

from sms_notify.cli.common import account_of
from sms_notify.cli.options import overriding, timetable_at
from sms_notify.config.phone import NumberError, parse_number
from sms_notify.config.settings import Settings
from sms_notify.errors import UsageError
from sms_notify.gateways.base import AddressBookGroup
from sms_notify.policy.directory import Directory, OnCall, Person, Target, TargetKind, nobody
from sms_notify.policy.roster import Staff
from sms_notify.wording.clock import dated

Recipient = Person | AddressBookGroup
GROUP = "gateway-group:"  # how a target names a group of the gateway's address book
TARGETS = "person:NAME, team:NAME, schedule:NAME, gateway-group:NAME or +NUMBER"


def recipients_of(settings: Settings, to: str, gateway: str | None, at: datetime) -> tuple[Recipient, ...]:
    """Whom `to` means at `at`; of a schedule, who holds it then.

    Raises UsageError for what is not a target, a name that the configuration does not have, and one that leads to
    nobody: a text that goes to nobody was not sent.
    """
    target = _target(to)
    if target.kind is TargetKind.GROUP:
        return (_group(settings, target.name, gateway),)
    people = _people(settings.directory, target, _holders(settings, target, at))
    if not people:
        raise UsageError(_leads_nowhere(target, at))
    return people


def _target(to: str) -> Target:
    try:
        if to.startswith("+"):
            return Target(TargetKind.NUMBER, parse_number(to).e164)
        kind, _, name = to.partition(":")
        if kind != TargetKind.NUMBER:
            return Target(TargetKind(kind), name)
    except NumberError as error:
        raise UsageError(f"--to {to}: {error}") from None
    except ValueError:
        pass
    raise UsageError(f"--to {to!r} is not a target; write {TARGETS}")


def _group(settings: Settings, name: str, gateway: str | None) -> AddressBookGroup:
    account = account_of(settings, gateway)
    if name not in account.groups:
        known = ", ".join(account.groups) or "none"
        raise UsageError(f"gateway {account.name} lists no group {name!r} under `groups:`; there is {known}")
    return AddressBookGroup(name)


def _holders(settings: Settings, target: Target, at: datetime) -> OnCall:
    """With calendars and overrides, as the daemon has them; for other targets nothing is read."""
    if target.kind is not TargetKind.SCHEDULE:
        return nobody
    schedules = timetable_at(settings, at).schedules
    if target.name not in schedules:
        raise _unknown("schedule", target.name, sorted(schedules))
    return Staff(settings.directory, schedules).holders(overriding(settings, at), at)


def _people(directory: Directory, target: Target, on_call: OnCall) -> tuple[Person, ...]:
    try:
        return directory.resolve([target], on_call)
    except KeyError:
        known = directory.people if target.kind is TargetKind.PERSON else directory.teams
        raise _unknown(target.kind, target.name, sorted(known)) from None


def _unknown(kind: str, name: str, known: list[str]) -> UsageError:
    return UsageError(f"no {kind} is called {name!r}; there is {', '.join(known) or 'none'}")


def _leads_nowhere(target: Target, at: datetime) -> str:
    if target.kind is TargetKind.SCHEDULE:
        when = dated(at)
        return (
            f"--to {target}: NOBODY IS ON CALL at {when}, so nothing was sent; name a person instead, or close the gap: "
            f"`sms-notify oncall override add {target.name} PERSON`"
        )
    return (
        f"--to {target}: nobody is in it, so nothing was sent; name a person instead, or add somebody to it"
    )
