"""Accepting: which alerts become which texts, and what happens as time passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from stores import a_store
from workbench import NOON, Bench, VirtualClock, a_plan, firing, resolved

from sms_notify.engine import Engine
from sms_notify.engine.working_set import WorkingSet
from sms_notify.explain import timeline
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.holds import Hold
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.rate_limits import STANDARD
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.vocabulary import Cause, Heard, Kind, State
from sms_notify.store import claims, ledger_queries, messages, outbox, page_queries
from sms_notify.store.ledger_queries import IncidentFilter
from sms_notify.store.messages import Entry

MINUTE = timedelta(minutes=1)


def heard(verdicts: list) -> list[Heard]:
    return [verdict.heard for verdict in verdicts]


def put_in(bench: Bench, state: State, message_id: int = 1) -> None:
    """Puts a message where sending would have brought it."""
    now = bench.clock()
    if state is State.QUEUED:
        return
    bench.commit(
        lambda tx: claims.claim(tx, "main", f"ref{message_id}", "node", now + MINUTE, now, only=message_id)
    )
    if state is State.SUBMITTING:
        return
    message = bench.commit(lambda tx: messages.get(tx, message_id))
    if state is State.UNKNOWN:
        bench.commit(lambda tx: outbox.mark_ambiguous(tx, message, Entry(Reason.TIMEOUT), "node", now))
        return
    bench.commit(lambda tx: messages.move(tx, message, state, Entry(Cause.POLL), "node", now))


def test_a_firing_alert_makes_one_text_for_each_person_of_its_receiver(bench: Bench) -> None:
    verdicts = bench.accept(firing(instance="web1"))

    assert heard(verdicts) == [Heard.FIRST]
    assert [(who, kind) for who, kind, *_ in bench.messages()] == [("alice", "firing"), ("bob", "firing")]
    assert all("HostDown" in body and "web1" in body for *_, body in bench.messages())


def test_every_repeat_of_an_episode_is_suppressed(bench: Bench) -> None:
    bench.accept(firing())
    for _ in range(5):
        bench.clock.move(hours=4)
        assert heard(bench.accept(firing())) == [Heard.DUPLICATE]

    assert len(bench.messages()) == 2


def test_alerts_that_come_together_are_told_together(bench: Bench) -> None:
    bench.accept(*(firing(instance=f"web{n}") for n in range(1, 4)))

    assert len(bench.messages()) == 2
    assert all("3x" in body for *_, body in bench.messages())


def test_what_joins_a_group_later_is_told_without_telling_the_rest_again(bench: Bench) -> None:
    bench.accept(firing(instance="web1"))
    bench.accept(firing(instance="web1"), firing(instance="web2"))

    assert len(bench.messages()) == 4
    assert all("web2" in body and "web1" not in body for *_, body in bench.messages()[2:])


def test_a_person_in_two_receivers_gets_one_text(bench: Bench) -> None:
    bench.accept(firing(team="all"))

    assert sorted(who for who, *_ in bench.messages()) == ["alice", "bob"]


def test_a_route_to_nobody_is_recorded_and_told_to_nobody(bench: Bench) -> None:
    assert heard(bench.accept(firing(severity="info"))) == [Heard.NOBODY]
    assert heard(bench.accept(resolved(severity="info"))) == [Heard.NOBODY_TOLD]
    assert bench.messages() == []
    assert [row["reason"] for row in bench.rows("select reason from alerts order by id")] == [
        "nobody",
        "nobody_told",
    ]


def test_what_fires_again_before_its_reader_heard_of_the_end_is_known_to_them(bench: Bench) -> None:
    """Bob may get two critical texts a minute: his text about the end is held, and needless when it begins anew."""
    alice, bob = (Target(TargetKind.PERSON, name) for name in ("alice", "bob"))
    receivers = {"oncall": Receiver("oncall", (bob,), escalate=(Step(5 * MINUTE, (alice,)),))}
    plan = replace(
        a_plan(), limits=replace(STANDARD, flapping=None), receivers=receivers, route=Route("oncall")
    )
    bench.engine = Engine(plan, "node")
    bench.accept(firing("One"), group="One")
    put_in(bench, State.SENT, 1)
    bench.clock.move(minutes=5)
    bench.tick()
    put_in(bench, State.SENT, 2)
    for name, message_id in (("Two", 3), ("Three", 4)):
        bench.accept(firing(name), group=name)
        put_in(bench, State.SENT, message_id)
    assert heard(bench.accept(resolved("One"), group="One")) == [Heard.RESOLVED]
    put_in(bench, State.SENT, 5)
    bench.clock.move(seconds=1)

    assert heard(bench.accept(firing("One", at=bench.clock()), group="One")) == [Heard.KNOWN]
    assert [who for who, *_ in bench.messages()] == ["bob", "alice", "bob", "bob", "alice"]


@pytest.mark.parametrize(
    "state",
    [
        State.SUBMITTING,
        State.UNKNOWN,
        State.SENT,
        State.BUFFERED,
        State.DELIVERED,
        State.NO_REPORT,
        State.UNKNOWN_FINAL,
    ],
)
def test_a_resolve_is_told_to_whoever_may_have_the_first_text(bench: Bench, state: State) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, state)
    bench.clock.move(minutes=5)

    assert heard(bench.accept(resolved(team="dba"))) == [Heard.RESOLVED]
    assert [(who, kind) for who, kind, *_ in bench.messages()] == [("bob", "firing"), ("bob", "resolved")]


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.NOT_DELIVERED, State.REJECTED])
def test_a_resolve_is_not_told_to_whoever_never_got_the_first_text(bench: Bench, state: State) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, state)

    assert heard(bench.accept(resolved(team="dba"))) == [Heard.NOBODY_TOLD]
    assert len(bench.messages()) == 1


def test_trouble_that_ends_before_its_text_left_is_told_to_nobody(bench: Bench) -> None:
    bench.accept(firing(team="dba"))

    assert heard(bench.accept(resolved(team="dba"))) == [Heard.RESOLVED_UNSENT]
    assert [(kind, state) for _, kind, state, _ in bench.messages()] == [("firing", "cancelled")]


def test_a_waiting_text_about_a_group_is_worded_anew_when_one_of_it_ends(bench: Bench) -> None:
    bench.accept(firing(team="dba", instance="a"), firing(team="dba", instance="b"))

    assert heard(bench.accept(resolved(team="dba", instance="a"))) == [Heard.RESOLVED_UNSENT]
    bench.clock.move(seconds=1)
    bench.tick()
    assert [(kind, state) for _, kind, state, _ in bench.messages()] == [
        ("firing", "cancelled"),
        ("firing", "queued"),
    ]
    assert bench.messages()[1][-1].startswith("FIRING critical HostDown b: ")


def test_a_resend_that_became_pointless_is_not_sent_but_its_resolve_is(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, State.UNKNOWN)
    bench.clock.move(seconds=61)
    bench.tick()
    assert bench.messages("state") == [("unknown_final",), ("queued",)]

    assert heard(bench.accept(resolved(team="dba"))) == [Heard.RESOLVED]
    assert bench.messages("kind, state") == [
        ("firing", "unknown_final"),
        ("firing", "cancelled"),
        ("resolved", "queued"),
    ]


def test_a_receiver_that_wants_no_resolves_gets_none(bench: Bench) -> None:
    bench.accept(firing(team="quiet"))
    put_in(bench, State.SENT, 1)
    put_in(bench, State.SENT, 2)

    assert heard(bench.accept(resolved(team="quiet"))) == [Heard.RESOLVED_OFF]
    assert len(bench.messages()) == 2


def test_the_resolve_of_a_group_is_one_text_for_each_person(bench: Bench) -> None:
    bench.accept(*(firing(instance=f"web{n}") for n in range(3)))
    put_in(bench, State.SENT, 1)
    put_in(bench, State.SENT, 2)
    bench.accept(*(resolved(instance=f"web{n}") for n in range(3)))

    assert [(who, kind) for who, kind, *_ in bench.messages()][2:] == [
        ("alice", "resolved"),
        ("bob", "resolved"),
    ]


def told_and_ended(bench: Bench) -> None:
    """Bob has read of the beginning and of the end."""
    bench.accept(firing(team="dba"))
    put_in(bench, State.SENT, 1)
    bench.clock.move(minutes=5)
    bench.accept(resolved(team="dba"))
    put_in(bench, State.SENT, 2)


def states(bench: Bench) -> list[str]:
    return [row["state"] for row in bench.rows("select state from incidents order by id")]


def test_an_old_copy_after_the_resolve_is_held_for_a_minute(bench: Bench) -> None:
    told_and_ended(bench)
    bench.clock.move(seconds=20)

    assert heard(bench.accept(firing(team="dba"))) == [Heard.HELD_COPY]
    bench.clock.move(seconds=39)
    bench.tick()
    assert (len(bench.messages()), states(bench)) == (2, ["resolved"])


def test_what_goes_on_after_that_minute_is_told(bench: Bench) -> None:
    told_and_ended(bench)
    bench.clock.move(seconds=20)
    bench.accept(firing(team="dba"))
    bench.clock.move(seconds=41)
    bench.tick()

    assert [kind for _, kind, *_ in bench.messages()] == ["firing", "resolved", "firing"]
    assert states(bench) == ["resolved", "open"]
    assert heard(bench.accept(firing(team="dba"))) == [Heard.DUPLICATE]


def test_an_end_after_the_copy_says_that_it_was_an_old_one(bench: Bench) -> None:
    told_and_ended(bench)
    bench.clock.move(seconds=20)
    bench.accept(firing(team="dba"))
    bench.clock.move(seconds=20)
    assert heard(bench.accept(resolved(team="dba"))) == [Heard.DUPLICATE]
    bench.clock.move(minutes=5)
    bench.tick()

    assert (len(bench.messages()), states(bench)) == (2, ["resolved"])


def test_an_end_is_an_end_though_its_time_lies_before_the_start(bench: Bench) -> None:
    """A clock was set back meanwhile."""
    bench.accept(firing(team="dba"))
    put_in(bench, State.SENT)

    assert heard(bench.accept(resolved(team="dba", end=NOON - MINUTE))) == [Heard.RESOLVED]


def test_the_end_of_an_earlier_episode_does_not_end_the_open_one(bench: Bench) -> None:
    told_and_ended(bench)
    bench.clock.move(minutes=30)
    later = bench.clock()
    assert heard(bench.accept(firing(team="dba", at=later))) == [Heard.FIRST]

    assert heard(bench.accept(resolved(team="dba"))) == [Heard.OLD_END]
    assert heard(bench.accept(resolved(team="dba", at=later))) != [Heard.OLD_END]
    assert states(bench) == ["resolved", "resolved"]


def test_a_resolve_in_the_same_delivery_as_its_firing_is_told_to_nobody(bench: Bench) -> None:
    assert heard(bench.accept(firing(), resolved())) == [Heard.FIRST, Heard.RESOLVED_UNSENT]
    assert {state for *_, state, _ in bench.messages()} == {"cancelled"}


def test_the_same_alert_twice_in_one_delivery_is_told_once(bench: Bench) -> None:
    assert heard(bench.accept(firing(), firing())) == [Heard.FIRST, Heard.DUPLICATE]
    assert len(bench.messages()) == 2


def not_heard_of_for_a_day(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, State.SENT)
    bench.clock.move(hours=24, seconds=1)
    bench.tick()


def test_whoever_believes_that_it_fires_is_told_once_that_nothing_is_heard_of_it(bench: Bench) -> None:
    not_heard_of_for_a_day(bench)
    put_in(bench, State.SENT, 2)
    bench.clock.move(days=1)
    bench.tick()

    assert states(bench) == ["unheard"]
    assert [(who, kind) for who, kind, *_ in bench.messages()] == [("bob", "firing"), ("bob", "unheard")]
    assert bench.messages()[1][-1].startswith("UNHEARD critical HostDown")


def test_what_is_heard_of_again_with_its_first_start_goes_on(bench: Bench) -> None:
    not_heard_of_for_a_day(bench)

    assert heard(bench.accept(firing(team="dba"))) == [Heard.DUPLICATE]
    assert states(bench) == ["open"]


def test_what_is_heard_of_again_with_another_start_is_news(bench: Bench) -> None:
    not_heard_of_for_a_day(bench)
    put_in(bench, State.SENT, 2)

    assert heard(bench.accept(firing(team="dba", at=bench.clock()))) == [Heard.FIRST]
    assert states(bench) == ["unheard", "open"]
    assert [kind for _, kind, *_ in bench.messages()] == ["firing", "unheard", "firing"]


def test_the_end_of_what_nothing_was_heard_of_is_told(bench: Bench) -> None:
    not_heard_of_for_a_day(bench)
    put_in(bench, State.SENT, 2)

    assert heard(bench.accept(resolved(team="dba"))) == [Heard.RESOLVED]
    assert bench.messages()[-1][:2] == ("bob", "resolved")


def test_what_a_source_tells_once_is_open_until_it_ends(bench: Bench) -> None:
    alert = replace(firing(team="dba"), source="nagios")
    bench.accept(alert)
    bench.clock.move(days=9)
    bench.tick()

    assert states(bench) == ["open"]
    assert heard(bench.accept(replace(resolved(team="dba"), source="nagios"))) != [Heard.NEVER_FIRED]


def test_what_fires_again_before_its_end_was_told_is_the_same_incident(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, State.SENT)
    bench.acknowledge(1)
    bench.clock.move(minutes=5)
    bench.accept(resolved(team="dba"))
    bench.clock.move(minutes=2)

    assert heard(bench.accept(firing(team="dba", at=bench.clock()))) == [Heard.DUPLICATE]
    assert states(bench) == ["acknowledged"]
    assert [(kind, state) for _, kind, state, _ in bench.messages()] == [
        ("firing", "sent"),
        ("resolved", "cancelled"),
    ]


def test_a_hidden_alert_is_said_to_be_hidden(bench: Bench) -> None:
    bench.accept(firing(instance="web1"), hidden=3)

    assert all("3" in body and "not shown" in body for *_, body in bench.messages())


@pytest.mark.parametrize(("severity", "minutes"), [("critical", 1), ("warning", 10)])
def test_what_an_ambiguous_attempt_was_to_tell_is_told_once_more(
    bench: Bench, severity: str, minutes: int
) -> None:
    bench.accept(firing(team="dba", severity=severity))
    put_in(bench, State.UNKNOWN)
    bench.clock.move(seconds=59)
    assert bench.tick() == []
    bench.clock.move(seconds=1)
    bench.tick()
    assert bench.rows("select reason from ledger where state = 'unknown_final'") == [{"reason": "resend"}]
    bench.clock.move(minutes=minutes - 1, seconds=-1)
    bench.tick()
    assert len(bench.messages("state")) == (2 if minutes == 1 else 1)
    bench.clock.move(seconds=1)
    bench.tick()

    assert bench.messages("state") == [("unknown_final",), ("queued",)]
    assert "may be the second" in bench.messages("body")[1][0]


def test_a_second_ambiguous_attempt_is_the_last(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, State.UNKNOWN)
    bench.clock.move(seconds=61)
    bench.tick()
    now = bench.clock()
    message = bench.commit(lambda tx: claims.claim(tx, "main", "again", "node", now + MINUTE, now))
    bench.commit(lambda tx: outbox.mark_ambiguous(tx, message, Entry(Reason.TIMEOUT), "node", now))
    for _ in range(3):
        bench.clock.move(minutes=11)
        bench.tick()

    assert bench.messages("state, attempts, ambiguous") == [("unknown_final", 1, 1)] * 2
    reasons = bench.rows("select reason from ledger where state = 'unknown_final' order by id")
    assert [row["reason"] for row in reasons] == ["resend", "no_evidence"]


def test_a_resolve_is_sent_once_more_after_an_ambiguous_attempt(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, State.SENT, 1)
    bench.accept(resolved(team="dba"))
    put_in(bench, State.UNKNOWN, 2)
    bench.clock.move(seconds=61)
    bench.tick()

    assert bench.messages("kind, state")[1:] == [("resolved", "unknown_final"), ("resolved", "queued")]


def test_a_lease_that_ends_leaves_a_text_that_may_be_out(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, State.SUBMITTING)
    bench.clock.move(seconds=61)
    bench.tick()

    assert bench.messages("state, ambiguous") == [("unknown", 1)]


def test_a_restart_takes_its_own_unfinished_texts_for_ambiguous_at_once(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, State.SUBMITTING)

    assert len(bench.commit(lambda tx: bench.engine.recover(tx, bench.clock()))) == 1
    assert bench.messages("state") == [("unknown",)]
    assert bench.rows("select reason from ledger order by id")[-1] == {"reason": "restarted"}


def test_a_page_too_old_to_be_news_is_not_sent(bench: Bench) -> None:
    bench.accept(firing(team="dba"), firing(team="dba", severity="warning"))
    bench.clock.move(hours=1)
    bench.tick()
    assert [state for *_, state, _ in bench.messages()] == [
        "queued"
    ]  # one text, as urgent as its worst alert
    bench.clock.move(hours=3)
    bench.tick()

    assert [state for *_, state, _ in bench.messages()] == ["expired", "queued"]
    kind, body = bench.messages("kind, body")[1]
    assert (kind, body[:18]) == ("digest", "LATE, 2 since 13:0")


def test_waiting_for_a_report_ends(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    now = bench.clock()
    message = bench.commit(lambda tx: claims.claim(tx, "main", "ref", "node", now + MINUTE, now))
    bench.commit(lambda tx: outbox.mark_sent(tx, message, now + MINUTE, Entry(Reason.OK), "node", now))
    bench.clock.move(minutes=31)
    bench.tick()

    assert bench.messages("state, poll_at") == [("no_report", None)]


def test_a_number_that_left_the_configuration_is_not_texted_any_more(tmp_path: Path) -> None:
    store = a_store(tmp_path / "x.db")
    before = Bench(store, Engine(a_plan(), "node"))
    before.accept(firing())
    put_in(before, State.SENT, 1)
    put_in(before, State.SENT, 2)
    plan = a_plan()
    directory = replace(plan.directory, people={"alice": plan.directory.people["alice"]}, teams={})
    only_alice = {
        name: replace(r, notify=r.notify[:1] if name == "oncall" else ())
        for name, r in plan.receivers.items()
    }
    after = Bench(
        store,
        Engine(replace(plan, directory=directory, receivers=only_alice), "node"),
        VirtualClock(NOON + MINUTE),
    )

    after.accept(resolved())

    assert [(who, kind) for who, kind, *_ in after.messages()][2:] == [("alice", "resolved")]
    store.close()


def test_a_failed_attempt_keeps_its_first_ending(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    put_in(bench, State.SUBMITTING)
    now = bench.clock()
    for fate in (Fate.SENT, Fate.UNKNOWN):
        bench.commit(lambda tx, fate=fate: outbox.close_attempt(tx, "ref1", Outcome(fate, Reason.OK), now))

    assert bench.rows("select fate from attempts") == [{"fate": "sent"}]


def test_a_page_cannot_be_written_twice(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    draft_kind = bench.rows("select kind, number from pages")

    assert draft_kind == [{"kind": Kind.FIRING, "number": "+31612345678"}]

    def again(tx) -> None:
        working = WorkingSet(tx, "node", NOON)
        working.load_notifications([1])
        working.load_ids()
        (told,) = working.rows.of_incident(1)
        working.rows.hold(replace(told, id=0), NOON, Hold.NOW, "")
        working.flush()

    bench.commit(again)

    assert bench.rows("select kind, number from pages") == draft_kind


def test_a_text_whose_answer_was_lost_has_told_nobody_and_its_link_still_acknowledges(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    bench.commit(lambda tx: tx.run("update messages set ack_code = 'c0de'"))
    put_in(bench, State.SENT)
    assert told_people(bench) == 1
    put_in(bench, State.UNKNOWN)
    assert told_people(bench) == 0
    bench.clock.move(minutes=1)
    bench.tick()
    put_in(bench, State.SENT, 2)
    assert told_people(bench) == 1, "the second text tells it"
    put_in(bench, State.UNKNOWN, 2)
    bench.clock.move(minutes=11)
    bench.tick()

    assert told_people(bench) == 0
    linked = bench.commit(lambda tx: page_queries.linked(tx, "c0de"))
    assert [one.id for one in linked.incidents] == [1]
    beside = timeline.Beside(str, Route("dba"), {}, ("main",))
    assert bench.commit(lambda tx: timeline.of_message(tx, 1, beside))[0].startswith(
        "m1 firing to bob about #snsb"
    )
    lines = bench.commit(lambda tx: timeline.of_incident(tx, 1, beside))[1]
    assert [line.what[:9] for line in lines if " firing to bob" in line.what] == ["m1 firing", "m2 firing"]


def told_people(bench: Bench) -> int:
    (found,) = bench.commit(lambda tx: ledger_queries.incidents_by(tx, IncidentFilter()))
    return found.told
