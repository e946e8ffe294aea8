"""A store with a past of a hundred thousand rows in each table that grows, as the program leaves them: nearly all of it is over
and done with, and some hundred rows of each kind still wait.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from sms_notify.store.database import Database
from sms_notify.store.tx import stored

ROWS = 100_000
WAIT = 300  # rows of each state that waits
KEYS = 5_000  # alerts there are at all: each had many an episode
PEOPLE = 40

# `past` has a row an incident, at its moment, `left` counting down to 0. What comes last waits.
_FILLING = """
create temp table past as with recursive seq(i) as (select 1 union all select i + 1 from seq where i < :rows)
  select i, :rows - i as left, :now - (:rows - i) * 77000000 as at, 'past' || (i % :keys) as key,
  '+3247000' || (1000 + i % :people) as number, '{"alertname":"CpuHigh","instance":"web' || (i % :keys) || '"}' as labels,
  'person' || (i % :people) as person from seq;
create temp table texts as select past.*, case when left >= 5 * :wait then 'delivered' when left % 5 = 0 then 'queued'
  when left % 5 = 1 then 'sent' when left % 5 = 2 then 'unknown' when left % 5 = 3 then 'submitting' else 'buffered' end
  as state from past;
insert into incidents (id, source, fingerprint, state, severity, labels, annotations, starts_at, opened_at, last_seen_at,
  ended_at, closed_at, repeats) select i, 'alertmanager', key, case when left < :wait then 'open' else 'resolved' end,
  'warning', labels,
  '{}', at, at, case when left < :wait then :now else at end, case when left >= :wait then at end,
  case when left >= :wait then at end, 1 from past;
insert into members (incident_id, source, fingerprint, starts_at, ended_at, opened_at, closed_at, last_seen_at)
  select i, 'zabbix', key, at, at, at, case when left >= :wait then at end, case when left < :wait then :now else at end
  from past;
insert into alerts (received_at, node, source, fingerprint, status, reason, incident_id, group_key, labels, annotations,
  starts_at, ends_at, routes) select at, 'node', 'alertmanager', key, 'firing', 'first', i, '{}', labels, '{}', at, null,
  'route -> oncall' from past;
insert into messages (id, kind, receiver, recipient, number, severity, gateway, body, parts, state, attempts, ambiguous,
  reference, smsid, not_before, expires_at, lease_until, lease_by, poll_at, polls, created_at, sent_at, updated_at, rank, lane,
  ack_code) select i, 'firing', 'oncall', person, number, 'warning', 'main', 'FIRING CpuHigh', 1, state, 1, 0, 'past' || i,
  case when state in ('delivered', 'sent', 'buffered') then 'sms' || i end, at, :now + (left % 7 - 1) * 600000000,
  case when state = 'submitting' then :now + (left % 7 - 1) * 60000000 end, case when state = 'submitting' then 'node' end,
  case when state in ('sent', 'buffered') then :now + (left % 7 - 3) * 10000000 end, 1, at, at, at, 1, 'rest', 'code' || i
  from texts;
insert into pages (incident_id, number, kind, nth, recipient, receiver, lane, bundle, state, why, held_by, hidden,
  created_at, due_at, message_id) select i, number, 'firing', 0, person, 'oncall', 'rest', '', 'told', 'now', '', 0, at, at, i
  from past;
insert into pages (incident_id, number, kind, nth, recipient, receiver, lane, bundle, state, why, held_by, hidden,
  created_at, due_at) select i, number, 'reminder', 1, person, 'oncall', 'rest', '', 'held',
  case left % 3 when 0 then 'quiet_hours' when 1 then 'limit' else 'group_wait' end, '', 0, at,
  :now + (left % 7 - 3) * 60000000 from past where left < :wait;
insert into attempts (message_id, n, gateway, node, reference, started_at, ended_at, fate, reason, detail, number, lane,
  parts) select i, 1, 'main', 'node', 'past' || i, at, case when state <> 'submitting' then at end,
  case when state = 'submitting' then null when state = 'unknown' then 'unknown' else 'sent' end, 'ok', '', number, 'rest', 1
  from texts;
insert into ledger (at, node, message_id, state, reason, gateway, severity, parts, detail)
  select at, 'node', i, state, 'ok', 'main', 'warning', 1, '' from texts;
insert into decisions (at, node, incident_id, word, receiver, nth, detail)
  select at, 'node', i, 'escalated', 'oncall', 1, '' from past;
insert into agenda (incident_id, receiver, what, nth, due_at, every) select i, 'oncall',
  case when left < :wait and left % 10 = 0 then 'calm' when left < :wait and left % 10 = 1 then 'copy'
  when left % 2 = 0 then 'escalate' else 'remind' end, 1,
  :now + (:wait - left) * 1000000 + 86400000000, 14400000000
  from past;
insert into holds (number, lane, scope, since, until, announced) select distinct number, 'rest', 'per_number', :now - 60000000,
  :now + 60000000, 0 from past;
insert into groups (name, flush_at) select 'group' || i, :now - left * 1000000 from past where left < :wait;
insert into breakers (gateway, scope, subject, opened_at, failures, first_at, reason, code, probe_at, probe_every, probe_cap,
  probes) select 'main', 'number', '+3161' || i, :now - 60000000, 1, :now, 'error_code', 106, :now, 60, 900, 1 from past
  where left < 3;
insert into troubles (id, level, gateway, what, advice, times, opened_at, tell_at, told_at, tries, closed_at)
  select case when left < 3 then 'main/new/' || left else '#unread/bob/' || i end, 'page', 'main', 'what', 'advice', 1, at, at,
  case when left >= 3 then at end, 0, case when left >= 20 then at end from past where left < :wait;
drop table texts;
drop table past;
"""


def fill(store: Database, now: datetime, rows: int = ROWS) -> None:
    """Writes a past of so many rows into an empty store; the newest of it happens at `now`."""
    with store.transaction():
        pass  # the tables
    store.close()
    connection = sqlite3.connect(store.path, isolation_level=None)
    # The file need not outlive a crash; and an index that is made afterwards costs a quarter of one that grows row by row.
    connection.executescript(
        "pragma journal_mode = off; pragma synchronous = off; pragma temp_store = memory; begin"
    )
    indexes = connection.execute(
        "select name, sql from sqlite_master where type = 'index' and sql is not null"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"drop index {name}")
    values = {"rows": rows, "wait": WAIT, "keys": KEYS, "people": PEOPLE, "now": stored(now)}
    for statement in filter(str.strip, _FILLING.split(";\n")):
        connection.execute(statement, values)
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("commit")
    connection.close()
