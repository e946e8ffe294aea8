"""What a gateway's answer means for its text, which may have moved on meanwhile, and what it is held against."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from sms_notify.policy.account import Account
from sms_notify.policy.country_codes import country_of
from sms_notify.policy.directory import group_of
from sms_notify.policy.outcomes import Fate, Outcome
from sms_notify.policy.records import Entry, Message
from sms_notify.policy.retry_policy import Break, Level, Reaction, Scope, Urgency
from sms_notify.policy.vocabulary import Cause, State

_QUARTER = timedelta(minutes=15)
NO_SENDER_LEFT = Break(Scope.ACCOUNT, 1, _QUARTER, _QUARTER), Urgency(Level.PAGE)
"""Where every sender of an account is refused, nothing leaves by it, and somebody must act."""
_FIRST_SIGN = timedelta(minutes=2)
_OF_COUNTRIES = (Scope.COUNTRY, Scope.NO_LONG)


class Addressed(Protocol):
    """What was, or would be, sent: a text, or a question whether one is taken."""

    @property
    def number(self) -> str: ...

    @property
    def sender(self) -> str: ...


def proves(message: Message, outcome: Outcome) -> bool:
    """An attempt without an answer proves to be taken: a resend that waits, here or elsewhere, is needless."""
    waits_again = message.state is State.QUEUED and message.ambiguous > 0
    lost = message.state in (State.UNKNOWN, State.UNKNOWN_FINAL)
    return outcome.fate is Fate.SENT and (waits_again or lost)


def is_current(message: Message, reference: str) -> bool:
    """Whether the attempt of this name is the text's last, and nothing has said yet how it ended."""
    return message.reference == reference and message.state in (State.SUBMITTING, State.UNKNOWN)


def entry_of(message: Message, outcome: Outcome, now: datetime) -> Entry:
    seconds = (now - message.created_at).total_seconds()
    return Entry(outcome.reason, outcome.code, seconds, outcome.detail)


def poll_at(account: Account, outcome: Outcome, now: datetime) -> datetime | None:
    """When to ask first what became of a text that was taken; None where nothing can be asked."""
    return now + account.first_poll if account.first_poll is not None and outcome.smsid else None


UNREPORTED = State.NO_REPORT, Entry(Cause.REPORTS_OFF)
"""Where a text that was taken stands if its report can never be asked for."""


def held_against(message: Addressed, reaction: Reaction) -> tuple[Break | None, str]:
    """The breaker for which a failure counts, and its subject.

    A group is refused for a member whom nobody can name: that counts for no number and no country, and says nothing
    of another group.
    """
    rule, group = reaction.breaks, group_of(message.number)
    if rule is None or (group is not None and rule.scope in (Scope.NUMBER, *_OF_COUNTRIES)):
        return None, group or ""
    if rule.scope in _OF_COUNTRIES:
        return rule, country_of(message.number)
    return rule, {Scope.SENDER: message.sender, Scope.NUMBER: message.number}.get(rule.scope, "")


def urgency_of(reaction: Reaction, rule: Break | None, *, opened: bool) -> Urgency | None:
    """What is told of a failure. A breaker that was open is told already. Before one opens that needs several failures, the
    first is not urgent yet; if nothing succeeds in two minutes, it is.
    """
    urgency = reaction.self_alert
    if urgency is None or rule is None or opened:
        return urgency
    return replace(urgency, after=max(urgency.after, _FIRST_SIGN)) if rule.count > 1 else None
