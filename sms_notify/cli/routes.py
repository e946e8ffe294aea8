"""`routes show` and `routes test`: the tree of routes, and what would become of an alert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

import click

from sms_notify.alert import Alert, Status, fingerprint_of
from sms_notify.barring import advise, say_barring
from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import barred_at, overriding, plan_at
from sms_notify.explain.route_tree import document, drawing
from sms_notify.cli.times import read_time
from sms_notify.config.durations import spell_duration
from sms_notify.daemon.wiring import wall_clock
from sms_notify.errors import UsageError
from sms_notify.explain.incident_names import value_of
from sms_notify.explain.preview import SAMPLE_TAG, Answer, Expected, Foreseen, StepAt, foresee
from sms_notify.explain.route_trace import Look, Looked
from sms_notify.logs import printable
from sms_notify.policy.directory import Person, Target, group_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.roster import Staff
from sms_notify.wording.clock import Clock, dated

_GROUPS_ITSELF = "alertmanager"
_HOLDS = {
    Hold.QUIET: "quiet hours",
    Hold.MUTED: "muted",
    Hold.INACTIVE: "inactive outside",
}
Row = dict[str, object]


@click.group("routes")
def routes_group() -> None:
    """The routes, and where an alert would go.

    \b
    Example:
      sms-notify routes test severity=critical team=dba
    """


@routes_group.command("show")
@config_option
@json_option
@click.pass_context
def show(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """The tree of routes, and who is behind each receiver now.

    \b
    Example:
      sms-notify routes show
    """
    settings, now = settings_of(ctx, config_file), wall_clock()
    plan = plan_at(settings, now)
    holder = Staff(plan.directory, plan.schedules).holders(overriding(settings, now), now)
    say(document(plan, holder), as_json, "\n".join(map(printable, drawing(plan, holder))))


@routes_group.command("test")
@config_option
@click.option(
    "--at",
    "at_text",
    metavar="TIME",
    help="When it fires: ISO 8601, HH:MM or 'Mon HH:MM' for the next time it is that, or +30m; else now.",
)
@click.option(
    "--annotation", "annotations", multiple=True, metavar="NAME=VALUE", help="For the text; may be repeated."
)
@click.option(
    "--source",
    default=_GROUPS_ITSELF,
    show_default=True,
    metavar="NAME",
    help="Who sends it: sources other than Alertmanager wait for `group_wait`.",
)
@json_option
@click.argument("labels", metavar="LABEL=VALUE...", nargs=-1, required=True)
@click.pass_context
def test(
    ctx: click.Context,
    config_file: str | None,
    at_text: str | None,
    annotations: tuple[str, ...],
    source: str,
    as_json: bool,
    labels: tuple[str, ...],
) -> None:
    """What would become of an alert with these labels: its way, who gets which text when, and what follows.

    Nothing is sent. Exit 1 where it goes nowhere: to a receiver that notifies nobody, nobody is on call, or every
    number is barred.

    \b
    Example:
      sms-notify routes test alertname=HostDown severity=critical
      sms-notify routes test --at "Sat 03:00" --annotation summary="db1 is down" team=dba severity=warning
    """
    named, said = _pairs(labels, "label"), _pairs(annotations, "annotation")
    settings, now = settings_of(ctx, config_file), wall_clock()
    at = read_time(at_text, now) if at_text is not None else now
    made = overriding(settings, at)
    alert = Alert(source, fingerprint_of(named), Status.FIRING, named, said, at)
    grouped, barred = source == _GROUPS_ITSELF, barred_at(settings)
    outcome = foresee(plan_at(settings, at), alert, at, made, grouped=grouped, barred=barred)
    say(_document(outcome), as_json, "\n".join(map(printable, _told(outcome))))
    if not outcome.texts:
        ctx.exit(1)


def _pairs(written: Iterable[str], what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name or name != name.strip() or name.endswith("!"):
            raise UsageError(f"{text}: not understood as {what}; write NAME=VALUE, such as severity=critical")
        if name in found:
            raise UsageError(f"{text}: there are two of {name}; an alert has one")
        found[name] = value
    return found


# As a page for a tired reader.


def _told(outcome: Foreseen) -> Iterator[str]:
    labels = outcome.alert.labels
    yield f"At {dated(outcome.at)}, an alert with {_labels(labels)}"
    yield from _way(outcome.looked, labels)
    for answer in outcome.answers:
        yield ""
        yield from _answer(answer, outcome)
    yield ""
    yield _sum(outcome)


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))


def _way(looked: Iterable[Looked], labels: Mapping[str, str]) -> Iterator[str]:
    for there in looked:
        lead = "  " * (1 + there.route.path.count(".routes["))
        matchers = ", ".join(map(str, there.route.matchers)) or "takes everything"
        yield f"{lead}{there.route.path}: {matchers}: {_verdict(there, labels)}"


def _verdict(there: Looked, labels: Mapping[str, str]) -> str:
    match there.look:
        case Look.NO_MATCH:
            return f"no, {', '.join(value_of(matcher.name, labels) for matcher in there.failed)}"
        case Look.NOT_REACHED:
            return f"not looked at, {there.before} has it"
    further = ", and on to the next" if there.route.continue_ else ""
    return f"YES -> {there.route.receiver}{further}" if there.answers else f"yes{further}"


def _answer(answer: Answer, outcome: Foreseen) -> Iterator[str]:
    yield f"Receiver {answer.receiver.name}, by {answer.route.path}:"
    for schedule in answer.unheld:
        yield f"  NOBODY IS ON CALL for {schedule}: `sms-notify oncall show` tells since when"
    if not answer.receiver.notify:
        yield "  NOBODY IS TOLD: it has no `notify`, and only records"
    for text in answer.texts:
        yield from _text(text, outcome)
    for text in answer.later:
        at = Clock(outcome.at).at(text.at)
        yield f"  {_named(text.person, text.target)}: AT {at}, on call then, {_cost(text)}"
        yield f"      {text.body}"
    for person in answer.untold:
        yield f"  {person.name}: HELD for longer than can be foreseen, behind the texts to others or by its windows"
    for person in answer.already:
        yield f"  {person.name} has it by an earlier receiver, and gets no second text"
    yield from _after(answer, outcome)


def _text(text: Expected, outcome: Foreseen) -> Iterator[str]:
    who, barring = _named(text.person, text.target), text.barring
    barred = "" if barring is None else say_barring(barring, Clock(outcome.at).at)
    if barring is not None and not text.leaves:
        yield f"  {who}: {barred}: GETS NO TEXT. {advise(barring, text.person.name)}"
        return
    yield f"  {who}: {_when(text, outcome)}, {_cost(text)}{f'; {barred}' if barred else ''}"
    yield f"      {text.body}"


def _named(person: Person, target: Target) -> str:
    return person.name if person.name in (target.name, str(target)) else f"{person.name} ({target})"


def _when(text: Expected, outcome: Foreseen) -> str:
    if text.at <= outcome.at:
        return "AT ONCE"
    if text.why is Hold.GROUP:
        return f"IN {spell_duration(timedelta(seconds=int((text.at - outcome.at).total_seconds())))} (waits for its group)"
    by = f" {text.by}" if text.by else ""
    return f"HELD UNTIL {Clock(outcome.at).at(text.at)} ({_HOLDS.get(text.why, str(text.why))}{by})"


def _cost(text: Expected) -> str:
    parts = text.parts
    each = " for each in the group" if group_of(text.person.number) else ""
    return f"{parts} part{'s' if parts > 1 else ''}, {parts} credit{'s' if parts > 1 else ''}{each}"


def _after(answer: Answer, outcome: Foreseen) -> Iterator[str]:
    if answer.steps or answer.every:
        yield "  Then, unless somebody acknowledges or it ends:"
    for step in answer.steps:
        yield f"    {Clock(outcome.at).at(step.at)}  step {step.nth}: {_step(step, outcome)}"
    if answer.every:
        yield f"    every {spell_duration(answer.every)}  a reminder"


def _step(step: StepAt, outcome: Foreseen) -> str:
    targets = ", ".join(map(str, step.notify))
    names = ", ".join(person.name for person in step.people)
    if not names:
        return f"NOBODY IS ON CALL ({targets}), the next step follows at once"
    barred = ", ".join(person.name for person in step.barred)
    held = ", ".join(f"{t.person.name} {_when(t, outcome)}" for t in step.texts if t.at > step.at)
    further = [f"; BARRED: {barred}"] if barred else []
    already = ", ".join(person.name for person in step.already)
    further += [f"; {already} by an earlier receiver, without a second text"] if already else []
    return "".join(
        [names if names == targets else f"{names} ({targets})", *further, f"; {held}" if held else ""]
    )


def _sum(outcome: Foreseen) -> str:
    if not outcome.texts:
        return "GOES NOWHERE: nobody gets a text at first."
    count, credits_ = len(outcome.texts), _credits(outcome)
    told = f"{count} text{'s' if count > 1 else ''}, {credits_} credit{'s' if credits_ != 1 else ''}"
    return (
        f"{told}. #{SAMPLE_TAG} stands for its tag; what was sent, is open or held already is not counted in."
    )


def _credits(outcome: Foreseen) -> int:
    """Of texts to people; how many a group has, only the gateway knows."""
    return sum(text.parts for text in outcome.texts if group_of(text.person.number) is None)


# As a document.


def _document(outcome: Foreseen) -> Row:
    return {
        "at": outcome.at,
        "labels": dict(outcome.alert.labels),
        "routes": [_looked(there, outcome.alert.labels) for there in outcome.looked],
        "receivers": [_answered(answer) for answer in outcome.answers],
        "texts": len(outcome.texts),
        "credits": _credits(outcome),
    }


def _looked(there: Looked, labels: Mapping[str, str]) -> Row:
    return {
        "path": there.route.path,
        "matchers": [str(matcher) for matcher in there.route.matchers],
        "result": str(there.look),
        "failed": [str(matcher) for matcher in there.failed],
        "receiver": there.route.receiver if there.answers else None,
        "why": _verdict(there, labels),
    }


def _answered(answer: Answer) -> Row:
    return {
        "receiver": answer.receiver.name,
        "route": answer.route.path,
        "texts": [_expected(text) for text in answer.texts],
        "later": [_expected(text) for text in answer.later],
        "held_by_limits": [person.name for person in answer.untold],
        "told_already": [person.name for person in answer.already],
        "nobody_on_call": list(answer.unheld),
        "escalation": [
            {
                "step": step.nth,
                "at": step.at,
                "people": [person.name for person in step.people],
                "barred": [person.name for person in step.barred],
                "told_already": [person.name for person in step.already],
                "notify": [str(target) for target in step.notify],
                "texts": [_expected(text) for text in step.texts],
            }
            for step in answer.steps
        ],
        "remind_every": spell_duration(answer.every) if answer.every else None,
        "first_reminder": answer.reminded_at,
    }


def _expected(text: Expected) -> Row:
    return {
        "to": text.person.name,
        "target": str(text.target),
        "at": text.at,
        "held": str(text.why),
        "held_by": text.by,
        "kind": str(text.kind),
        "text": text.body,
        "parts": text.parts,
        "barred": None if text.barring is None else say_barring(text.barring),
        "leaves": text.leaves,
    }
