"""Somebody ends an incident by hand, because its source never will; and what is owed of ends that nobody reported just now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sms_notify.policy.bundles import CLOSED
from sms_notify.policy.cases import Case
from sms_notify.policy.ends import EndNotifications
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.routing import route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, Decision, Drop, Heard, IncidentState, Kind, PageState
from sms_notify.policy.withdrawal import stop_follow_ups


def close(rows: Rows, incident_ids: Iterable[int], by: str, how: AckBy) -> list[int]:
    """Returns those that were open. Nothing follows of them; their ends are to be told (`ends_of`)."""
    closed: list[int] = []
    for id_ in dict.fromkeys(incident_ids):
        incident = rows.incidents.get(id_)
        if incident is None or not incident.is_open:
            continue
        state = IncidentState.CLOSED
        rows.incidents.put(id_, replace(incident, state=state, closed_at=rows.now, closed_by=by))
        rows.decide(Decision.CLOSED, id_, detail=f"by {by} ({how})")
        stop_follow_ups(rows, id_, Drop.RESOLVED)
        closed.append(id_)
    return closed


def ends_of(plan: Plan, rows: Rows, ends: EndNotifications, over: Iterable[int]) -> list[Notification]:
    """Everybody who believes that it fires hears that it is over, or who closed it; not whoever did, who knows."""
    cases = [_case(plan, rows.incidents.rows[id_]) for id_ in sorted(over)]
    owed = [(n, _closed_by(plan, rows, n)) for n in ends.ends(cases).owed if not _waits(rows, n)]
    for n, closed_it in owed:
        if closed_it:
            ends.count_as_said(n, Drop.CLOSED_IT)
    return [_told(rows, n) for n, closed_it in owed if not closed_it]


def _waits(rows: Rows, n: Notification) -> bool:
    """Whether this reader's end is held already."""
    of_end = (one for one in rows.of_incident(n.incident_id) if one.kind is Kind.RESOLVED)
    return any(one.number == n.number and one.state is PageState.HELD for one in of_end)


def _told(rows: Rows, n: Notification) -> Notification:
    """One text tells of one closer."""
    by = rows.incidents.rows[n.incident_id].closed_by
    return replace(n, bundle=f"{CLOSED} by {by}") if by else n


def _case(plan: Plan, incident: Incident) -> Case:
    chains = route(plan.route, incident.routing_labels).chains
    alert = incident.subject.alert
    return Case(alert, Heard.RESOLVED, incident.id, incident.opened_at, chains, round=incident.raised)


def _closed_by(plan: Plan, rows: Rows, n: Notification) -> bool:
    by = rows.incidents.rows[n.incident_id].closed_by
    person = plan.directory.people.get(by)
    return n.person.name == by or (person is not None and person.number == n.number)
