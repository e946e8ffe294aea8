"""Targets: what `notify`, `escalate` and `operator` name must exist, and somebody must be able to text it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from sms_notify.channels.settings import OperatorKind, OperatorTarget
from sms_notify.config.channels import CHANNEL_TYPES
from sms_notify.config.document import Place, Value
from sms_notify.config.durations import spell_duration
from sms_notify.config.references import near, read_number
from sms_notify.config.validation import Found, entries, mapping, word
from sms_notify.config.values import wait_of
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.site_alive import LONGEST, SHORTEST, USUAL


def check_receivers(found: Found) -> None:
    """Also the entries of `watch`, which notify as receivers do."""
    data = found.document.data
    notifies = _check_targets(found, ("self_check",), mapping(data.get("self_check")))
    both = [
        (key, index, one)
        for key in ("receivers", "watch")
        for index, one in enumerate(entries(data.get(key)))
    ]
    for key, index, value in both:
        receiver, place = mapping(value), (key, index)
        notifies |= _check_targets(found, place, receiver)
        for number, step in enumerate(entries(receiver.get("escalate"))):
            notifies |= _check_targets(found, (*place, "escalate", number), mapping(step))
        _check_steps(found, place, receiver)
    gateways = data.get("gateways")
    if notifies and not gateways:
        found.wrong((), "`gateways` is missing, and there is somebody to notify", "add a gateway")
    elif notifies and not _texting(found):
        found.wrong(
            ("gateways",), "none of them texts, and there is somebody to notify", "add one of type 1601sms"
        )


def check_site_alive(found: Found) -> None:
    """Each reader has a text of their own in the outbox: a group of the gateway's has none that could be told apart."""
    section, place = mapping(found.document.data.get("site_alive")), ("site_alive",)
    named = [word(text).strip() for text in entries(section.get("notify"))]
    for number, text in enumerate(named):
        if text.startswith(f"{TargetKind.GROUP}:"):
            what = f"`{text}` is a group, and each reader needs a text of their own"
            found.wrong((*place, "notify", number), what, _FORMS_OF_PEOPLE)
        elif text:
            _check_target(found, (*place, "notify", number), text, _FORMS_OF_PEOPLE)
    if named and not _texting(found):
        found.wrong(place, "names somebody to text, and no gateway texts", "add one of type 1601sms")
    _check_after(found, (*place, "after"), wait_of(section.get("after")))


def _check_after(found: Found, place: Place, after: timedelta | None) -> None:
    usual = f"{spell_duration(USUAL)} is usual"
    if after is not None and timedelta() < after < SHORTEST:
        why = "is too short: a gateway counts in minutes, and a request may take one"
        found.wrong(
            place, f"{spell_duration(after)} {why}", f"write {spell_duration(SHORTEST)} or more; {usual}"
        )
    elif after is not None and after > LONGEST:
        why = "is too long: a site would be dead for all that time before anybody hears of it"
        found.wrong(
            place, f"{spell_duration(after)} {why}", f"write {spell_duration(LONGEST)} or less; {usual}"
        )


def _check_targets(found: Found, place: Place, entry: dict[str, Value]) -> bool:
    """Reads `notify` of a receiver or of a step; whether it has any entry."""
    targets = entries(entry.get("notify"))
    for number, text in enumerate(targets):
        if word(text).strip():
            _check_target(found, (*place, "notify", number), word(text).strip())
    return bool(targets)


def _check_steps(found: Found, place: Place, receiver: dict[str, Value]) -> None:
    """Both times count from the first text, so that a step that is not later than the one before would never come."""
    steps = [mapping(step) for step in entries(receiver.get("escalate"))]
    if steps and not entries(receiver.get("notify")):
        what = "has nobody before it: there is no `notify`"
        found.wrong((*place, "escalate"), what, "write under `notify` who is told first")
    if word(receiver.get("gateway_armed")).lower() == "true" and not steps:
        what = "has no step to arm: there is no `escalate`"
        found.warn(
            (*place, "gateway_armed"), what, "write under `escalate` who is told next, or leave it out"
        )
    afters = [wait_of(step.get("after")) for step in steps]
    for number, (before, after) in enumerate(pairwise(afters), 1):
        if before is not None and after is not None and after <= before:
            what = f"is not later than the {spell_duration(before)} of the step before"
            advice = "count each step from the first text, and let it come after the one before"
            found.wrong((*place, "escalate", number, "after"), what, advice)


def _texting(found: Found) -> bool:
    """Whether an account that texts is written; an entry of no known type has a fault of its own and counts."""
    return any(
        word(mapping(entry).get("type")) not in CHANNEL_TYPES
        for entry in entries(found.document.data.get("gateways"))
    )


def check_operator(found: Found) -> None:
    listed = [word(text).strip() for text in entries(found.document.data.get("operator"))]
    channels = _channels(found)
    for index, text in enumerate(listed):
        place: Place = ("operator", index)
        if text in listed[:index]:
            found.wrong(place, f"`{text}` stands here twice", "keep one of the two")
        elif text.startswith("gateway:"):
            _check_channel_target(found, place, text.removeprefix("gateway:"), channels)
        elif text:
            forms = "write person:NAME, team:NAME, schedule:NAME, gateway:NAME or +NUMBER"
            _check_target(
                found, place, text, f"did you mean `gateway:{text}`?" if text in channels else forms
            )
            target = found.targets.get(place)
            if (
                target and target.kind is not TargetKind.GROUP
            ):  # which notyet.py refuses: nobody answers for a group
                found.operator.append(OperatorTarget(OperatorKind(target.kind.value), target.name))
    _judge_operator(found, listed, channels)


def _channels(found: Found) -> dict[str, Place]:
    """The entries of `gateways:` that `operator` may name."""
    listed = enumerate(entries(found.document.data.get("gateways")))
    places = {
        word(mapping(entry).get("name")): index
        for index, entry in listed
        if word(mapping(entry).get("type")) in CHANNEL_TYPES
    }
    return {name: ("gateways", index, "name") for name, index in places.items() if name.strip()}


def _check_channel_target(found: Found, place: Place, name: str, channels: dict[str, Place]) -> None:
    named = [word(mapping(entry).get("name")) for entry in entries(found.document.data.get("gateways"))]
    found.operator.append(OperatorTarget(OperatorKind.GATEWAY, name))
    if name in named and name not in channels:
        what = f"`{name}` texts, and most problems of sms-notify are that no text leaves"
        found.wrong(place, what, f"name one of type {', '.join(sorted(CHANNEL_TYPES))}, or a person")
    elif name not in channels:
        found.wrong(place, f"there is no gateway `{name}`", near(name, channels, "gateways that do not text"))


def _judge_operator(found: Found, listed: list[str], channels: dict[str, Place]) -> None:
    if any(listed) and not any(text.startswith("gateway:") for text in listed):
        what = "has no channel but texts, and most problems of sms-notify are that no text leaves"
        found.warn(("operator",), what, f"add a gateway of type {', '.join(sorted(CHANNEL_TYPES))}")
    if any(listed) and not all(text.startswith("gateway:") for text in listed) and not _texting(found):
        found.wrong(("operator",), "names somebody to text, and no gateway texts", "add one of type 1601sms")
    for name, place in channels.items():
        if f"gateway:{name}" not in listed:
            found.warn(
                place, f"`operator` does not name `{name}`", f"add gateway:{name} to it, or remove this entry"
            )


_NAMED = {TargetKind.PERSON: "people", TargetKind.TEAM: "teams", TargetKind.SCHEDULE: "schedules"}
_FORMS = "write person:NAME, team:NAME, schedule:NAME, gateway-group:NAME or +NUMBER"
_FORMS_OF_PEOPLE = "write person:NAME, team:NAME, schedule:NAME or +NUMBER"


def _check_target(found: Found, place: Place, text: str, advice: str = _FORMS) -> None:
    kind, _, name = text.partition(":")
    data = found.document.data
    if text.startswith("+"):
        number = read_number(found, place, text)
        if number:
            found.targets[place] = Target(TargetKind.NUMBER, number.e164)
    elif kind in _NAMED and name:
        known = _NAMED[TargetKind(kind)]
        found.targets[place] = Target(TargetKind(kind), name)
        if name not in mapping(data.get(known)):
            found.wrong(place, f"there is no {kind} `{name}`", near(name, mapping(data.get(known)), known))
    elif kind == TargetKind.GROUP and name:
        _check_group(found, place, name)
    else:
        found.wrong(place, f"`{text}` is not a target", _target_advice(text, data, advice))


def _check_group(found: Found, place: Place, name: str) -> None:
    groups = _groups(found.document.data)
    found.targets[place] = Target(TargetKind.GROUP, name)
    if name not in groups:
        advice = f"there is {', '.join(sorted(groups))}" if groups else "add it to the gateway's `groups`"
        found.wrong(place, f"no gateway has `{name}` under `groups`", advice)


def _groups(data: dict[str, Value]) -> set[str]:
    """The groups of the gateways' address books that the configuration names."""
    gateways = (mapping(gateway) for gateway in entries(data.get("gateways")))
    return {word(group) for gateway in gateways for group in entries(gateway.get("groups"))}


def _target_advice(text: str, data: dict[str, Value], otherwise: str) -> str:
    for kind, known in _NAMED.items():
        if text in mapping(data.get(known)):
            return f"did you mean `{kind}:{text}`?"
    return otherwise
