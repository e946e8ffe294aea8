"""The key `watch`: what must be heard again and again. Its shape, its checks, and the rules that it comes to."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_core import PydanticCustomError

from sms_notify.alert import SEVERITY, Severity
from sms_notify.config.base_model import Model
from sms_notify.config.document import Place, Value
from sms_notify.config.durations import spell_duration
from sms_notify.config.references import check_unique
from sms_notify.config.secret_checks import keep_secret
from sms_notify.config.steps import StepSection
from sms_notify.config.time_intervals import windows_of
from sms_notify.config.validation import Found, entries, listed, mapping, word
from sms_notify.config.values import Boolean, Matchers, OneOrMore, PositiveDuration, Words, read_duration
from sms_notify.policy.matchers import Matcher, MatcherError, parse_matchers
from sms_notify.policy.regex import RegexError
from sms_notify.policy.routing import Route, route
from sms_notify.policy.watches import MISSING, NAME, OWN_LABELS, WatchRule
from sms_notify.secret import Secret

_SHORTEST = timedelta(seconds=30)
_MISSING_FOR = timedelta(minutes=10)
_LETTERS = re.compile(r"[A-Za-z0-9_-]{16,200}")


class WatchSection(Model):
    name: Words = Field(description="stands in the text, in metrics and in `sms-notify watch`")
    matchers: Matchers = Field(
        default=[], description="alerts that are its sign of life; none of them is an incident of its own"
    )
    by: Annotated[list[Words], Field(min_length=1)] = Field(
        default=[], description="labels that tell instances apart: each is watched once it was heard"
    )
    secret: Words = Field(
        default="", description="the end of its address /watch/SECRET, for jobs; or ${ENV}; or secret_file"
    )
    secret_file: Words = Field(default="", description="the same, alone in a file that others cannot read")
    missing_for: PositiveDuration = Field(
        default=_MISSING_FOR,
        description="so long without a sign of life, and it pages; 30s or more",
        json_schema_extra={"default": spell_duration(_MISSING_FOR)},
    )
    severity: Severity = Field(default=Severity.CRITICAL, description="of the page")
    notify: list[Words] = Field(
        default=[], description="as `notify` of a receiver; none = the page goes through the route tree"
    )
    escalate: Annotated[list[StepSection], Field(min_length=1)] = Field(
        default=[], description="as `escalate` of a receiver"
    )
    gateway_armed: Boolean = Field(default=False, description="as `gateway_armed` of a receiver")
    mute_time_intervals: OneOrMore = Field(
        default=[], description="silence during these time_intervals pages nobody"
    )


def check_watches(found: Found) -> None:
    check_unique(found, "watch")
    receivers = {word(mapping(one).get("name")) for one in entries(found.document.data.get("receivers"))}
    secrets: dict[Secret, int] = {}
    for index, value in enumerate(entries(found.document.data.get("watch"))):
        place: Place = ("watch", index)
        entry = mapping(value)
        _check_one(found, place, entry)
        receiver = receiver_of(word(entry.get("name")))
        if receiver in receivers:
            what = f"has the receiver `{receiver}` made for it, and there is one of this name"
            found.wrong((*place, "name"), what, "rename that receiver")
        secret = found.secrets.get((*place, "secret"))
        if secret is not None and secrets.setdefault(secret, index) != index:
            what = f"is the address of watch[{secrets[secret]}], too"
            found.wrong((*place, _key(entry)), what, "make one for each: openssl rand -hex 24")


def _check_one(found: Found, place: Place, entry: dict[str, Value]) -> None:
    has_secret = keep_secret(found, place, entry, "secret")
    if not has_secret and "matchers" not in entry:
        found.wrong(place, "hears nothing: it has neither `matchers` nor `secret`", "write one of the two")
    if has_secret and "by" in entry:
        what = "stands beside an address, and a call of that names no instance"
        found.wrong((*place, "by"), what, "make a watch of its own for the address")
    secret = found.secrets.get((*place, "secret"))
    if secret is not None and not _LETTERS.fullmatch(secret.reveal()):
        what = "is not 16 to 200 letters, digits, `-` and `_`: it could be guessed, or does not fit into an address"
        found.wrong((*place, _key(entry)), what, "make one with: openssl rand -hex 24")
    _check_matchers(found, (*place, "matchers"), entry.get("matchers"))
    _check_by(found, (*place, "by"), [word(label) for label in entries(entry.get("by"))])
    _check_wait(found, (*place, "missing_for"), entry.get("missing_for"))


def _check_matchers(found: Found, place: Place, value: Value) -> None:
    """What a watch matches is an incident no more: one that matches what has no label at all would take nearly everything."""
    try:
        matchers = [matcher for text in listed(value) for matcher in parse_matchers(word(text))]
    except (MatcherError, RegexError):
        return
    if matchers and all(matcher.matches({}) for matcher in matchers):
        what = "match every alert that lacks these labels, and what a watch matches pages nobody"
        found.wrong(place, what, 'name its sign of life, such as alertname="Watchdog"')


def _check_by(found: Found, place: Place, labels: list[str]) -> None:
    own = sorted(OWN_LABELS.intersection(labels))
    if own:
        found.wrong(
            place, f"`{own[0]}` is a label of the page itself", "name labels that say which one it is"
        )
    elif len(set(labels)) < len(labels):
        found.wrong(place, "names a label twice", "name each once")


def _check_wait(found: Found, place: Place, value: Value) -> None:
    try:
        waits = _MISSING_FOR if value is None else read_duration(value)
    except PydanticCustomError:
        return
    if timedelta() < waits < _SHORTEST:
        what = f"is shorter than {spell_duration(_SHORTEST)}, which a slow network takes"
        found.wrong(place, what, "write three times the interval at which it is heard, 30s or more")


def _key(entry: dict[str, Value]) -> str:
    return "secret" if "secret" in entry else "secret_file"


def receiver_of(watch: str) -> str:
    """The name of the receiver that is made for a watch which notifies somebody."""
    return f"watch {watch}"


def warn_of_watches(found: Found, written: list[WatchSection], root: Route, told: frozenset[str]) -> None:
    """Of those whose page leads to receivers that notify nobody; `told` are the names of the others."""
    for index, one in enumerate(written):
        labels = {"alertname": MISSING, NAME: one.name, SEVERITY: one.severity.value}
        if told.isdisjoint(route(root, labels).receivers):
            what = "has no `notify`, and the routes lead its page to nobody"
            found.warn(("watch", index), what, "write `notify`, or a route that matches its name")


def watches_of(written: list[WatchSection], found: Found) -> dict[str, WatchRule]:
    return {one.name: _rule(one, found) for one in written}


def _rule(one: WatchSection, found: Found) -> WatchRule:
    matchers = tuple(matcher.seeing(found.severities) for listed in one.matchers for matcher in listed)
    mute = windows_of(one.mute_time_intervals, found)
    return WatchRule(one.name, one.missing_for, matchers, tuple(one.by), one.severity, mute)


def secrets_of(written: list[WatchSection], found: Found) -> dict[str, Secret]:
    """The ends of the addresses, by the names of their watches."""
    places = {one.name: ("watch", index, "secret") for index, one in enumerate(written)}
    return {name: found.secrets[place] for name, place in places.items() if place in found.secrets}


def routes_of(written: list[WatchSection], root: Route, found: Found) -> tuple[Route, ...]:
    """Before all others: what those that name somebody become goes to these, at once, each by itself."""
    return tuple(
        Route(
            receiver=receiver_of(one.name),
            path=f"watch[{index}]",
            matchers=(Matcher("alertname", MISSING), Matcher(NAME, one.name)),
            group_by=("...",),
            repeat_interval=root.repeat_interval,
            mute=windows_of(one.mute_time_intervals, found),
        )
        for index, one in enumerate(written)
        if one.notify
    )
