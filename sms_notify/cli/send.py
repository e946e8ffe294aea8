"""`sms-notify send`: one message by hand, through the same ledger and the same client as the daemon's."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click

from sms_notify.barring import say_barring, say_breaker
from sms_notify.cli.byhand import Hand, Row, name_of, near, row_of, send_to, why_not
from sms_notify.cli.common import account_of, config_option, json_option, say, settings_of
from sms_notify.cli.delivery_wait import exit_code, say_state, timeout_of, wait_for
from sms_notify.cli.handwritten import Handwritten, handwritten
from sms_notify.cli.options import barred_at, has_database
from sms_notify.cli.outbox import parse_at, schedule
from sms_notify.cli.recipients import GROUP, Recipient, recipients_of
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import luck, wall_clock
from sms_notify.errors import StoreError
from sms_notify.gateways.base import AddressBookGroup, Batch, Failed, Gateway, Scheduled, Submission
from sms_notify.gateways.registry import MOST_PARTS, GatewaySettings, client_of, minute_for
from sms_notify.policy.directory import Person
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.store import breakers, gateway_outbox
from sms_notify.store.database import open_store
from sms_notify.wording.content import Text

_MINUTE = timedelta(minutes=1)
_SCHEDULED = "scheduled"  # beside the words of Fate: the gateway took it, and nothing was sent yet
_TAKEN = (Fate.SENT, _SCHEDULED)


@click.command()
@config_option
@click.option(
    "--to",
    "targets",
    required=True,
    multiple=True,
    metavar="TARGET",
    help="person:NAME, team:NAME, schedule:NAME for who is on call, +NUMBER, or gateway-group:NAME for a group of the"
    " gateway's address book. May be repeated.",
)
@click.option("--gateway", metavar="NAME", help="Which gateway; else the first that does not bar the number.")
@click.option(
    "--max-parts",
    default=MOST_PARTS,
    show_default=True,
    type=click.IntRange(1, MOST_PARTS),
    help="Cut the text to fit.",
)
@click.option(
    "--at",
    "at_text",
    metavar="TIME",
    help="Let the gateway keep it until then: ISO 8601, HH:MM or 'Mon HH:MM' for the next time it is that, or +30m.",
)
@click.option(
    "--test", "test", is_flag=True, help="The gateway checks everything and sends nothing (test=ja)."
)
@click.option("--dry-run", is_flag=True, help="Show text, parts and credits; no request is made.")
@click.option("--wait", is_flag=True, help="Wait until each text was delivered, or was not.")
@click.option("--timeout", default="5m", show_default=True, metavar="DURATION", help="How long --wait waits.")
@json_option
@click.argument("text")
@click.pass_context
def send(
    ctx: click.Context,
    config_file: str | None,
    targets: tuple[str, ...],
    gateway: str | None,
    max_parts: int,
    at_text: str | None,
    test: bool,
    dry_run: bool,
    wait: bool,
    timeout: str,
    as_json: bool,
    text: str,
) -> None:
    """Send TEXT. Exit 1, with the reason, if a gateway did not take it or TARGET leads to nobody.

    A text that cannot leave now may wait in the daemon's queue: that is exit 1 as well, because nobody has it
    yet. Do not send it again. If a text is cut to fit, standard error says so.

    A text with --at waits at the gateway and leaves in that minute, even if this machine is off by then;
    `outbox remove` takes it back. Such a text, and one to a group, is in no ledger here and has no delivery
    report.

    With --wait exit 0 means delivered (or taken, if the gateway gives no reports), 1 not delivered, and 3
    that nothing more was known when --timeout was over.

    \b
    Example:
      sms-notify send --to person:alice "db1 is back"
      sms-notify send --to schedule:primary "call me when you can"
      sms-notify send --to team:dba --at 22:00 "db1 goes down for maintenance now"
    """
    if wait and (test or dry_run or at_text is not None):
        raise click.UsageError(
            "--wait is for a text that leaves now: without --at, --test and --dry-run", ctx
        )
    settings, patience = settings_of(ctx, config_file), timeout_of(timeout)
    at = parse_at(at_text, wall_clock()) if at_text is not None else None
    recipients = _recipients(settings, targets, gateway, at or wall_clock())
    worded = handwritten(text, max_parts)
    worded.warn()
    hand = Hand(settings, account_of(settings, gateway), chosen=gateway is not None)
    if dry_run:
        if not _show(hand, recipients, worded, at, as_json):
            ctx.exit(1)
        return
    rows = [_hand_over(hand, to, worded.text, at, test) | worded.document() for to in recipients]
    by = f" ({targets[0]})" if len(targets) == 1 and targets[0].startswith("schedule:") else ""
    lines = "\n".join(f"{row['to']}{by}: {row['said']}" for row in rows)
    if wait:
        ctx.exit(_wait(settings, rows, lines, patience, as_json))
    say(rows, as_json, lines, whole=True)
    if not all(row["fate"] in _TAKEN for row in rows):
        ctx.exit(1)


def _wait(settings: Settings, rows: list[Row], lines: str, patience: timedelta, as_json: bool) -> int:
    """Says what is known at once, and then what became of it; returns the exit code."""
    if not as_json:
        say((), as_json, lines, whole=True)
    ids = [int(str(row["id"]).removeprefix("m")) for row in rows if "id" in row]
    found = wait_for(settings, ids, patience)
    states = {f"m{message.id}": str(message.state) for message in found}
    documents = [row | {"state": states.get(str(row.get("id")))} for row in rows]
    say(documents, as_json, "\n".join(map(say_state, found)), whole=True)
    refused = any("id" not in row and row["fate"] not in _TAKEN for row in rows)
    return 1 if refused else exit_code(found)


def _recipients(
    settings: Settings, targets: tuple[str, ...], gateway: str | None, at: datetime
) -> tuple[Recipient, ...]:
    """Everybody whom any of the targets means, each once."""
    found: dict[str, Recipient] = {}
    for target in targets:
        for one in recipients_of(settings, target, gateway, at):
            found.setdefault(one.number if isinstance(one, Person) else f"{GROUP}{one.name}", one)
    return tuple(found.values())


def _hand_over(hand: Hand, to: Recipient, text: Text, at: datetime | None, test: bool) -> Row:
    settings, account = hand.settings, hand.account
    if test:
        return _test(hand, to, text, at)
    if at is None:
        return _send(hand, to, text)
    got = schedule(account, _message(to, text), at)
    if got is None:
        row = _send(hand, to, text)
        return row | {"said": f"too late to schedule, so at once: {row['said']}"}
    if isinstance(got, Failed):
        if got.fate is Fate.UNKNOWN:
            _remember(settings, account, to, text, None, minute_for(account, at).at)
        return _refused(to, got)
    _remember(settings, account, to, text, got.outboxid, got.at)
    return _cleared(hand, to, text, _scheduled(account, to, got, at))


def _remember(
    settings: Settings,
    account: GatewaySettings,
    to: Recipient,
    text: Text,
    outboxid: str | None,
    due: datetime,
) -> None:
    """For `outbox list`, and so that nothing of ours is taken back by its number while it may lie there: the gateway has it
    whatever becomes of this row, so a failure here is not a failure to send.
    """
    person = isinstance(to, Person)
    name, number = (to.name, to.number) if isinstance(to, Person) else (f"{GROUP}{to.name}", "")
    try:
        with open_store(settings.storage_url).transaction() as tx:
            gateway_outbox.note(tx, account.name, outboxid, name, number, text.body, due, wall_clock())
    except StoreError as error:
        who = "number" if person else "outboxID"
        click.echo(f"warning: not remembered for `outbox list` ({error}); keep the {who}", err=True)


def _show(
    hand: Hand, recipients: tuple[Recipient, ...], worded: Handwritten, at: datetime | None, as_json: bool
) -> bool:
    """What would leave; False where a number is barred, so that somebody would get nothing."""
    text, barring_of = worded.text, barred_at(hand.settings, hand.gateways)
    barrings = {
        to.name: barring
        for to in recipients
        if isinstance(to, Person) and (barring := barring_of(to.number)) is not None
    }
    people = sum(isinstance(to, Person) for to in recipients)
    cost = text.parts * people if people else None  # how many a group has, only the gateway knows
    names = [name_of(to) for to in recipients]
    plan: Row = {"text": text.body, "parts": text.parts, "to": names, "credits": cost} | worded.document()
    plan |= {"barred": {name: say_barring(barring) for name, barring in barrings.items()}}
    whom = (
        f"{people} number(s): {cost} credit(s)" if people else f"{names[0]}: {text.parts} credit(s) a member"
    )
    when = ""
    if at is not None:
        minute = minute_for(hand.account, at)
        plan |= {"at": minute.at, "datum": minute.text}
        when = f" {_when(hand.account, minute.at, at)}"
    lines = [f"{text.body}", f"{text.parts} part(s) to {whom}{when}; nothing was sent"]
    lines += [f"{name}: {say_barring(barring, near)}" for name, barring in barrings.items()]
    say(plan, as_json, "\n".join(lines), whole=True)
    return not any(barring.nowhere for barring in barrings.values())


def _test(hand: Hand, to: Recipient, text: Text, at: datetime | None) -> Row:
    """The gateway's own answer decides, also of a number that was barred."""
    message, client = _message(to, text, test=True), client_of(hand.account)
    if at is not None:
        answer = client.schedule(message, at)
        outcome = answer.outcome if isinstance(answer, Failed) else Outcome(Fate.SENT, Reason.OK)
    else:
        outcome = _submit(client, message)
    if outcome.fate is not Fate.SENT:
        return row_of(to, outcome, why_not(outcome))
    taken = "the gateway would take it; nothing was sent, no credit spent"
    return _cleared(hand, to, text, row_of(to, outcome, taken))


def _cleared(hand: Hand, to: Recipient, text: Text, row: Row) -> Row:
    """The gateway takes what it once refused: texts leave again, and that is said."""
    store = open_store(hand.settings.storage_url)
    if not isinstance(to, Person) or not has_database(store, "BARRED NUMBERS"):
        return row
    name, sender = hand.account.name, hand.account.sender
    with store.transaction() as tx:
        bars = breakers.prove(tx, name, to.number, sender, wall_clock(), long=text.parts > 1)
    told = "".join(f"; it was barred {say_breaker(bar, near)}: the bar is cleared" for bar in bars)
    return row | {"said": f"{row['said']}{told}"}


def _message(to: Recipient, text: Text, *, test: bool = False) -> Submission | Batch:
    reference, long = luck().reference(), text.parts > 1
    if isinstance(to, AddressBookGroup):
        return Batch(to, text.body, reference, long, test)
    return Submission(to.number, text.body, reference, long, test)


def _submit(client: Gateway, message: Submission | Batch) -> Outcome:
    return client.send_batch(message) if isinstance(message, Batch) else client.send(message)


def _send(hand: Hand, to: Recipient, text: Text) -> Row:
    if isinstance(to, Person):
        return send_to(hand, to, text)
    outcome = _submit(client_of(hand.account), _message(to, text))
    taken = f"sent, {text.parts} part(s) a member"
    return row_of(to, outcome, taken if outcome.fate is Fate.SENT else why_not(outcome))


def _scheduled(account: GatewaySettings, to: Recipient, got: Scheduled, asked: datetime) -> Row:
    name = (
        f"as outboxID {got.outboxid}"
        if got.outboxid
        else "without an outboxID, so only its number removes it"
    )
    said = f"scheduled {name} {_when(account, got.at, asked)}"
    row = row_of(to, Outcome(Fate.SENT, Reason.OK), said) | {"fate": _SCHEDULED}
    return row | {"outboxid": got.outboxid, "at": got.at, "datum": got.datum}


def _when(account: GatewaySettings, at: datetime, asked: datetime) -> str:
    """One instant by both clocks that a reader may look at."""
    theirs = at.astimezone(ZoneInfo(account.timezone))
    late = "" if at - asked < _MINUTE else "; the gateway's clock has the hour that was asked for twice"
    return f"for {at.astimezone():%Y-%m-%d %H:%M %Z} ({theirs:%Y-%m-%d %H:%M} in {account.timezone}{late})"


def _refused(to: Recipient, failed: Failed) -> Row:
    outcome = failed.outcome
    taken_back = f": `outbox remove {to.number}` takes it back" if isinstance(to, Person) else ""
    perhaps = f"; it may wait at the gateway{taken_back}"
    return row_of(to, outcome, why_not(outcome) + (perhaps if failed.fate is Fate.UNKNOWN else ""))
