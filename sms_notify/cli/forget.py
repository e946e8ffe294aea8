"""`forget`: a person's numbers and texts are erased from the ledger at once."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
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
from sms_notify.store.conversion import copies_of
from sms_notify.store.database import Database, open_store
from sms_notify.store.forgetting import PersonRows
from sms_notify.store.tx import Tx
from sms_notify.wording.phrases import counted

_TEXTS = "{} text|{} texts"
_INCIDENTS = "{} incident|{} incidents"
_STILL_OPEN = (
    "{} open incident keeps the number until it ends|{} open incidents keep the number until they end"
)
_COPIES = "{} copy of the database is left|{} copies of the database are left"


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
    copies = [str(copy) for copy in copies_of(store.path)]
    _check(who, found, copies)
    whose = "a number" if name.startswith("+") else name
    did = signed(signature, AckBy.COMMAND, f"{whose}, {counted(_TEXTS, len(found.messages))}")
    with elapsed(f"erasing {who} in {store.name}") as goes_on:
        _forget(store, settings, name, found, did, goes_on)
    row: dict[str, object] = {"who": who, "texts": len(found.messages), "incidents": len(found.incidents)}
    row |= {"still_open": found.still_open, "configured": configured, "copies": copies}
    say(row, as_json, _said(who, found, copies, configured=configured))


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


def _check(who: str, found: PersonRows, copies: Sequence[str]) -> None:
    """Raises UsageError where there is nothing to erase, or where it is too early."""
    if not found.known:
        why = f"the ledger has nothing of {who!r}; names count as they were when the texts left"
        raise UsageError("\n".join([why, *_beside(who, copies)]))
    if found.waiting:
        raise UsageError(
            f"{counted('{} text still waits or is|{} texts still wait or are', found.waiting)} on the way to {who}; nothing was"
            " erased. Remove them from the configuration, reload, and run this again"
        )


def _forget(
    store: Database, settings: Settings, name: str, found: PersonRows, did: str, goes_on: Callable[[], None]
) -> None:
    """Their numbers at the gateways first: only the rows that are erased after them lead there. Whoever is stopped within it
    runs it again.
    """

    def commit(job: Callable[[Tx], None]) -> None:
        with store.transaction() as tx:
            job(tx)
        goes_on()

    for number in _nobodys(found.numbers, settings):
        commit(partial(forgetting.forget_number, number=number))
    note = partial(forgetting.note, detail=did, node=command_node(), now=wall_clock())
    forgetting.erase(commit, name, found, note, configured=_is_configured(settings, name))


def _nobodys(numbers: Collection[str], settings: Settings) -> list[str]:
    """A number that somebody of the configuration has is still to be texted, or not to be."""
    known = {person.number for person in settings.directory.people.values()}
    return [number for number in numbers if number not in known]


def _said(who: str, found: PersonRows, copies: Sequence[str], *, configured: bool) -> str:
    texts, incidents = counted(_TEXTS, len(found.messages)), counted(_INCIDENTS, len(found.incidents))
    lines = [f"{who}: erased {texts} and the numbers in {incidents}; counts stay"]
    if configured:
        lines.append(
            f"warning: {who} is still in the configuration: new texts are kept as `keep` says;"
            f" {counted(_STILL_OPEN, found.still_open)}"
        )
    return "\n".join([*lines, *_beside(who, copies)])


def _beside(who: str, copies: Sequence[str]) -> Iterator[str]:
    """What this does not reach, and how to."""
    if copies:
        yield (
            f"warning: {counted(_COPIES, len(copies))}, from before an upgrade; without it nobody can go back to that version."
            f" To erase {who} there, too: rm {shlex.join(copies)}"
        )
