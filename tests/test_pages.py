"""The pages for people over real HTTP, with a database that the real engine filled."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pages_serving import HASHED, HOLED, LOGIN, PRIMARY, USER, Site, escalating, site
from web_serving import ONE_ALERT, SOON, Recorder
from workbench import NOON, a_plan, firing, resolved

from sms_notify.logs import unnumbered
from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.retry_policy import Level, Scope, Urgency
from sms_notify.policy.vocabulary import AckBy, IncidentState, State
from sms_notify.secret import Secret
from sms_notify.store import breakers, limit_rows, oncall_rows
from sms_notify.store.tx import stored
from sms_notify.web import labels
from sms_notify.web.ack_link import TRIES
from sms_notify.web.csrf import is_ours, names_us
from sms_notify.web.oncall_view import rota_of, wish_of
from sms_notify.web.pages import MAX_FORM
from sms_notify.web.rendering import Clock, clock_of, root_of, span, web_address
from sms_notify.web.roles import Token, User
from sms_notify.web.settings import WebSettings

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = ("/", "/incidents/1", "/messages", "/oncall")
HOSTILE = "<script>hit()</script><img src=x onerror=hit()>\"'&{{ 7*7 }}"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as running:
        yield running


@pytest.fixture
def down(pages: Site) -> Site:
    """HostDown on web-1 was told to alice and bob, each with a link of their own."""
    pages.bench.accept(firing("HostDown", instance="web-1"))
    return pages


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same for tests that change nothing: a server and a database of one's own for each would take minutes."""
    with site(tmp_path_factory.mktemp("standing")) as running:
        running.bench.accept(firing("HostDown", instance="web-1"))
        yield running


@pytest.fixture(scope="module")
def unlocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Where nobody needs a password."""
    settings = WebSettings(port=0, external_url="https://sms.example.org")
    with site(tmp_path_factory.mktemp("unlocked"), settings=settings) as running:
        yield running


class Text(HTMLParser):
    """What a person reads of a page, and the elements that it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(html: str) -> str:
    return Text(html).text


def headline(html: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", html, re.DOTALL)
    assert found is not None
    return read(found[1])


# The status page


def test_all_is_well_where_nothing_is_open_and_somebody_is_on_call(pages: Site) -> None:
    answer = pages.get("/")
    assert (answer.status_code, headline(answer.text)) == (200, "All is well")
    assert "alice primary until Mon 23 Nov 08:00 , then bob" in read(answer.text)


def test_the_headline_tells_the_worst_first_and_the_rest_below_it(down: Site) -> None:
    down.bench.accept(firing("DiskFull", severity="warning", instance="db1"))
    answer = down.get("/").text
    assert headline(answer) == "1 critical incident reached nobody; a text is about to leave"
    assert "1 critical incident open, not acknowledged" in read(answer)
    assert "1 warning incident open, not acknowledged" in read(answer)
    assert '<meta http-equiv="refresh" content="30">' in answer


def test_a_critical_incident_that_reached_nobody_is_the_first_line_and_the_first_row(pages: Site) -> None:
    """Among 300 that are told, and the oldest of them."""
    bench = pages.bench
    bench.accept(firing("Lost", instance="db0"))
    for n in range(300):
        bench.accept(firing(f"Told{n}", instance=f"web{n}"), group=str(n))
    mine = "select message_id from pages where incident_id = 1"
    bench.commit(lambda tx: tx.run(f"update messages set state = 'sent' where id not in ({mine})"))
    held = "state = 'held', why = 'limit', message_id = null, due_at = due_at + 3600000000"
    bench.commit(lambda tx: tx.run(f"update pages set {held} where incident_id = 1"))
    answer = pages.get("/").text
    assert headline(answer) == "1 critical incident reached nobody; next text 13:00"
    rows = re.findall(r'<li class="critical">.*?<h3>(.*?)</h3>', answer, re.DOTALL)
    assert read(rows[0]).strip() == "Lost db0"
    assert read(rows[1]).strip() == "Told299 web299"
    assert len(rows) == 100


def test_where_no_text_leaves_the_first_line_says_by_which_gateway_it_waits(down: Site) -> None:
    closed = (
        "insert into breakers (gateway, scope, subject, opened_at, failures, first_at, reason, code, probes)"
        " values ('main', 'account', '', 1, 1, 1, 'error_code', 150, 0)"
    )
    down.bench.commit(lambda tx: tx.run(closed))
    assert (
        headline(down.get("/").text) == "1 critical incident reached nobody; its text waits for gateway main"
    )


def test_what_was_told_is_not_said_to_have_reached_nobody(down: Site) -> None:
    down.bench.commit(lambda tx: tx.run("update messages set state = 'sent'"))
    assert headline(down.get("/").text) == "1 critical incident open, not acknowledged"


def test_an_open_incident_is_told_with_tag_place_time_readers_and_who_takes_care_of_it(down: Site) -> None:
    down.bench.clock.move(minutes=7)
    text = read(down.get("/").text)
    assert f"#{tag_of(1)} HostDown web-1 HostDown is bad critical since 12:00 (7 min)" in text
    assert "not acknowledged told: alice waits to leave bob waits to leave" in text
    down.bench.acknowledge(1, by="bob")
    text = read(down.get("/").text)
    assert "bob takes care of it since 12:07" in text
    assert "1 critical incident open, somebody takes care of it" in text


def test_only_information_being_open_leaves_all_well_to_look_at(pages: Site) -> None:
    pages.bench.accept(firing("Backup", severity="info"))
    answer = pages.get("/").text
    assert headline(answer) == "1 info incident open, not acknowledged"
    assert '<section class="headline good"' in answer
    assert "told: nobody" in read(answer)


def test_what_waits_is_told_with_its_reason_and_until_when(down: Site) -> None:
    down.bench.commit(
        lambda tx: tx.run(
            "update pages set state = 'held', why = :why, held_by = 'night', due_at = due_at + 3600000000, message_id = null",
            why=Hold.QUIET,
        )
    )
    text = read(down.get("/").text)
    assert "2 to leave the oldest since 12:00" in text
    assert "2 held: quiet hours night the next until 13:00" in text
    assert "told: alice held until 13:00 bob held until 13:00" in text


def test_credits_closed_gateways_and_our_own_problems_are_told(pages: Site) -> None:
    def self_alert(tx: object) -> None:
        limit_rows.set_balance(tx, "main", 1412, NOON)  # type: ignore[arg-type]
        breakers.report(  # type: ignore[arg-type]
            tx,
            "main/credits//",
            Urgency(Level.PAGE, timedelta()),
            "main",
            "no credits left",
            "buy some",
            NOON,
        )
        tx.run(  # type: ignore[attr-defined]
            "insert into breakers (gateway, scope, subject, opened_at, failures, first_at, reason, code, probes)"
            " values ('main', :scope, '', :now, 1, :now, 'credits', 104, 0)",
            scope=Scope.CREDITS,
            now=int(NOON.timestamp() * 1_000_000),
        )

    pages.bench.commit(self_alert)
    answer = pages.get("/").text
    assert headline(answer) == "Gateway main: no text leaves"
    assert "1 412 credits left at main asked 12:00" in read(answer)
    assert "main closed: credits credits 104, since 12:00" in read(answer)
    assert "no credits left buy some since 12:00" in read(answer)


def test_a_sender_that_ended_is_the_headline(tmp_path: Path) -> None:
    with site(tmp_path, recorder=Recorder(reasons=("a sender has ended",))) as pages:
        assert headline(pages.get("/").text) == "A sender has ended"


def test_a_schedule_that_nobody_holds_is_the_headline(tmp_path: Path) -> None:
    with site(tmp_path, schedules=(PRIMARY, HOLED)) as pages:
        answer = pages.get("/").text
        assert headline(answer) == "Nobody is on call for holed"
        assert "Nobody holed until Mon 23 Nov 08:00 , then bob" in read(answer)


def test_more_open_incidents_than_fit_are_counted(pages: Site) -> None:
    pages.bench.accept(*(firing("Many", severity="warning", instance=f"web{n}") for n in range(130)))
    text = read(pages.get("/").text)
    assert "Open incidents 130" in text
    assert "and 30 more" in text


# One incident


@pytest.mark.parametrize(
    "path", ["/incidents/1", f"/incidents/{tag_of(1)}", f"/incidents/{tag_of(1).upper()}"]
)
def test_an_incident_is_found_by_number_and_by_tag_with_its_story_and_its_labels(
    standing: Site, path: str
) -> None:
    answer = standing.get(path)
    text = read(answer.text)
    assert answer.status_code == 200
    assert headline(answer.text) == "HostDown web-1"
    assert "heard firing from alertmanager: first" in text
    assert "instance web-1" in text
    assert "I take care of it" in text


def test_a_user_acknowledges_an_incident_under_their_own_name(down: Site) -> None:
    answer = down.post(f"/incidents/{tag_of(1)}")
    assert (answer.status_code, answer.headers["Location"]) == (303, tag_of(1))
    row = down.incident(1)
    assert (row["state"], row["acked_by"], row["acked_how"]) == ("acknowledged", USER, AckBy.PAGE)
    page = down.get("/incidents/1").text
    assert "ops takes care of it since 12:00 on this page" in read(page)
    assert "I take care of it" not in page


def test_acknowledging_what_somebody_takes_care_of_already_changes_nothing(down: Site) -> None:
    down.bench.acknowledge(1, by="bob")
    assert down.post("/incidents/1").status_code == 303
    assert down.incident(1)["acked_by"] == "bob"


def test_a_user_takes_an_acknowledgement_back(down: Site) -> None:
    down.post("/incidents/1")
    assert "Nobody takes care of it any more" in down.get("/incidents/1").text
    assert down.post("/incidents/1", {"do": "unack"}).status_code == 303

    assert down.incident(1)["state"] == "open"
    page = down.get("/incidents/1").text
    assert "I take care of it" in page
    assert f"unacknowledged by {USER} (page)" in read(page)


def test_a_user_closes_an_incident_and_the_page_says_who_did(down: Site) -> None:
    assert down.post("/incidents/1", {"do": "close"}).status_code == 303

    row = down.incident(1)
    assert (row["state"], row["closed_by"]) == ("closed", USER)
    page = down.get("/incidents/1").text
    assert f"closed by {USER}" in read(page)
    assert "<form" not in page


def test_a_button_that_is_none_changes_nothing(down: Site) -> None:
    assert down.post("/incidents/1", {"do": "delete"}).status_code == 400
    assert down.incident(1)["state"] == "open"


def test_the_page_says_until_when_an_acknowledgement_holds(down: Site) -> None:
    down.bench.acknowledge(1, by="bob")
    down.bench.commit(
        lambda tx: tx.run("update incidents set ack_until = :at", at=stored(NOON + timedelta(hours=4)))
    )
    assert "bob takes care of it since 12:00 until 16:00" in read(down.get("/incidents/1").text)


def test_an_incident_that_is_over_says_so_and_has_no_button(down: Site) -> None:
    down.bench.clock.move(minutes=90)
    down.bench.accept(resolved("HostDown", instance="web-1"))
    answer = down.get("/incidents/1").text
    assert "over since 13:30 , after 1 h 30 min" in read(answer)
    assert "<form" not in answer


def test_a_web_address_in_an_annotation_is_a_link_and_any_other_scheme_is_text(pages: Site) -> None:
    alert = firing("HostDown")
    notes = {
        "runbook": "https://wiki.example.org/x?a=1&b=2",
        "bad": "javascript:hit()",
        "worse": "data:text/html,x",
    }
    pages.bench.accept(replace(alert, annotations=notes))
    links = [attrs["href"] for tag, attrs in Text(pages.get("/incidents/1").text).tags if tag == "a"]
    assert notes["runbook"] in links
    assert not [link for link in links if link and link.startswith(("javascript", "data"))]


@pytest.mark.parametrize(
    "name", ["2", "0", "-1", "9" * 400, "zzzz", "zzzz" * 200, "%00", "%F0%9F%92%A9", "1%2F2"]
)
def test_an_incident_that_is_not_there_is_a_page_that_says_so(standing: Site, name: str) -> None:
    for answer in (
        standing.get(f"/incidents/{name}", headers=BROWSER),
        standing.post(f"/incidents/{name}", headers=BROWSER),
    ):
        assert answer.status_code == 404
        assert headline(answer.text) == "There is nothing here"
    assert standing.acknowledged == []


# The texts


def test_the_texts_are_shown_newest_first_with_state_reader_and_incidents(down: Site) -> None:
    down.bench.commit(lambda tx: tx.run("update messages set state = 'delivered' where id = 1"))
    text = read(down.get("/messages").text)
    newer, older = text.index("m2"), text.index("m1")
    assert newer < older
    assert f"delivered alice +32******001 12:00 m1 1 part firing by main #{tag_of(1)}" in text


def test_no_more_than_two_hundred_texts_are_shown(pages: Site) -> None:
    for n in range(102):
        pages.bench.accept(firing("HostDown", instance=f"web{n}"))
    answer = pages.get("/messages").text
    assert answer.count('<p class="body">') == 200
    assert "the last 200" in read(answer)


# Who is on call


def test_who_is_on_call_is_shown_for_two_weeks_in_the_schedules_own_time(standing: Site) -> None:
    answer = standing.get("/oncall").text
    text = read(answer)
    assert "primary Europe/Brussels alice now, until Mon 23 Nov 09:00; then bob" in text
    assert "bob Mon 23 Nov 09:00 Mon 30 Nov 09:00 7 d" in text
    assert "Nobody is on call" not in text
    assert answer.count("<rect") == 3


def test_a_gap_is_loud_on_the_page(tmp_path: Path) -> None:
    with site(tmp_path, schedules=(HOLED,)) as pages:
        answer = pages.get("/oncall").text
        told = "Nobody is on call from Sun 22 Nov 13:00 to Mon 23 Nov 09:00, from Tue 24 Nov 09:00 to Sun 6 Dec 00:00."
        assert told in read(answer)
        assert answer.count('class="gap"') == 2


def test_an_override_is_made_shown_and_removed_by_the_forms_of_the_page(pages: Site) -> None:
    form = {"schedule": "primary", "person": "bob", "start": "2026-11-22T13:00", "end": "2026-11-22T20:00"}
    answer = pages.post("/oncall", form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "oncall")
    text = read(pages.get("/oncall").text)
    assert "bob now, until Sun 22 Nov 20:00; then alice" in text
    assert "bob from Sun 22 Nov 13:00 until Sun 22 Nov 20:00 by ops, Sun 22 Nov 13:00" in text
    with pages.bench.reading() as tx:
        made = oncall_rows.overrides(tx, NOON)[0]
    assert (made.start, made.end) == (NOON, NOON + timedelta(hours=7))
    assert pages.post("/oncall", {"remove": str(made.id)}).status_code == 303
    assert "alice now, until Mon 23 Nov 09:00" in read(pages.get("/oncall").text)


GOOD = {"schedule": "primary", "person": "bob", "start": "2026-11-22T13:00", "end": "2026-11-22T20:00"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"end": "2026-11-22T12:59"}, "It ends before it begins"),
        ({"start": "2026-11-21T12:00", "end": "2026-11-21T13:00"}, "It is over already"),
        ({"end": "2029-11-22T13:00"}, "longer than a year"),
        ({"start": "2099-11-22T13:00", "end": "2099-11-23T13:00"}, "years away"),
        ({"person": "mallory"}, "Choose who is on call"),
        ({"schedule": "nowhere"}, "There is no such schedule"),
        ({"start": ""}, "Write “from” as a day and a time"),
        ({"end": "tomorrow"}, "Write “until” as a day and a time"),
        ({"end": "2026-02-31T12:00"}, "Write “until” as a day and a time"),
        ({"end": "0000-01-01T00:00"}, "Write “until” as a day and a time"),
        ({"remove": "77"}, "That override is gone already"),
        ({"remove": "x" * 30}, "That override is gone already"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused_with_what_to_write_instead(
    standing: Site, wrong: dict[str, str], says: str
) -> None:
    answer = standing.post("/oncall", GOOD | wrong)
    assert answer.status_code == 400
    assert says in read(answer.text)
    with standing.bench.reading() as tx:
        assert oncall_rows.overrides(tx, datetime(2000, 1, 1, tzinfo=UTC)) == []


def test_what_was_written_into_a_refused_form_stands_in_it_again(standing: Site) -> None:
    answer = standing.post("/oncall", GOOD | {"end": HOSTILE})
    fields = [attrs for tag, attrs in Text(answer.text).tags if tag == "input"]
    assert {field["name"]: field["value"] for field in fields} == {
        "schedule": "primary",
        "start": GOOD["start"],
        "end": HOSTILE,
    }


def test_times_of_a_form_are_of_the_schedules_zone_also_where_clocks_change() -> None:
    spring = {"schedule": "primary", "person": "bob", "start": "2026-03-29T01:30", "end": "2026-03-29T03:30"}
    wish = wish_of(spring, {"primary": PRIMARY}, {"bob": 1}, datetime(2026, 3, 1, tzinfo=UTC))
    assert (wish.start, wish.end) == (
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    )


@given(st.integers(0, 3 * 365 * 24 * 60))
def test_the_strip_covers_its_two_weeks_without_a_hole(minutes: int) -> None:
    at = NOON + timedelta(minutes=minutes)
    for schedule in (PRIMARY, HOLED):
        rota = rota_of(schedule, [], at, Directory({}, {}))
        assert rota.bars[0].x == 0
        assert all(a.x + a.width == b.x for a, b in zip(rota.bars, rota.bars[1:], strict=False))
        assert rota.bars[-1].x + rota.bars[-1].width == 1400
        assert 0 <= rota.now_x <= 100


def test_no_schedules_and_no_texts_are_told_and_not_left_blank(tmp_path: Path) -> None:
    with site(tmp_path, schedules=()) as pages:
        assert "There are no schedules." in read(pages.get("/oncall").text)
        assert "None yet." in read(pages.get("/messages").text)


# Who may look


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("login", [None, (USER, "wrong"), ("nobody", LOGIN[1])])
def test_the_pages_want_a_user_and_a_password(
    standing: Site, path: str, login: tuple[str, str] | None
) -> None:
    for answer in (standing.get(path, auth=login, headers=BROWSER), standing.ask("HEAD", path, auth=login)):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="sms-notify", charset="UTF-8"'
        assert "HostDown" not in answer.text


@pytest.mark.parametrize("path", ["/incidents/1", "/oncall"])
def test_a_form_wants_them_too(standing: Site, path: str) -> None:
    assert standing.post(path, GOOD, auth=None).status_code == 401
    assert standing.incident(1)["acked_at"] is None


def test_a_machines_token_opens_no_page_and_a_page_without_users_says_what_to_configure(
    tmp_path: Path,
) -> None:
    settings = WebSettings(port=0, tokens=(Token(Secret("t0ken-of-a-machine")),))
    with site(tmp_path, settings=settings) as pages:
        answer = pages.get("/", auth=None, headers={"Authorization": "Bearer t0ken-of-a-machine"} | BROWSER)
        assert answer.status_code == 403
        assert "the role `read` is missing" in answer.text
        answer = pages.get("/", auth=None, headers=BROWSER)
        assert answer.status_code == 403
        assert "web.users" in answer.text
        assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("[::1]:{port}", 200),
        ("sms.example.org", 200),
        ("rebound.attacker.example:{port}", 421),
        ("127.0.0.1.attacker.example", 421),
        ("user@127.0.0.1", 421),
    ],
)
def test_where_nobody_needs_a_password_only_names_that_nobody_else_can_take_are_answered(
    unlocked: Site, host: str, code: int
) -> None:
    name = host.format(port=unlocked.served.port)
    assert unlocked.get("/", auth=None, headers={"Host": name}).status_code == code


def test_where_nobody_needs_a_password_an_acknowledge_still_has_a_name(tmp_path: Path) -> None:
    with site(tmp_path, settings=WebSettings(port=0)) as pages:
        pages.bench.accept(firing())
        assert pages.post("/incidents/1", auth=None).status_code == 303
        assert pages.incident(1)["acked_by"] == "somebody on this machine"


# Forms that other sites send


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1.attacker.example"},
        {"Origin": None},
        {"Origin": None, "Referer": "https://attacker.example/"},
        {"Origin": "https://attacker.example", "Referer": "{us}/incidents/1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
    ],
    ids=str,
)
def test_a_form_that_another_site_sent_is_refused_and_changes_nothing(
    standing: Site, headers: dict[str, str | None]
) -> None:
    sent = {name: text and text.format(us=standing.served.url("")) for name, text in headers.items()}
    for path, form in (("/incidents/1", {}), ("/oncall", GOOD)):
        answer = standing.post(path, form, headers=sent | BROWSER)
        assert (answer.status_code, headline(answer.text)) == (403, "Not allowed")
    assert standing.incident(1)["acked_at"] is None
    assert standing.bench.rows("select * from overrides") == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": None, "Referer": "{us}/incidents/1"},
        {"Origin": "https://sms.example.org"},
    ],
    ids=str,
)
def test_a_form_that_our_own_page_sent_is_taken(tmp_path: Path, headers: dict[str, str | None]) -> None:
    settings = WebSettings(
        port=0, users={USER: User(Secret(HASHED))}, external_url="https://sms.example.org/x"
    )
    with site(tmp_path, settings=settings) as pages:
        pages.bench.accept(firing())
        sent = {name: text and text.format(us=pages.served.url("")) for name, text in headers.items()}
        assert pages.post("/incidents/1", headers=sent).status_code == 303


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_a_header_holds_it_is_judged_and_a_stranger_is_never_ours(origin: str, host: str) -> None:
    assert is_ours({"host": host, "sec-fetch-site": "cross-site", "origin": origin}, "") is False
    is_ours({"host": host, "origin": origin}, "")
    assert is_ours({"host": "sms.example.org", "origin": f"https://x{origin}"}, "") is (
        origin == "sms.example.org"
    )
    names_us(host, "")


def test_a_port_that_is_the_usual_one_may_be_left_out() -> None:
    assert is_ours({"host": "sms.example.org:443", "origin": "https://sms.example.org"}, "")
    assert is_ours({"host": "SMS.example.org", "origin": "http://sms.example.org:80"}, "")
    assert not is_ours({"host": "sms.example.org:8443", "origin": "https://sms.example.org"}, "")


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"x=" + b"y" * MAX_FORM, "application/x-www-form-urlencoded", 413),
        (b"remove=1", "text/plain", 415),
        (b"remove=1", "multipart/form-data; boundary=x", 415),
        (b"&".join(b"x=1" for _ in range(50)), "application/x-www-form-urlencoded", 400),
        (b"\xff%ff=%00", "application/x-www-form-urlencoded; charset=utf-8", 400),
    ],
    ids=["too long", "text", "multipart", "too many fields", "no text"],
)
def test_a_form_that_is_none_is_refused(standing: Site, body: bytes, kind: str, code: int) -> None:
    headers = {"Origin": standing.served.url(""), "Content-Type": kind} | BROWSER
    answer = standing.ask("POST", "/oncall", data=body, headers=headers)
    assert answer.status_code == code
    assert answer.headers["Content-Type"].startswith("text/html")


# The link in a text


def test_looking_at_a_link_tells_what_it_is_about_and_acknowledges_nothing(standing: Site) -> None:
    code = standing.codes()[0]
    for method in ("GET", "HEAD", "GET"):
        answer = standing.follow(method, f"/a/{code}")
        assert answer.status_code == 200
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
    text = read(answer.text)
    assert headline(answer.text) == "Nobody takes care of this yet"
    assert f"HostDown web-1 HostDown is bad critical #{tag_of(1)} since 13:00" in text  # alice's own clock
    assert "I take care of it" in text
    assert standing.acknowledged == []
    assert standing.incident(1)["acked_at"] is None


def test_the_button_acknowledges_in_the_name_of_the_texts_reader(down: Site) -> None:
    code = down.codes()[1]
    answer = down.follow("POST", f"/a/{code}")
    assert (answer.status_code, headline(answer.text)) == (200, "Acknowledged. Nobody else will be called.")
    row = down.incident(1)
    assert (row["acked_by"], row["acked_how"]) == ("bob", AckBy.LINK)
    assert "<button" not in answer.text
    down.bench.clock.move(minutes=30)
    down.bench.tick()
    assert {kind for _, kind, *_ in down.bench.messages()} == {"firing"}  # nothing escalated


def test_whoever_comes_second_learns_who_was_first(down: Site) -> None:
    first, second = down.codes()
    down.follow("POST", f"/a/{first}")
    for method in ("GET", "POST"):
        answer = down.follow(method, f"/a/{second}")
        assert headline(answer.text) == "alice takes care of it"
        assert "<button" not in answer.text
    assert down.incident(1)["acked_by"] == "alice"


def test_a_link_to_what_is_over_says_so_and_changes_nothing(down: Site) -> None:
    down.bench.accept(resolved("HostDown", instance="web-1"))
    for method in ("GET", "POST"):
        assert headline(down.follow(method, f"/a/{down.codes()[0]}").text) == "It is over"
    assert down.acknowledged == []


def test_a_link_acknowledges_everything_that_its_text_tells_and_nothing_else(pages: Site) -> None:
    both = [firing("HostDown", instance="web-1"), firing("HostDown", instance="web-2")]
    pages.bench.accept(*both)
    pages.bench.accept(firing("Other"), group="other")
    code = pages.codes()[0]
    assert headline(pages.follow("GET", f"/a/{code}").text) == "2 incidents not acknowledged"
    answer = pages.follow("POST", f"/a/{code}")
    assert headline(answer.text) == "Acknowledged. Nobody else will be called."
    assert [pages.incident(n)["acked_by"] for n in (1, 2, 3)] == ["alice", "alice", ""]


def test_a_link_needs_no_header_of_a_browser_as_its_code_is_the_permission(down: Site) -> None:
    path = f"/a/{down.codes()[0]}"
    assert down.follow("POST", path).status_code == 200
    assert down.incident(1)["acked_by"] == "alice"


def test_an_unknown_code_is_404_and_always_the_same_page(down: Site) -> None:
    wrong = [
        "k00000000",
        "k0000000011",
        "K000000001",
        "x",
        "x" * 3_000,
        "%00",
        "..%2f",
        "'",
        "null",
        "k000000001 ",
    ]
    answers = [
        down.ask(method, f"/a/{code}", auth=None, headers=BROWSER)
        for code in wrong
        for method in ("GET", "POST")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) <= 2  # %2f is one folder deeper
    assert {answer.headers["Referrer-Policy"] for answer in answers} == {"no-referrer"}
    assert down.acknowledged == []


def test_after_many_unknown_codes_more_are_429_while_a_known_one_is_served(
    down: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(TRIES):
        assert down.follow("GET", f"/a/guess{n}").status_code == 404
    for _ in range(3):
        answer = down.follow("GET", "/a/guess")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    [line] = [one for one in caplog.records if one.getMessage() == "links are guessed"]
    assert vars(line)["client"] == "127.0.0.1"
    assert down.follow("POST", f"/a/{down.codes()[0]}").status_code == 200
    down.bench.clock.move(seconds=60)
    assert down.follow("GET", "/a/guess").status_code == 404


def test_a_clock_that_is_set_back_does_not_keep_guesses_counted_for_ever(pages: Site) -> None:
    pages.bench.clock.move(hours=-2)
    for n in range(TRIES):
        assert pages.follow("GET", f"/a/guess{n}").status_code == 404
    pages.bench.clock.move(hours=-2)
    assert pages.follow("GET", "/a/guess").status_code == 404


def test_a_links_body_is_not_read_beyond_a_kilobyte(standing: Site) -> None:
    answer = standing.ask("POST", f"/a/{standing.codes()[0]}", auth=None, data=b"x" * 2_000)
    assert answer.status_code == 413
    assert standing.acknowledged == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_any_other_method_on_a_link_is_405_and_says_what_is_allowed(standing: Site, method: str) -> None:
    answer = standing.follow(method, f"/a/{standing.codes()[0]}")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert standing.acknowledged == []


def test_the_code_of_a_link_stands_in_no_log_and_on_no_page_of_others(
    down: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = down.codes()[0]
    shown = [down.get(path).text for path in PAGES]
    assert down.follow("GET", f"/a/{code}").status_code == 200
    down.broken = True
    assert down.follow("POST", f"/a/{code}").status_code == 503
    down.broken = False
    assert not [text for text in shown if code in text]
    ours = [record for record in caplog.records if not record.name.startswith("urllib3")]
    assert ours, "the failure was logged"
    assert not [record for record in ours if code in logging.Formatter().format(record)]


def test_a_bare_number_acknowledges_under_a_masked_name(tmp_path: Path) -> None:
    number = "+4917012345678"
    plan = escalating()
    oncall_ = replace(plan.receivers["oncall"], notify=(Target(TargetKind.NUMBER, number),))
    with site(tmp_path, plan=replace(plan, receivers=dict(plan.receivers) | {"oncall": oncall_})) as pages:
        pages.bench.accept(firing())
        answer = pages.follow("POST", f"/a/{pages.codes()[0]}")
        assert pages.incident(1)["acked_by"] == "+49********678"
        for html in (answer.text, *(pages.get(path).text for path in PAGES)):
            assert number not in html
            assert number[1:] not in html


# Whatever others write


def test_hostile_labels_are_shown_as_text_on_every_page(pages: Site) -> None:
    alert = firing(HOSTILE, instance=HOSTILE, severity="critical", **{"evil_label": HOSTILE})
    pages.bench.accept(replace(alert, annotations={"summary": HOSTILE, "link": f"https://x/{HOSTILE}"}))
    paths = [*PAGES, f"/a/{pages.codes()[0]}"]
    for path in paths:
        page = Text(pages.get(path).text)
        assert not [
            tag for tag, attrs in page.tags if tag == "script" or any(a.startswith("on") for a in attrs)
        ]
        assert "49" not in page.text.replace("{{ 7*7 }}", "")
        if path != "/oncall":
            assert "<script>hit()</script>" in page.text


def test_every_page_forbids_scripts_frames_and_everything_from_elsewhere(standing: Site) -> None:
    for path in (*PAGES, f"/a/{standing.codes()[0]}", "/nowhere", "/a/unknown"):
        answer = standing.get(path, headers=BROWSER)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        page = Text(answer.text)
        assert not [tag for tag, attrs in page.tags if tag in ("script", "style") or "style" in attrs]


def test_no_page_shows_a_whole_phone_number(down: Site) -> None:
    down.bench.accept(replace(firing("Call"), annotations={"summary": "call +32470000001 or +31612345678!"}))
    for path in (*PAGES, "/incidents/2", f"/a/{down.codes()[-1]}"):
        html = down.get(path).text
        assert not re.search(r"\d{8}", html), path


@given(st.text(), st.sampled_from(["+32470000001", "+31612345678"]))
def test_a_number_is_masked_wherever_it_stands(around: str, number: str) -> None:
    assume(not re.search(r"[0-9]$", around))  # `1.4.0+20261126` is a version
    assert number not in unnumbered(f"{around}{number}x{around}")


@pytest.mark.parametrize(
    "spelled",
    [
        "+32470000001",
        "+32 470 00 00 01",
        "0032470000001",
        "00 32",
        "+31 (6) 12345678",
        "%2B32470000001",
        "+32-470/000.001",
        "+32.470.00.00.01",
        "+32\u00a0470\u201100 00 01",
        "0470 12 34 56",
        "06-12345678",
    ],
)
def test_a_number_is_masked_however_it_is_spelled(spelled: str) -> None:
    shown = unnumbered(f"call {spelled}, please")
    assert (spelled not in shown) is (spelled != "00 32")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T14:05:00+01:00",
        "10:00 2026-11-22",
        "05:00+10 2026-11-22",
        "01-02-2026 12:00",
        "+12 34",
        "id 1700000000123",
        "1.0012345678",
        "+12345678.5",
        "0.123456789",
        "build 0012345",
        "v1.0.20261122",
    ],
)
def test_what_is_no_number_stays(text: str) -> None:
    assert unnumbered(text) == text


# Files, refusals, a store that fails


def test_the_style_sheet_and_the_icon_are_there_for_everybody(standing: Site) -> None:
    style, icon = (standing.follow("GET", f"/a/{name}") for name in ("style.css", "icon.svg"))
    assert (style.status_code, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize("path", [*PAGES, "/nowhere", "/a/unknown"])
def test_every_address_on_a_page_is_relative_so_that_a_proxy_may_put_us_in_a_folder(
    standing: Site, path: str
) -> None:
    page = Text(standing.get(path, headers=BROWSER).text)
    addresses = [a[name] for _, a in page.tags for name in ("href", "src", "action") if a.get(name)]
    assert addresses
    assert not [address for address in addresses if address and address.startswith(("/", "http"))]


def test_a_refusal_is_a_page_for_a_browser_and_a_line_for_a_machine(standing: Site) -> None:
    page, line = standing.get("/nowhere", headers=BROWSER), standing.get("/nowhere")
    assert (page.status_code, line.status_code) == (404, 404)
    assert headline(page.text) == "There is nothing here"
    assert line.headers["Content-Type"].startswith("text/plain")
    assert "<" not in line.text


def test_a_webhook_is_answered_as_ever_beside_the_pages(standing: Site) -> None:
    answer = standing.ask("POST", "/alertmanager", data=b"{")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")


@pytest.mark.parametrize("path", [*PAGES, "/a/k000000001"])
def test_a_database_that_cannot_be_read_is_a_503_page_without_its_path(down: Site, path: str) -> None:
    down.broken = True
    answer = down.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert headline(answer.text) == "Not now"
    assert "secret-path" not in answer.text
    assert "refresh" in answer.text


@pytest.mark.parametrize("path", ["/incidents/1", "/oncall", "/a/k000000001"])
def test_what_could_not_be_stored_is_never_told_as_done(down: Site, path: str) -> None:
    down.committer.stop()
    answer = down.post(path, GOOD, headers=BROWSER)
    assert answer.status_code == 503
    assert "could not be stored" in read(answer.text)
    assert down.incident(1)["acked_at"] is None


def test_alerts_are_taken_while_every_page_hangs(down: Site) -> None:
    down.gate = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        hanging = [pool.submit(down.get, path) for path in (*PAGES, *PAGES)]
        assert down.entered.wait(SOON)
        try:
            assert down.ask("POST", "/alertmanager", data=ONE_ALERT).status_code == 200
            assert not any(page.done() for page in hanging)
        finally:
            down.gate.set()
        assert {page.result().status_code for page in hanging} == {200}


# Words and times


def test_every_word_of_the_program_has_words_for_people() -> None:
    assert set(labels.STATES) == set(State)
    assert set(labels.HOLDS) == set(Hold)
    assert set(labels.ENDS) == set(IncidentState)
    assert set(labels.ACK_WAYS) == set(AckBy)


def test_an_alert_without_a_name_is_told_by_what_is_said_of_it() -> None:
    nameless = replace(firing(), labels={}, annotations={"description": "disk full"})
    assert labels.what_of(nameless) == "disk full"
    assert labels.summary_of(nameless) == "", "it is its name, and stands there once"
    assert labels.what_of(replace(nameless, annotations={})) == "alert without a name"


def test_times_are_those_of_the_reader_with_a_day_where_it_is_another() -> None:
    clock = Clock(NOON, ZoneInfo("Asia/Tokyo"))
    assert clock.at(NOON) == "21:00"
    assert clock.at(NOON + timedelta(hours=4)) == "Mon 23 Nov 01:00"
    assert clock.at(NOON - timedelta(days=365)) == "22 Nov 2025 21:00"
    assert clock.name == "Asia/Tokyo"


def test_a_user_who_is_one_of_the_people_reads_times_of_their_own_zone() -> None:
    people = a_plan().directory
    assert clock_of("bob", people, NOON).name == "Europe/Amsterdam"
    assert clock_of("ops", Directory(), NOON).at(NOON)


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        (0, "less than a minute"),
        (-5, "less than a minute"),
        (59, "59 min"),
        (60, "1 h"),
        (200, "3 h 20 min"),
        (1440, "1 d"),
        (3120, "2 d 4 h"),
    ],
)
def test_a_span_is_told_in_two_words_at_most(minutes: int, says: str) -> None:
    assert span(timedelta(minutes=minutes)) == says


@pytest.mark.parametrize(
    ("path", "root"), [("/", "./"), ("/oncall", "./"), ("/incidents/1", "../"), ("/a/b/c", "../../")]
)
def test_the_way_to_the_first_page_is_as_deep_as_the_address(path: str, root: str) -> None:
    assert root_of(path) == root


@pytest.mark.parametrize(
    "text", ["javascript:x", "https://", "see https://x", "https://x y", 'HTTPS://x" onclick', ""]
)
def test_what_is_no_web_address_is_no_link(text: str) -> None:
    assert web_address(text) == ""
