"""What waits in the gateway's outbox: when a text written by hand goes, and how it is taken back.

The gateway has no way to list its outbox; what was put there from here is remembered here.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, tzinfo

import click

from sms_notify.cli.common import account_of, config_option, json_option, say, settings_of
from sms_notify.cli.credits import gateway_option, why
from sms_notify.cli.terminal import table
from sms_notify.cli.times import read_time
from sms_notify.config.phone import NumberError, parse_number
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import wall_clock
from sms_notify.errors import StoreError, UsageError
from sms_notify.gateways.base import Batch, Failed, Removed, Scheduled, Submission
from sms_notify.gateways.registry import GatewaySettings, client_of, minute_instead
from sms_notify.policy.outcomes import Fate, Refusal
from sms_notify.store import gateway_outbox
from sms_notify.store.database import open_store
from sms_notify.store.tx import moment
from sms_notify.wording.clock import exact


def parse_at(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """The future instant (aware UTC) that `--at` means: ISO 8601, HH:MM or `Mon HH:MM` for the next time it is that, or +30m.

    `now` is aware; a time without an offset is of `zone`, None for this machine's. Raises UsageError, also for a
    time that the clock of that zone has twice or not at all.
    """
    at = read_time(text, now, zone)
    if at <= now:
        raise UsageError(f"--at {text}: that time is past; leave out --at to send now")
    return at


def schedule(
    account: GatewaySettings, message: Submission | Batch, at: datetime
) -> Scheduled | Failed | None:
    """Asks the gateway to keep a message until `at` (aware UTC). None: it says that this is past, and it is due.

    A refused time is asked about once more and no oftener: what was refused is not scheduled.
    """
    gateway = client_of(account)
    got = gateway.schedule(message, at)
    if not isinstance(got, Failed) or got.refusal is not Refusal.TIME:
        return got
    instead = minute_instead(account, at, wall_clock())
    return None if instead is None else gateway.schedule(message, instead.at)


@click.group("outbox")
def outbox_group() -> None:
    """Texts that `send --at` has scheduled and that wait at the gateway. The gateway cannot list its outbox,
    so `outbox list` shows what was scheduled here.

    \b
    Example:
      sms-notify outbox remove 501
    """


@outbox_group.command("list")
@config_option
@gateway_option
@json_option
@click.pass_context
def list_scheduled(ctx: click.Context, config_file: str | None, gateway: str | None, as_json: bool) -> None:
    """Texts that were scheduled here and should still wait at the gateway. The gateway itself cannot list them.

    \b
    Example:
      sms-notify outbox list
    """
    settings = settings_of(ctx, config_file)
    account = account_of(settings, gateway)
    with open_store(settings.storage_url).reading() as tx:
        rows = gateway_outbox.waiting(tx, account.name, wall_clock())
    found = [(row["outboxid"] or "-", moment(row["due_at"]), row["recipient"], row["body"]) for row in rows]
    documents = [dict(zip(("outboxid", "at", "to", "text"), row, strict=True)) for row in found]
    shown = [(outboxid, exact(at), to, text) for outboxid, at, to, text in found]
    say(documents, as_json, table(shown, ("OUTBOXID", "AT", "TO", "TEXT")))


def _forget(settings: Settings, account: GatewaySettings, what: str | None) -> None:
    """The gateway's word is what counts; where there is no database, there is nothing to forget."""
    with contextlib.suppress(StoreError), open_store(settings.storage_url).transaction() as tx:
        gateway_outbox.removed(tx, account.name, what, wall_clock())


@outbox_group.command("remove")
@config_option
@gateway_option
@json_option
@click.argument("what", metavar="ID|+NUMBER")
@click.pass_context
def remove(
    ctx: click.Context, config_file: str | None, gateway: str | None, as_json: bool, what: str
) -> None:
    """Take one text out of the gateway's outbox, by its outboxID or by its number.

    Exit 1 if there was nothing to remove: it may have left already.

    \b
    Example:
      sms-notify outbox remove 501
      sms-notify outbox remove +32470000001
    """
    settings = settings_of(ctx, config_file)
    account = account_of(settings, gateway)
    client = client_of(account)
    if what.startswith("+"):
        what = _number(what)
    answer = client.remove(number=what) if what.startswith("+") else client.remove(outboxid=what)
    if isinstance(answer, Failed):
        raise _not_done(account, answer, what, "removed")
    _forget(settings, account, what)
    say({"gateway": account.name, "removed": what}, as_json, f"{account.name}: {what} is removed", whole=True)


@outbox_group.command("clear")
@config_option
@gateway_option
@json_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def clear(ctx: click.Context, config_file: str | None, gateway: str | None, as_json: bool, yes: bool) -> None:
    """Empty the whole outbox of the account, after asking. This also removes what other programs scheduled
    with the same account.

    \b
    Example:
      sms-notify outbox clear --yes
    """
    settings = settings_of(ctx, config_file)
    account = account_of(settings, gateway)
    if not yes:
        told = f"everything that waits in the outbox of {account.username}, whoever scheduled it"
        click.confirm(f"{account.name}: remove {told}?", abort=True, err=True)
    answer = client_of(account).empty_outbox()
    if isinstance(answer, Failed) and answer.refusal is not Refusal.NOTHING_SCHEDULED:
        raise _not_done(account, answer, "the outbox", "emptied")
    _forget(settings, account, None)
    said = "the outbox is empty now" if isinstance(answer, Removed) else "the outbox was empty already"
    row = {"gateway": account.name, "emptied": isinstance(answer, Removed)}
    say(row, as_json, f"{account.name}: {said}")


def _number(text: str) -> str:
    """As `--to` takes it. Raises UsageError for what is not a number."""
    try:
        return parse_number(text).e164
    except NumberError as error:
        raise UsageError(f"{text} is not removed: it {error}") from None


def _not_done(account: GatewaySettings, failed: Failed, what: str, done: str) -> UsageError:
    unknown = failed.fate is Fate.UNKNOWN
    known = f"nobody knows whether {what} is {done}" if unknown else f"{what} is not {done}"
    return UsageError(f"{account.name}: {known}: {why(failed)}")
