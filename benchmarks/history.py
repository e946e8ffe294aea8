"""A past, written by SQL: so many messages over ninety days, to the people who are told today, as the program leaves them.
The last day is the same in every past: a hundred texts.

An incident has four messages, its beginning and its end told to two people; each has one attempt and four entries in the
ledger. All of it is over and done with.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import stored

DAYS = 90
OF_LATE = 100
LATELY = timedelta(days=1)
KEYS = 5_000
"""How many alerts there are at all: each has had many an episode."""
_MICROSECOND = timedelta(microseconds=1)

# i is an incident, at its moment; n of 0 to 3 is one of its messages: n / 2 its beginning or its end, n % 2 its reader.
_FILLING = """
create temp table past as with recursive seq(i) as (select :first union all select i + 1 from seq where i < :last)
  select i, :since + (i - :first) * :step as at from seq;
create temp table texts as select (i - 1) * 4 + n + 1 as id, i, n,
  case n / 2 when 0 then 'firing' else 'resolved' end as kind, case n % 2 when 0 then 'alice' else 'bob' end as person,
  case n % 2 when 0 then :alice else :bob end as number, at + n / 2 * 300000000 as at
  from past, (select 0 as n union all select 1 union all select 2 union all select 3) order by i, n;
insert into incidents (id, source, fingerprint, state, severity, labels, annotations, starts_at, opened_at, last_seen_at,
  ended_at, closed_at) select i, 'alertmanager', 'past' || (i % :keys), 'resolved', 'warning',
  '{"alertname":"CpuHigh","cluster":"ams","instance":"web' || (i % :keys) || '","severity":"warning","team":"platform"}',
  '{"summary":"the processor is busy"}', at, at, at + 300000000, at + 300000000, at + 300000000 from past;
insert into alerts (received_at, node, source, fingerprint, status, reason, incident_id, group_key, labels, annotations,
  starts_at, ends_at, routes) select t.at, 'node', 'alertmanager', i.fingerprint, t.kind,
  case t.n when 0 then 'first' else 'resolved' end, t.i, '{}', i.labels, i.annotations, i.starts_at, null,
  'route -> oncall' from texts t join incidents i on i.id = t.i where t.n % 2 = 0;
insert into messages (id, kind, receiver, recipient, number, severity, gateway, body, parts, state, attempts, ambiguous,
  reference, smsid, not_before, expires_at, polls, created_at, sent_at, updated_at, rank, lane, sender)
  select id, kind, 'oncall', person, number, 'warning', 'main', 'FIRING warning CpuHigh web' || (i % :keys) ||
  ': the processor is busy since 13:00 #k3f9', 1, 'delivered', 1, 0, printf('%032x', id * 7919), 'sms' || id, at,
  at + 3600000000, 1, at, at + 300000, at + 5000000, 1, 'rest', 'ACME' from texts;
insert into pages (incident_id, number, kind, nth, recipient, receiver, lane, bundle, state, why, held_by, hidden,
  created_at, due_at, message_id) select i, number, kind, 0, person, 'oncall', 'rest', '', 'told', 'now', '', 0, at, at,
  id from texts;
insert into attempts (message_id, n, gateway, node, reference, started_at, ended_at, fate, reason, smsid, detail, number,
  lane, parts) select id, 1, 'main', 'node', printf('%032x', id * 7919), at + 100000, at + 300000, 'sent', 'ok',
  'sms' || id, '', number, 'rest', 1 from texts;
insert into ledger (at, node, message_id, state, reason, gateway, severity, parts, detail)
  select t.at, 'node', t.id, s.state, s.reason, 'main', 'warning', 1, '' from texts t, (select 0 as k, 'queued' as state,
  'alert' as reason union all select 1, 'submitting', 'claimed' union all select 2, 'sent', 'ok' union all
  select 3, 'delivered', 'callback') s order by t.id, s.k;
drop table texts;
drop table past;
"""


def write(folder: Path, messages: int, numbers: tuple[str, str], now: datetime) -> SqliteStore:
    """A store of its own with `messages` of history that ends at `now`, in a file in `folder`."""
    store = SqliteStore(f"sqlite://{folder}/history{messages}.db")
    with store.transaction():
        pass  # the tables
    store.close()
    before, today = (messages - OF_LATE) // 4, OF_LATE // 4
    spans = (
        _span(1, before, now - timedelta(days=DAYS), now - LATELY),
        _span(before + 1, before + today, now - LATELY, now),
    )
    connection = sqlite3.connect(store.path, isolation_level=None)
    _fill(connection, [{"alice": numbers[0], "bob": numbers[1], "keys": KEYS, **span} for span in spans])
    connection.close()
    return store


def _span(first: int, last: int, since: datetime, until: datetime) -> dict[str, object]:
    """The incidents from `first` to `last`, spread over a time."""
    step = (until - since) // _MICROSECOND // (last - first + 1)
    return {"first": first, "last": last, "since": stored(since), "step": step}


def _fill(connection: sqlite3.Connection, spans: Sequence[dict[str, object]]) -> None:
    """An index that is made afterwards costs a quarter of one that grows with every row."""
    later = "select name, sql from sqlite_master where type = 'index' and sql is not null"
    indexes = connection.execute(later).fetchall()
    connection.execute("pragma journal_mode = off")  # the store asks for its own again when it opens the file
    connection.execute("pragma synchronous = off")
    connection.execute("pragma cache_size = -200000")
    connection.execute("pragma temp_store = memory")
    connection.execute("begin")
    for name, _ in indexes:
        connection.execute(f"drop index {name}")
    for values in spans:
        for statement in filter(str.strip, _FILLING.split(";")):
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(statement, used)
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("commit")
