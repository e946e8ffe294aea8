"""A night in a real browser: 300 incidents, one of which reached nobody. A user signs in, acknowledges many, swaps shifts and
sends a test text, with scripts and without; axe looks at every page, and so does who is asked for what.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from daemons import PASSWORD as GATEWAY_PASSWORD
from pages_serving import PRIMARY, USER, Site, site
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from test_page import ALICE, chromium, open_page, read, send, wait
from test_pages_in_browser import headline, open_as_user, press
from workbench import NOON, firing, resolved

from sms_notify.policy.episodes import tag_of
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import account_rows, oncall_rows

pytestmark = [pytest.mark.real, pytest.mark.browser]
SIZES, SCHEMES = (390, 768, 1280), ("light", "dark")
AXE = (files("axe_core_python") / "axe.min.js").read_text("utf-8")


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Site]:
    """Lost is the oldest and reached nobody; a switch takes 259 ports with it; the rest are told."""
    with site(tmp_path, schedules=(PRIMARY,)) as running:
        bench = running.bench
        bench.accept(firing("Lost", instance="db0"))
        bench.accept(
            *(firing("PortDown", severity="warning", instance=f"sw1:{n}") for n in range(259)), group="p"
        )
        for n in range(40):
            bench.accept(firing(f"Told{n}", instance=f"web{n}"), group=str(n))
        mine = "select message_id from pages where incident_id = 1"
        bench.commit(lambda tx: tx.run(f"update messages set state = 'sent' where id not in ({mine})"))
        bench.commit(lambda tx: account_rows.set_balance(tx, "main", 460, NOON))
        yield running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    yield from chromium(tmp_path / "profile", {}, {"performance": "ALL"})


@pytest.fixture(params=["with scripts", "without scripts"])
def any_browser(browser: WebDriver, request: pytest.FixtureRequest) -> WebDriver:
    """What matters most must work where the page's script does not run."""
    off = request.param == "without scripts"
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": off})
    return browser


def network(browser: WebDriver) -> dict[str, list[dict[str, Any]]]:
    """What the browser has told of its network since it was last asked, by the name of the event."""
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in browser.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        told[event["method"]].append(event["params"])
    return told


def look(browser: WebDriver, width: int, scheme: str) -> None:
    screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    wanted = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})


def test_the_first_line_and_the_first_row_are_what_reached_nobody(browser: WebDriver, night: Site) -> None:
    look(browser, 390, "dark")
    open_as_user(browser, night, "/")
    assert headline(browser).startswith("1 critical incident reached nobody")
    assert read(browser, ".incidents h3", "innerText")[0] == "Lost db0"


def test_a_user_signs_in_and_a_wrong_password_shows_nothing(browser: WebDriver, night: Site) -> None:
    place = f"127.0.0.1:{night.served.port}/"
    for address in (f"http://{place}", f"http://{USER}:wrong@{place}"):
        browser.get(address)  # the browser asks for a name and a password now, before an empty page
        assert read(browser, "body *", "outerHTML") == []
        answers = network(browser)["Network.responseReceivedExtraInfo"]
        asked = {(answer["statusCode"], answer["headers"]["www-authenticate"]) for answer in answers}
        assert asked == {(401, 'Basic realm="sms-notify", charset="UTF-8"')}
    open_as_user(browser, night, "/")
    assert headline(browser).startswith("1 critical incident reached nobody")
    browser.find_element(By.LINK_TEXT, "On call").click()
    wait(browser, lambda: headline(browser) == "On call")
    assert read(browser, "footer", "innerText")[0].endswith(f" · {USER}")


def test_scripts_are_off_where_the_walk_says_so(browser: WebDriver) -> None:
    for off, title in ((False, "ran"), (True, "did not")):
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": off})
        browser.get("data:text/html,<title>did not</title><script>document.title = 'ran'</script>")
        assert browser.title == title


def test_what_was_chosen_and_a_storm_are_acknowledged_from_the_list(
    any_browser: WebDriver, night: Site
) -> None:
    browser = any_browser
    open_as_user(browser, night, "/")
    for box in browser.find_elements(By.CSS_SELECTOR, ".incidents > li > .choose input")[:3]:
        box.click()
    press(browser, "those that I chose")
    wait(browser, lambda: night.incident(1)["acked_by"] == USER)
    taken = night.bench.rows("select count(*) as n from incidents where acked_by = 'ops'")
    assert taken[0]["n"] == 3
    open_as_user(browser, night, "/incidents?severity=warning")
    assert len(read(browser, ".incidents h3", "innerText")) == 100
    open_as_user(browser, night, "/")
    press(browser, "I take care of all 259")
    wait(browser, lambda: night.incident(2)["acked_by"] == USER)


def test_the_page_shows_what_is_new_and_keeps_what_somebody_types(browser: WebDriver, night: Site) -> None:
    open_as_user(browser, night, "/")
    field = browser.find_element(By.NAME, "q")
    field.send_keys("db0")
    night.bench.accept(firing("Later", instance="web-1"), group="later")
    browser.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
    assert field.get_attribute("value") == "db0"
    browser.execute_script("document.activeElement.blur()")
    browser.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
    wait(browser, lambda: "Later web-1" in read(browser, ".incidents h3", "innerText"))
    assert browser.find_element(By.NAME, "q").get_attribute("value") == "db0"


def test_two_shifts_are_swapped_by_hand(any_browser: WebDriver, night: Site) -> None:
    browser = any_browser
    open_as_user(browser, night, "/oncall")
    press(browser, "Swap these shifts")
    wait(browser, lambda: bool(read(browser, ".overrides li", "innerText")))
    with night.bench.reading() as tx:
        assert [one.person for one in oncall_rows.overrides(tx, NOON)] == ["bob", "alice"]
    assert read(browser, ".now", "innerText")[0].startswith("bob now")


def test_a_user_sends_a_test_text_to_their_own_phone(any_browser: WebDriver, night: Site) -> None:
    browser = any_browser
    open_as_user(browser, night, "/messages")
    press(browser, "Send a test text")
    wait(browser, lambda: headline(browser) == f"Text to {USER}")
    said = f"sms-notify: test text for {USER}, asked for by {USER} at 12:00 UTC"
    assert read(browser, ".body", "innerText") == [said]
    assert night.bench.messages("recipient, kind, state, body")[-1] == (USER, "manual", "queued", said)


def paths(night: Site) -> list[str]:
    """Every page, in every state that has buttons of its own."""
    last = night.bench.rows("select max(id) as id from incidents")[0]["id"]
    tags = [tag_of(n) for n in (1, 2, 3, last)]
    return [
        "/",
        "/incidents",
        "/incidents?show=all&q=db",
        *(f"/incidents/{tag}" for tag in tags),
        "/messages",
        "/messages/m1",
        "/messages/m3",
        "/oncall?from=2026-11-20",
        "/configuration",
        "/configuration?labels=alertname%3DHostDown%0Aseverity%3Dcritical&at=2026-11-23T03:00",
        "/configuration?labels=severity",
        f"/a/{night.codes()[0]}",
        "/nowhere",
    ]


BUTTONS = (
    "I take care of those that I chose",
    "I take care of it",
    "Escalate now",
    "Take the acknowledgement back",
    "Write it down",
    "Close it",
    "Send a test text",
    "Do not send it",
    "Send it again",
    "Put on call",
    "Swap these shifts",
    "Ask",
)


def violations(browser: WebDriver) -> list[tuple[str, list[str]]]:
    found = browser.execute_async_script(
        "axe.run({resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
    )
    return [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found["violations"]]


def test_axe_finds_nothing_on_any_page(browser: WebDriver, night: Site) -> None:
    """Each page is loaded once, and looked at in every way: style sheets follow the screen without a new page."""
    night.bench.clock.move(minutes=90)
    night.bench.accept(resolved("Told1", instance="web1"), group="1")
    night.bench.acknowledge(3, by="bob")
    night.bench.accept(firing("New", instance="web41"), group="new")  # its steps are to come
    seen: set[str] = set()
    for path in paths(night):
        open_as_user(browser, night, path)
        browser.execute_script("document.querySelectorAll('details').forEach((one) => one.open = true)")
        browser.execute_script(AXE)
        seen.update(read(browser, "button", "innerText"))
        for width, scheme in product(SIZES, SCHEMES):
            look(browser, width, scheme)
            if width != 768:  # laid out as at 1280
                assert violations(browser) == [], f"{path} at {width}, {scheme}"
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} wide"
    assert set(BUTTONS) - seen == set()


def test_axe_finds_nothing_on_the_phones_of_the_simulator(browser: WebDriver) -> None:
    account = SimulatorSettings("acme", Secret(GATEWAY_PASSWORD), phones={ALICE: "Alice"})
    with Simulator(account) as gateway:
        for n in range(20):  # more than a phone shows at once
            send(gateway, ALICE, f"FIRING warning DiskFull db{n}")
        open_page(browser, gateway)
        browser.execute_script(AXE)
        for width, scheme in product(SIZES, SCHEMES):
            look(browser, width, scheme)
            assert violations(browser) == [], f"at {width}, {scheme}"


def test_nothing_is_asked_of_another_host_and_every_page_forbids_inline_code(
    browser: WebDriver, night: Site
) -> None:
    for path in paths(night):
        open_as_user(browser, night, path)
    told = network(browser)
    asked = [one["request"]["url"] for one in told["Network.requestWillBeSent"]]
    hosts = {url.split("/")[2].rpartition("@")[2] for url in asked if url.startswith("http")}
    assert hosts == {f"127.0.0.1:{night.served.port}"}
    answers = [one["response"] for one in told["Network.responseReceived"] if one["type"] == "Document"]
    pages = [answer for answer in answers if answer["url"].startswith("http")]
    assert len(pages) == len(paths(night))
    for page in pages:
        policy = page["headers"]["content-security-policy"]
        assert policy.startswith("default-src 'none';"), page["url"]
        assert "unsafe" not in policy, page["url"]
