"""`db purge` and `forget`: what they erase, what they say, and how the rest of the program shows what is not there any more."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from test_cli_deciding import Site, complaint, said, site_of
from workbench import firing, resolved

from sms_notify.cli.forget import _forget
from sms_notify.config.load import load
from sms_notify.policy.episodes import tag_of
from sms_notify.store import belief_rows, forgetting
from sms_notify.store.database import open_store
from sms_notify.store.table_bounds import BOUNDS

BOB = "+31612345678"
CARL = "+31600000009"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = site_of(tmp_path)
    made.commit(lambda tx: tx.one("select 1"))
    yield made
    made.store.close()


def a_wednesday(ago: timedelta = timedelta()) -> datetime:
    """A noon at least so long before now: the site has a team that is muted on Sundays, and people who sleep at night."""
    latest = datetime.now(UTC) - ago
    noon = datetime.combine(latest - timedelta(days=(latest.weekday() - 2) % 7), time(12), UTC)
    return noon if noon <= latest else noon - timedelta(days=7)


def an_episode(site: Site, ago: timedelta, **labels: str) -> None:
    site.clock.now = began = a_wednesday(ago)
    site.accept(firing(at=began, **labels))
    deliver(site)
    site.clock.move(minutes=5)
    site.accept(resolved(at=began, end=site.clock(), **labels))
    deliver(site)


def deliver(site: Site) -> None:
    """Every text leaves and arrives."""
    for row in site.rows("select id from messages where state = 'queued'"):
        site.commit(lambda tx, id_=row["id"]: belief_rows.say(tx, id_, site.clock()))
    site.commit(lambda tx: tx.run("update messages set state = 'delivered' where state = 'queued'"))


def bodies(site: Site) -> set[str]:
    return {body for (body,) in site.messages("body")}


def everything(site: Site) -> str:
    return "".join(str(site.rows(f"select * from {table}")) for table in BOUNDS if table != "configured")


# db purge


def test_purge_says_how_much_it_erases_and_does_it(site: Site) -> None:
    an_episode(site, timedelta(days=100), instance="web1")
    an_episode(site, timedelta(days=10), instance="web2")
    would = said(site.run("db", "purge", "--dry-run"))
    assert "keep.texts 90d: would erase the words of 1 incident, " in would
    assert not any("erased" in body for body in bodies(site))
    done = said(site.run("db", "purge"))
    assert done.replace("erased the", "would erase the").splitlines()[:2] == would.splitlines()[:2]
    assert "erased (keep.texts)" in bodies(site)
    assert any("web2" in body for body in bodies(site))
    assert "erased the words of nothing" in said(site.run("db", "purge"))


def test_purge_says_the_same_in_json(site: Site) -> None:
    an_episode(site, timedelta(days=500), instance="web1")
    an_episode(site, timedelta(days=500), instance="web2")
    found = json.loads(said(site.run("db", "purge", "--json")))
    assert (found["dry_run"], found["texts"]["incidents"], found["rows"]["incidents"]) == (False, 2, 1)


def test_others_commit_while_a_purge_goes_on(site: Site) -> None:
    for number in range(30):
        an_episode(site, timedelta(days=500), instance=f"web{number}")
    site.store.close()
    over, commits = threading.Event(), 0

    def daemon() -> None:
        nonlocal commits
        other = open_store(load(site.config, {}).storage_url)
        while not over.wait(0.005):
            with other.transaction() as tx:
                tx.run("insert into disarmed (since) values (1)")
            commits += 1
        other.close()

    thread = threading.Thread(target=daemon)
    thread.start()
    told = said(site.run("db", "purge"))
    over.set()
    thread.join()
    assert "the rows of 29 incidents" in told
    assert commits > 1


def test_nothing_is_erased_where_keep_is_off(tmp_path: Path) -> None:
    site = site_of(tmp_path, keep="{texts: off, ledger: off}")
    an_episode(site, timedelta(days=5000))
    assert said(site.run("db", "purge")).startswith(
        "keep.texts off: nothing is erased\nkeep.ledger off: nothing"
    )
    assert not any("erased" in body for body in bodies(site))
    site.store.close()


# What the rest shows.


def test_every_command_shows_that_something_is_erased_and_why(site: Site) -> None:
    an_episode(site, timedelta(days=100), instance="web1")
    said(site.run("db", "purge"))
    [first, *_] = json.loads(said(site.run("messages", "--json")))
    assert (first["body"], first["number"]) == ("erased (keep.texts)", "erased")
    story = said(site.run("explain", f"#{tag_of(1)}"))
    assert "erased (keep.texts)" in story
    assert "web1" not in story
    assert "erased (keep.texts)" in said(site.run("explain", "m1"))
    assert "erased (keep.texts)" in said(site.run("incidents", "--all"))


def test_a_backtest_passes_over_what_is_erased_and_says_so(site: Site) -> None:
    an_episode(site, timedelta(days=100), instance="web1")
    an_episode(site, timedelta(days=10), instance="web2")
    said(site.run("db", "purge"))
    result = site.run("backtest", "--json", "store")
    assert "warning: 2 older alerts are not replayed: their labels are erased (keep.texts)" in result.stderr
    [side] = json.loads(result.stdout)["results"]
    assert side["alerts"] == 2


# forget


def test_forget_erases_the_numbers_and_texts_of_a_person_and_of_nobody_else(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    an_episode(site, timedelta(days=2), team="dba")
    an_episode(site, timedelta(days=1))
    others = site.rows("select * from messages where recipient <> 'bob' order by id")
    assert others
    texts = len(site.rows("select id from messages where recipient = 'bob'"))
    out = said(site.run("forget", "bob", "--by", "alice"))
    assert out.startswith(
        f"bob: erased {texts} texts and the numbers in 1 incident; counts stay\nwarning: bob is still"
    )
    assert site.rows("select distinct body, number from messages where recipient = 'bob'") == [
        {"body": "erased (forget)", "number": "erased"}
    ]
    assert site.rows("select * from messages where recipient <> 'bob' order by id") == others
    assert site.rows("select detail from decisions where word = 'forgotten'") == [
        {"detail": f"by alice (command): bob, {texts} texts"}
    ]
    site.store.close()


def test_forget_erases_nothing_while_a_text_waits(site: Site) -> None:
    site.clock.now = a_wednesday()
    site.accept(firing(team="dba"))
    assert "1 text still waits or is on the way to bob" in complaint(
        site.run("forget", "bob", "--by", "alice")
    )
    assert not any("erased" in body for body in bodies(site))


def test_whoever_is_in_the_configuration_keeps_the_number_in_open_incidents(site: Site) -> None:
    site.clock.now = began = a_wednesday()
    site.accept(firing(team="dba", at=began))
    deliver(site)
    assert "1 open incident keeps the number until it ends" in said(
        site.run("forget", "bob", "--by", "alice")
    )
    site.clock.move(minutes=5)
    site.accept(resolved(team="dba", at=began, end=site.clock()))
    assert site.rows("select number, kind from messages where state = 'queued' and recipient = 'bob'") == [
        {"number": BOB, "kind": "resolved"}
    ]


def test_of_somebody_who_is_not_in_the_configuration_nothing_is_left(site: Site) -> None:
    carl_was_texted(site)
    site.commit(
        lambda tx: tx.run(
            "insert into decisions (at, node, incident_id, word, receiver, nth, detail)"
            " values (1, 'n', 1, 'escalated', 'dba', 1, '+31600000009')"
        )
    )
    said(site.run("forget", "carl", "--by", "alice"))
    assert CARL not in everything(site)
    assert site.rows("select * from beliefs where reader = 'carl'") == []


def test_forget_of_somebody_unknown_is_an_error(site: Site) -> None:
    assert "the ledger has nothing of 'nobody'" in complaint(site.run("forget", "nobody", "--by", "alice"))


def test_a_forget_that_is_stopped_anywhere_is_finished_by_the_next(site: Site) -> None:
    settings = load(site.config, {})
    for stop_after in range(1, 6):
        carl_was_texted(site)
        steps = iter(range(1, stop_after))
        with suppress(StopIteration), site.store.reading() as tx:
            found = forgetting.look(tx, "carl", configured=False)
            _forget(site.store, settings, "carl", found, "stopped", lambda steps=steps: next(steps))
        site.run("forget", "carl", "--by", "alice")
        assert CARL not in everything(site), f"stopped after step {stop_after}"
    assert len(site.rows("select * from decisions where word = 'forgotten'")) == 5


def carl_was_texted(site: Site) -> None:
    """Who is not in the configuration any more; a gateway knows the number."""
    site.clock.now = a_wednesday()
    name = f"A{len(site.rows('select id from incidents'))}"
    site.accept(firing(name, team="dba"))
    deliver(site)
    for table, column in (("messages", "recipient"), ("pages", "recipient"), ("beliefs", "reader")):
        rename = f"update {table} set {column} = 'carl', number = '{CARL}' where {column} = 'bob'"
        site.commit(lambda tx, sql=rename: tx.run(sql))
    trial = f"insert into number_trials (gateway, number, asked_at) values ('main', '{CARL}', 1)"
    site.commit(lambda tx: tx.run(trial))
