"""Where the database is a file: it can be made smaller, nothing of what is erased is left in it, and copies lie beside it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from test_cli_deciding import Site, complaint, said, site_of
from test_purge_and_forget import CARL, an_episode, carl_was_texted

from sms_notify.store.conversion import copy_of
from sms_notify.store.sqlite import SqliteStore


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = site_of(tmp_path, storage=f"sqlite://{tmp_path}/data/sms.db")
    made.commit(lambda tx: tx.one("select 1"))
    yield made
    made.store.close()


def test_vacuum_makes_the_file_smaller_and_waits_for_no_daemon(site: Site) -> None:
    an_episode(site, timedelta(days=500), instance="web1")
    big = (
        "insert into decisions (at, node, word, receiver, nth, detail) values (1, 'n', 'note', '', 0, :words)"
    )
    site.commit(lambda tx: [tx.run(big, words="x" * 100_000) for _ in range(20)])
    before = site.store.size
    daemon = SqliteStore(f"sqlite://{site.store.path}")
    daemon.lock()
    assert "stop it first" in complaint(site.run("db", "purge", "--vacuum"))
    daemon.unlock()
    site.store.close()
    said(site.run("db", "purge", "--vacuum"))
    assert site.store.size < before / 2
    assert "sound" in said(site.run("db", "check"))


def test_forget_names_the_copies_that_it_does_not_reach_and_how_to_remove_them(site: Site) -> None:
    an_episode(site, timedelta(days=1), team="dba")
    copies = [copy_of(site.store.path, version) for version in (3, 12)]
    for copy in copies:
        copy.write_bytes(b"a text to bob")
    out = said(site.run("forget", "bob", "--by", "alice"))
    (line,) = [line for line in out.splitlines() if "copies" in line]
    assert line.startswith("warning: 2 copies of the database are left, from before an upgrade")
    assert str(copies[1]) in complaint(site.run("forget", "bob", "--by", "alice"))
    subprocess.run(line[line.index("rm ") :], shell=True, check=True)  # noqa: S602
    assert not any(copy.exists() for copy in copies)
    assert "copies" not in complaint(site.run("forget", "bob", "--by", "alice"))


def test_purge_removes_copies_that_are_older_than_texts_may_be(site: Site) -> None:
    copy = copy_of(site.store.path, 3)
    copy.touch()
    os.utime(copy, (0, 0))
    said(site.run("db", "purge", "--dry-run"))
    assert copy.exists()
    said(site.run("db", "purge"))
    assert not copy.exists()


def test_in_the_file_no_byte_of_a_number_is_left_that_was_erased(site: Site) -> None:
    carl_was_texted(site)
    said(site.run("forget", "carl", "--by", "alice"))
    site.store.close()
    with SqliteStore(f"sqlite://{site.store.path}").transaction() as tx:
        tx.run("delete from disarmed")  # whoever closes it last merges what was written
    assert CARL.encode() not in site.store.path.read_bytes()
