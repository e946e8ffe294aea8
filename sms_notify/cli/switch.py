"""The dead man's switch by hand: how it stands, a trial of the whole way, and taking it back for a planned stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import click

from sms_notify.cli.common import account_of, config_option, json_option, say, settings_of
from sms_notify.cli.credits import gateway_option, why
from sms_notify.cli.outbox import schedule
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import luck, plan_of, site_name, site_switch, wall_clock
from sms_notify.delivery.switch_state import SwitchState, switch_lines, switch_state
from sms_notify.errors import UsageError
from sms_notify.gateways.base import Failed, Scheduled, Submission
from sms_notify.gateways.registry import GatewaySettings, minute_for
from sms_notify.oncall.roster import Roster
from sms_notify.policy.directory import Person
from sms_notify.policy.outcomes import Fate
from sms_notify.policy.site_alive import SiteAlive
from sms_notify.store import armed_rows, gateway_outbox
from sms_notify.store.database import Database, open_store
from sms_notify.store.tx import Tx
from sms_notify.wording.clock import Clock, exact
from sms_notify.wording.content import Reader
from sms_notify.wording.silent_site import compose_silent_site

T = TypeVar("T")
_TEST_AHEAD = timedelta(minutes=2)
_WAITS, _LOOKS = 60, 0.5  # seconds for the daemon to take it back, and between two looks


def switch_document(state: SwitchState) -> dict[str, object]:
    """How it stands, for programs."""
    return {
        "site_alive": state.word,
        "due_at": state.until,
        "lying": [
            {"to": t.recipient, "gateway": t.gateway, "due_at": t.due_at, "state": t.state}
            for t in state.lying
        ],
        "fired_at": state.fired.due_at if state.fired else None,
    }


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of the trial for one reader; `at` None = refused."""

    reader: str
    at: datetime | None
    said: str


@click.command("test")
@config_option
@gateway_option
@json_option
@click.pass_context
def try_switch(ctx: click.Context, config_file: str | None, gateway: str | None, as_json: bool) -> None:
    """Schedule the text of `site_alive` at the gateway, two minutes ahead, for each of its readers.

    It costs one credit each. Nothing takes it back: when it comes, the whole way is proven. `outbox list`
    shows it. Exit 1 if one was refused.

    \b
    Example:
      sms-notify watch test
    """
    settings = settings_of(ctx, config_file)
    site_alive, account = _configured(settings), account_of(settings, gateway)
    store = open_store(settings.storage_url)
    with store.reading() as tx:
        readers = roster_of(settings).who(tx, site_alive.notify, wall_clock())
    trials = [_try(settings, account, store, person) for person in readers]
    rows = [{"to": trial.reader, "at": trial.at, "said": trial.said} for trial in trials]
    nobody = "nobody is on call for what `site_alive` names"
    say(rows, as_json, "\n".join(f"{trial.reader}: {trial.said}" for trial in trials) or nobody)
    if not trials or any(trial.at is None for trial in trials):
        ctx.exit(1)


@click.command("disarm")
@config_option
@json_option
@click.pass_context
def disarm(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """Take the text of `site_alive` back for a planned stop. It stays disarmed until sms-notify starts again.

    Exit 1 if a text still lies at the gateway: it says when that one leaves.

    \b
    Example:
      sms-notify watch disarm
    """
    settings = settings_of(ctx, config_file)
    store = open_store(settings.storage_url)
    with store.transaction() as tx:
        armed_rows.disarm(tx, wall_clock())
    if store.served():
        _wait(store, settings)
    else:
        _take_back(store, settings)
    state, clock = _state(store, settings), Clock(wall_clock())
    say(switch_document(state), as_json, "\n".join(switch_lines(state, clock.at, clock.now)), whole=True)
    if state.lying:
        ctx.exit(1)


def _configured(settings: Settings) -> SiteAlive:
    if settings.site_alive is None:
        raise UsageError(f"{settings.source}: there is no `site_alive`; write whom it is to text")
    return settings.site_alive


def roster_of(settings: Settings) -> Roster:
    return Roster(settings.directory, plan_of(settings).schedules)


def _try(settings: Settings, account: GatewaySettings, store: Database, person: Person) -> Trial:
    now = wall_clock()
    person = settings.directory.known(person)
    reader = Reader(person.timezone, person.language, now + _TEST_AHEAD)
    body = compose_silent_site(f"TEST {site_name(settings)}", now, reader)
    got = schedule(account, Submission(person.number, body, luck().reference()), now + _TEST_AHEAD)

    def note(outboxid: str | None, due: datetime) -> None:
        with store.transaction() as tx:
            gateway_outbox.note(tx, account.name, outboxid, person.name, person.number, body, due, now)

    if isinstance(got, Failed) and got.fate is Fate.UNKNOWN:
        note(None, minute_for(account, now + _TEST_AHEAD).at)
        return Trial(person.name, None, f"it may come, from {account.name}: {why(got)}")
    if not isinstance(got, Scheduled):
        refused = "the gateway says that this minute is past" if got is None else why(got)
        return Trial(person.name, None, f"not scheduled at {account.name}: {refused}")
    note(got.outboxid, got.at)
    return Trial(person.name, got.at, f"must come at {exact(got.at)}, from {account.name}")


def _wait(store: Database, settings: Settings) -> None:
    """The daemon sees the mark within some seconds, and takes back what lies there."""
    ends = time.monotonic() + _WAITS
    while time.monotonic() < ends and _state(store, settings).lying:
        time.sleep(_LOOKS)


def _state(store: Database, settings: Settings) -> SwitchState:
    with store.reading() as tx:
        return switch_state(tx, settings.site_alive, roster_of(settings), wall_clock())


def _take_back(store: Database, settings: Settings) -> None:
    def commit(job: Callable[[Tx], T], /) -> T:
        with store.transaction() as tx:
            return job(tx)

    site_switch(settings, lambda: roster_of(settings), commit).clear()
