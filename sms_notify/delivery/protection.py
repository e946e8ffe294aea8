"""A refusal is held against more than its text: what is not tried for a while, and who must hear of it."""

from __future__ import annotations

from datetime import datetime

from sms_notify.delivery.open_ways import usable_sender
from sms_notify.gateways.base import Submission
from sms_notify.gateways.registry import explain_code
from sms_notify.policy.account import Account
from sms_notify.policy.answers import NO_SENDER_LEFT, Addressed, held_against, urgency_of
from sms_notify.policy.outcomes import Outcome
from sms_notify.policy.retry_policy import Reaction, Scope, Urgency, for_numeric_sender, react
from sms_notify.policy.self_alert_notes import note_id
from sms_notify.store import breakers
from sms_notify.store.tx import Tx


def hold_against(
    tx: Tx, account: Account, tried: Submission, about: str, outcome: Outcome, now: datetime
) -> Reaction:
    """As if a text in the queue had met this refusal, of what is no text of the queue."""
    reaction = for_numeric_sender(outcome, react(outcome), tried.sender, bool(account.other_sender))
    protect(tx, account, tried, about, outcome, reaction, now)
    return reaction


def protect(
    tx: Tx,
    account: Account,
    tried: Addressed,
    about: str,
    outcome: Outcome,
    reaction: Reaction,
    now: datetime,
) -> None:
    """Opens what must be opened, tells what must be told. `about` says in the note what was tried."""
    rule, subject = held_against(tried, reaction)
    opened = rule is not None and breakers.fail(tx, account.name, rule, subject, outcome, now)
    urgency = urgency_of(reaction, rule, opened=opened)
    refused = opened and rule is not None and rule.scope is Scope.SENDER
    if refused and usable_sender(tx, account) is None:
        whole, urgency = NO_SENDER_LEFT
        breakers.fail(tx, account.name, whole, "", outcome, now)
    if urgency is not None:
        scope = str(rule.scope) if rule is not None else f"error_{outcome.code or outcome.reason}"
        id_ = note_id(account.name, scope, subject, outcome.code or outcome.reason)
        _report(tx, id_, account.name, urgency, about, outcome, now)


def _report(
    tx: Tx, id_: str, gateway: str, urgency: Urgency, about: str, outcome: Outcome, now: datetime
) -> None:
    if outcome.code is not None:
        code = explain_code(outcome.code)
        what, advice = f"{gateway}: error {outcome.code}, {code.meaning}", code.advice
    else:
        what = f"{gateway}: {outcome.reason}"
        advice = "Look at the log, and at the gateway's url: is gateway.php below it?"
    breakers.report(tx, id_, urgency, gateway, f"{what} ({about})", advice, now)
