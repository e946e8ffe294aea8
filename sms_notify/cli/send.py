"""`sms-notify send`: one message by hand, through the same ledger and the same client as the daemon's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import click

from sms_notify.alert import Severity
from sms_notify.assembly import luck, sender_of, timing_of, wall_clock
from sms_notify.cli.account import why
from sms_notify.cli.common import account_of, command_node, config_option, json_option, say, settings_of
from sms_notify.cli.outbox import parse_at, schedule
from sms_notify.config.phone import NumberError, parse_number
from sms_notify.config.settings import Settings
from sms_notify.decide.people import Directory, Person, Target, TargetKind
from sms_notify.decide.states import Kind, State
from sms_notify.errors import StoreError, UsageError
from sms_notify.gateways.base import Batch, Failed, Fate, Group, Outcome, Reason, Scheduled, Submission
from sms_notify.gateways.schedule import datum
from sms_notify.gateways.settings import Gateway1601Settings
from sms_notify.gateways.smsgateway1601 import SmsGateway1601
from sms_notify.store import messages, scheduled
from sms_notify.store.messages import Draft, Message
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx
from sms_notify.wording import gsm
from sms_notify.wording.notice import Text

T = TypeVar("T")
Row = dict[str, object]
Recipient = Person | Group

_GROUP = "gateway-group:"
_TARGETS = "write person:NAME, team:NAME, +NUMBER or gateway-group:NAME"
_MINUTE = timedelta(minutes=1)
_SCHEDULED = "scheduled"  # beside the words of Fate: the gateway took it, and nothing was sent yet
_QUEUED = "queued"  # as well: it is in the store, and leaves when it can
_TAKEN = (Fate.SENT, _SCHEDULED, _QUEUED)


@click.command()
@config_option
@click.option(
    "--to",
    "to",
    required=True,
    metavar="TARGET",
    help="person:NAME, team:NAME, +NUMBER, or gateway-group:NAME for a group of the gateway's address book.",
)
@click.option("--gateway", metavar="NAME", help="Which gateway; else the first.")
@click.option(
    "--max-parts", default=3, show_default=True, type=click.IntRange(1, 3), help="Cut the text to fit."
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
@json_option
@click.argument("text")
@click.pass_context
def send(
    ctx: click.Context,
    config_file: str | None,
    to: str,
    gateway: str | None,
    max_parts: int,
    at_text: str | None,
    test: bool,
    dry_run: bool,
    as_json: bool,
    text: str,
) -> None:
    """Send TEXT. Exit 1 when the gateway did not take it, with the reason.

    A text sent --at a time waits at the gateway, to the minute: it goes even if this machine is off by then, and
    `outbox remove` takes it back. It and a text to a group are in no ledger here and have no delivery report.

    \b
    Example:
      sms-notify send --to person:alice "db1 is back"
      sms-notify send --to team:dba --at 22:00 "db1 goes down for maintenance now"
    """
    settings = settings_of(ctx, config_file)
    recipients = _recipients(settings, to, gateway)
    worded = _worded(text, max_parts)
    at = parse_at(at_text, wall_clock()) if at_text is not None else None
    if dry_run:
        _show(settings, gateway, recipients, worded, at, as_json)
        return
    account = account_of(settings, gateway)
    rows = [_hand_over(settings, account, to, worded, at, test) for to in recipients]
    say(rows, as_json, "\n".join(f"{row['to']}: {row['said']}" for row in rows))
    if not all(row["fate"] in _TAKEN for row in rows):
        ctx.exit(1)


def _hand_over(
    settings: Settings,
    account: Gateway1601Settings,
    to: Recipient,
    text: Text,
    at: datetime | None,
    test: bool,
) -> Row:
    if test:
        return _test(account, to, text, at)
    if at is None:
        return _send(settings, account, to, text)
    got = schedule(account, _message(to, text), at)
    if got is None:
        row = _send(settings, account, to, text)
        return row | {"said": f"too late to schedule, so at once: {row['said']}"}
    if isinstance(got, Failed):
        return _refused(to, got)
    _remember(settings, account, to, text, got)
    return _scheduled(account, to, got, at)


def _remember(
    settings: Settings, account: Gateway1601Settings, to: Recipient, text: Text, got: Scheduled
) -> None:
    """For `outbox list`: the gateway has it whatever becomes of this row, so a failure here is no failure to send."""
    person = isinstance(to, Person)
    name, number = (to.name, to.number) if isinstance(to, Person) else (f"{_GROUP}{to.name}", "")
    try:
        with SqliteStore(settings.storage_url).transaction() as tx:
            scheduled.note(tx, account.name, got.outboxid, name, number, text.body, got.at, wall_clock())
    except StoreError as error:
        who = "number" if person else "outboxID"
        click.echo(f"warning: not remembered for `outbox list` ({error}); keep the {who}", err=True)


def _recipients(settings: Settings, to: str, gateway: str | None) -> tuple[Recipient, ...]:
    if not to.startswith(_GROUP):
        return _people(settings.directory, to)
    account, name = account_of(settings, gateway), to.removeprefix(_GROUP)
    if name not in account.groups:
        known = ", ".join(account.groups) or "none"
        raise UsageError(f"gateway {account.name} lists no group {name!r} under `groups:`; there is {known}")
    return (Group(name),)


def _people(directory: Directory, to: str) -> tuple[Person, ...]:
    kind, _, name = to.partition(":")
    try:
        if to.startswith("+"):
            return directory.resolve([Target(TargetKind.NUMBER, parse_number(to).e164)])
        return directory.resolve([Target(TargetKind(kind), name)])
    except NumberError as error:
        raise UsageError(f"--to {to}: {error}") from None
    except ValueError:
        raise UsageError(f"--to {to!r} is not a target; {_TARGETS}") from None
    except KeyError:
        known = sorted(directory.people if kind == TargetKind.PERSON else directory.teams)
        raise UsageError(f"no {kind} is called {name!r}; there is {', '.join(known) or 'none'}") from None


def _worded(text: str, max_parts: int) -> Text:
    body = gsm.fit(gsm.to_gsm(text), max_parts)
    if not body.strip():
        raise UsageError("the text is empty; the gateway refuses an empty message (error 102)")
    return Text(body, gsm.parts(body), gsm.septets(body))


def _show(
    settings: Settings,
    gateway: str | None,
    recipients: tuple[Recipient, ...],
    text: Text,
    at: datetime | None,
    as_json: bool,
) -> None:
    people = sum(isinstance(to, Person) for to in recipients)
    cost = text.parts * people if people else None  # how many a group has, only the gateway knows
    names = [_name(to) for to in recipients]
    plan: Row = {"text": text.body, "parts": text.parts, "to": names, "credits": cost}
    whom = (
        f"{people} number(s): {cost} credit(s)" if people else f"{names[0]}: {text.parts} credit(s) a member"
    )
    when = ""
    if at is not None:
        account = account_of(settings, gateway)
        minute = datum(at, ZoneInfo(account.timezone))
        plan |= {"at": minute.at, "datum": minute.text}
        when = f" {_when(account, minute.at, at)}"
    say(plan, as_json, f"{text.body}\n{text.parts} part(s) to {whom}{when}; nothing was sent")


def _test(account: Gateway1601Settings, to: Recipient, text: Text, at: datetime | None) -> Row:
    message, client = _message(to, text, test=True), SmsGateway1601(account, time.monotonic)
    if at is not None:
        answer = client.schedule(message, at)
        outcome = _outcome(answer) if isinstance(answer, Failed) else Outcome(Fate.SENT, Reason.OK)
    else:
        outcome = _submit(client, message)
    taken = "the gateway would take it; nothing was sent, no credit spent"
    return _row(to, outcome, taken if outcome.fate is Fate.SENT else _why(outcome))


def _message(to: Recipient, text: Text, *, test: bool = False) -> Submission | Batch:
    reference, long = luck().reference(), text.parts > 1
    if isinstance(to, Group):
        return Batch(to, text.body, reference, long, test)
    return Submission(to.number, text.body, reference, long, test)


def _submit(client: SmsGateway1601, message: Submission | Batch) -> Outcome:
    return client.send_batch(message) if isinstance(message, Batch) else client.send(message)


def _send(settings: Settings, account: Gateway1601Settings, to: Recipient, text: Text) -> Row:
    if isinstance(to, Person):
        return _send_to(settings, account, to, text)
    outcome = _submit(SmsGateway1601(account, time.monotonic), _message(to, text))
    taken = f"sent, {text.parts} part(s) a member"
    return _row(to, outcome, taken if outcome.fate is Fate.SENT else _why(outcome))


def _scheduled(account: Gateway1601Settings, to: Recipient, got: Scheduled, asked: datetime) -> Row:
    name = (
        f"as outboxID {got.outboxid}"
        if got.outboxid
        else "without an outboxID, so only its number removes it"
    )
    said = f"scheduled {name} {_when(account, got.at, asked)}"
    row = _row(to, Outcome(Fate.SENT, Reason.OK), said) | {"fate": _SCHEDULED}
    return row | {"outboxid": got.outboxid, "at": got.at, "datum": got.datum}


def _when(account: Gateway1601Settings, at: datetime, asked: datetime) -> str:
    """One instant by both clocks that a reader may look at."""
    theirs = at.astimezone(ZoneInfo(account.timezone))
    late = "" if at - asked < _MINUTE else "; the gateway's clock has the hour that was asked for twice"
    return f"for {at.astimezone():%Y-%m-%d %H:%M %Z} ({theirs:%Y-%m-%d %H:%M} in {account.timezone}{late})"


def _refused(to: Recipient, failed: Failed) -> Row:
    outcome = _outcome(failed)
    taken_back = f": `outbox remove {to.number}` takes it back" if isinstance(to, Person) else ""
    perhaps = f"; it may wait at the gateway{taken_back}"
    return _row(to, outcome, _why(outcome) + (perhaps if failed.fate is Fate.UNKNOWN else ""))


def _outcome(failed: Failed) -> Outcome:
    return Outcome(failed.fate, failed.reason, failed.code, detail=failed.detail)


def _send_to(settings: Settings, account: Gateway1601Settings, person: Person, text: Text) -> Row:
    store, timing, node = SqliteStore(settings.storage_url), timing_of(settings), command_node()

    def commit(job: Callable[[Tx], T]) -> T:
        with store.transaction() as tx:
            return job(tx)

    sender, now = sender_of(account, commit, timing, node), wall_clock()
    life = timing.expiry(Severity.OTHER)
    draft = Draft(Kind.MANUAL, "", person, Severity.OTHER, account.name, text, now, now + life)

    def write_and_claim(tx: Tx) -> tuple[int, Message | None]:
        written = messages.write(tx, draft, node, now)
        return written, sender.claim(tx, now, only=written)

    message_id, message = commit(write_and_claim)
    if message is None:
        return _queued(person, message_id)
    outcome = sender.submit(message, wall_clock).outcome
    state = commit(lambda tx: messages.get(tx, message_id).state)
    waits = f"; m{message_id} waits in the queue and the daemon tries again" if state is State.QUEUED else ""
    said = (
        f"sent as m{message_id}, {text.parts} part(s)" if outcome.fate is Fate.SENT else _why(outcome) + waits
    )
    return _row(person, outcome, said) | {"id": f"m{message_id}", "state": str(state)}


def _queued(person: Person, message_id: int) -> Row:
    """Somebody else is texting them at this moment, or the gateway takes nothing: the daemon sends it when it can."""
    said = f"m{message_id} waits in the queue, and the daemon sends it as soon as it can leave"
    row = _row(person, Outcome(Fate.NOT_SENT, Reason.LOCAL), said)
    return row | {"fate": _QUEUED, "id": f"m{message_id}", "state": str(State.QUEUED)}


def _name(to: Recipient) -> str:
    return to.name if isinstance(to, Person) else f"{_GROUP}{to.name}"


def _why(outcome: Outcome) -> str:
    if outcome.code is None:
        return f"{outcome.fate} ({outcome.reason}) {outcome.detail}".rstrip()
    return f"refused with {why(outcome)}"


def _row(to: Recipient, outcome: Outcome, said: str) -> Row:
    return {
        "to": _name(to),
        "fate": str(outcome.fate),
        "reason": str(outcome.reason),
        "code": outcome.code,
        "smsid": outcome.smsid,
        "said": said,
    }
