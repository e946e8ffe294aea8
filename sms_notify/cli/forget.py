"""`forget`: a person's numbers and texts are erased from the ledger at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

import click

from sms_notify.cli.common import command_node, config_option, json_option, say, settings_of
from sms_notify.cli.options import login_or
from sms_notify.cli.terminal import elapsed
from sms_notify.config.phone import NumberError, parse_number
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import wall_clock
from sms_notify.errors import UsageError
from sms_notify.policy.acknowledgement import signed
from sms_notify.policy.vocabulary import AckBy
from sms_notify.store import forgetting
from sms_notify.store.database import Database, open_store
from sms_notify.store.forgetting import PersonRows
from sms_notify.store.tx import Tx


@click.command()
@config_option
@click.option("--by", metavar="NAME", help="Who asks for it; else your login name.")
@json_option
@click.argument("who", metavar="PERSON|+NUMBER")
@click.pass_context
def forget(ctx: click.Context, config_file: str | None, by: str | None, as_json: bool, who: str) -> None:
    """Erase the numbers of a person and the texts sent to them, however young. The name, times, states and
    counts stay. Remove the person from the configuration and reload first: what belongs to open incidents is
    else kept until they end. Exit 1 if a text to them still waits; then nothing is erased.

    \b
    Example:
      sms-notify forget bob
      sms-notify forget +32470000001
    """
    settings, name, signature = settings_of(ctx, config_file), _name_of(who), login_or(by)
    store, configured = open_store(settings.storage_url), _is_configured(settings, name)
    with store.reading() as tx:
        found = forgetting.look(tx, name, configured=configured)
    _check(who, found)
    with elapsed(f"erasing {who} in {store.name}") as goes_on:
        _forget(store, settings, name, found, goes_on)
    whose = "a number" if name.startswith("+") else name
    did = signed(signature, AckBy.COMMAND, f"{whose}, {len(found.messages)} texts")
    with store.transaction() as tx:
        forgetting.note(tx, did, command_node(), wall_clock())
    row = {"who": who, "texts": len(found.messages), "incidents": len(found.incidents)}
    row |= {"still_open": found.still_open, "configured": configured}
    say(row, as_json, _said(who, found, configured=configured))


def _name_of(who: str) -> str:
    """As the ledger writes a person or a number. Raises UsageError for what begins as a number and is none."""
    if not who.startswith("+"):
        return who.removeprefix("person:")
    try:
        return parse_number(who).e164
    except NumberError as error:
        raise UsageError(f"{who}: {error}") from None


def _is_configured(settings: Settings, name: str) -> bool:
    people = settings.directory.people
    return name in people or name in {person.number for person in people.values()}


def _check(who: str, found: PersonRows) -> None:
    """Raises UsageError where there is nothing to erase, or where it is too early."""
    if not found.known:
        raise UsageError(f"the ledger has nothing of {who!r}; names count as they were when the texts left")
    if found.waiting:
        raise UsageError(
            f"{found.waiting} texts to {who} still wait or are on their way; nothing was erased. Remove them from the"
            " configuration, reload, and run this again"
        )


def _forget(
    store: Database, settings: Settings, name: str, found: PersonRows, goes_on: Callable[[], None]
) -> None:
    def commit(job: Callable[[Tx], None]) -> None:
        with store.transaction() as tx:
            job(tx)
        goes_on()

    forgetting.erase(commit, name, found, configured=_is_configured(settings, name))
    for number in _nobodys(found.numbers, settings):
        commit(partial(forgetting.forget_number, number=number))


def _nobodys(numbers: Collection[str], settings: Settings) -> list[str]:
    """A number that somebody of the configuration has is still to be texted, or not to be."""
    known = {person.number for person in settings.directory.people.values()}
    return [number for number in numbers if number not in known]


def _said(who: str, found: PersonRows, *, configured: bool) -> str:
    lines = [
        f"{who}: erased {len(found.messages)} texts and the numbers in {len(found.incidents)} incidents; counts stay"
    ]
    if configured:
        lines.append(
            f"warning: {who} is still in the configuration: new texts are kept as `keep` says; {found.still_open} open"
            " incidents keep the number until they end"
        )
    return "\n".join(lines)
