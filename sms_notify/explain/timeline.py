"""The story of one incident or message for people: each event in one line, which begins with its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sms_notify.barring import say_barring
from sms_notify.explain import events
from sms_notify.explain.events import EventName, TimelineEvent, TodaysConfiguration
from sms_notify.explain.incident_names import name_of, state_of, value_of
from sms_notify.explain.waiting import say_hold, say_wait
from sms_notify.logs import unnumbered
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.records import TimerKind
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.vocabulary import Decision, Kind
from sms_notify.store import queries
from sms_notify.store.incidents import incident_of
from sms_notify.store.tx import Row, Tx
from sms_notify.wording.clock import Says

_ABOUT = {
    Kind.MANUAL: "what was written by hand",
    Kind.OPERATOR: "a problem of sms-notify itself",
    Kind.HANDOFF: "who is on call",
    Kind.SELF_CHECK: "the daily self-check",
}
_NEWS = {
    Kind.FIRING: "of it",
    Kind.RESOLVED: "that it has ended",
    Kind.ESCALATION: "that it was escalated",
    Kind.REMINDER: "that it lasts",
    Kind.UNHEARD: "that nothing is heard of it",
}
_DECIDED = {
    Decision.ACKNOWLEDGED: "acknowledged {}: no step and no reminder follows",
    Decision.UNACKNOWLEDGED: "unacknowledged {}",
    Decision.CLOSED: "closed {}: repeats of it make no text",
    Decision.HASTENED: "hastened {}: the next step is due at once",
    Decision.NOTE: "note {}",
    Decision.SENT_AGAIN: "sent_again {}",
    Decision.RAISED: "raised: {}; everybody is told, and the steps start again",
    Decision.FLAPPING: "flapping: {}; one text covers it until it is calm",
}
_DUE = {
    TimerKind.ESCALATE: "step {nth} of {receiver}, unless somebody acknowledges or it ends",
    TimerKind.REMIND: "reminder {nth} by {receiver}, unless somebody acknowledges or it ends",
    TimerKind.CALM: "calm, unless it begins or ends once more",
    TimerKind.COPY: "the copy that is held opens again, unless an end follows",
    TimerKind.SILENT: "unheard, unless its source sends it again",
}
_INCIDENTS_SHOWN = 20
_TAGS_SHOWN = 5
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, or is due. `depth` 1 belongs to the line above it."""

    at: datetime
    what: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """What helps to tell a story beside the rows: times as the reader's clock shows them, and today's configuration.
    `now` None leaves out why a text is still queued.
    """

    clock: Says
    route: Route | None = None
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    gateways: tuple[str, ...] = ()
    now: datetime | None = None

    @property
    def known(self) -> TodaysConfiguration:
        return TodaysConfiguration(self.route, self.receivers, self.gateways, self.now)


class TimelineStory(NamedTuple):
    """`about` is what the headline says, for programs; the lines are the events in words."""

    headline: str
    lines: list[Line]
    about: dict[str, object]
    events: list[TimelineEvent]


def of_incident(tx: Tx, incident_id: int, beside: Beside) -> TimelineStory | None:
    """None where there is no such incident."""
    row = queries.incident(tx, incident_id)
    if row is None:
        return None
    incident, tag = incident_of(row), tag_of(incident_id)
    name, state = name_of(incident), state_of(incident)
    headline = f"#{tag} (incident {incident_id}) {name}: {state}, {incident.severity}"
    about = {"incident": incident_id, "tag": tag, "what": name, "state": str(incident.state)}
    about |= {
        "severity": str(incident.severity),
        "opened_at": incident.opened_at,
        "closed_at": incident.closed_at,
    }
    found = events.of_incident(tx, row, beside.known)
    return TimelineStory(unnumbered(headline), lines_of(found, beside.clock), about, found)


def of_message(tx: Tx, message_id: int, beside: Beside) -> TimelineStory | None:
    """None where there is no such message."""
    row = queries.message(tx, message_id)
    if row is None:
        return None
    told = queries.incidents_of(tx, message_id)
    subject = _tags(told) or _ABOUT.get(Kind(row["kind"]), "nothing")
    headline = f"m{message_id} {row['kind']} to {row['recipient']} about {subject}: {row['state']}"
    about: dict[str, object] = {"message": f"m{message_id}", "kind": row["kind"], "to": row["recipient"]}
    about |= {"state": row["state"], "incidents": [tag_of(one["id"]) for one in told]}
    found = events.of_message(tx, row, told, beside.known)
    return TimelineStory(unnumbered(headline), lines_of(found, beside.clock), about, found)


def _tags(rows: Sequence[Row]) -> str:
    if len(rows) == 1:
        return f"#{tag_of(rows[0]['id'])} {name_of(incident_of(rows[0]))}"
    left = len(rows) - _TAGS_SHOWN
    more = f" and {left} more" if left > 0 else ""
    return " ".join(f"#{tag_of(row['id'])}" for row in rows[:_TAGS_SHOWN]) + more


# Events into lines.


def lines_of(found: Sequence[TimelineEvent], clock: Says) -> list[Line]:
    """A line an event; what one text tells is cut short where it is very much."""
    lines, told = [], 0
    for event in found:
        told = told + 1 if event.name is EventName.TELLS_ONE else 0
        if told <= _INCIDENTS_SHOWN:
            lines.append(Line(event.at, unnumbered(words_of(event, clock)), event.depth))
        elif told == _INCIDENTS_SHOWN + 1:
            more = sum(one.name is EventName.TELLS_ONE for one in found) - _INCIDENTS_SHOWN
            lines.append(Line(event.at, f"and {more} more", event.depth))
    return lines


def words_of(event: TimelineEvent, clock: Says) -> str:
    """One event for people; `clock` says its times."""
    if isinstance(event.name, Decision):
        return _decision(event.name, event.facts)
    return _WORDS[event.name](event.facts, clock)


def _decision(word: Decision, facts: Facts) -> str:
    step = f"step {facts.get('step')} of {facts.get('receiver')}"
    match word:
        case Decision.ESCALATED:
            return f"escalated: {step} tells {', '.join(facts['to'])}"
        case Decision.NOBODY_ON_CALL:
            targets = ", ".join(facts["targets"])
            what = step if "step" in facts else facts.get("receiver", "")
            return f"nobody_on_call: {what}{f' ({targets})' if targets else ''} has nobody to tell"
        case word if word in _DECIDED:
            return _DECIDED[word].format(_written(facts))
    about = f" {step}" if "step" in facts else ""
    return f"{word}:{about} {_written(facts)}".rstrip(": ")


def _written(facts: Facts) -> str:
    """`by alice (command): …`, as it was written down."""
    by = [f"by {facts['by']} ({facts['how']})"] if "by" in facts else []
    return ": ".join((*by, *filter(None, [facts.get("detail")])))


def _opened(facts: Facts, _: Says) -> str:
    return "labels: " + ", ".join(f"{name}={value}" for name, value in sorted(facts["labels"].items()))


def _heard(facts: Facts, _: Says) -> str:
    routes = _ways(facts)
    return f"heard {facts['status']} from {facts['source']}: {facts['outcome']}{f', by {routes}' if routes else ''}"


def _ways(facts: Facts) -> str:
    return "; ".join(f"{way['route']} -> {way['receiver']}" for way in facts["routes"])


def _repeated(facts: Facts, _: Says) -> str:
    times = "once" if facts["times"] == 1 else f"{facts['times']} times"
    again = f"({facts['alertname']}) {times}" if facts["alertname"] is not None else f"again {times}"
    return f"heard {facts['status']} from {facts['source']} {again}: duplicate, nobody is told twice"


def _not_matched(facts: Facts, _: Says) -> str:
    """Which matchers of a route failed, and what was there instead."""
    failed = facts["failed"]
    why = ", ".join(
        f"{m['matcher']} ({value_of(m['label'], {m['label']: m['value'] or ''})})" for m in failed
    )
    return f"{facts['route']} did not match: {why}"


def _told(facts: Facts, _: Says) -> str:
    schedules = f" ({', '.join(facts['schedules'])})" if facts["schedules"] else ""
    return f"{facts['receiver']}{schedules} tells {', '.join(facts['to'])}"


def _held(facts: Facts, clock: Says) -> str:
    news = f" to hear {_NEWS.get(Kind(facts['kind']), '')}"
    return (
        f"{', '.join(facts['to'])}: {say_hold(facts['why'], facts['by'] or '', facts['until'], clock, news)}"
    )


def _dropped(facts: Facts, clock: Says) -> str:
    news, by = _NEWS.get(Kind(facts["kind"]), ""), f" ({facts['by']})" if facts["by"] else ""
    return f"{', '.join(facts['to'])}: to hear {news} at {clock(facts['until'])}{by}, and dropped: {facts['why']}"


def _because(facts: Facts) -> str:
    if facts["why"] == Hold.GROUP:
        return f"{facts['by'] or facts['why']}"
    return f"{facts['why']} ({facts['by']})" if facts["by"] else f"{facts['why']}"


def _tells_one(facts: Facts, clock: Says) -> str:
    held = f", held since {clock(facts['held_since'])}: {_because(facts)}" if "held_since" in facts else ""
    return f"#{facts['incident']} {facts['what']}: {facts['kind']}{held}"


def _message(facts: Facts, _: Says) -> str:
    parts = "1 part" if facts["parts"] == 1 else f"{facts['parts']} parts"
    others = facts["incidents"] - 1
    merged = f", with {others} other incident{'s' if others > 1 else ''}" if others > 0 else ""
    phone = "" if facts["number"] is None else f" ({facts['number']})"
    return f"{facts['message']} {facts['kind']} to {facts['to']}{phone}, {parts}{merged}: {facts['text']!r}"


def _message_state(facts: Facts, _: Says) -> str:
    code = f" {facts['code']}" if facts["code"] is not None else ""
    detail = f" ({facts['detail']})" if facts["detail"] else ""
    seconds = f", after {facts['seconds']:.1f} s" if facts["seconds"] is not None else ""
    tried = "" if facts["attempt"] is None else f" attempt {facts['attempt']} at {facts['gateway']}:"
    return f"{facts['message']}{tried} {facts['state']}: {facts['reason']}{code}{detail}{seconds}"


def _waits(facts: Facts, clock: Says) -> str:
    wait = facts["wait"]
    return (
        f"{facts['message']} is still queued: {say_wait(wait, clock)}; given up at {clock(wait.expires_at)}"
    )


def _due(facts: Facts, _: Says) -> str:
    if facts["what"] == TimerKind.CALM and not facts["flaps"]:
        return "due: closed without a text, because nothing can end a notice"
    return "due: " + _DUE.get(facts["what"], "").format(**facts)


def _lapses(facts: Facts, _: Says) -> str:
    what = "the acknowledgement lapses" if facts["acknowledged"] else "told to all, unless somebody answers"
    return f"due: {what}"


_WORDS: Mapping[EventName, Callable[[Facts, Says], str]] = {
    EventName.OPENED: _opened,
    EventName.HEARD: _heard,
    EventName.REPEATED: _repeated,
    EventName.NOT_MATCHED: _not_matched,
    EventName.NOR_OTHERS: lambda facts, _: f"nor did {len(facts['routes'])} others",
    EventName.ROUTED_TODAY: lambda facts, _: f"today's configuration would take {_ways(facts)}",
    EventName.TOLD: _told,
    EventName.HELD: _held,
    EventName.DROPPED: _dropped,
    EventName.TELLS: lambda facts, _: f"tells {len(facts['incidents'])} incidents in one text:",
    EventName.TELLS_ONE: _tells_one,
    EventName.MESSAGE: _message,
    EventName.MESSAGE_STATE: _message_state,
    EventName.WAITS: _waits,
    EventName.STILL_BARRED: lambda facts, clock: (
        f"{facts['to']} is still {say_barring(facts['barring'], clock)}"
    ),
    EventName.UNHEARD: lambda _, __: "unheard: not heard of any more, and closed",
    EventName.SUPPRESSED: lambda _, __: "seen suppressed by its source: beginnings, steps and reminders wait",
    EventName.DUE: _due,
    EventName.LAPSES: _lapses,
}
