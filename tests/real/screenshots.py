"""Takes the pictures that the documents show: `make screenshots`. The scene and its clock are fixed, so that a picture changes
only where a page does.
"""

from __future__ import annotations

import io
import sys
import tempfile
from base64 import b64decode
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pages_serving import PASSWORD
from PIL import Image
from selenium.webdriver.remote.webdriver import WebDriver
from staged_night import WHO, Scene, staged_demo, staged_night
from test_page import chromium, read, wait

from sms_notify.policy.episodes import tag_of

DOCS = Path(__file__).parents[2] / "docs"
COLOURS = 256  # enough for flat colours and the edges of letters, at a third of the size
# The port that `make demo` takes if it can; a picture must not differ with the port that was free.
USUAL_PORT = """
for (const one of document.querySelectorAll(".address code")) one.textContent = one.textContent.replace(/:\\d+/, ":1601");
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """`address` names the page of a night; `size` is the screen in CSS pixels."""

    name: str
    address: Callable[[Scene], str]
    size: tuple[int, int]
    scheme: str = "light"


def page(path: str) -> Callable[[Scene], str]:
    login = f"{WHO}:{PASSWORD.replace(' ', '%20')}"
    return lambda night: f"http://{login}@127.0.0.1:{night.site.served.port}{path}"


def incident(name: str) -> Callable[[Scene], str]:
    def address(night: Scene) -> str:
        (row,) = night.site.bench.rows("select id from incidents where labels like :name", name=f'%"{name}"%')
        return page(f"/incidents/{tag_of(row['id'])}")(night)

    return address


PICTURES = (
    Picture("status.png", page("/"), (1280, 1270)),
    Picture("status-phone.png", page("/"), (390, 844), "dark"),
    Picture("incident.png", incident("DiskFull"), (1280, 1100)),
    Picture("incident-phone.png", incident("HostDown"), (390, 844)),
    Picture("on-call.png", page("/oncall"), (1280, 1130)),
)
PHONES = Picture("phones.png", lambda demo: demo.simulator.base_url, (1280, 800))


def take(browser: WebDriver, night: Scene, picture: Picture, folder: Path) -> Path:
    width, height = picture.size
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = {"prefers-color-scheme": picture.scheme, "prefers-reduced-motion": "reduce"}
    wanted = [{"name": name, "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})
    browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    browser.get(picture.address(night))
    browser.execute_script(USUAL_PORT)
    wait(browser, lambda: read(browser, "#live:not(.on)", "id") == [])  # the simulator's page hears of news
    data = b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])
    path = folder / picture.name
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def main(folder: Path = DOCS) -> None:
    with ExitStack() as stack:
        first, second, profile = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3))
        night, demo = stack.enter_context(staged_night(first)), stack.enter_context(staged_demo(second))
        for browser in chromium(profile, {}):
            for scene, picture in (*((night, picture) for picture in PICTURES), (demo, PHONES)):
                path = take(browser, scene, picture, folder)
                print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
