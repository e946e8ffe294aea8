"""What happened to one incident or message, and what is due: events with names and ids, out of the rows that record them.

`explain --json` prints them as they are; `timeline` puts each into a line for people. So there is one source for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sms_notify.barring import barring_of
from sms_notify.explain.incident_names import name_of
from sms_notify.explain.route_trace import Look, Looked, walk
from sms_notify.explain.waiting import wait_of
from sms_notify.logs import masked
from sms_notify.policy.armed_texts import ArmedText
from sms_notify.policy.by_hand import name_of_text
from sms_notify.policy.directory import TargetKind, group_of
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.retention import are_erased
from sms_notify.policy.routing import Receiver, Route, step_of
from sms_notify.policy.self_alert_notes import name_of as reader_named
from sms_notify.policy.vocabulary import BEGUN, Decision, Heard, IncidentState, Kind, PageState, State
from sms_notify.store import armed_rows, queries
from sms_notify.store.incidents import incident_of
from sms_notify.store.messages import message_of
from sms_notify.store.tx import Row, Tx, from_stored, load, moment

_ROUTES_SHOWN = 6


class EventName(StrEnum):
    """What an event is about; a decision is named by its own word."""

    OPENED = "opened"  # the incident began, with these labels
    HEARD = "heard"  # an alert was accepted
    REPEATED = "repeated"  # so many alerts that were not news
    NOT_MATCHED = "not_matched"  # a route that did not take it
    NOR_OTHERS = "nor_others"  # more of those
    ROUTED_TODAY = "routed_today"  # which way today's configuration would send it
    TOLD = "told"  # a receiver tells these people at once
    HELD = "held"  # these people hear of it later
    DROPPED = "dropped"  # these people do not hear of it after all
    TELLS = "tells"  # one text tells several incidents
    TELLS_ONE = "tells_one"  # one of those
    MESSAGE = "message"  # a text was written
    MESSAGE_STATE = "message_state"  # a text came into a state
    WAITS = "waits"  # a text is still queued, for this reason
    STILL_BARRED = "still_barred"  # a reader cannot be texted as things stand
    UNHEARD = "unheard"  # nothing was heard of it any more, and it was closed
    SUPPRESSED = "suppressed"  # its source keeps it from everybody
    DUE = "due"  # what is to come
    ARMED = "armed"  # when a step that lies in a gateway's outbox leaves from there
    LAPSES = "lapses"  # when an acknowledgement, or a wait for an answer, ends


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """`at` is aware UTC. `facts` are what JSON has beside time and name. `depth` 1 belongs to the event above it."""

    at: datetime
    name: EventName | Decision
    facts: Mapping[str, object] = field(default_factory=dict)
    depth: int = 0

    @property
    def document(self) -> dict[str, object]:
        return {"at": self.at, "event": str(self.name), **self.facts}


@dataclass(frozen=True, slots=True)
class TodaysConfiguration:
    """Today's configuration, which helps to tell what happened. `now` None leaves out why a text is still queued."""

    route: Route | None = None
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    gateways: tuple[str, ...] = ()
    now: datetime | None = None

    def schedules(self, name: str) -> list[str]:
        """The schedules that say who a receiver is now."""
        receiver = self.receivers.get(name)
        targets = receiver.notify if receiver is not None else ()
        return [str(target) for target in targets if target.kind is TargetKind.SCHEDULE]


def of_incident(tx: Tx, row: Row, known: TodaysConfiguration) -> list[TimelineEvent]:
    """Of the incident of this row, in the order of time."""
    labels, pages = load(row["labels"]), queries.pages_of(tx, row["id"])
    found = [TimelineEvent(moment(row["opened_at"]), EventName.OPENED, {"labels": labels})]
    found += _heard(queries.alerts_of(tx, row["id"]), labels, known)
    found += _pages(pages, known)
    found += [_decided(decided, pages, known) for decided in queries.decisions_of(tx, row["id"])]
    messages = queries.messages_of(tx, row["id"])
    for message in messages:
        found += _message(tx, message, known, message["tells"])
    found += _barred(tx, messages, known)
    found += _ends(row)
    found += [_due(due, flaps=bool(row["flapping"])) for due in queries.agenda_of(tx, row["id"])]
    found += _armed(armed_rows.of_incident(tx, row["id"]))
    found += _lapses(row)
    return sorted(found, key=lambda event: event.at)


def of_message(tx: Tx, row: Row, told: Sequence[Row], known: TodaysConfiguration) -> list[TimelineEvent]:
    """Of the message of this row, which tells the incidents `told`."""
    tells = _tells(tx, row, told) if len(told) > 1 else ()
    asked = {
        (one.at, one.facts.get("by")): one
        for incident in told
        for one in _sent_again(tx, row, incident, known)
    }
    found = [*tells, *_message(tx, row, known), *asked.values(), *_barred(tx, [row], known)]
    return sorted(found, key=lambda event: event.at) if asked else found


def _sent_again(tx: Tx, message: Row, incident: Row, known: TodaysConfiguration) -> Iterator[TimelineEvent]:
    """That somebody wanted this text told once more."""
    for row in queries.decisions_of(tx, incident["id"]):
        if row["word"] == Decision.SENT_AGAIN and row["detail"].endswith(f": {name_of_text(message['id'])}"):
            yield _decided(row, (), known)


# What was heard, and which way it took.


def _heard(
    alerts: Sequence[Row], labels: Mapping[str, str], known: TodaysConfiguration
) -> list[TimelineEvent]:
    """What was accepted; a row of equal repeats is one event, with their number."""
    found: list[TimelineEvent] = []
    repeats: list[Row] = []
    for row in alerts:
        if row["reason"] == Heard.DUPLICATE:
            if repeats and _teller(repeats[-1]) != _teller(row):
                found += _repeated(repeats)
                repeats = []
            repeats.append(row)
            continue
        found += [*_repeated(repeats), _accepted(row)]
        of_alert = load(row["labels"]) if row["labels"] else labels
        if row["reason"] in BEGUN and known.route is not None and not are_erased(of_alert):
            found += _others(row, walk(known.route, of_alert))
        repeats = []
    return found + _repeated(repeats)


def _teller(row: Row) -> tuple[object, ...]:
    return row["source"], row["fingerprint"], row["labels"] is None


def _accepted(row: Row) -> TimelineEvent:
    facts = {"status": row["status"], "source": row["source"], "outcome": row["reason"], "routes": _ways(row)}
    return TimelineEvent(moment(row["received_at"]), EventName.HEARD, facts)


def _ways(row: Row) -> list[dict[str, str]]:
    lines = [line.rpartition(" -> ") for line in (row["routes"] or "").split("\n") if line]
    return [{"route": path, "receiver": receiver} for path, _, receiver in lines]


def _repeated(rows: Sequence[Row]) -> list[TimelineEvent]:
    if not rows:
        return []
    last = rows[-1]
    # Only what shares the incident with others has labels of its own here; the name says which of them it is.
    named = load(last["labels"]).get("alertname", "no name") if last["labels"] else None
    facts = {"status": last["status"], "source": last["source"], "times": len(rows), "alertname": named}
    return [TimelineEvent(moment(last["received_at"]), EventName.REPEATED, facts)]


def _others(row: Row, looked: Sequence[Looked]) -> Iterator[TimelineEvent]:
    """The routes that did not take it; by today's configuration, which says so where it would decide otherwise."""
    at, labels = moment(row["received_at"]), load(row["labels"])
    today = [{"route": v.route.path, "receiver": v.route.receiver} for v in looked if v.answers]
    if today != _ways(row):
        yield TimelineEvent(at, EventName.ROUTED_TODAY, {"routes": today}, 1)
        return
    passed = [visited for visited in looked if visited.look is Look.NO_MATCH]
    for visited in passed[:_ROUTES_SHOWN]:
        failed = [{"matcher": str(m), "label": m.name, "value": labels.get(m.name)} for m in visited.failed]
        facts: dict[str, object] = {"route": visited.route.path, "failed": failed}
        yield TimelineEvent(at, EventName.NOT_MATCHED, facts, 1)
    if len(passed) > _ROUTES_SHOWN:
        more = [visited.route.path for visited in passed[_ROUTES_SHOWN:]]
        yield TimelineEvent(at, EventName.NOR_OTHERS, {"routes": more}, 1)


# Who was to hear of it.


def _pages(rows: Sequence[Row], known: TodaysConfiguration) -> list[TimelineEvent]:
    """One event for all who were to hear the same at the same time, whatever became of it."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        alike = tuple(
            row[key] for key in ("created_at", "receiver", "kind", "nth", "state", "why", "held_by")
        )
        late = () if row["why"] == Hold.NOW else (row["due_at"], row["told_at"])
        groups.setdefault((*alike, *late), []).append(row)
    found = []
    for group in groups.values():
        if group[0]["why"] != Hold.NOW:
            found.append(_held(group))
        elif group[0]["kind"] == Kind.FIRING:  # who hears the rest at once is plain from the texts
            found.append(_told_at_once(group, known))
    return found


def _told_at_once(group: Sequence[Row], known: TodaysConfiguration) -> TimelineEvent:
    receiver = group[0]["receiver"]
    facts = {"receiver": receiver, "schedules": known.schedules(receiver), **_readers(group)}
    return TimelineEvent(moment(group[0]["created_at"]), EventName.TOLD, facts)


def _held(group: Sequence[Row]) -> TimelineEvent:
    row = group[0]
    state = PageState(row["state"])
    until = moment(row["told_at"] if state is PageState.TOLD else row["due_at"])
    name = EventName.DROPPED if state is PageState.DROPPED else EventName.HELD
    facts = {"receiver": row["receiver"], "kind": row["kind"], "until": until, "why": row["why"]}
    facts |= {"by": row["held_by"] or None, **_readers(group)}
    return TimelineEvent(moment(row["created_at"]), name, facts)


def _readers(pages: Iterable[Row]) -> dict[str, object]:
    listed = list(pages)
    messages = dict.fromkeys(f"m{page['message_id']}" for page in listed if page["message_id"])
    return {"to": [page["recipient"] for page in listed], "messages": list(messages)}


def _decided(row: Row, pages: Sequence[Row], known: TodaysConfiguration) -> TimelineEvent:
    word = Decision(row["word"])
    facts: dict[str, object] = {"step": row["nth"] or None, "receiver": row["receiver"] or None}
    if word is Decision.ESCALATED:
        texts = [page for page in pages if _is_of_step(page, row)]
        facts |= {"to": row["detail"].split(", "), "messages": _readers(texts)["messages"]}
    elif word is Decision.NOBODY_ON_CALL:
        facts |= {"targets": row["detail"].split(", ") if row["nth"] else known.schedules(row["receiver"])}
    else:
        facts |= {"detail": row["detail"] or None} | _by(word, row["detail"])
    return TimelineEvent(moment(row["at"]), word, {k: v for k, v in facts.items() if v is not None})


def _is_of_step(page: Row, decided: Row) -> bool:
    step = Kind.ESCALATION, decided["receiver"], decided["nth"], decided["at"]
    return (page["kind"], page["receiver"], step_of(page["nth"]), page["created_at"]) == step


def _by(word: Decision, detail: str) -> dict[str, object]:
    """Who, how, and what else was written down, of `by alice (command): …`."""
    if not (word.by_somebody and detail.startswith("by ")):
        return {}
    who, _, rest = detail.removeprefix("by ").partition(" (")
    how, _, more = rest.partition(")")
    return {"by": who, "how": how, "detail": more.removeprefix(": ") or None}


# What is to come.


def _ends(row: Row) -> Iterator[TimelineEvent]:
    if row["state"] == IncidentState.UNHEARD and row["closed_at"] is not None:
        yield TimelineEvent(moment(row["closed_at"]), EventName.UNHEARD)
    if row["suppressed_at"] is not None and row["closed_at"] is None:
        yield TimelineEvent(moment(row["suppressed_at"]), EventName.SUPPRESSED)


def _lapses(row: Row) -> Iterator[TimelineEvent]:
    """When an acknowledgement ends by itself, or an answer is waited for no longer."""
    until = from_stored(row["ack_until"])
    if until is not None and row["closed_at"] is None:
        yield TimelineEvent(until, EventName.LAPSES, {"acknowledged": row["acked_at"] is not None})


def _armed(texts: Iterable[ArmedText]) -> Iterator[TimelineEvent]:
    """What lies there, or may; what was taken back never mattered to anybody."""
    for text in texts:
        if text.state.may_fire:
            facts = {"gateway": text.gateway, "nth": step_of(text.nth), "receiver": text.receiver}
            facts |= {"to": text.recipient, "state": text.state}
            yield TimelineEvent(text.due_at, EventName.ARMED, facts)


def _due(row: Row, *, flaps: bool) -> TimelineEvent:
    facts = {
        "what": row["what"],
        "nth": step_of(row["nth"]),
        "receiver": row["receiver"] or None,
        "flaps": flaps,
    }
    return TimelineEvent(moment(row["due_at"]), EventName.DUE, facts)


# The texts.


def _tells(tx: Tx, message: Row, incidents: Sequence[Row]) -> Iterator[TimelineEvent]:
    """What one text tells of several."""
    at, id_ = moment(message["created_at"]), f"m{message['id']}"
    tags = [tag_of(row["id"]) for row in incidents]
    yield TimelineEvent(at, EventName.TELLS, {"message": id_, "incidents": tags})
    pages = {row["incident_id"]: row for row in queries.told_by(tx, message["id"])}
    for row, tag in zip(incidents, tags, strict=True):
        page = pages[row["id"]]
        facts = {"message": id_, "incident": tag, "what": name_of(incident_of(row)), "kind": page["kind"]}
        if page["why"] != Hold.NOW:
            facts |= {
                "held_since": moment(page["created_at"]),
                "why": page["why"],
                "by": page["held_by"] or None,
            }
        yield TimelineEvent(at, EventName.TELLS_ONE, facts, 1)


def _message(tx: Tx, row: Row, known: TodaysConfiguration, tells: int = 1) -> Iterator[TimelineEvent]:
    id_, number = f"m{row['id']}", None if group_of(row["number"]) else masked(row["number"])
    facts = {"message": id_, "kind": row["kind"], "to": row["recipient"], "number": number}
    facts |= {"parts": row["parts"], "incidents": tells, "text": queries.shown_body(row)}
    yield TimelineEvent(moment(row["created_at"]), EventName.MESSAGE, facts)
    yield from _states(id_, queries.ledger_of(tx, row["id"]))
    wait = wait_of(tx, message_of(row), known.gateways, known.now) if known.now is not None else None
    if wait is not None and known.now is not None:
        yield TimelineEvent(known.now, EventName.WAITS, {"message": id_, "wait": wait})


def _states(id_: str, rows: Sequence[Row]) -> Iterator[TimelineEvent]:
    """What became of it: an attempt and its end are one event; that it was queued needs one only where that says why."""
    attempt, under_way = 0, False
    for number, row in enumerate(rows):
        under_way_before, under_way = under_way, row["state"] == State.SUBMITTING
        attempt += under_way
        last = number == len(rows) - 1
        if (under_way and not last) or (number == 0 and row["state"] == State.QUEUED and not row["detail"]):
            continue
        tried = attempt if under_way or under_way_before else None
        facts = {"message": id_, "state": row["state"], "attempt": tried, "gateway": row["gateway"]}
        facts |= {key: row[key] for key in ("reason", "code", "detail", "seconds")}
        yield TimelineEvent(moment(row["at"]), EventName.MESSAGE_STATE, facts, 1)


def _barred(tx: Tx, messages: Sequence[Row], known: TodaysConfiguration) -> Iterator[TimelineEvent]:
    """Who of the readers cannot be texted as things stand: a later text would not leave either."""
    for number, name in {row["number"]: row["recipient"] for row in messages}.items():
        barring = barring_of(tx, known.gateways, number)
        if barring is not None:
            facts = {"to": reader_named(name, number), "barring": barring}
            yield TimelineEvent(barring.since, EventName.STILL_BARRED, facts)
