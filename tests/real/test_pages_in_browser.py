"""The pages for people in a real browser, without JavaScript and on a screen as narrow as a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pages_serving import HOLED, LOGIN, PRIMARY, Site, site
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from test_page import BLOCK, chromium, read, wait
from workbench import firing

from sms_notify.policy.episodes import tag_of

pytestmark = [pytest.mark.real, pytest.mark.browser]
HOSTILE = "<script>document.title='hit'</script><img src=x onerror=\"document.title='hit'\">" + "w" * 200
PHONE, DESK = (390, 844), (1280, 900)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path, schedules=(PRIMARY, HOLED)) as running:
        running.bench.accept(firing("HostDown", instance="web-1"))
        running.bench.accept(firing("HostDown", instance=HOSTILE), group="hostile")
        yield running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    yield from chromium(tmp_path / "profile", {"profile.managed_default_content_settings.javascript": BLOCK})


def open_as_user(browser: WebDriver, pages: Site, path: str) -> None:
    """A user and a password in the address answer the question that the browser would put to a person."""
    name, password = LOGIN
    browser.get(f"http://{name}:{password.replace(' ', '%20')}@127.0.0.1:{pages.served.port}{path}")


def headline(browser: WebDriver) -> str:
    return read(browser, "h1", "innerText")[0]


def press(browser: WebDriver, button: str) -> None:
    browser.find_element(By.XPATH, f"//button[contains(., '{button}')]").click()


def test_a_user_opens_an_incident_from_the_status_page_and_acknowledges_it(
    browser: WebDriver, pages: Site
) -> None:
    open_as_user(browser, pages, "/")
    assert headline(browser) == "2 critical incidents reached nobody; a text is about to leave"
    browser.find_element(By.CSS_SELECTOR, f".incidents a[href$='/{tag_of(1)}']").click()
    wait(browser, lambda: headline(browser) == "HostDown web-1")
    press(browser, "I take care of it")
    wait(browser, lambda: bool(read(browser, ".incident .care.good", "innerText")))
    assert read(browser, ".incident .care.good", "innerText") == ["acknowledged by ops since 12:00 UTC"]
    assert pages.incident(1)["acked_by"] == "ops"
    assert browser.get_log("browser") == []


def test_the_link_of_a_text_acknowledges_with_one_press_and_asks_for_no_password(
    browser: WebDriver, pages: Site
) -> None:
    browser.set_window_size(*PHONE)
    browser.get(pages.served.url(f"/a/{pages.codes()[0]}"))
    assert headline(browser) == "Not acknowledged yet"
    press(browser, "I take care of it")
    wait(browser, lambda: headline(browser).startswith("Acknowledged"))
    assert headline(browser) == "Acknowledged. Escalation and reminders stop."
    assert [pages.incident(n)["acked_by"] for n in (1, 2)] == ["alice", ""]
    browser.refresh()
    assert headline(browser) in ("Acknowledged. Escalation and reminders stop.", "Acknowledged by alice")
    assert browser.get_log("browser") == []


def test_an_override_is_made_and_removed_by_hand(browser: WebDriver, pages: Site) -> None:
    open_as_user(browser, pages, "/oncall")
    form = browser.find_element(By.CSS_SELECTOR, "form.override")
    form.find_element(By.XPATH, ".//option[.='bob']").click()
    end = form.find_element(By.NAME, "end")
    browser.execute_script("arguments[0].value = '2026-11-22T20:00'", end)
    form.find_element(By.TAG_NAME, "button").click()
    wait(browser, lambda: bool(read(browser, ".overrides li", "innerText")))
    assert read(browser, ".now", "innerText")[0] == "bob now, until Sun 2026-11-22 20:00 CET; then alice"
    press(browser, "Remove")
    wait(browser, lambda: not read(browser, ".overrides li", "innerText"))
    assert read(browser, ".now", "innerText")[0].startswith("alice now")
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_no_page_is_wider_than_the_screen_whatever_others_write(
    browser: WebDriver, pages: Site, size: tuple[int, int]
) -> None:
    browser.execute_cdp_cmd(  # a window has a least width, an emulated screen has none
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE},
    )
    for path in (
        "/",
        "/incidents/1",
        "/incidents/2",
        "/messages",
        "/oncall",
        f"/a/{pages.codes()[0]}",
        "/a/unknown",
    ):
        open_as_user(browser, pages, path)
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= size[0], f"{path} is {wide} wide"
        if size == PHONE:  # the names of labels stay whole, above their values
            assert all(int(height) < 40 for height in read(browser, ".pairs th", "offsetHeight"))
        assert (
            read(browser, "script:not([src*='a/refresh.js?']), img:not([src*='icon.svg?'])", "outerHTML")
            == []
        )
        assert "hit" not in browser.title
        # A refusal itself is an entry in the log; anything else would be a style, a script or an address gone wrong.
        said = [entry["message"] for entry in browser.get_log("browser")]
        assert not [line for line in said if "404" not in line]


def test_the_style_is_there_and_the_page_is_not_bare(browser: WebDriver, pages: Site) -> None:
    for path in ("/", f"/a/{pages.codes()[0]}"):
        open_as_user(browser, pages, path)
        radius = browser.execute_script(
            "return getComputedStyle(document.querySelector('section')).borderRadius"
        )
        assert radius == "18px"
