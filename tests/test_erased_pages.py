"""The pages of what is erased say so, and show nothing of what was there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pages_serving import Site, headline, read
from workbench import resolved

from sms_notify.policy.retention import STANDARD, cuts
from sms_notify.store.erasure import Erasure


@pytest.fixture
def erased(down: Site) -> Site:
    """The one problem is over for long, and its words are erased."""
    bench = down.bench
    alert = bench.rows("select labels from incidents")[0]["labels"]
    assert "web-1" in alert
    bench.accept(resolved(instance="web-1"))
    bench.commit(lambda tx: tx.run("update messages set state = 'delivered', poll_at = null"))
    run, due = Erasure(), cuts(STANDARD, bench.clock() + timedelta(days=91))
    while bench.commit(lambda tx: run.step(tx, due)) is not None:
        pass
    return down


def test_each_page_of_what_is_erased_says_so(erased: Site) -> None:
    assert headline(erased.get("/incidents/1").text) == "erased (keep.texts)"
    for path in ("/incidents/1", "/messages", "/messages/1", "/incidents?show=all"):
        answer = erased.get(path)
        assert answer.status_code == 200, path
        text = read(answer.text)
        assert "erased" in text, path
        assert "web-1" not in text, path


def test_a_link_in_an_erased_text_leads_nowhere(erased: Site) -> None:
    assert erased.codes() == []


def test_an_erased_text_is_not_sent_again(erased: Site) -> None:
    before = erased.bench.rows("select count(*) as n from messages")
    erased.post("/messages/1", {"do": "again"})
    assert erased.bench.rows("select count(*) as n from messages") == before
