"""The pages for people over real HTTP, with a database that the real engine filled."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pages_serving import (
    BROWSER,
    GOOD,
    HASHED,
    HOSTILE,
    LOGIN,
    PAGES,
    USER,
    Site,
    Text,
    headline,
    read,
    site,
)
from web_serving import ONE_ALERT, SOON
from workbench import NOON, a_plan, firing

from sms_notify.logs import unnumbered
from sms_notify.policy.directory import Directory
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.vocabulary import AckBy, IncidentState, State
from sms_notify.secret import Secret
from sms_notify.web import labels
from sms_notify.web.csrf import is_ours, names_us
from sms_notify.web.links import web_address
from sms_notify.web.page_frame import MAX_FORM
from sms_notify.web.rendering import clock_of, root_of
from sms_notify.web.roles import Role, Token, User
from sms_notify.web.settings import WebSettings
from sms_notify.wording.clock import Clock, span


@pytest.fixture(scope="module")
def unlocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Where nobody needs a password."""
    settings = WebSettings(port=0, external_url="https://sms.example.org")
    with site(tmp_path_factory.mktemp("unlocked"), settings=settings) as running:
        yield running


# The texts


def test_the_texts_are_shown_newest_first_with_state_reader_and_incidents(down: Site) -> None:
    down.bench.commit(lambda tx: tx.run("update messages set state = 'delivered' where id = 1"))
    text = read(down.get("/messages").text)
    newer, older = text.index("m2"), text.index("m1")
    assert newer < older
    assert f"delivered alice +32******001 12:00 UTC m1 1 part firing by main #{tag_of(1)}" in text


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


# Whatever others write


def test_hostile_labels_are_shown_as_text_on_every_page(pages: Site) -> None:
    alert = firing(HOSTILE, instance=HOSTILE, severity="critical", **{"evil_label": HOSTILE})
    pages.bench.accept(replace(alert, annotations={"summary": HOSTILE, "link": f"https://x/{HOSTILE}"}))
    paths = [*PAGES, f"/a/{pages.codes()[0]}"]
    for path in paths:
        page = Text(pages.get(path).text)
        assert not [tag for tag, attrs in page.tags if any(a.startswith("on") for a in attrs)]
        ours = rf"{re.escape(root_of(path))}a/refresh\.js\?v=[0-9a-f]{{12}}"
        assert all(re.fullmatch(ours, attrs["src"] or "") for tag, attrs in page.tags if tag == "script")
        assert "49" not in page.text.replace("{{ 7*7 }}", "")
        if path not in ("/oncall", "/configuration"):  # they show nothing of an alert
            assert "<script>hit()</script>" in page.text


def test_every_page_forbids_frames_and_every_script_and_style_but_our_files(standing: Site) -> None:
    for path in (*PAGES, f"/a/{standing.codes()[0]}", "/nowhere", "/a/unknown"):
        answer = standing.get(path, headers=BROWSER)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        page = Text(answer.text)
        assert not [tag for tag, attrs in page.tags if tag == "style" or "style" in attrs]
        assert not [tag for tag, attrs in page.tags if tag == "script" and not attrs.get("src")]
        assert "script-src 'self';" in policy


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
    assert "Load it again" in answer.text
    assert "http-equiv" not in answer.text


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
    assert clock.at(NOON) == "21:00 JST"
    assert clock.at(NOON + timedelta(hours=4)) == "Mon 23 Nov 01:00 JST"
    assert clock.at(NOON - timedelta(days=365)) == "22 Nov 2025 21:00 JST"
    assert clock.second(NOON) == "21:00:00 JST"
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


# What is sent over the wire


def test_a_page_is_packed_for_whoever_unpacks_it_and_plain_for_others(standing: Site) -> None:
    for path in (*PAGES, f"/a/{standing.codes()[0]}"):
        packed = standing.get(path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
        assert packed.headers["Content-Encoding"] == "gzip"
        for plain in ("", "identity", "gzip;q=0", "br, gzip; q=0.0"):
            answer = standing.get(path, headers={"Accept-Encoding": plain})
            assert "Content-Encoding" not in answer.headers
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert headline(answer.text) == headline(packed.text)


def test_pages_are_kept_by_nobody_and_files_for_as_long_as_their_address_names_them(standing: Site) -> None:
    page = standing.get("/")
    assert page.headers["Cache-Control"] == "no-store"
    files = re.findall(r'"\./(a/[a-z.]+\?v=[0-9a-f]+)"', page.text)
    assert sorted({name.partition("?")[0] for name in files}) == ["a/icon.svg", "a/refresh.js", "a/style.css"]
    for name in files:
        answer = standing.follow("GET", f"/{name}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Encoding"] == "gzip"
        bare = standing.follow("GET", f"/{name.partition('?')[0]}")
        assert (bare.headers["Cache-Control"], bare.content) == ("no-cache", answer.content)
        again = standing.ask("GET", f"/{name}", auth=None, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_status_page_that_is_kept_for_a_second_is_never_older_than_what_was_stored(down: Site) -> None:
    first = down.get("/")
    assert first.content == down.get("/").content
    down.bench.accept(firing("DiskFull", instance="db1"), group="d")
    assert "DiskFull" in down.get("/").text
    down.bench.acknowledge(1, by="bob")
    assert "acknowledged by bob" in down.get("/").text
    down.bench.clock.move(seconds=1)
    assert "As of 2026-11-22 12:00:01" in down.get("/").text


def test_what_one_user_is_shown_is_not_kept_for_another(tmp_path: Path) -> None:
    users = {name: User(Secret(HASHED), frozenset(Role)) for name in ("ops", "alice")}
    with site(tmp_path, settings=WebSettings(port=0, users=users)) as pages:
        assert "times of UTC · ops" in read(pages.get("/").text)
        assert "times of Europe/Brussels · alice" in read(pages.get("/", auth=("alice", LOGIN[1])).text)
