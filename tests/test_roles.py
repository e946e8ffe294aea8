"""What a token, a user and a trusted proxy's user may do, and that nobody may do more."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

import pytest
import requests
from pages_serving import HASHED, PASSWORD, USER, Site, site
from web_serving import ONE_ALERT, SOON
from workbench import firing

from sms_notify.secret import Secret
from sms_notify.web.roles import OF_A_USER, Role, RoleError, Token, User, read_token, read_user
from sms_notify.web.settings import WebSettings

ROUTES = {
    Role.WEBHOOK: ("POST", "/alertmanager", ONE_ALERT),
    Role.METRICS: ("GET", "/metrics", None),
    Role.READ: ("GET", "/", None),
    Role.ACK: ("POST", "/incidents/1", b""),
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def settings(**more: object) -> WebSettings:
    tokens = tuple(Token(Secret(f"t0ken-of-{role}"), str(role), frozenset({role})) for role in Role)
    users = {
        USER: User(Secret(HASHED)),
        "boss": User(Secret(HASHED), frozenset({Role.READ})),
    }
    return WebSettings(port=0, tokens=tokens, users=users, **more)  # type: ignore[arg-type]


def ask(running: Site, role: Role, *, auth: tuple[str, str] | None = None, **headers: str) -> int:
    method, path, body = ROUTES[role]
    given = {name.replace("_", "-"): value for name, value in headers.items()} | (
        FORM if role is Role.ACK else {}
    )
    return requests.request(
        method,
        running.served.url(path),
        data=body,
        headers=given,
        auth=auth,
        timeout=SOON,
        allow_redirects=False,
    ).status_code


@pytest.mark.parametrize("own", Role)
def test_a_token_does_what_its_role_says_and_nothing_else(tmp_path: Path, own: Role) -> None:
    with site(tmp_path, settings=settings()) as running:
        running.bench.accept(firing())
        answers = {role: ask(running, role, Authorization=f"Bearer t0ken-of-{own}") for role in Role}
        assert answers == {role: (303 if role is Role.ACK else 200) if role is own else 403 for role in Role}
        acked = running.incident(1)["acked_by"]
    assert acked == ("ack" if own is Role.ACK else "")


def test_a_user_posts_no_alert_and_one_who_only_looks_acknowledges_nothing(tmp_path: Path) -> None:
    with site(tmp_path, settings=settings()) as running:
        running.bench.accept(firing())
        ours = {"Origin": running.served.url("").rstrip("/")}
        assert ask(running, Role.WEBHOOK, auth=(USER, PASSWORD)) == 403
        assert ask(running, Role.METRICS, auth=(USER, PASSWORD)) == 200
        assert ask(running, Role.READ, auth=("boss", PASSWORD)) == 200
        assert ask(running, Role.ACK, auth=("boss", PASSWORD), **ours) == 403
        assert ask(running, Role.METRICS, auth=("boss", PASSWORD)) == 403
        assert ask(running, Role.ACK, auth=(USER, PASSWORD), **ours) == 303


def test_whom_a_trusted_proxy_names_is_let_in_and_posts_no_alert(tmp_path: Path) -> None:
    proxies = (ip_network("127.0.0.1"),)
    with site(tmp_path, settings=settings(proxies=proxies)) as running:
        running.bench.accept(firing())
        ours = {"Origin": running.served.url("").rstrip("/")}
        assert ask(running, Role.READ, X_Forwarded_User="carol") == 200
        assert ask(running, Role.WEBHOOK, X_Forwarded_User="carol") == 403
        assert ask(running, Role.ACK, X_Forwarded_User="boss", **ours) == 403
        assert ask(running, Role.ACK, X_Forwarded_User=USER) == 403  # no page of ours sent it
        assert ask(running, Role.ACK, X_Forwarded_User=USER, **ours) == 303
        assert running.incident(1)["acked_by"] == USER


@pytest.mark.parametrize("proxies", [(), (ip_network("10.0.0.0/8"),)])
def test_nobody_else_is_believed(tmp_path: Path, proxies: tuple[object, ...]) -> None:
    with site(tmp_path, settings=settings(proxies=proxies)) as running:
        assert ask(running, Role.READ, X_Forwarded_User="carol") == 401


@pytest.mark.parametrize("name", ["", "a\tb", "x" * 81])
def test_a_name_that_is_none_lets_nobody_in(tmp_path: Path, name: str) -> None:
    with site(tmp_path, settings=settings(proxies=(ip_network("127.0.0.1"),))) as running:
        assert ask(running, Role.READ, X_Forwarded_User=name) == 401


def test_a_token_that_a_proxy_adds_to_what_a_browser_sends_opens_no_form(tmp_path: Path) -> None:
    with site(tmp_path, settings=settings(proxies=(ip_network("127.0.0.1"),))) as running:
        running.bench.accept(firing())
        foreign = {"Origin": "http://evil.example", "Authorization": "Bearer token-of-the-proxy"}
        assert ask(running, Role.ACK, X_Forwarded_User=USER, **foreign) == 403
        assert running.incident(1)["acked_by"] == ""


def test_a_name_in_another_spelling_may_only_look_where_people_are_listed(tmp_path: Path) -> None:
    with site(tmp_path, settings=settings(proxies=(ip_network("127.0.0.1"),))) as running:
        running.bench.accept(firing())
        ours = {"Origin": running.served.url("").rstrip("/")}
        for name in ("BOSS", '"boss"', "boss,ops"):
            assert ask(running, Role.READ, X_Forwarded_User=name) == 200
            assert ask(running, Role.ACK, X_Forwarded_User=name, **ours) == 403


def test_a_token_goes_before_the_name_that_a_proxy_gives(tmp_path: Path) -> None:
    with site(tmp_path, settings=settings(proxies=(ip_network("127.0.0.1"),))) as running:
        bearer = {"Authorization": f"Bearer t0ken-of-{Role.WEBHOOK}"}
        assert ask(running, Role.WEBHOOK, X_Forwarded_User="carol", **bearer) == 200


def test_what_is_written_behind_a_token() -> None:
    assert read_token("abc") == Token(Secret("abc"))
    assert read_token("abc role=metrics,read  name=eu").roles == {Role.METRICS, Role.READ}
    assert read_user("abc").roles == OF_A_USER
    assert read_user("abc role=webhook").roles == {Role.WEBHOOK}


@pytest.mark.parametrize(
    "line",
    ["abc def", "abc role=", "abc role=admin", "abc role=read role=ack", "a Name=x", "abc name=", "role=abc"],
)
def test_what_is_wrong_there_is_said_without_the_token(line: str) -> None:
    with pytest.raises(RoleError) as caught:
        read_token(line)
    assert "abc" not in str(caught.value) + caught.value.advice


def test_the_token_that_scrapes_and_the_one_that_posts_lie_in_different_files() -> None:
    shipped = Path(__file__).parents[1] / "integrations"
    scrapes = (shipped / "prometheus" / "scrape.yml").read_text("utf-8")
    posts = (shipped / "alertmanager" / "alertmanager.yml").read_text("utf-8")
    found = [set(re.findall(r"/etc/prometheus/[\w.-]+\.token", text)) for text in (scrapes, posts)]
    assert all(found)
    assert found[0].isdisjoint(found[1])
