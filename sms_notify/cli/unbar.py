"""`unbar`, and what commands do about the numbers that a gateway bars: ask it, and clear what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import click

from sms_notify.barring import about_of, advice_of, say_breaker
from sms_notify.cli.common import account_of, config_option, json_option, say, settings_of
from sms_notify.cli.options import has_database
from sms_notify.config.phone import NumberError, parse_number
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import account_of as account_at
from sms_notify.daemon.wiring import luck, numbers_to_probe, plan_of, wall_clock
from sms_notify.delivery.breaker_probe import Prober
from sms_notify.errors import StoreError, UsageError
from sms_notify.gateways.registry import GatewaySettings, client_of
from sms_notify.policy.bars import Breaker
from sms_notify.store import breakers
from sms_notify.store.database import open_store
from sms_notify.store.tx import Tx
from sms_notify.wording.clock import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar after the gateway was asked about it; `said` is a sentence without an end."""

    about: str
    cleared: bool
    said: str


def bars_at(settings: Settings, gateway: str) -> Sequence[Breaker]:
    """What is barred at a gateway: numbers, countries, senders, long texts. Nothing where there is no database."""
    store = open_store(settings.storage_url)
    if not has_database(store, "BARRED NUMBERS"):
        return ()
    with store.reading() as tx:
        return [bar for bar in breakers.all_open(tx) if bar.gateway == gateway and not bar.scope.whole]


def ask_about(settings: Settings, account: GatewaySettings, bars: Sequence[Breaker]) -> list[Bar]:
    """Asks the gateway about each of `bars` at no cost; what it takes again is cleared in the database."""
    store = open_store(settings.storage_url)

    def commit(job: Callable[[Tx], T]) -> T:
        with store.transaction() as tx:
            return job(tx)

    plan = plan_of(settings)
    known = account_at(account, plan)
    gateway = client_of(account)
    prober = Prober(commit, gateway, known, wall_clock, luck(), numbers_to_probe(settings, plan))
    return [_asked(settings, prober, bar) for bar in bars]


def _asked(settings: Settings, prober: Prober, bar: Breaker) -> Bar:
    about, now = about_of(bar, settings.directory), wall_clock()
    where = say_breaker(bar, Clock(now).at)
    try:
        probed = prober.ask(bar)
    except StoreError as error:
        return Bar(about, False, f"BARRED {where}; the answer cannot be kept: {error}")
    if probed.closed:
        return Bar(about, True, f"was barred {where}; the bar is cleared ({probed.answer})")
    return Bar(about, False, f"BARRED {where}; asked now: {probed.answer}. {advice_of(bar)}".rstrip(" ."))


def clear(settings: Settings, gateways: Sequence[str], number: str) -> Sequence[Breaker]:
    """Takes the bars off a number and its country; returns those that were there."""
    store = open_store(settings.storage_url)
    if not has_database(store, "BARRED NUMBERS"):
        return ()
    with store.transaction() as tx:
        now = wall_clock()
        return [bar for name in gateways for bar in breakers.prove(tx, name, number, "", now)]


@click.command()
@config_option
@click.option("--gateway", metavar="NAME", help="At this gateway alone; else at every one.")
@json_option
@click.argument("who", metavar="PERSON|+NUMBER")
@click.pass_context
def unbar(ctx: click.Context, config_file: str | None, gateway: str | None, as_json: bool, who: str) -> None:
    """Text a number again that a gateway refused (error 106, 112), or whose country it refused (107, 114).

    The daemon asks the gateway by itself, at no cost, and clears the bar when the number is taken again; this
    clears it without asking. The next text shows whether that was right. Exit 1 if there was nothing to
    clear.

    \b
    Example:
      sms-notify unbar alice
      sms-notify unbar +32470000001
    """
    settings = settings_of(ctx, config_file)
    number = _number_of(settings, who)
    names = [account_of(settings, gateway).name] if gateway else [known.name for known in settings.gateways]
    cleared, now = clear(settings, names, number), wall_clock()
    rows, lines = [], []
    for bar in cleared:
        about = about_of(bar, settings.directory)
        lines.append(f"{about}: the bar {say_breaker(bar, Clock(now).at)} is cleared")
        rows.append(
            {
                "gateway": bar.gateway,
                "scope": bar.scope,
                "about": about,
                "since": bar.opened_at,
                "code": bar.code,
            }
        )
    nothing = f"{who} is not barred at {' or '.join(names)}: there was nothing to clear"
    say({"who": who, "cleared": rows}, as_json, "\n".join(lines) or nothing)
    if not cleared:
        ctx.exit(1)


def _number_of(settings: Settings, who: str) -> str:
    """Raises UsageError for what is neither a person of the configuration nor a number."""
    name = who.removeprefix("person:")
    if name in settings.directory.people:
        return settings.directory.people[name].number
    try:
        if who.startswith("+"):
            return parse_number(who).e164
    except NumberError as error:
        raise UsageError(f"{who}: {error}") from None
    known = ", ".join(sorted(settings.directory.people)) or "none"
    raise UsageError(f"nobody is called {who!r}; write a +NUMBER, or one of the people: {known}")
