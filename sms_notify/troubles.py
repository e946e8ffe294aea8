"""Our own trouble, as whoever looks after us is told of it: what happened, and what to do. Noted once while it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sms_notify.alert import Severity
from sms_notify.decide.incidents import tag_of
from sms_notify.decide.reactions import Level, Trouble
from sms_notify.decide.states import State
from sms_notify.logs import masked, printable
from sms_notify.store import breakers, incidents, limits, messages
from sms_notify.store.messages import Message
from sms_notify.store.tx import Tx


def report_lost(tx: Tx, message: Message, state: State, why: str, now: datetime) -> None:
    """A critical page that nobody can be known to have read is our own trouble; many of them are one."""
    if message.severity is not Severity.CRITICAL or not message.kind.alarming:
        return
    tags = " ".join(f"#{tag_of(incident)}" for incident in messages.incidents_of(tx, message.id)[:3])
    what = f"critical page {tags} to {name_of(message)} is {state} ({why})"
    advice = "Tell them by another road; `sms-notify explain` and `sms-notify messages` have the story."
    id_ = breakers.trouble_id(message.gateway, "page", "", state)
    breakers.report(tx, id_, Trouble(Level.PAGE), message.gateway, what, advice, now, again=True)


def report_nobody(tx: Tx, receiver: str, incident_id: int, now: datetime) -> None:
    """Trouble that reaches nobody because nobody is on call is our own trouble too."""
    what = f"nobody is on call for receiver {receiver}: #{tag_of(incident_id)} was told to nobody"
    advice = "Close the gap: `sms-notify oncall override add`; `sms-notify oncall show` shows it."
    id_ = breakers.trouble_id("oncall", "gap", receiver)
    breakers.report(tx, id_, Trouble(Level.PAGE), "", what, advice, now, again=True)


def report_unaddressed(tx: Tx, incident_ids: Sequence[int], now: datetime) -> None:
    """What somebody was to be told whom the configuration names no more is told to nobody in their place."""
    untold = [id_ for id_ in dict.fromkeys(incident_ids) if incidents.is_open(tx, id_)]
    if not untold:
        return
    tags = " ".join(f"#{tag_of(id_)}" for id_ in untold[:3])
    what = (
        f"texts about {len(untold)} open incident(s) were for somebody who is not configured any more: {tags}"
    )
    advice = "Look whether others know of them: `sms-notify incidents`, `sms-notify explain`."
    id_ = breakers.trouble_id("people", "gone", "")
    breakers.report(tx, id_, Trouble(Level.TICKET), "", what, advice, now, again=True)


def report_unpaid(tx: Tx, gateway: str, scope: str, now: datetime) -> None:
    """Critical texts that wait because the budget is spent."""
    what = f"critical texts wait: {scope} and the reserve are spent"
    advice = "Raise limits.credits in the configuration, or tell people by another road."
    id_ = breakers.trouble_id(gateway, "budget", scope)
    breakers.report(tx, id_, Trouble(Level.PAGE), gateway, what, advice, now, again=True)


def told_balance(tx: Tx, gateway: str, credits_left: int, low_water: int, now: datetime) -> None:
    """The account's balance, as the gateway tells it; that it runs low is told once, until there is enough again."""
    limits.set_balance(tx, gateway, credits_left, now)
    id_ = breakers.trouble_id(gateway, "low_water", "")
    if credits_left >= low_water:
        breakers.end_trouble(tx, id_, now)
        return
    what = f"{gateway}: only {credits_left} credits are left"
    advice = f"Buy some: low_water is {low_water}, and at 0 no text leaves."
    breakers.report(tx, id_, Trouble(Level.TICKET), gateway, what, advice, now)


def report_refused(tx: Tx, name: str, why: str, now: datetime) -> None:
    """A hand-over of a command hook that cannot be read may have been a page."""
    what = f"a hand-over in the spool folder cannot be read: {printable(name)[:80]}: {printable(why)[:120]}"
    id_ = breakers.trouble_id("spool", "refused", "")
    advice = "Look into its folder `quarantine`; the log has every one of them."
    breakers.report(tx, id_, Trouble(Level.TICKET), "", what, advice, now, again=True)


def report_spool(tx: Tx, trouble: str, now: datetime) -> None:
    """Nothing that hooks hand over reaches anybody: no monitoring system would notice, and none tries again."""
    id_ = breakers.trouble_id("spool", "folder", "")
    advice = (
        "docs/hooks.md says how the folder is made. What lies there is kept, and is told once it can be read."
    )
    breakers.report(tx, id_, Trouble(Level.PAGE), "", printable(trouble)[:200], advice, now, again=True)


def end_spool_trouble(tx: Tx, now: datetime) -> None:
    """The folder is read again."""
    breakers.end_trouble(tx, breakers.trouble_id("spool", "folder", ""), now)


def name_of(message: Message) -> str:
    """Who was to be texted; a bare number only as far as its owner knows it again."""
    return masked(message.number) if message.recipient == message.number else message.recipient
