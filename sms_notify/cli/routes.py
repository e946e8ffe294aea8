"""`routes show` and `routes test`: the tree of routes, and what would become of an alert."""

from __future__ import annotations

from collections.abc import Mapping

import click

from sms_notify.alert import Alert, Status, fingerprint_of
from sms_notify.barring import say_barring
from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import barred_at, overriding, plan_at
from sms_notify.cli.times import read_time
from sms_notify.config.durations import spell_duration
from sms_notify.daemon.wiring import wall_clock
from sms_notify.explain.preview import Answer, Expected, Foreseen, foresee
from sms_notify.explain.preview_told import credits_of, pairs_of, told, verdict
from sms_notify.explain.route_trace import Looked
from sms_notify.explain.route_tree import document, drawing
from sms_notify.logs import printable
from sms_notify.policy.roster import Staff

_GROUPS_ITSELF = "alertmanager"
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
    """Say what would happen to an alert with these labels: its route, who gets which text and when, and what
    follows. Nothing is sent. Exit 1 if it goes nowhere: to a receiver that notifies nobody, nobody is on
    call, or every number is barred.

    \b
    Example:
      sms-notify routes test alertname=HostDown severity=critical
      sms-notify routes test --at "Sat 03:00" --annotation summary="db1 is down" team=dba severity=warning
    """
    named, said = pairs_of(labels, "label"), pairs_of(annotations, "annotation")
    settings, now = settings_of(ctx, config_file), wall_clock()
    at = read_time(at_text, now) if at_text is not None else now
    made = overriding(settings, at)
    alert = Alert(source, fingerprint_of(named), Status.FIRING, named, said, at)
    grouped, barred = source == _GROUPS_ITSELF, barred_at(settings)
    outcome = foresee(plan_at(settings, at), alert, at, made, grouped=grouped, barred=barred)
    say(_document(outcome), as_json, "\n".join(map(printable, told(outcome))))
    if not outcome.texts and not outcome.watches:
        ctx.exit(1)


# As a document.


def _document(outcome: Foreseen) -> Row:
    return {
        "at": outcome.at,
        "labels": dict(outcome.alert.labels),
        "routes": [_looked(there, outcome.alert.labels) for there in outcome.looked],
        "receivers": [_answered(answer) for answer in outcome.answers],
        "watches": list(outcome.watches),
        "texts": len(outcome.texts),
        "credits": credits_of(outcome),
    }


def _looked(there: Looked, labels: Mapping[str, str]) -> Row:
    return {
        "path": there.route.path,
        "matchers": [str(matcher) for matcher in there.route.matchers],
        "result": str(there.look),
        "failed": [str(matcher) for matcher in there.failed],
        "receiver": there.route.receiver if there.answers else None,
        "why": verdict(there, labels),
    }


def _answered(answer: Answer) -> Row:
    return {
        "receiver": answer.receiver.name,
        "route": answer.route.path,
        "gateway_armed": answer.receiver.gateway_armed,
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
