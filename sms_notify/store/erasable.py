"""Which rows are a past that nothing needs any more: conditions, each on a row `x` and the time `:cut`."""

from __future__ import annotations

from sms_notify.policy.armed_texts import ArmedState
from sms_notify.policy.vocabulary import State
from sms_notify.store.literals import in_list

_FINAL = in_list(state for state in State if state.final)
_LYING = in_list(state for state in ArmedState if state.may_fire)


def _over(incident: str) -> str:
    """That an incident ended before `:cut`, and nothing about it waits or came since. By alerts_incident, pages_once,
    armed_incident and the primary keys. Repeats of what was closed by hand are alerts that came since; of those, of which
    there may be a hundred thousand, the newest tells. Reads all notifications of the incident.
    """
    return (
        f"coalesce({incident}.closed_at, :cut) < :cut and not exists (select 1 from alerts a where a.received_at >= :cut"
        f" and a.id = (select max(b.id) from alerts b where b.incident_id = {incident}.id)) and not exists (select 1 from pages w"
        f" left join messages n on n.id = w.message_id where w.incident_id = {incident}.id and (w.state = 'held'"
        f" or n.updated_at >= :cut or n.state not in {_FINAL})) and not exists (select 1 from armed r"
        f" where r.incident_id = {incident}.id and r.incident_id <> 0 and r.state in {_LYING})"
    )


INCIDENT_OVER = _over("x")
# What messages of these ids tell, and is not over: each incident is asked once, for one that was open for a year may have
# thousands of notifications. By pages_message, and the key of `tried`.
KEPT = (
    "kept as materialized (select i.id from incidents i where i.id in (select p.incident_id from pages p"
    " where p.message_id between :first and :last union select p.incident_id from tried t join pages p on p.id = t.page_id"
    f" where t.message_id between :first and :last) and not ({_over('i')}))"
)
# A text that tells several incidents stays with the last of them.
MESSAGE_OVER = (
    f"x.created_at < :cut and x.updated_at < :cut and x.state in {_FINAL}"
    " and not exists (select 1 from pages p join kept k on k.id = p.incident_id where p.message_id = x.id)"
    " and not exists (select 1 from tried t join pages p on p.id = t.page_id join kept k on k.id = p.incident_id"
    " where t.message_id = x.id)"
)
TOLD_NOTHING = (
    "not exists (select 1 from pages p where p.message_id = x.id)"
    " and not exists (select 1 from tried t where t.message_id = x.id)"
)
OF_NO_INCIDENT = "x.incident_id is null"
ARMED_OVER = f"x.due_at < :cut and x.state not in {_LYING}"
NAMES_NOTHING = (  # by incidents_latest and members_key
    "x.noted_at < :cut and not exists (select 1 from incidents i where i.source = x.source and i.fingerprint = x.fingerprint)"
    " and not exists (select 1 from members m where m.source = x.source and m.fingerprint = x.fingerprint)"
)
