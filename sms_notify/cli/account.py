"""`credits`, `report`, `delivery-url`: what the gateway knows of us."""

from __future__ import annotations

import time
from datetime import timedelta

import click

from sms_notify.app import wall_clock
from sms_notify.cli.common import account_of, config_option, json_option, local, say, settings_of
from sms_notify.errors import StoreError, UsageError
from sms_notify.gateways.base import Failed
from sms_notify.gateways.codes import explain_code
from sms_notify.gateways.smsgateway1601 import SmsGateway1601, delivery_token
from sms_notify.store import reading
from sms_notify.store.sqlite import SqliteStore

_SPEND_OVER = timedelta(days=7)
_gateway_option = click.option("--gateway", metavar="NAME", help="Which gateway; else the first.")


@click.command("credits")
@config_option
@_gateway_option
@json_option
@click.pass_context
def credits_command(ctx: click.Context, config_file: str | None, gateway: str | None, as_json: bool) -> None:
    """Balance, spend a day over the last week, and days to empty.

    Example: sms-notify credits
    """
    settings = settings_of(ctx, config_file)
    account = account_of(settings, gateway)
    left = SmsGateway1601(account, time.monotonic).credits()
    if isinstance(left, Failed):
        raise UsageError(f"{account.name}: the balance is not known: {_why(left)}")
    daily = _spent_a_day(SqliteStore(settings.storage_url))
    days = left / daily if daily else None
    known = (
        f", {daily:.1f} a day, {days:.0f} days left"
        if days is not None
        else ", none spent in the last 7 days"
    )
    row = {"gateway": account.name, "credits": left, "spent_a_day": daily, "days_left": days}
    say(row, as_json, f"{account.name}: {left} credits{known}")


def _spent_a_day(store: SqliteStore) -> float:
    """Credits a day over the last week; none where there is no database yet."""
    try:
        with store.reading() as tx:
            return reading.spent_since(tx, wall_clock() - _SPEND_OVER) / _SPEND_OVER.days
    except StoreError:
        return 0.0


@click.command()
@config_option
@_gateway_option
@json_option
@click.argument("smsid")
@click.pass_context
def report(
    ctx: click.Context, config_file: str | None, gateway: str | None, as_json: bool, smsid: str
) -> None:
    """Ask the gateway what became of SMSID (its own number for a text; `messages` shows it).

    Example: sms-notify report 1234567
    """
    account = account_of(settings_of(ctx, config_file), gateway)
    answer = SmsGateway1601(account, time.monotonic).report(smsid)
    if isinstance(answer, Failed):
        raise UsageError(f"{account.name}: no report for {smsid}: {_why(answer)}")
    row = {"smsid": smsid, "status": str(answer.status), "at": answer.at}
    say(row, as_json, f"{answer.status} {local(answer.at)}" if answer.at is not None else str(answer.status))


@click.command("delivery-url")
@config_option
@_gateway_option
@click.pass_context
def delivery_url(ctx: click.Context, config_file: str | None, gateway: str | None) -> None:
    """The address to enter at the provider, so that it reports deliveries at once. Treat it like a password.

    Example: sms-notify delivery-url
    """
    settings = settings_of(ctx, config_file)
    if not settings.web.external_url:
        raise UsageError(
            f"{settings.source}: set web.external_url, the address under which the gateway can reach us"
        )
    token = delivery_token(account_of(settings, gateway))
    click.echo(f"{settings.web.external_url.rstrip('/')}/delivery/{token}")


def _why(failed: Failed) -> str:
    if failed.code is None:
        return f"{failed.reason} {failed.detail}".rstrip()
    code = explain_code(failed.code)
    return f"error {failed.code}: {code.meaning} ({code.advice})"
