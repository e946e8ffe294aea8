"""The simulator's page in a real browser: what is sent appears on the right phone, and is never more than text."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
import requests
from daemons import PASSWORD
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

pytestmark = [pytest.mark.real, pytest.mark.browser]
ALICE, BOB = "32470000001", "31612345678"
HOSTILE = (
    "<script>window.hit=1</script><img src=x onerror=window.hit=2> &lt;b&gt; disk {full} on \"db1\" 'now'"
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # Nothing but the page under test is asked for.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 30.0  # seconds
BLOCK = 2  # Chromium's word for it in its content settings


class Clock:
    """The simulator's time; it passes when the test says so, and texts change their status then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        with self._lock:
            return self._now

    def pass_by(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock) -> Iterator[Simulator]:
    phones = {ALICE: "Alice", BOB: "Bob"}
    settings = SimulatorSettings("acme", Secret(PASSWORD), phones=phones, buffered_after=60, final_after=120)
    with Simulator(settings, now=clock) as running:
        yield running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    yield from chromium(tmp_path / "profile", {})


@pytest.fixture
def browser_without_scripts(tmp_path: Path) -> Iterator[WebDriver]:
    yield from chromium(tmp_path / "profile", {"profile.managed_default_content_settings.javascript": BLOCK})


def chromium(
    profile: Path, preferences: dict[str, int], more_logs: Mapping[str, str] = MappingProxyType({})
) -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", preferences)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", **more_logs})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()


def send(gateway: Simulator, number: str, text: str) -> None:
    order = {
        "klantuser": "acme",
        "klantpwd": PASSWORD,
        "naar": number,
        "afzender": "ACME",
        "bericht": text,
        "delivery": "ja",
    }
    answer = requests.get(f"{gateway.gateway_url}gateway.php", order, timeout=10)
    assert answer.text.startswith("OK "), answer.text


def open_page(browser: WebDriver, gateway: Simulator) -> None:
    """Opens the page and waits until it hears of news; the mark is lost when it is loaded once more."""
    browser.get(gateway.base_url)
    wait(browser, lambda: read(browser, "#live", "className") == ["live on"])
    browser.execute_script("window.mark = 'first load'")


def texts_of(browser: WebDriver, number: str) -> list[str]:
    return read(browser, f"[data-number='{number}'] .bubble p", "innerText")


def ticks_of(browser: WebDriver, number: str) -> list[str]:
    return read(browser, f"[data-number='{number}'] .ticks", "ariaLabel")


def read(browser: WebDriver, selector: str, what: str) -> list[str]:
    """A property of all elements that fit, at one instant: the page replaces elements as news comes in."""
    script = "return Array.from(document.querySelectorAll(arguments[0]), found => found[arguments[1]])"
    return list(browser.execute_script(script, selector, what))


def wait(browser: WebDriver, met: Callable[[], bool]) -> None:
    WebDriverWait(browser, PATIENCE, 0.05).until(lambda _: met())


def test_a_text_appears_on_its_phone_without_a_reload_and_its_ticks_follow(
    browser: WebDriver, gateway: Simulator, clock: Clock
) -> None:
    open_page(browser, gateway)
    assert texts_of(browser, ALICE) == texts_of(browser, BOB) == []

    send(gateway, ALICE, "FIRING critical HostDown web-1 #k3f9")
    wait(browser, lambda: texts_of(browser, ALICE) == ["FIRING critical HostDown web-1 #k3f9"])
    assert texts_of(browser, BOB) == []
    assert ticks_of(browser, ALICE) == ["submitted to the phone network"]

    clock.pass_by(60)
    gateway.tick()
    wait(browser, lambda: ticks_of(browser, ALICE) == ["buffered by the phone network, not yet delivered"])
    clock.pass_by(60)
    gateway.tick()
    wait(browser, lambda: ticks_of(browser, ALICE) == ["delivered"])

    assert read(browser, f"[data-number='{ALICE}'] .ticks", "innerText") == ["✓✓"]
    assert browser.execute_script("return window.mark") == "first load"
    assert browser.get_log("browser") == []


def test_a_text_to_a_phone_that_nobody_knew_of_brings_up_that_phone(
    browser: WebDriver, gateway: Simulator
) -> None:
    open_page(browser, gateway)
    send(gateway, "32470000099", "hello")

    wait(browser, lambda: texts_of(browser, "32470000099") == ["hello"])
    assert browser.execute_script("return window.mark") == "first load"
    assert browser.get_log("browser") == []


def test_a_hostile_text_is_shown_as_text_and_nothing_of_it_runs(
    browser: WebDriver, gateway: Simulator
) -> None:
    open_page(browser, gateway)
    send(gateway, BOB, HOSTILE)
    wait(browser, lambda: texts_of(browser, BOB) == [HOSTILE])
    browser.refresh()  # once as news, once as part of the page
    wait(browser, lambda: texts_of(browser, BOB) == [HOSTILE])

    assert read(browser, "#phones :is(script, img, b:not(.sender))", "outerHTML") == []
    assert browser.execute_script("return window.hit") is None
    assert browser.get_log("browser") == []


def test_the_content_policy_stops_a_script_that_got_into_the_page(
    browser: WebDriver, gateway: Simulator
) -> None:
    open_page(browser, gateway)
    browser.execute_script(
        "const image = document.createElement('img');"
        "image.setAttribute('onerror', 'window.hit = 1'); image.src = '/nothing-here'; document.body.append(image)"
    )

    said: list[str] = []

    def refused() -> bool:
        said.extend(entry["message"] for entry in browser.get_log("browser"))
        return any("Content Security Policy" in line for line in said)

    wait(browser, refused)
    assert browser.execute_script("return window.hit") is None


def test_without_javascript_the_page_still_shows_the_texts(
    browser_without_scripts: WebDriver, gateway: Simulator
) -> None:
    browser = browser_without_scripts
    send(gateway, ALICE, "first")
    browser.get(gateway.base_url)
    assert texts_of(browser, ALICE) == ["first"]
    assert read(browser, "#live", "className") == ["live"]  # no script of the page has touched it

    send(gateway, BOB, HOSTILE)
    wait(browser, lambda: texts_of(browser, BOB) == [HOSTILE])  # it loads itself again every few seconds
    assert browser.get_log("browser") == []
