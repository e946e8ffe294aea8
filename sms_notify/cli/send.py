"""`sms-notify send`: one message by hand, through the same ledger and the same client as the daemon's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import click

from sms_notify.alert import Severity
from sms_notify.app import luck, sender_of, timing_of, wall_clock
from sms_notify.cli.common import account_of, command_node, config_option, json_option, say, settings_of
from sms_notify.config.settings import Settings
from sms_notify.decide.people import Directory, Person, Target, TargetKind
from sms_notify.decide.states import Kind, State
from sms_notify.errors import UsageError
from sms_notify.gateways.base import Fate, Outcome, Submission
from sms_notify.gateways.codes import explain_code
from sms_notify.gateways.settings import Gateway1601Settings
from sms_notify.gateways.smsgateway1601 import SmsGateway1601
from sms_notify.store import messages
from sms_notify.store.messages import Draft
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx
from sms_notify.wording import gsm
from sms_notify.wording.notice import Text

T = TypeVar("T")
Row = dict[str, object]


@click.command()
@config_option
@click.option("--to", "to", required=True, metavar="TARGET", help="person:NAME, team:NAME or +NUMBER.")
@click.option("--gateway", metavar="NAME", help="Which gateway; else the first.")
@click.option(
    "--max-parts", default=3, show_default=True, type=click.IntRange(1, 3), help="Cut the text to fit."
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
    test: bool,
    dry_run: bool,
    as_json: bool,
    text: str,
) -> None:
    """Send TEXT now. Exit 1 when the gateway did not take it, with the reason.

    Example: sms-notify send --to person:alice "db1 is back"
    """
    settings = settings_of(ctx, config_file)
    people = _people(settings.directory, to)
    worded = _worded(text, max_parts)
    if dry_run:
        _show(people, worded, as_json)
        return
    account = account_of(settings, gateway)
    rows = [_test(account, p, worded) if test else _send(settings, account, p, worded) for p in people]
    say(rows, as_json, "\n".join(f"{row['to']}: {row['said']}" for row in rows))
    if not all(row["fate"] == Fate.SENT for row in rows):
        ctx.exit(1)


def _people(directory: Directory, to: str) -> tuple[Person, ...]:
    kind, _, name = to.partition(":")
    try:
        target = Target(TargetKind.NUMBER, to) if to.startswith("+") else Target(TargetKind(kind), name)
        return directory.resolve([target])
    except ValueError:
        raise UsageError(f"--to {to!r} is not a target; write person:NAME, team:NAME or +NUMBER") from None
    except KeyError:
        known = sorted(directory.people if kind == TargetKind.PERSON else directory.teams)
        raise UsageError(f"no {kind} is called {name!r}; there is {', '.join(known) or 'none'}") from None


def _worded(text: str, max_parts: int) -> Text:
    body = gsm.fit(gsm.to_gsm(text), max_parts)
    if not body.strip():
        raise UsageError("the text is empty; the gateway refuses an empty message (error 102)")
    return Text(body, gsm.parts(body), gsm.septets(body))


def _show(people: tuple[Person, ...], text: Text, as_json: bool) -> None:
    cost = text.parts * len(people)
    plan = {"text": text.body, "parts": text.parts, "to": [person.name for person in people], "credits": cost}
    said = f"{text.body}\n{text.parts} part(s) to {len(people)} number(s): {cost} credit(s); nothing was sent"
    say(plan, as_json, said)


def _test(account: Gateway1601Settings, person: Person, text: Text) -> Row:
    submission = Submission(person.number, text.body, luck().reference(), long=text.parts > 1, test=True)
    outcome = SmsGateway1601(account, time.monotonic).send(submission)
    said = (
        "the gateway would take it; nothing was sent, no credit spent"
        if outcome.fate is Fate.SENT
        else _why(outcome)
    )
    return _row(person, outcome, said)


def _send(settings: Settings, account: Gateway1601Settings, person: Person, text: Text) -> Row:
    store, timing, node = SqliteStore(settings.storage_url), timing_of(settings), command_node()

    def commit(job: Callable[[Tx], T]) -> T:
        with store.transaction() as tx:
            return job(tx)

    sender, now = sender_of(account, commit, timing, node), wall_clock()
    life = timing.expiry(Severity.OTHER)
    draft = Draft(Kind.MANUAL, "", person, Severity.OTHER, account.name, text, now, now + life)
    message_id = commit(lambda tx: messages.write(tx, draft, node, now))
    message = commit(lambda tx: sender.claim(tx, now, only=message_id))
    if message is None:
        raise UsageError(f"m{message_id} waits in the queue: {person.name} is being texted at this moment")
    outcome = sender.submit(message, wall_clock).outcome
    state = commit(lambda tx: messages.get(tx, message_id).state)
    waits = f"; m{message_id} waits in the queue and the daemon tries again" if state is State.QUEUED else ""
    said = (
        f"sent as m{message_id}, {text.parts} part(s)" if outcome.fate is Fate.SENT else _why(outcome) + waits
    )
    return _row(person, outcome, said) | {"id": f"m{message_id}", "state": str(state)}


def _why(outcome: Outcome) -> str:
    if outcome.code is None:
        return f"{outcome.fate} ({outcome.reason}) {outcome.detail}".rstrip()
    code = explain_code(outcome.code)
    return f"refused with error {outcome.code}: {code.meaning} ({code.advice})"


def _row(person: Person, outcome: Outcome, said: str) -> Row:
    return {
        "to": person.name,
        "fate": str(outcome.fate),
        "reason": str(outcome.reason),
        "code": outcome.code,
        "smsid": outcome.smsid,
        "said": said,
    }
