"""Our own problems, as self-alerts to whoever looks after us: what happened, and what to do.

What lasts is noted once while it lasts. What is about one incident or text is noted for each, and told together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sms_notify.logs import printable
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.self_alert_notes import Particular, note_id
from sms_notify.store import account_rows, breakers, particulars
from sms_notify.store.breakers import SelfAlert
from sms_notify.store.tx import Tx

_NAMED = 3  # of those that one note tells; the rest is counted
_LISTED = 20  # with their own words, where a note has room for more than a line


_SEVERAL = {
    Particular.NOBODY: "{n} {critical}incidents reached nobody, as far as is known: {which}",
    Particular.UNREAD: "{n} {critical}texts did not arrive, as far as is known: {which}",
    Particular.GAP: "{n} incidents were told to nobody, for nobody is on call: {which}",
    Particular.ASLEEP: "{n} critical incidents wait for the end of quiet hours, and nobody else can be texted: {which}",
    Particular.GONE: "texts about {n} open incidents were for people who are not configured any more: {which}",
    Particular.SPOOL: "{n} notifications of hooks in the spool folder could not be taken: {which}",
}


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one note tells: one self-alert, or several of a kind that are told together. `details` has each in its own words."""

    self_alert: SelfAlert
    ids: tuple[str, ...]
    details: tuple[str, ...] = ()


def gather(self_alerts: Iterable[SelfAlert]) -> list[Gathered]:
    """One for each self-alert, but one for all of a kind that are about one incident or text each; order is kept."""
    groups: dict[str, list[SelfAlert]] = {}
    for self_alert in self_alerts:
        particular = particulars.is_particular(self_alert.id)
        groups.setdefault(
            f"#{particulars.kind_of(self_alert.id)}" if particular else self_alert.id, []
        ).append(self_alert)
    return [_gathered(listed) for listed in groups.values()]


def _gathered(listed: Sequence[SelfAlert]) -> Gathered:
    """The urgent ones are named first; where not all are, none is called critical but in its own words."""
    listed = sorted(listed, key=lambda one: one.level is not Level.PAGE)
    first, ids = listed[0], tuple(one.id for one in listed)
    if len(listed) == 1:
        return Gathered(first, ids)
    names = list(dict.fromkeys(particulars.about(one.id) for one in listed))
    beyond = len(names) - _NAMED
    which = " ".join(names[:_NAMED]) + (f", +{beyond}" if beyond > 0 else "")
    critical = "critical " if listed[-1].level is Level.PAGE else ""
    several = _SEVERAL[Particular(particulars.kind_of(first.id))]
    what = several.format(n=len(listed), which=which, critical=critical)
    tries = max(one.tries for one in listed)
    details = tuple(one.what for one in listed[:_LISTED])
    return Gathered(replace(first, what=what, times=1, tries=tries), ids, details)


def told_balance(tx: Tx, gateway: str, credits_left: int, low_water: int, now: datetime) -> None:
    """The account's balance, as the gateway tells it; that it runs low is told once, until there is enough again."""
    account_rows.set_balance(tx, gateway, credits_left, now)
    id_ = note_id(gateway, "low_water", "")
    if credits_left >= low_water:
        breakers.end_self_alert(tx, id_, now)
        return
    what = f"{gateway}: only {credits_left} credits are left"
    advice = f"Buy some: low_water is {low_water}, and at 0 no text leaves."
    breakers.report(tx, id_, Urgency(Level.TICKET), gateway, what, advice, now)


def report_refused(tx: Tx, name: str, why: str, kept: str, now: datetime) -> None:
    """What a command hook handed over and we could not take may have been a page. `kept` is where it was moved to; empty
    where it lies as it did.
    """
    shown = printable(name)[:80]
    what = f"a hook's notification in the spool folder could not be taken: {shown}: {printable(why)[:120]}"
    advice = (
        "Look into its folder `quarantine`; the log has every one of them."
        if kept
        else "It stays in the folder. The folder must belong to the daemon's user, who must be in the folder's group;"
        " restart the daemon from a new login: docs/how-to/hooks.md."
    )
    particulars.note(tx, Particular.SPOOL, shown, Urgency(Level.TICKET), "", what, advice, now)


def report_rebuilt(tx: Tx, found: str, now: datetime) -> None:
    """The indexes of the database were damaged, and were made anew from its tables."""
    id_ = note_id("store", "rebuilt", "")
    what = f"the database was damaged, and its indexes were made anew: {printable(found)[:80]}"
    advice = "Look at the disk and the memory of this machine, and make a backup: `sms-notify db backup`."
    breakers.report(tx, id_, Urgency(Level.PAGE), "", what, advice, now, again=True)


def report_spool(tx: Tx, problem: str, now: datetime) -> None:
    """Nothing that hooks hand over reaches anybody: no monitoring system would notice, and none tries again."""
    id_ = note_id("spool", "folder", "")
    advice = "docs/how-to/hooks.md says how the folder is made. What lies there is kept, and is told once it can be read."
    breakers.report(tx, id_, Urgency(Level.PAGE), "", printable(problem)[:200], advice, now, again=True)


def end_spool_problem(tx: Tx, now: datetime) -> None:
    """The folder is read again."""
    breakers.end_self_alert(tx, note_id("spool", "folder", ""), now)
