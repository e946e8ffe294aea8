"""Whether a number can be texted, in the words of everything that answers: commands, pages, ledger, `explain`.

A number or a country that a gateway refused is barred there until a free question (`breaker_probe.py`) shows that it is
taken again. One function says so, for an answer that differs by who is asked is wrong somewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sms_notify.gateways.registry import explain_code
from sms_notify.policy import bars, ways
from sms_notify.policy.bars import Barring, Breaker
from sms_notify.policy.directory import Directory, Person
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.self_check import SelfCheckEnd
from sms_notify.policy.ways import Reach, Way
from sms_notify.store import breakers, trial_rows
from sms_notify.store.decisions import SelfCheckText
from sms_notify.store.tx import Tx

Clock = Callable[[datetime], str]
_ADVICE = "Else wait for a free probe, or clear it: sms-notify unbar"


def barring_of(tx: Tx, gateways: Iterable[str], number: str) -> Barring | None:
    """How it stands with a number; None where the first of `gateways` does not bar it, and for a group."""
    return bars.barring_of(breakers.all_open(tx), gateways, number)


def utc(at: datetime) -> str:
    """For what is written down, and read by people of other zones."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def say_barring(barring: Barring, clock: Clock = utc) -> str:
    """`barred at main since 12:04 (error 106: no valid mobile number), leaves by backup`; BARRED where nothing leaves."""
    where = ", ".join(say_breaker(bar, clock) for bar in barring.bars)
    return f"barred {where}, leaves by {barring.leaves_by}" if barring.leaves_by else f"BARRED {where}"


def advise(barring: Barring, who: str) -> str:
    """What a person can do about it; `who` is what `unbar` takes."""
    return " ".join(filter(None, (advice_of(barring.bars[0]), f"{_ADVICE} {who}")))


def say_breaker(breaker: Breaker, clock: Clock = utc) -> str:
    """`at main since 12:04 (error 106: no valid mobile number)`."""
    known = None if breaker.code is None else explain_code(breaker.code)
    why = breaker.reason if known is None else f"error {known.number}: {known.meaning}"
    return f"at {breaker.gateway} since {clock(breaker.opened_at)} ({_of_what(breaker)}{why})"


def about_of(breaker: Breaker, directory: Directory) -> str:
    """Whom or what a bar is about: a person by name."""
    if breaker.scope is Scope.NUMBER:
        owner = directory.owner(breaker.subject)
        return breaker.subject if owner is None else owner.name
    kinds = {Scope.COUNTRY: "country", Scope.SENDER: "sender"}
    return f"{kinds.get(breaker.scope, 'long texts to')} {breaker.subject}"


def _of_what(breaker: Breaker) -> str:
    """Where a whole country is barred, it is not the number that must be corrected."""
    return f"its country {breaker.subject}, " if breaker.scope is Scope.COUNTRY else ""


def advice_of(breaker: Breaker) -> str:
    """What the provider or the configuration must change for it."""
    return "" if breaker.code is None else explain_code(breaker.code).advice


def reach_of(tx: Tx, people: Iterable[Person], gateways: Sequence[str]) -> list[Reach]:
    """How each of these can be texted now, by all that refusals, probes and trials have shown."""
    return ways.reach_of(people, gateways, breakers.all_open(tx), trial_rows.known(tx))


def say_self_check(text: SelfCheckText, clock: Clock = utc) -> str:
    """`texted to alice at 09:00 CET: m12 is delivered`."""
    if text.end is not SelfCheckEnd.TEXTED:
        return f"{text.end} at {clock(text.at)}"
    return f"texted to {text.recipient} at {clock(text.at)}: m{text.message_id} is {text.state}"


def say_way(way: Way, clock: Clock = utc) -> str:
    """`main: ok since 12:04, last tried 13:04`; `REFUSED at main since 12:04 (error 106: no valid mobile number)`."""
    if way.bar is not None:
        return f"{way.state.upper()} {say_breaker(way.bar, clock)}"
    if way.tried_at is None:
        return f"{way.gateway}: not yet tried"
    known = "not known" if way.since is None else f"ok since {clock(way.since)}"
    return f"{way.gateway}: {known}, last tried {clock(way.tried_at)}"
