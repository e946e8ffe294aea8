"""Fixtures that several tests use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[object]:
    from workbench import Bench, a_plan

    from sms_notify.engine import Engine
    from sms_notify.store.sqlite import SqliteStore

    store = SqliteStore(f"sqlite://{tmp_path}/test.db")
    yield Bench(store, Engine(a_plan(), "node"))
    store.close()
