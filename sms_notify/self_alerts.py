"""Our own trouble, as whoever looks after us is told of it: what happened, and what to do.

What lasts is noted once while it lasts. What is about one incident or text is noted for each, and told together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sms_notify.alert import Severity
from sms_notify.logs import masked, printable
from sms_notify.policy.episodes import incident_of, tag_of
from sms_notify.policy.retry_policy import Level, Trouble
from sms_notify.policy.vocabulary import Kind, State
from sms_notify.store import breakers, incidents, limit_rows, particulars, reader_history
from sms_notify.store.breakers import OwnTrouble
from sms_notify.store.messages import Message
from sms_notify.store.tx import Tx

_NAMED = 3  # of those that one note tells; the rest is counted
_LISTED = 20  # with their own words, where a note has room for more than a line


class Particular(StrEnum):
    """Trouble about one incident, text or hand-over each; the value begins its id."""

    NOBODY = "nobody"
    UNREAD = "unread"
    GAP = "gap"
    GONE = "gone"
    SPOOL = "spool"


_SEVERAL = {
    Particular.NOBODY: "{n} critical incidents reached nobody, as far as is known: {which}",
    Particular.UNREAD: "{n} critical texts did not arrive, as far as is known: {which}",
    Particular.GAP: "{n} incidents were told to nobody, for nobody is on call: {which}",
    Particular.GONE: "texts about {n} open incidents were for people who are not configured any more: {which}",
    Particular.SPOOL: "{n} hand-overs in the spool folder cannot be read: {which}",
}


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one note tells: one trouble, or several of a kind that is told together. `details` has each in its own words."""

    trouble: OwnTrouble
    ids: tuple[str, ...]
    details: tuple[str, ...] = ()


def gather(troubles: Iterable[OwnTrouble]) -> list[Gathered]:
    """One for each trouble, but one for all of a kind that are about one incident or text each; order is kept."""
    groups: dict[str, list[OwnTrouble]] = {}
    for trouble in troubles:
        particular = particulars.is_particular(trouble.id)
        groups.setdefault(f"#{particulars.kind_of(trouble.id)}" if particular else trouble.id, []).append(
            trouble
        )
    return [_gathered(listed) for listed in groups.values()]


def _gathered(listed: Sequence[OwnTrouble]) -> Gathered:
    first, ids = listed[0], tuple(one.id for one in listed)
    if len(listed) == 1:
        return Gathered(first, ids)
    names = list(dict.fromkeys(particulars.about(one.id) for one in listed))
    beyond = len(names) - _NAMED
    which = " ".join(names[:_NAMED]) + (f", +{beyond}" if beyond > 0 else "")
    what = _SEVERAL[Particular(particulars.kind_of(first.id))].format(n=len(listed), which=which)
    urgent = any(one.level is Level.PAGE for one in listed)
    level, tries = Level.PAGE if urgent else first.level, max(one.tries for one in listed)
    details = tuple(one.what for one in listed[:_LISTED])
    return Gathered(replace(first, what=what, level=level, times=1, tries=tries), ids, details)


def report_lost(tx: Tx, message: Message, state: State, why: str, now: datetime) -> None:
    """A critical page that nobody can be known to have read is our own trouble: each incident of it, once.

    A text to the operator that was lost has told nothing.
    """
    if message.kind is Kind.OPERATOR:
        particulars.tell_again(tx, message.id, message.created_at, now)
    if message.severity is not Severity.CRITICAL or not message.kind.alarming:
        return
    text, name = f"the text to {name_of(message)} is {state} ({why})", name_of(message)
    advice = "Tell them by another road; `sms-notify explain` and `sms-notify messages` have the story."
    told: dict[str, int | None] = {
        f"#{tag_of(id_)}": id_ for id_ in reader_history.critical_news(tx, message.id)
    }
    for tag, id_ in (told or {f"m{message.id}": None}).items():
        if id_ is not None and reader_history.may_have_reached(tx, id_, message.id):
            kind, about, what = Particular.UNREAD, f"{name}/{tag}", f"critical {tag}: {text}"
        else:
            what = f"critical {tag}{_NOBODY}: {text}"
            kind, about = Particular.NOBODY, tag
        particulars.note(tx, kind, about, Trouble(Level.PAGE), message.gateway, what, advice, now)


_NOBODY = " reached nobody, as far as is known"


def correct(tx: Tx, due: Iterable[OwnTrouble], now: datetime) -> None:
    """Before they are told: what reached nobody when its text failed may have reached somebody since, by the next step."""
    for trouble in due:
        if not particulars.is_particular(trouble.id) or particulars.kind_of(trouble.id) != Particular.NOBODY:
            continue
        id_ = incident_of(particulars.about(trouble.id).removeprefix("#"))
        if id_ is not None and reader_history.may_have_reached(tx, id_, 0):
            what, level = trouble.what.replace(_NOBODY, ""), Trouble(Level.PAGE)
            about = f"somebody/{particulars.about(trouble.id)}"
            particulars.drop(tx, trouble.id)
            particulars.note(tx, Particular.UNREAD, about, level, trouble.gateway, what, trouble.advice, now)


def report_nobody(tx: Tx, receiver: str, incident_ids: Iterable[int], now: datetime) -> None:
    """Trouble that reaches nobody because nobody is on call is our own trouble too."""
    advice = "Close the gap: `sms-notify oncall override add`; `sms-notify oncall show` shows it."
    for tag in dict.fromkeys(f"#{tag_of(id_)}" for id_ in incident_ids):
        what = f"nobody is on call for receiver {receiver}: {tag} was told to nobody"
        particulars.note(tx, Particular.GAP, f"{receiver}/{tag}", Trouble(Level.PAGE), "", what, advice, now)


def report_unaddressed(tx: Tx, incident_ids: Iterable[int], now: datetime) -> None:
    """What somebody was to be told whom the configuration names no more is told to nobody in their place."""
    advice = "Look whether others know of it: `sms-notify incidents`, `sms-notify explain`."
    for id_ in dict.fromkeys(incident_ids):
        if incidents.is_open(tx, id_):
            tag = f"#{tag_of(id_)}"
            what = f"a text about open incident {tag} was for somebody who is not configured any more"
            particulars.note(tx, Particular.GONE, tag, Trouble(Level.TICKET), "", what, advice, now)


def report_unpaid(tx: Tx, gateway: str, scope: str, now: datetime) -> None:
    """Critical texts that wait because the budget is spent."""
    what = f"critical texts wait: {scope} and the reserve are spent"
    advice = "Raise limits.credits in the configuration, or tell people by another road."
    id_ = breakers.trouble_id(gateway, "budget", scope)
    breakers.report(tx, id_, Trouble(Level.PAGE), gateway, what, advice, now, again=True)


def told_balance(tx: Tx, gateway: str, credits_left: int, low_water: int, now: datetime) -> None:
    """The account's balance, as the gateway tells it; that it runs low is told once, until there is enough again."""
    limit_rows.set_balance(tx, gateway, credits_left, now)
    id_ = breakers.trouble_id(gateway, "low_water", "")
    if credits_left >= low_water:
        breakers.end_trouble(tx, id_, now)
        return
    what = f"{gateway}: only {credits_left} credits are left"
    advice = f"Buy some: low_water is {low_water}, and at 0 no text leaves."
    breakers.report(tx, id_, Trouble(Level.TICKET), gateway, what, advice, now)


def report_refused(tx: Tx, name: str, why: str, now: datetime) -> None:
    """A hand-over of a command hook that cannot be read may have been a page."""
    shown = printable(name)[:80]
    what = f"a hand-over in the spool folder cannot be read: {shown}: {printable(why)[:120]}"
    advice = "Look into its folder `quarantine`; the log has every one of them."
    particulars.note(tx, Particular.SPOOL, shown, Trouble(Level.TICKET), "", what, advice, now)


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
