"""`credits`, `report`, `delivery-url`: what the gateway knows of us."""

from __future__ import annotations

import click

from sms_notify.cli.common import account_of, config_option, json_option, say, settings_of
from sms_notify.cli.terminal import table
from sms_notify.daemon.wiring import wall_clock
from sms_notify.errors import StoreError, UsageError
from sms_notify.gateways.base import ByHand, Failed, LastReports, Report
from sms_notify.gateways.registry import client_of, delivery_token, explain_code
from sms_notify.policy.outcomes import Outcome, Reason
from sms_notify.store import account_rows
from sms_notify.store.database import Database, open_store
from sms_notify.wording.clock import exact

gateway_option = click.option("--gateway", metavar="NAME", help="Which gateway; else the first.")


@click.command("credits")
@config_option
@gateway_option
@json_option
@click.pass_context
def credits_command(ctx: click.Context, config_file: str | None, gateway: str | None, as_json: bool) -> None:
    """Balance, spend a day over the last week, and days to empty. Exit 1 under `limits.credits.low_water`.

    Example: sms-notify credits
    """
    settings = settings_of(ctx, config_file)
    account = account_of(settings, gateway)
    left = client_of(account).credits()
    if isinstance(left, Failed):
        raise UsageError(f"{account.name}: the balance is not known: {why(left)}")
    daily = _spent_a_day(open_store(settings.storage_url), account.name)
    days = left / daily if daily else None
    known = (
        f", {daily:.1f} a day, {days:.0f} days left"
        if days is not None
        else ", none spent in the last 7 days"
    )
    low = settings.limits.credits.low_water
    row = {
        "gateway": account.name,
        "credits": left,
        "spent_a_day": round(daily, 1),
        "days_left": round(days, 1) if days is not None else None,
        "low_water": low,
    }
    under = f"; that is UNDER THE LOW WATER of {low}: buy credits" if left < low else ""
    say(row, as_json, f"{account.name}: {left} credits{known}{under}")
    if left < low:
        ctx.exit(1)


def _spent_a_day(store: Database, gateway: str) -> float:
    """Credits a day of late, as the metric counts them; none where there is no database yet."""
    try:
        with store.reading() as tx:
            return account_rows.spent_per_day(tx, gateway, wall_clock())
    except StoreError:
        return 0.0


def _one_of_two(ctx: click.Context, param: click.Parameter, smsid: str | None) -> str | None:
    """SMSID or --last, which is eager and so known here already."""
    last = ctx.params.get("last")
    if smsid is None and last is None:
        raise click.MissingParameter(ctx=ctx, param=param)
    if smsid is not None and last is not None:
        raise click.UsageError("give an SMSID or --last, not both", ctx)
    return smsid


@click.command()
@config_option
@gateway_option
@json_option
@click.option(
    "--last",
    type=click.IntRange(1, 1000),
    metavar="N",
    is_eager=True,
    help="The last N reports of the account, as the gateway writes them.",
)
@click.argument("smsid", required=False, callback=_one_of_two)
@click.pass_context
def report(
    ctx: click.Context,
    config_file: str | None,
    gateway: str | None,
    as_json: bool,
    last: int | None,
    smsid: str | None,
) -> None:
    """Ask the gateway what became of SMSID (its own number for a text; `messages` shows it).

    \b
    Example:
      sms-notify report 1234567
      sms-notify report --last 20
    """
    client = client_of(account_of(settings_of(ctx, config_file), gateway))
    if smsid is not None:
        _one(client, smsid, as_json)
    elif last is not None:
        _last(client, last, as_json)


def _one(client: ByHand, smsid: str, as_json: bool) -> None:
    answer = client.report(smsid)
    if isinstance(answer, Failed):
        raise UsageError(f"{client.name}: no report for {smsid}: {why(answer)}")
    said = f"{answer.status} {exact(answer.at)}" if answer.at is not None else str(answer.status)
    say(_row(answer), as_json, said)


def _last(client: ByHand, count: int, as_json: bool) -> None:
    answer = client.last_reports(count)
    if isinstance(answer, Failed):
        raise UsageError(f"{client.name}: no reports: {why(answer)}")
    rows = [_row(found) | {"reference": found.reference} for found in answer.reports]
    say({"reports": rows, "unread": answer.unread, "raw": answer.raw}, as_json, _told(answer))


def _row(found: Report) -> dict[str, object]:
    return {"smsid": found.smsid, "status": str(found.status), "at": found.at}


def _told(answer: LastReports) -> str:
    """What we read, and always the answer itself: its format is documented nowhere."""
    if not answer.raw:
        return "the gateway has no reports"
    rows = [
        (r.smsid, str(r.status), exact(r.at) if r.at else "-", r.reference or "-") for r in answer.reports
    ]
    read = [table(rows, ("smsid", "status", "at", "reference")), ""] if rows else []
    unread = f" ({answer.unread} line(s) of it cannot be read)" if answer.unread else ""
    return "\n".join([*read, f"As the gateway wrote it{unread}:", answer.raw])


@click.command("delivery-url")
@config_option
@gateway_option
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


def why(failed: Failed | Outcome) -> str:
    """What went wrong at the gateway, with what to do about it where that is known."""
    if failed.code is None:
        advice = " (is gateway.php below the `url`?)" if failed.reason == Reason.HTTP_CLIENT_ERROR else ""
        return f"{failed.reason} {failed.detail}".rstrip() + advice
    code = explain_code(failed.code)
    return f"error {failed.code}: {code.meaning} ({code.advice})"
