"""The text that a gateway sends for a dead site: in the reader's language, by their clock, one part."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemons import write_config

from sms_notify.config import load
from sms_notify.daemon.wiring import node_name, site_name
from sms_notify.wording import gsm
from sms_notify.wording.content import Reader
from sms_notify.wording.languages import WORDS
from sms_notify.wording.silent_site import compose_silent_site

SINCE = datetime(2026, 3, 2, 22, 55, tzinfo=UTC)
DUE = SINCE + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("language", "begin"),
    [
        ("en", "acme: monitoring silent since Mon 23:55. "),
        ("nl", "acme: bewaking stil sinds ma 23:55. "),
        ("fr", "acme : surveillance muette depuis lun 23:55. "),
        ("de", "acme: Überwachung schweigt seit Mo 23:55. "),
    ],
)
def test_it_says_since_when_by_the_readers_clock_with_its_day_where_that_is_another(
    language: str, begin: str
) -> None:
    text = compose_silent_site("acme", SINCE, Reader("Europe/Brussels", language, DUE))
    assert text.startswith(begin)


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("site", ["a", "x" * 300, "büro 🏢 {}", "line\nbreak"])
def test_it_is_one_part_and_whole_in_every_language(language: str, site: str) -> None:
    text = compose_silent_site(site, SINCE, Reader("Europe/Brussels", language, DUE))
    assert gsm.parts(text) == 1
    assert text.endswith(WORDS[language].silent.rpartition("}")[2])


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://alerts.acme.example/sms/", "alerts.acme.example"),
        ("http://127.0.0.1:9601/", node_name()),
        ("http://localhost:9601/", node_name()),
    ],
)
def test_a_site_is_called_by_a_name_that_its_reader_can_tell_from_others(
    address: str, name: str, tmp_path: Path
) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:1/module/", web=f"{{external_url: '{address}'}}")

    assert site_name(load(config, {})) == name
