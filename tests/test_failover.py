"""Where a page goes when its gateway does not take it: never in circles, never given up while a way is open."""

from __future__ import annotations

from datetime import timedelta

from test_failures import Site, site  # noqa: F401 - the fixture
from workbench import firing

from sms_notify.alert import Severity
from sms_notify.policy.outcomes import Fate
from sms_notify.policy.vocabulary import Kind
from sms_notify.store import messages, outbox
from sms_notify.wording.content import Text


def ledger(site: Site) -> int:  # noqa: F811
    return site.bench.rows("select count(*) as n from ledger")[0]["n"]


def test_when_the_senders_are_allowed_again_pages_leave_again(site: Site) -> None:  # noqa: F811
    site.simulators["main"].change(forbidden_senders=("ACME", "ACME-2"))
    site.bench.accept(firing(team="dba"))
    site.run()
    assert site.texts("backup") == 1
    site.bench.clock.move(minutes=15)
    assert not site.probers["main"].probe_once().closed

    site.simulators["main"].change(forbidden_senders=())
    site.bench.clock.move(minutes=15)
    assert site.probers["main"].probe_once().closed  # the account, and the sender that asked
    assert site.probers["main"].probe_once().closed  # the other sender
    site.bench.accept(firing(team="dba", instance="second"))
    site.run()

    assert site.open() == set()
    assert site.texts("main") == 1


def test_a_number_that_every_gateway_refuses_is_given_up_once_and_not_passed_around(site: Site) -> None:  # noqa: F811
    for name in ("main", "backup"):
        site.simulators[name].change(countries={"31": 114})
    site.bench.accept(firing(team="dba"))
    site.run()
    site.bench.accept(firing(team="dba", instance="second"))
    for _ in range(20):
        site.run()
        site.bench.clock.move(seconds=1)

    assert site.bench.messages("state") == [("failed",), ("failed",)]
    assert site.asked("main") == site.asked("backup") == 1
    assert ledger(site) < 12
    assert sum("reached nobody" in note for note in site.notes()) == 1
    site.bench.clock.move(minutes=5)
    site.run()
    assert sum("reached nobody" in note for note in site.notes()) == 2, "each of the two incidents is told"


def test_a_page_waits_for_maintenance_to_end_where_the_other_gateway_refuses_its_country(site: Site) -> None:  # noqa: F811
    site.simulators["backup"].change(countries={"31": 114})
    site.simulators["main"].change(maintenance=True)
    site.bench.accept(firing(team="dba"))
    for _ in range(5):
        site.run()
        site.bench.clock.move(seconds=10)
    assert site.bench.messages("state") == [("queued",)]

    site.simulators["main"].change(maintenance=False)
    site.bench.clock.move(minutes=5)
    site.probers["main"].probe_once()
    site.run()
    assert site.texts("main") == 1


def test_a_page_that_one_gateway_never_takes_waits_for_the_one_that_will(site: Site) -> None:  # noqa: F811
    site.simulators["backup"].change(maintenance=True)
    site.bench.accept(firing(team="quiet"))
    site.senders["backup"].send_once(site.bench.clock)
    site.simulators["main"].change(force_error=107)
    site.run()
    assert {state for (state,) in site.bench.messages("state")} == {"queued"}

    site.simulators["backup"].change(maintenance=False)
    site.bench.clock.move(minutes=5)
    site.probers["backup"].probe_once()
    site.run()
    assert site.texts("backup") == 2


def test_one_critical_page_does_not_wait_where_it_failed_twice(site: Site) -> None:  # noqa: F811
    site.simulators["main"].change(force_error=120)
    site.bench.accept(firing(team="dba"))
    site.run()
    assert site.texts("backup") == 0
    site.bench.clock.move(seconds=15)
    site.run()

    assert site.asked("main") == 2
    assert site.texts("backup") == 1


def test_two_gateways_that_both_fail_are_not_hammered(site: Site) -> None:  # noqa: F811
    for name in ("main", "backup"):
        site.simulators[name].change(force_error=120)
    site.bench.accept(firing(team="dba"))
    for _ in range(60):
        site.run()
        site.bench.clock.move(seconds=1)

    assert site.asked("main") + site.asked("backup") <= 6


def test_the_last_credit_carries_a_critical_page_in_one_part(site: Site) -> None:  # noqa: F811
    site.simulators["backup"].change(maintenance=True)
    site.simulators["main"].change(credits=1)
    now = site.bench.clock()
    from workbench import BOB

    text = Text("word " * 50, 2, 250)
    draft = messages.Draft(
        Kind.FIRING, "dba", BOB, Severity.CRITICAL, "main", text, now, now + timedelta(hours=4)
    )
    site.bench.commit(lambda tx: messages.write(tx, draft, "node", now))
    site.run()
    assert site.texts("main") == 0
    site.bench.clock.move(minutes=1)
    site.probers["main"].probe_once()
    site.run()

    assert site.texts("main") == 1
    assert site.simulators["main"].texts()[0].parts == 1
    assert site.asked("main") == 2


def test_an_ok_that_comes_after_the_page_was_handed_over_keeps_it_from_leaving_again(site: Site) -> None:  # noqa: F811
    bench, main = site.bench, site.senders["main"]
    bench.accept(firing(team="dba"))
    late = bench.commit(lambda tx: main.claim(tx, bench.clock()))
    outcome = main.request(late)
    bench.clock.move(minutes=2)
    bench.tick()
    bench.clock.move(minutes=2)
    bench.tick()
    assert bench.messages("state, gateway") == [("unknown_final", "main"), ("queued", "backup")]

    assert main.settle(late, outcome, bench.clock()).outcome.fate is Fate.SENT
    site.run()

    assert (site.texts("main"), site.texts("backup")) == (1, 0)
    assert bench.messages("state, gateway") == [("sent", "main"), ("cancelled", "backup")]


def test_setting_the_clock_moves_the_probes_with_it(site: Site) -> None:  # noqa: F811
    site.simulators["main"].change(force_error=104)
    site.bench.accept(firing(team="dba"))
    site.run()
    site.bench.clock.move(hours=-2)
    site.bench.commit(lambda tx: outbox.shift_clock(tx, timedelta(hours=-2)))
    assert site.probers["main"].probe_once() is None
    site.bench.clock.move(minutes=15)

    assert site.probers["main"].probe_once() is not None


def test_a_probe_that_is_refused_for_another_reason_keeps_that_reasons_pace_and_tells_it(site: Site) -> None:  # noqa: F811
    site.simulators["main"].change(force_error=150)
    site.bench.accept(firing(team="dba"))
    site.run()
    site.simulators["main"].change(force_error=104)
    asked = 0
    for _ in range(60):
        site.bench.clock.move(minutes=1)
        asked += site.probers["main"].probe_once() is not None
        site.run(1)

    assert asked <= 6
    assert sum("error 104" in note for note in site.notes()) == 1


def test_many_lost_pages_are_one_self_alert_a_gateway(site: Site) -> None:  # noqa: F811
    for name in ("main", "backup"):
        site.simulators[name].change(force_error=104)
    for n in range(30):
        site.bench.accept(firing(team="dba", instance=str(n)))
    site.run()
    site.bench.clock.move(hours=4, seconds=1)
    site.run()

    assert site.bench.rows("select distinct state from messages where kind = 'firing'") == [
        {"state": "expired"}
    ]
    assert 1 <= sum("expired" in note for note in site.notes()) <= 2
