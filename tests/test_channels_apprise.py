"""Telling by apprise, as far as it goes without it.

The package itself is not installed here: what is shown with the stand-in is our side of the few calls we make
(`Apprise().add`, `.notify`, `NotifyType`), the process around them, and that nothing leaks. That the real
package answers these calls in this way is not shown.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sms_notify.channels.apprise import AppriseChannel
from sms_notify.channels.base import ChannelResult, Ended, Note
from sms_notify.channels.settings import AppriseSettings
from sms_notify.secret import Secret

CANARY = "kanarie-token-3"
NOTE = Note(
    "gateway main: error 108\n", "no credits are left\nsince 14:05", datetime(2026, 11, 22, tzinfo=UTC), True
)
STAND_IN = """
import json, logging, os, sys, time
class NotifyType:
    FAILURE, WARNING = "failure", "warning"
class Apprise:
    def add(self, url):
        logging.getLogger("apprise").error("Loaded %s", url)
        self.url = url
        return not url.startswith("unknown:")
    def notify(self, body, title="", notify_type="info"):
        print(self.url); print(self.url, file=sys.stderr)
        if "hang" in self.url: time.sleep(300)
        if "crash" in self.url: raise RuntimeError(self.url)
        if "refuse" in self.url: return False
        if "nobody" in self.url: return None
        with open(os.path.join(os.path.dirname(__file__), "told"), "a") as told:
            told.write(json.dumps([self.url, title, body, notify_type, sys.argv, "SMS_PASSWORD" in os.environ]) + "\\n")
        return True
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "apprise").mkdir()
    (tmp_path / "apprise" / "__init__.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SMS_PASSWORD", "x")
    return tmp_path / "apprise" / "told"


def tell(*urls: str, note: Note = NOTE, timeout: float = 20.0) -> ChannelResult:
    settings = AppriseSettings("phone", tuple(Secret(f"{url}://{CANARY}") for url in urls), timeout)
    channel = AppriseChannel(settings)
    outcome = channel.tell(note)
    assert CANARY not in f"{outcome!r} {channel!r} {vars(channel)!r} {settings!r}"
    return outcome


def test_without_the_package_the_outcome_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if importlib.util.find_spec("apprise"):  # then the same is shown with a package that cannot be imported
        (tmp_path / "apprise.py").write_text("raise ImportError")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    expected = "apprise is not installed: install sms-notify with its extra, sms-notify[apprise]"
    assert tell("tgram") == ChannelResult(Ended.MISCONFIGURED, expected)


def test_every_service_is_told_the_note(stand_in: Path) -> None:
    assert tell("tgram", "mailtos") == ChannelResult(Ended.TOLD)
    first, second = map(json.loads, stand_in.read_text().splitlines())
    assert first[:4] == [f"tgram://{CANARY}", "gateway main: error 108", NOTE.body, "failure"]
    assert second[0] == f"mailtos://{CANARY}"
    assert CANARY not in str(first[4])
    assert first[5] is False


def test_what_is_not_urgent_is_a_warning_and_an_empty_body_the_subject(stand_in: Path) -> None:
    note = Note("balance is low", "", NOTE.at, urgent=False)
    assert tell("tgram", note=note) == ChannelResult(Ended.TOLD)
    assert json.loads(stand_in.read_text())[1:4] == ["balance is low", "balance is low", "warning"]


@pytest.mark.parametrize(
    ("urls", "ended"),
    [
        (["tgram", "refuse"], Ended.TOLD),
        (["unknown", "tgram"], Ended.TOLD),
        (["refuse"], Ended.REFUSED),
        (["nobody", "unknown"], Ended.REFUSED),
        (["unknown"], Ended.MISCONFIGURED),
        (["crash"], Ended.UNKNOWN),
    ],
)
@pytest.mark.usefixtures("stand_in")
def test_one_service_that_took_it_is_told_enough(
    urls: list[str], ended: Ended, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    assert tell(*urls).ended is ended
    printed = capfd.readouterr()
    assert CANARY not in caplog.text + printed.out + printed.err


@pytest.mark.usefixtures("stand_in")
def test_a_service_that_hangs_is_killed_and_what_was_told_is_not_known() -> None:
    begun = time.monotonic()
    assert tell("tgram", "hang", timeout=1.5) == ChannelResult(Ended.UNKNOWN, "killed at its time limit")
    assert time.monotonic() - begun < 30
