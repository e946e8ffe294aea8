"""What would become of an alert, as lines for a tired reader: of `routes test`, and of the page that asks the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta, tzinfo

from sms_notify.barring import advise, say_barring
from sms_notify.config.durations import spell_duration
from sms_notify.errors import UsageError
from sms_notify.explain.incident_names import value_of
from sms_notify.explain.preview import SAMPLE_TAG, Answer, Expected, Foreseen, StepAt
from sms_notify.explain.route_trace import Look, Looked
from sms_notify.policy.directory import Person, Target, group_of
from sms_notify.policy.holds import Hold
from sms_notify.wording.clock import Clock, dated

_HOLDS = {
    Hold.QUIET: "quiet hours",
    Hold.MUTED: "muted",
    Hold.INACTIVE: "inactive outside",
}


def pairs_of(written: Iterable[str], what: str) -> dict[str, str]:
    """Labels or annotations as somebody writes them. Raises UsageError with what to write instead."""
    found: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name or name != name.strip() or name.endswith("!"):
            raise UsageError(f"{text}: not understood as {what}; write NAME=VALUE, such as severity=critical")
        if name in found:
            raise UsageError(f"{text}: there are two of {name}; an alert has one")
        found[name] = value
    return found


def told(outcome: Foreseen, zone: tzinfo | None = None) -> Iterator[str]:
    """Times are by `zone`, None for this machine's."""
    clock = Clock(outcome.at, zone)
    labels = outcome.alert.labels
    yield f"At {dated(outcome.at, zone)}, an alert with {_labels(labels)}"
    yield from _way(outcome.looked, labels)
    for answer in outcome.answers:
        yield ""
        yield from _answer(answer, clock)
    yield ""
    yield _sum(outcome)


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))


def _way(looked: Iterable[Looked], labels: Mapping[str, str]) -> Iterator[str]:
    for there in looked:
        lead = "  " * (1 + there.route.path.count(".routes["))
        matchers = ", ".join(map(str, there.route.matchers)) or "takes everything"
        yield f"{lead}{there.route.path}: {matchers}: {verdict(there, labels)}"


def verdict(there: Looked, labels: Mapping[str, str]) -> str:
    """Why a route takes the alert, or does not."""
    match there.look:
        case Look.NO_MATCH:
            return f"no, {', '.join(value_of(matcher.name, labels) for matcher in there.failed)}"
        case Look.NOT_REACHED:
            return f"not looked at, {there.before} has it"
    further = ", and on to the next" if there.route.continue_ else ""
    return f"YES -> {there.route.receiver}{further}" if there.answers else f"yes{further}"


def _answer(answer: Answer, clock: Clock) -> Iterator[str]:
    yield f"Receiver {answer.receiver.name}, by {answer.route.path}:"
    for schedule in answer.unheld:
        yield f"  NOBODY IS ON CALL for {schedule}: `sms-notify oncall show` tells since when"
    if not answer.receiver.notify:
        yield "  NOBODY IS TOLD: it has no `notify`, and only records"
    for text in answer.texts:
        yield from _text(text, clock)
    for text in answer.later:
        at = clock.at(text.at)
        yield f"  {_named(text.person, text.target)}: AT {at}, on call then, {_cost(text)}"
        yield f"      {text.body}"
    for person in answer.untold:
        yield f"  {person.name}: HELD for longer than can be foreseen, behind the texts to others or by its windows"
    for person in answer.already:
        yield f"  {person.name} has it by an earlier receiver, and gets no second text"
    yield from _after(answer, clock)


def _text(text: Expected, clock: Clock) -> Iterator[str]:
    who, barring = _named(text.person, text.target), text.barring
    barred = "" if barring is None else say_barring(barring, clock.at)
    if barring is not None and not text.leaves:
        yield f"  {who}: {barred}: GETS NO TEXT. {advise(barring, text.person.name)}"
        return
    yield f"  {who}: {_when(text, clock)}, {_cost(text)}{f'; {barred}' if barred else ''}"
    yield f"      {text.body}"


def _named(person: Person, target: Target) -> str:
    return person.name if person.name in (target.name, str(target)) else f"{person.name} ({target})"


def _when(text: Expected, clock: Clock) -> str:
    if text.at <= clock.now:
        return "AT ONCE"
    if text.why is Hold.GROUP:
        return f"IN {spell_duration(timedelta(seconds=int((text.at - clock.now).total_seconds())))} (waits for its group)"
    by = f" {text.by}" if text.by else ""
    return f"HELD UNTIL {clock.at(text.at)} ({_HOLDS.get(text.why, str(text.why))}{by})"


def _cost(text: Expected) -> str:
    parts = text.parts
    each = " for each in the group" if group_of(text.person.number) else ""
    return f"{parts} part{'s' if parts > 1 else ''}, {parts} credit{'s' if parts > 1 else ''}{each}"


def _after(answer: Answer, clock: Clock) -> Iterator[str]:
    if answer.steps or answer.every:
        yield "  Then, unless somebody acknowledges or it ends:"
    for step in answer.steps:
        alone = any(group_of(person.number) is None for person in step.people)
        armed = ", armed at the gateway" if answer.receiver.gateway_armed and alone else ""
        yield f"    {clock.at(step.at)}  step {step.nth}{armed}: {_step(step, clock)}"
    if answer.every:
        yield f"    every {spell_duration(answer.every)}  a reminder"


def _step(step: StepAt, clock: Clock) -> str:
    targets = ", ".join(map(str, step.notify))
    names = ", ".join(person.name for person in step.people)
    if not names:
        return f"NOBODY IS ON CALL ({targets}), the next step follows at once"
    barred = ", ".join(person.name for person in step.barred)
    held = ", ".join(f"{t.person.name} {_when(t, clock)}" for t in step.texts if t.at > step.at)
    further = [f"; BARRED: {barred}"] if barred else []
    already = ", ".join(person.name for person in step.already)
    further += [f"; {already} by an earlier receiver, without a second text"] if already else []
    return "".join(
        [names if names == targets else f"{names} ({targets})", *further, f"; {held}" if held else ""]
    )


def _sum(outcome: Foreseen) -> str:
    if outcome.watches:
        return (
            f"A SIGN OF LIFE of the watch {', '.join(outcome.watches)}: no incident, and nobody gets a text."
        )
    if not outcome.texts:
        return "GOES NOWHERE: nobody gets a text at first."
    count, credits_ = len(outcome.texts), credits_of(outcome)
    told = f"{count} text{'s' if count > 1 else ''}, {credits_} credit{'s' if credits_ != 1 else ''}"
    return (
        f"{told}. #{SAMPLE_TAG} stands for its tag; what was sent, is open or held already is not counted in."
    )


def credits_of(outcome: Foreseen) -> int:
    """Of texts to people; how many a group has, only the gateway knows."""
    return sum(text.parts for text in outcome.texts if group_of(text.person.number) is None)
