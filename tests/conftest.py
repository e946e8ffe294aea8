"""Fixtures that several tests use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples each time, or a run fails now and then for what is old news. SMS_NOTIFY_RANDOM=1 looks for new ones.
settings.register_profile("same", derandomize=not os.environ.get("SMS_NOTIFY_RANDOM"))
settings.load_profile("same")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[object]:
    from workbench import Bench, a_plan

    from sms_notify.engine import Engine
    from sms_notify.store.sqlite import SqliteStore

    store = SqliteStore(f"sqlite://{tmp_path}/test.db")
    yield Bench(store, Engine(a_plan(), "node"))
    store.close()
