"""The routes and the receivers of a configuration as a drawing, and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from sms_notify.config.durations import spell_duration
from sms_notify.policy.directory import OnCall, Target, TargetKind
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.ruleset import Plan

Tree = dict[str, object]


def document(plan: Plan, holder: OnCall) -> Tree:
    """Everything, for --json; `holder` says who is on call."""
    receivers = [receiver_told(plan, receiver, holder)[0] for receiver in plan.receivers.values()]
    return {"route": tree(plan.route), "receivers": receivers, "limits": limits_of(plan)}


def drawing(plan: Plan, holder: OnCall) -> list[str]:
    """Lines for a terminal."""
    receivers = [receiver_told(plan, receiver, holder)[1] for receiver in plan.receivers.values()]
    told = [line for lines in receivers for line in lines]
    return [*drawn(plan.route), "", *told, *limit_lines(plan)]


def tree(node: Route) -> Tree:
    return {
        "path": node.path,
        "matchers": [str(matcher) for matcher in node.matchers],
        "receiver": node.receiver,
        "continue": node.continue_,
        **{name: spell_duration(wait) for name, wait in _timing(node).items()},
        "group_by": list(node.group_by),
        "dedup_labels": list(node.dedup_labels),
        "mute_time_intervals": [window.name for window in node.mute],
        "active_time_intervals": [window.name for window in node.active],
        "routes": [tree(child) for child in node.routes],
    }


def _timing(node: Route) -> dict[str, timedelta]:
    return {
        "group_wait": node.group_wait,
        "group_interval": node.group_interval,
        "repeat_interval": node.repeat_interval,
    }


def drawn(node: Route, above: Route | None = None, lead: str = "", below: str = "") -> Iterator[str]:
    """One node a line, with what it does otherwise than the one above it; `below` leads the lines of its children."""
    matchers = ", ".join(map(str, node.matchers)) or ("everything" if above else "all other alerts")
    further = ", and on to the next" if node.continue_ else ""
    yield f"{lead}{matchers} -> {node.receiver}{further}"
    bar = f"{below}{'|' if node.routes else ' '}    "
    yield from (f"{bar}{line}" for line in _node_lines(node, above))
    for child in node.routes:
        last = child is node.routes[-1]
        yield from drawn(child, node, f"{below}+- ", f"{below}{'   ' if last else '|  '}")


def _node_lines(node: Route, above: Route | None) -> Iterator[str]:
    timing = [
        f"{name} {spell_duration(wait)}"
        for name, wait in _timing(node).items()
        if above is None or _timing(above)[name] != wait
    ]
    if node.group_by and (above is None or above.group_by != node.group_by):
        timing.insert(0, f"group_by {', '.join(node.group_by)}")
    if above is None or above.dedup_labels != node.dedup_labels:
        shared = ", ".join(node.dedup_labels)
        timing += [f"one incident by {shared}" if shared else "no dedup_labels"] if above or shared else []
    if timing:
        yield "; ".join(timing)
    if node.mute:
        yield f"muted during {_windows(node.mute)}"
    if node.active:
        yield f"active during {_windows(node.active)} alone"


def _windows(windows: Iterable[Window]) -> str:
    return ", ".join(window.name for window in windows)


def receiver_told(plan: Plan, receiver: Receiver, holder: OnCall) -> tuple[Tree, list[str]]:
    """As a document, and as lines."""
    steps = [
        {"after": spell_duration(step.after), "notify": _behind(plan, step.notify, holder)}
        for step in receiver.escalate
    ]
    row: Tree = {
        "name": receiver.name,
        "notify": _behind(plan, receiver.notify, holder),
        "escalate": steps,
        "gateway_armed": receiver.gateway_armed,
        "quiet": _quiet(receiver.quiet),
        "limits": [str(limit) for limit in receiver.limits],
        "max_parts": receiver.max_parts,
        "template": receiver.template,
        "send_resolved": receiver.send_resolved,
    }
    lines = [f"{receiver.name}: {who(plan, receiver.notify, holder) or 'nobody is told'}"]
    lines += [
        f"    after {spell_duration(step.after):<5} {who(plan, step.notify, holder)}"
        for step in receiver.escalate
    ]
    if receiver.notify:
        lines += [f"    {line}" for line in _receiver_lines(receiver)]
    return row, lines


def _receiver_lines(receiver: Receiver) -> Iterator[str]:
    if receiver.quiet is not None:
        yield f"quiet hours: {_quiet(receiver.quiet)}"
    if receiver.limits:
        yield f"limits: {', '.join(map(str, receiver.limits))}"
    if receiver.gateway_armed and receiver.escalate:
        yield "steps armed at the gateway"
    parts = "1 part" if receiver.max_parts == 1 else f"up to {receiver.max_parts} parts"
    end = "the end is texted" if receiver.send_resolved else "the end is not texted"
    template = "" if receiver.template == "default" else f", template {receiver.template}"
    yield f"{parts}, {end}{template}"


def _quiet(quiet: Quiet | None) -> str | None:
    if quiet is None:
        return None
    unless = " or ".join("{" + ", ".join(map(str, matchers)) + "}" for matchers in quiet.unless)
    return _windows(quiet.during) + (f", unless {unless}" if unless else "")


def _behind(plan: Plan, targets: Sequence[Target], holder: OnCall) -> list[Tree]:
    return [
        {"target": str(target), "people": [p.name for p in plan.directory.resolve((target,), holder)]}
        for target in targets
    ]


def who(plan: Plan, targets: Sequence[Target], holder: OnCall) -> str:
    """`schedule:primary (alice now), team:dba (alice, bob)`."""
    return ", ".join(_target(plan, target, holder) for target in targets)


def _target(plan: Plan, target: Target, holder: OnCall) -> str:
    people = ", ".join(person.name for person in plan.directory.resolve((target,), holder))
    match target.kind:
        case TargetKind.SCHEDULE:
            return f"{target} ({people} now)" if people else f"{target} (NOBODY IS ON CALL)"
        case TargetKind.TEAM:
            return f"{target} ({people})"
    return str(target)


def limits_of(plan: Plan) -> Tree:
    limits = plan.limits
    return {
        "per_number": [str(limit) for limit in limits.per_number],
        "per_number_critical": [str(limit) for limit in limits.per_number_critical],
        "overall": [str(limit) for limit in limits.overall],
    }


def limit_lines(plan: Plan) -> Iterator[str]:
    told = [
        f"{name} {', '.join(every)}"
        for name, every in limits_of(plan).items()
        if isinstance(every, list) and every
    ]
    yield ""
    yield f"limits: {'; '.join(told) or 'none'}"
