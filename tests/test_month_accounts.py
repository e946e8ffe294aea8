"""What months cost stays what it was, whatever is erased and wherever that is cut short."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from stores import a_store
from workbench import NOON

from sms_notify.policy.retention import Keep, cuts
from sms_notify.policy.vocabulary import State
from sms_notify.store import month_accounts
from sms_notify.store.database import Database
from sms_notify.store.erasure import Erasure
from sms_notify.store.tx import Tx, stored

LEFT = (None, "sent", "unknown")  # the fates of attempts that cost something
FATES = (*LEFT, "not_sent", "refused")
Account = Mapping[tuple[str, ...], tuple[int, int, int]]
"""By month, recipient, receiver, severity and gateway: texts, parts and credits."""


@dataclass(frozen=True)
class Text:
    """`attempts` are days after it was made, with a gateway and a fate."""

    day: int
    recipient: str
    receiver: str
    severity: str
    parts: int
    state: State
    attempts: Sequence[tuple[int, str, str | None]]


texts = st.builds(
    Text,
    st.integers(0, 500),
    st.sampled_from(("alice", "bob")),
    st.sampled_from(("oncall", "dba")),
    st.sampled_from(("critical", "info")),
    st.integers(1, 4),
    st.sampled_from(State),
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(("main", "backup")), st.sampled_from(FATES)), max_size=4
    ).map(lambda tries: sorted(tries, key=lambda one: one[0])),
)


def write(tx: Tx, id_: int, text: Text) -> None:
    made = NOON + timedelta(days=text.day)
    tx.run(
        "insert into messages (id, kind, receiver, recipient, number, severity, gateway, body, parts, state, attempts,"
        " ambiguous, not_before, expires_at, polls, created_at, updated_at, rank) values (:id, 'firing', :receiver, :recipient,"
        " '+32470000001', :severity, 'main', 'x', :parts, :state, 0, 0, 1, 1, 0, :at, :at, 1)",
        id=id_,
        receiver=text.receiver,
        recipient=text.recipient,
        severity=text.severity,
        parts=text.parts,
        state=text.state,
        at=stored(made),
    )
    for n, (days, gateway, fate) in enumerate(text.attempts):
        tx.run(
            "insert into attempts (message_id, n, gateway, node, reference, started_at, fate, number, lane, parts) values (:id,"
            " :n, :gateway, 'node', :reference, :at, :fate, '+32470000001', 'rest', :parts)",
            id=id_,
            n=n,
            gateway=gateway,
            reference=f"{id_}/{n}",
            at=stored(made + timedelta(days=days, seconds=n)),
            fate=fate,
            parts=text.parts,
        )


def expected(written: Sequence[Text]) -> Account:
    """Counted by hand: a text and its parts once, where it left first; its credits each time."""
    found: Counter[tuple[str, ...]] = Counter()
    for text in written:
        left = [(days, gateway) for days, gateway, fate in text.attempts if fate in LEFT]
        for nth, (days, gateway) in enumerate(left):
            month = f"{NOON + timedelta(days=text.day + days):%Y-%m}"
            line = (month, text.recipient, text.receiver, text.severity, gateway)
            first = nth == 0
            found += Counter({(*line, "texts"): first, (*line, "parts"): first * text.parts})
            found += Counter({(*line, "credits"): text.parts})
    lines = {key[:5] for key in found}
    return {line: tuple(found[*line, what] for what in ("texts", "parts", "credits")) for line in lines}


def booked(store: Database) -> Account:
    months = {f"{NOON + timedelta(days=day):%Y-%m}" for day in range(0, 560, 20)}
    with store.reading() as tx:
        return {
            (line.month, line.recipient, line.receiver, line.severity, line.gateway): (
                spent.texts,
                spent.parts,
                spent.credits,
            )
            for month in months
            for line, spent in month_accounts.of_month(tx, month).items()
        }


def run(store: Database, keep: Keep, now: datetime, most: int) -> None:
    """At most so many steps, each of which leaves the accounts as they were."""
    before, erasure, due = booked(store), Erasure(), cuts(keep, now)
    for _ in range(most):
        with store.transaction() as tx:
            if erasure.step(tx, due) is None:
                return
        assert booked(store) == before


@settings(max_examples=25, deadline=None)
@given(
    st.lists(texts, min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 30)), max_size=4),
)
def test_what_each_month_cost_adds_up_to_what_left(written: list[Text], runs: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = a_store(Path(folder) / "x.db")
        with store.transaction() as tx:
            for id_, text in enumerate(written, 1):
                write(tx, id_, text)
        for day, most in itertools.chain(sorted(runs), [(2_000, 200)]):
            run(store, Keep(), NOON + timedelta(days=day), most)
            assert booked(store) == expected(written)
        with store.reading() as tx:
            left = tx.all("select id from messages")
        assert {row["id"] for row in left} == {
            id_ for id_, text in enumerate(written, 1) if not text.state.final or id_ == len(written)
        }
        store.close()
