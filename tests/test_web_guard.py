"""Where a request may come from: other people's pages can post nothing, end nothing and read nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pages_serving import HASHED, LOGIN, USER, Site, site
from web_serving import ONE_ALERT, SOON, Recorder, Served, post, serving, status_of
from workbench import firing

from sms_notify.secret import Secret
from sms_notify.web import passwords
from sms_notify.web.csrf import names_us
from sms_notify.web.guard import From, allowed_from
from sms_notify.web.roles import Role, Token, User
from sms_notify.web.settings import WebSettings
from sms_notify.web.webhooks import SOURCES

TOKEN = "t0ken-of-a-machine"
EVERY = frozenset(Role)
BASIC = WebSettings(
    port=0, users={"am": User(Secret(passwords.hash_password("s3cret", b"0123456789abcdef")), EVERY)}
)
OUTER = "https://sms.example.org/x"
# What a browser adds to a request of another site's page, of ours, and of a person's own doing; none can be forged.
CROSS = {"Origin": "https://attacker.example", "Sec-Fetch-Site": "cross-site"}
BROWSERS: list[dict[str, str]] = [
    CROSS,
    {"Origin": "https://attacker.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:9601"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Site]:
    with site(
        tmp_path, settings=WebSettings(port=0, users={USER: User(Secret(HASHED))}, external_url=OUTER)
    ) as running:
        running.bench.accept(firing("HostDown", instance="web-1"))
        yield running


@pytest.fixture
def unlocked(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path, settings=WebSettings(port=0, external_url=OUTER)) as running:
        running.bench.accept(firing("HostDown", instance="web-1"))
        yield running


def ask(served: Served, method: str, path: str, headers: dict[str, str], **more: object) -> requests.Response:
    url = served.url(path)
    return requests.request(method, url, headers=headers, timeout=SOON, allow_redirects=False, **more)  # type: ignore[arg-type]


# The table


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        *[("POST", path, From.NO_BROWSER) for path in SOURCES],
        *[("POST", f"{path}/", From.NO_BROWSER) for path in SOURCES],
        ("POST", "/-/reload", From.NO_BROWSER),
        ("PUT", "/-/reload", From.NO_BROWSER),
        ("POST", "/a-route-of-tomorrow", From.NO_BROWSER),
        ("DELETE", "/api/v1/incidents/1", From.NO_BROWSER),
        ("OPTIONS", "/alertmanager", From.NO_BROWSER),
        ("POST", "/incidents/1", From.OUR_PAGES),
        ("POST", "/oncall", From.OUR_PAGES),
        ("GET", "/", From.NO_OTHER_PAGE),
        ("HEAD", "/", From.NO_OTHER_PAGE),
        ("GET", "/incidents/1", From.NO_OTHER_PAGE),
        ("GET", "/oncall", From.NO_OTHER_PAGE),
        ("GET", "/messages", From.NO_OTHER_PAGE),
        ("GET", "/metrics", From.NO_OTHER_PAGE),
        ("GET", "/a-page-of-tomorrow", From.NO_OTHER_PAGE),
        ("GET", "/a/abcdefghjk", From.ANYWHERE),
        ("POST", "/a/abcdefghjk", From.ANYWHERE),
        ("GET", "/delivery/s3cret", From.ANYWHERE),
        ("GET", "/-/healthy", From.ANYWHERE),
        ("GET", "/-/ready", From.ANYWHERE),
    ],
)
def test_every_route_and_any_further_one_has_a_row(method: str, path: str, expected: From) -> None:
    assert allowed_from(method, path) is expected


# Webhooks


@pytest.mark.parametrize("headers", BROWSERS, ids=str)
@pytest.mark.parametrize("path", SOURCES)
def test_no_page_in_a_browser_can_post_an_alert(path: str, headers: dict[str, str]) -> None:
    with serving() as served:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
            answer = ask(served, "POST", path, headers | {"Content-Type": kind}, data=ONE_ALERT)
            assert answer.status_code == 403
            assert "Origin" in answer.text
            assert "Access-Control-Allow-Origin" not in answer.headers
        assert served.recorder.deliveries == []


def test_a_cached_login_does_not_help_a_page_either() -> None:
    with serving(settings=BASIC) as served:
        assert ask(served, "POST", "/alertmanager", {}, data=ONE_ALERT, auth=("am", "s3cret")).ok
        answer = ask(served, "POST", "/alertmanager", CROSS, data=ONE_ALERT, auth=("am", "s3cret"))
        assert answer.status_code == 403
        assert len(served.recorder.deliveries) == 1


@pytest.mark.parametrize("path", [*SOURCES, "/-/reload", "/oncall"])
def test_a_preflight_is_granted_nowhere(served: Served, path: str) -> None:
    answer = ask(served, "OPTIONS", path, CROSS | {"Access-Control-Request-Method": "POST"})
    assert answer.status_code == 403
    assert [name for name in answer.headers if name.lower().startswith("access-control")] == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Referer": "http://am.example/"},
        {"Sec-Fetch-Mode": "cors"},
        {"Via": "1.1 proxy", "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"},
    ],
    ids=["nothing", "curl -d", "text", "redirected", "node", "a proxy"],
)
def test_what_programs_send_is_taken_whatever_its_content_type(headers: dict[str, str]) -> None:
    with serving() as served:
        assert ask(served, "POST", "/alertmanager", headers, data=ONE_ALERT).status_code == 200


# Pages


@pytest.mark.parametrize("path", ["/", "/incidents/1", "/messages", "/oncall", "/metrics", "/openapi.json"])
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "document"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 403),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://sms.example.org"}, 200),
    ],
    ids=str,
)
def test_a_page_is_for_whoever_opens_it_and_not_for_another_site(
    unlocked: Site, path: str, headers: dict[str, str], code: int
) -> None:
    answer = unlocked.get(path, auth=None, headers=headers)
    assert answer.status_code == code
    assert (code == 200) or "Another site" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_link_of_a_text_opens_from_anywhere(pages: Site, method: str) -> None:
    [code, *_] = pages.codes()
    answer = pages.ask(method, f"/a/{code}", auth=None, headers=CROSS)
    assert answer.status_code == 200
    assert (pages.incident(1)["acked_at"] is not None) is (method == "POST")


@pytest.mark.parametrize("path", ["/delivery/tok?smsid=1", "/-/healthy", "/-/ready", "/a/style.css"])
def test_call_back_and_health_are_answered_from_anywhere(pages: Site, path: str) -> None:
    assert pages.get(path, auth=None, headers=CROSS).status_code == 200


def test_a_refused_page_is_a_page_for_a_browser(pages: Site) -> None:
    answer = pages.get("/", headers=CROSS | {"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "HostDown" not in answer.text


def test_a_form_of_another_site_is_refused_before_the_login_is_looked_at(pages: Site) -> None:
    assert pages.post("/incidents/1", headers=CROSS, auth=("nobody", "x")).status_code == 403
    assert pages.served.recorder.guesses == 0


# Under which name


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("LocalHost:9601", True),
        ("localhost.", True),
        ("localhost.:9601", True),
        ("sms.localhost", True),
        ("127.0.0.1", True),
        ("127.0.0.1:9601", True),
        ("127.0.0.1:80", True),
        ("127.0.0.1:PORT", True),
        ("127.1.2.3:9601", True),
        ("[::1]", True),
        ("[::1]:9601", True),
        ("[0:0:0:0:0:0:0:1]", True),
        ("[::ffff:127.0.0.1]:9601", True),
        ("monitoring-1", True),
        ("Monitoring-1.:9601", True),
        ("sms.example.org", True),
        ("SMS.Example.ORG.:443", True),
        ("sms.example.org:8443", True),
        ("", False),
        (".", False),
        ("rebound.attacker.example", False),
        ("rebound.attacker.example:9601", False),
        ("127.0.0.1.attacker.example", False),
        ("localhost.attacker.example", False),
        ("attacker.example.sms.example.org", False),
        ("xsms.example.org", False),
        ("sms.example.org.attacker.example", False),
        ("192.0.2.7", False),
        ("0.0.0.0:9601", False),
        ("[2001:db8::1]:9601", False),
        ("user@127.0.0.1", False),
        ("127.0.0.1/x", False),
        ("127.0.0.1#.attacker.example", False),
        ("127.0.0.1 attacker.example", False),
        ("127.0.0.1:1:attacker.example", False),
        ("[::1].attacker.example", False),
        ("null", False),
    ],
)
def test_our_names_are_loopback_the_address_we_listen_on_and_the_outer_one(host: str, ours: bool) -> None:
    assert names_us(host, OUTER, "monitoring-1") is ours


PATHS = ["/", "/metrics", "/messages", "/openapi.json", "/-/healthy", "/-/ready", "/delivery/tok", "/a/x"]


@pytest.mark.parametrize("path", PATHS)
def test_where_no_login_is_configured_a_foreign_name_is_refused_everywhere(unlocked: Site, path: str) -> None:
    answer = unlocked.get(path, auth=None, headers={"Host": "rebound.attacker.example:9601"})
    assert answer.status_code == 421
    for word in ("rebound.attacker.example", "web.external_url", "web.users"):
        assert word in answer.text
    assert unlocked.served.recorder.reports == []


@pytest.mark.parametrize("path", [*SOURCES, "/incidents/1", "/oncall", "/a/x", "/-/reload"])
def test_nothing_is_taken_under_a_foreign_name(unlocked: Site, path: str) -> None:
    headers = {"Host": "rebound.attacker.example"}
    assert unlocked.ask("POST", path, auth=None, data=ONE_ALERT, headers=headers).status_code == 421
    assert unlocked.served.recorder.deliveries == []


@pytest.mark.parametrize(
    "settings",
    [BASIC, WebSettings(port=0, tokens=(Token(Secret(TOKEN), roles=EVERY),))],
    ids=["users", "tokens"],
)
@pytest.mark.parametrize("host", ["sms-notify", "sms-notify.monitoring.svc:9601", "192.0.2.7"])
def test_with_a_login_every_name_works(settings: WebSettings, host: str) -> None:
    with serving(settings=settings) as served:
        given = {"Authorization": f"Bearer {TOKEN}"} if settings.tokens else {}
        login = None if settings.tokens else ("am", "s3cret")
        for method, path in (("POST", "/alertmanager"), ("GET", "/metrics"), ("GET", "/-/ready")):
            answer = ask(served, method, path, {"Host": host} | given, data=ONE_ALERT, auth=login)
            assert answer.status_code == 200


def test_a_browser_under_a_foreign_name_is_refused_as_a_browser(served: Served) -> None:
    headers = {"Host": "rebound.attacker.example", "Origin": "http://rebound.attacker.example"}
    assert ask(served, "POST", "/alertmanager", headers, data=ONE_ALERT).status_code == 403


@pytest.mark.parametrize("settings", [WebSettings(port=0), BASIC])
def test_two_hosts_are_refused_with_a_login_and_without(settings: WebSettings) -> None:
    with serving(settings=settings) as served:
        assert status_of(served.ask(post(ONE_ALERT, "Host: localhost"))) == 400
        assert served.recorder.deliveries == []


def test_a_program_that_says_no_host_is_no_browser() -> None:
    with serving(Recorder()) as served:
        bare = post().replace(b"Host: localhost\r\n", b"").replace(b"HTTP/1.1", b"HTTP/1.0")
        assert status_of(served.ask(bare)) == 200


def test_a_foreign_name_is_escaped_and_bounded_in_the_answer() -> None:
    with serving() as served:
        answer = served.ask(b"GET /metrics HTTP/1.1\r\nHost: <b>\xe9" + b"x" * 5_000 + b"\r\n\r\n")
        assert status_of(answer) == 421
        assert len(answer) < 1_000
        assert b"'<b>\\xe9xxx" in answer


def test_the_login_of_the_pages_is_still_asked_for(pages: Site) -> None:
    assert pages.get("/", auth=None).status_code == 401
    assert pages.get("/", auth=LOGIN, headers={"Host": "any.example"}).status_code == 200
