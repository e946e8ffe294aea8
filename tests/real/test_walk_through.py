"""A night in a real browser: 300 incidents, one of which reached nobody; acknowledging many, a swap, and what axe finds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from pages_serving import PRIMARY, USER, Site, site
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from test_page import chromium, read, wait
from test_pages_in_browser import headline, open_as_user, press
from workbench import NOON, firing, resolved

from sms_notify.policy.episodes import tag_of
from sms_notify.store import account_rows, oncall_rows

pytestmark = [pytest.mark.real, pytest.mark.browser]
SIZES = (390, 768, 1280)
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
    yield from chromium(tmp_path / "profile", {})


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


def test_what_was_chosen_and_a_storm_are_acknowledged_from_the_list(browser: WebDriver, night: Site) -> None:
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


def test_two_shifts_are_swapped_by_hand(browser: WebDriver, night: Site) -> None:
    open_as_user(browser, night, "/oncall")
    press(browser, "Swap these shifts")
    wait(browser, lambda: bool(read(browser, ".overrides li", "innerText")))
    with night.bench.reading() as tx:
        assert [one.person for one in oncall_rows.overrides(tx, NOON)] == ["bob", "alice"]
    assert read(browser, ".now", "innerText")[0].startswith("bob now")


def paths(night: Site) -> list[str]:
    tags = [f"/incidents/{tag_of(n)}" for n in (1, 2)]
    lists = [
        "/",
        "/incidents",
        "/incidents?show=all&q=db",
        "/messages",
        "/messages/m1",
        "/oncall?from=2026-11-20",
    ]
    return [*lists, *tags, f"/a/{night.codes()[0]}", "/nowhere"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_axe_finds_nothing_on_any_page(browser: WebDriver, night: Site, width: int, scheme: str) -> None:
    night.bench.clock.move(minutes=90)
    night.bench.accept(resolved("Told1", instance="web1"), group="1")
    night.bench.acknowledge(3, by="bob")
    look(browser, width, scheme)
    for path in paths(night):
        open_as_user(browser, night, path)
        browser.execute_script("document.querySelectorAll('details').forEach((one) => one.open = true)")
        browser.execute_script(AXE)
        found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        told = [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found["violations"]]
        assert told == [], path
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} wide"


def test_nothing_is_asked_of_another_host(tmp_path: Path, night: Site) -> None:
    for browser in chromium(tmp_path / "listening", {}, {"performance": "ALL"}):
        for path in paths(night):
            open_as_user(browser, night, path)
        entries = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        asked = {
            one["params"]["request"]["url"] for one in entries if one["method"] == "Network.requestWillBeSent"
        }
        hosts = {url.split("/")[2].rpartition("@")[2] for url in asked if url.startswith("http")}
        assert hosts == {f"127.0.0.1:{night.served.port}"}
