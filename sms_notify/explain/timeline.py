"""The story of one incident or message, told from the rows that record it: pure text out of what was read.

Every line begins with its time, so that the story reads from top to bottom as it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sms_notify.barring import barring_of, say_barring
from sms_notify.explain.route_trace import Look, Looked, walk
from sms_notify.logs import masked, unnumbered
from sms_notify.policy.directory import TargetKind, group_of
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.records import TimerKind
from sms_notify.policy.routing import Receiver, Route, step_of
from sms_notify.policy.vocabulary import Decision, Heard, IncidentState, Kind, PageState, State
from sms_notify.store import queries
from sms_notify.store.incidents import incident_of
from sms_notify.store.tx import Row, Tx, load, moment
from sms_notify.wording.alert_fields import where_of
from sms_notify.wording.gsm import clip
from sms_notify.wording.news import summary_of

_ABOUT = {
    Kind.MANUAL: "what was written by hand",
    Kind.OPERATOR: "a problem of sms-notify itself",
    Kind.HANDOFF: "who is on call",
}
_NEWS = {
    Kind.FIRING: "of it",
    Kind.RESOLVED: "that it is over",
    Kind.ESCALATION: "that it was escalated",
    Kind.REMINDER: "that it lasts",
    Kind.UNHEARD: "that nothing is heard of it",
}
_DECIDED = {
    Decision.ACKNOWLEDGED: "acknowledged {}: no step and no reminder follows",
    Decision.UNACKNOWLEDGED: "unacknowledged {}",
    Decision.CLOSED: "closed {}: repeats of it are not news",
    Decision.RAISED: "raised: {}, so that all are told and the steps begin anew",
    Decision.FLAPPING: "flapping: {}, so that one text tells it until it is calm",
}
_DUE = {
    TimerKind.ESCALATE: "step {nth} of {of}, unless somebody acknowledges or it ends",
    TimerKind.REMIND: "reminder {nth} by {of}, unless somebody acknowledges or it ends",
    TimerKind.CALM: "calm, unless it comes or goes once more",
    TimerKind.COPY: "the copy that is held opens again, unless an end follows",
    TimerKind.SILENT: "unheard, unless its source sends it again",
}
_ROUTES_SHOWN = 6
_INCIDENTS_SHOWN = 20
_TAGS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, or is due. `depth` 1 belongs to the line above it."""

    at: datetime
    what: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """What helps to tell a story beside the rows: times as the reader's clock shows them, and today's configuration."""

    clock: Callable[[datetime], str]
    route: Route | None = None
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    gateways: tuple[str, ...] = ()


Story = tuple[str, list[Line]]
"""Headline and lines."""


def of_incident(tx: Tx, incident_id: int, beside: Beside) -> Story | None:
    """None where there is no such incident."""
    row = queries.incident(tx, incident_id)
    if row is None:
        return None
    labels = load(row["labels"])
    lines = [Line(moment(row["opened_at"]), "labels: " + _labels(labels))]
    lines += _heard(queries.alerts_of(tx, incident_id), labels, beside)
    lines += _pages(queries.pages_of(tx, incident_id), beside)
    lines += [_decided(decided, beside) for decided in queries.decisions_of(tx, incident_id)]
    messages = queries.messages_of(tx, incident_id)
    for message in messages:
        lines += _message(tx, message, message["tells"])
    lines += _barred(tx, messages, beside)
    if row["state"] == IncidentState.UNHEARD and row["closed_at"] is not None:
        lines.append(Line(moment(row["closed_at"]), "unheard: not heard of any more, and closed"))
    if row["suppressed_at"] is not None and row["closed_at"] is None:
        at = moment(row["suppressed_at"])
        lines.append(Line(at, "seen suppressed by its source: beginnings, steps and reminders wait"))
    lines += [_due(due, flaps=bool(row["flapping"])) for due in queries.agenda_of(tx, incident_id)]
    lines += _lapses(row)
    headline = (
        f"#{tag_of(incident_id)} (incident {incident_id}) {name_of(row)}: {state_of(row)}, {row['severity']}"
    )
    return unnumbered(headline), sorted(map(_shown, lines), key=lambda line: line.at)


def of_message(tx: Tx, message_id: int, beside: Beside) -> Story | None:
    """None where there is no such message."""
    row = queries.message(tx, message_id)
    if row is None:
        return None
    told = queries.incidents_of(tx, message_id)
    about = _tags(told) or _ABOUT.get(Kind(row["kind"]), "nothing")
    lines = _told(tx, row, told, beside) if len(told) > 1 else []
    headline = f"m{message_id} {row['kind']} to {row['recipient']} about {about}: {row['state']}"
    story = (*lines, *_message(tx, row), *_barred(tx, [row], beside))
    return unnumbered(headline), [_shown(line) for line in story]


def _shown(line: Line) -> Line:
    return replace(line, what=unnumbered(line.what))


def name_of(row: Row) -> str:
    """What an incident is, and where: `HostDown web1`. A sentence without a name is its own name."""
    alert = incident_of(row).subject.alert
    what = alert.labels.get("alertname") or clip(summary_of(alert), 60) or "alert without a name"
    return f"{what} {where_of(alert)}".rstrip()


def state_of(row: Row) -> str:
    """`open`, `acknowledged by alice`, `closed by bob`, `resolved (no_data)`; with how often it comes and goes, where that
    is too often.
    """
    named = {IncidentState.ACKNOWLEDGED: row["acked_by"], IncidentState.CLOSED: row["closed_by"]}
    by = f" by {named[row['state']]}" if row["state"] in named else ""
    why = f" ({row['end_reason']})" if row["closed_at"] is not None and row["end_reason"] else ""
    flapping = f", flapping ({row['flapping']} times)" if row["flapping"] else ""
    return f"{row['state']}{by}{why}{flapping}"


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _tags(rows: Sequence[Row]) -> str:
    if len(rows) == 1:
        return f"#{tag_of(rows[0]['id'])} {name_of(rows[0])}"
    left = len(rows) - _TAGS_SHOWN
    more = f" and {left} more" if left > 0 else ""
    return " ".join(f"#{tag_of(row['id'])}" for row in rows[:_TAGS_SHOWN]) + more


# What was heard, and which way it took.


def _heard(alerts: Sequence[Row], labels: Mapping[str, str], beside: Beside) -> list[Line]:
    """What was accepted; a row of equal repeats is told once, with their number."""
    lines: list[Line] = []
    repeats: list[Row] = []
    for row in alerts:
        if row["reason"] == Heard.DUPLICATE:
            if repeats and _teller(repeats[-1]) != _teller(row):
                lines += _repeated(repeats)
                repeats = []
            repeats.append(row)
            continue
        lines += [*_repeated(repeats), Line(moment(row["received_at"]), _accepted(row))]
        if row["reason"] in (Heard.FIRST, Heard.RAISED, Heard.NOBODY) and beside.route is not None:
            lines += _others(row, walk(beside.route, load(row["labels"]) if row["labels"] else labels))
        repeats = []
    return lines + _repeated(repeats)


def _teller(row: Row) -> tuple[object, ...]:
    return row["source"], row["fingerprint"], row["labels"] is None


def _accepted(row: Row) -> str:
    routes = "; ".join(_paths(row))
    by = f", by {routes}" if routes else ""
    return f"heard {row['status']} from {row['source']}: {row['reason']}{by}"


def _paths(row: Row) -> list[str]:
    return [path for path in (row["routes"] or "").split("\n") if path]


def _repeated(rows: Sequence[Row]) -> list[Line]:
    if not rows:
        return []
    times = "once" if len(rows) == 1 else f"{len(rows)} times"
    last = rows[-1]
    # Only what shares the incident with others has labels of its own here; the name says which of them it is.
    again = (
        f"({load(last['labels']).get('alertname', 'no name')}) {times}"
        if last["labels"]
        else f"again {times}"
    )
    what = f"heard {last['status']} from {last['source']} {again}: duplicate, nobody is told twice"
    return [Line(moment(rows[-1]["received_at"]), what)]


def _others(row: Row, looked: Sequence[Looked]) -> Iterator[Line]:
    """The routes that did not take it; by today's configuration, which says so where it would decide otherwise."""
    at, labels = moment(row["received_at"]), load(row["labels"])
    today = [f"{visited.route.path} -> {visited.route.receiver}" for visited in looked if visited.answers]
    if today != _paths(row):
        yield Line(at, f"today's configuration would take {'; '.join(today)}", 1)
        return
    passed = [visited for visited in looked if visited.look is Look.NO_MATCH]
    for visited in passed[:_ROUTES_SHOWN]:
        yield Line(at, f"{visited.route.path} did not match: {_why_not(visited, labels)}", 1)
    if len(passed) > _ROUTES_SHOWN:
        yield Line(at, f"nor did {len(passed) - _ROUTES_SHOWN} others", 1)


def _why_not(visited: Looked, labels: Mapping[str, str]) -> str:
    """Which matchers of a route failed, and what was there instead."""
    return ", ".join(f"{matcher} ({value_of(matcher.name, labels)})" for matcher in visited.failed)


def value_of(name: str, labels: Mapping[str, str]) -> str:
    """`severity is "critical"`, `team is not there`."""
    return f'{name} is "{labels[name]}"' if labels.get(name) else f"{name} is not there"


# Who was to hear of it.


def _pages(rows: Sequence[Row], beside: Beside) -> list[Line]:
    """One line for all who were to hear the same at the same time, whatever became of it."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        alike = tuple(
            row[key] for key in ("created_at", "receiver", "kind", "nth", "state", "why", "held_by")
        )
        late = () if row["why"] == Hold.NOW else (row["due_at"], row["told_at"])
        groups.setdefault((*alike, *late), []).append(row)
    lines = []
    for group in groups.values():
        first, names = group[0], ", ".join(row["recipient"] for row in group)
        if first["why"] != Hold.NOW:
            lines.append(Line(moment(first["created_at"]), _held(first, names, beside)))
        elif first["kind"] == Kind.FIRING:  # who hears the rest at once is plain from the texts
            what = f"{_receiver(first['receiver'], beside)} tells {names}"
            lines.append(Line(moment(first["created_at"]), what))
    return lines


def _held(row: Row, names: str, beside: Beside) -> str:
    news, by = _NEWS.get(Kind(row["kind"]), ""), f" ({row['held_by']})" if row["held_by"] else ""
    match PageState(row["state"]):
        case PageState.DROPPED:
            return f"{names}: to hear {news} at {beside.clock(moment(row['due_at']))}{by}, and dropped: {row['why']}"
        case PageState.HELD:
            return (
                f"{names}: held until {beside.clock(moment(row['due_at']))} to hear {news}: {row['why']}{by}"
            )
    return f"{names}: held until {beside.clock(moment(row['told_at']))} to hear {news}: {row['why']}{by}"


def _receiver(name: str, beside: Beside) -> str:
    """With the schedules that say who that is now."""
    receiver = beside.receivers.get(name)
    schedules = [str(t) for t in receiver.notify if t.kind is TargetKind.SCHEDULE] if receiver else []
    return f"{name} ({', '.join(schedules)})" if schedules else name


def _decided(row: Row, beside: Beside) -> Line:
    return Line(moment(row["at"]), _decision(row, beside))


def _decision(row: Row, beside: Beside) -> str:
    step = f"step {row['nth']} of {row['receiver']}"
    match row["word"]:
        case Decision.ESCALATED:
            return f"escalated: {step} tells {row['detail']}"
        case Decision.NOBODY_ON_CALL:
            what = f"{step} ({row['detail']})" if row["nth"] else _receiver(row["receiver"], beside)
            return f"nobody_on_call: {what} has nobody to tell"
        case word if word in _DECIDED:
            return _DECIDED[word].format(row["detail"])
    about = f" {step}" if row["nth"] else ""
    return f"{row['word']}:{about} {row['detail']}".rstrip(": ")


def _lapses(row: Row) -> list[Line]:
    """When an acknowledgement ends by itself, or an answer is waited for no longer."""
    if row["ack_until"] is None or row["closed_at"] is not None:
        return []
    what = (
        "the acknowledgement lapses"
        if row["acked_at"] is not None
        else "told to all, unless somebody answers"
    )
    return [Line(moment(row["ack_until"]), f"due: {what}")]


def _due(row: Row, *, flaps: bool) -> Line:
    what = _DUE.get(row["what"], "")
    if row["what"] == TimerKind.CALM and not flaps:
        what = "closed without a text, because nothing can end a notice"
    return Line(moment(row["due_at"]), "due: " + what.format(nth=step_of(row["nth"]), of=row["receiver"]))


# The texts.


def _told(tx: Tx, message: Row, incidents: Sequence[Row], beside: Beside) -> Iterator[Line]:
    """What one text tells of several."""
    at = moment(message["created_at"])
    yield Line(at, f"tells {len(incidents)} incidents in one text:")
    pages = {row["incident_id"]: row for row in queries.told_by(tx, message["id"])}
    for row in incidents[:_INCIDENTS_SHOWN]:
        page = pages[row["id"]]
        held = "" if page["why"] == Hold.NOW else f", {_since(page, beside)}"
        yield Line(at, f"#{tag_of(row['id'])} {name_of(row)}: {page['kind']}{held}", 1)
    if len(incidents) > _INCIDENTS_SHOWN:
        yield Line(at, f"and {len(incidents) - _INCIDENTS_SHOWN} more", 1)


def _since(page: Row, beside: Beside) -> str:
    by = f" ({page['held_by']})" if page["held_by"] else ""
    return f"held since {beside.clock(moment(page['created_at']))}: {page['why']}{by}"


def _message(tx: Tx, row: Row, tells: int = 1) -> list[Line]:
    number, parts = row["id"], "1 part" if row["parts"] == 1 else f"{row['parts']} parts"
    merged = f", with {tells - 1} other incident{'s' if tells > 2 else ''}" if tells > 1 else ""
    phone = "" if group_of(row["number"]) else f" ({masked(row['number'])})"
    head = (
        f"m{number} {row['kind']} to {row['recipient']}{phone}, {parts}{merged}: {queries.shown_body(row)!r}"
    )
    return [Line(moment(row["created_at"]), head), *_entries(number, queries.ledger_of(tx, number))]


def _barred(tx: Tx, messages: Sequence[Row], beside: Beside) -> Iterator[Line]:
    """Who of the readers cannot be texted as things stand: a later text would not leave either."""
    for number, name in {row["number"]: row["recipient"] for row in messages}.items():
        barring = barring_of(tx, beside.gateways, number)
        if barring is not None:
            what = (
                f"{masked(number) if name == number else name} is still {say_barring(barring, beside.clock)}"
            )
            yield Line(barring.since, what)


def _entries(message_id: int, rows: Sequence[Row]) -> Iterator[Line]:
    """What became of it: an attempt and its end are one line; that it was queued needs one only where that says why."""
    attempt, under_way = 0, False
    for number, row in enumerate(rows):
        under_way_before, under_way = under_way, row["state"] == State.SUBMITTING
        if under_way:
            attempt += 1
        last = number == len(rows) - 1
        if (under_way and not last) or (number == 0 and row["state"] == State.QUEUED and not row["detail"]):
            continue
        tried = f" attempt {attempt} at {row['gateway']}:" if under_way or under_way_before else ""
        yield Line(moment(row["at"]), f"m{message_id}{tried} {_entry(row)}", 1)


def _entry(row: Row) -> str:
    code = f" {row['code']}" if row["code"] is not None else ""
    detail = f" ({row['detail']})" if row["detail"] else ""
    seconds = f", after {row['seconds']:.1f} s" if row["seconds"] is not None else ""
    return f"{row['state']}: {row['reason']}{code}{detail}{seconds}"
