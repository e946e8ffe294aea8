"""Fixtures that several tests use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples each time, or a run fails now and then for what is old news. SMS_NOTIFY_RANDOM=1 looks for new ones.
settings.register_profile("same", derandomize=not os.environ.get("SMS_NOTIFY_RANDOM"))
settings.load_profile("same")

_MEMORY, _ROOM = Path("/dev/shm"), 2 << 30


def pytest_configure() -> None:
    """Folders of tests lie in memory where there is room: each commit of a store waits for its disk. What must outlive a
    killed process does so in memory, too. Tests write programs there and start them.
    """
    if not os.access(_MEMORY, os.W_OK) or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return
    if shutil.disk_usage(_MEMORY).free >= _ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take minutes begins first, or one worker goes on alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests of a daemon wait most of their time."""
    return (os.cpu_count() or 1) + 1


# Whose tests run over SQLite and over PostgreSQL: those whose statements differ most, and those that decide and send. `make
# test-postgres` runs all others over it, which takes minutes: a statement is a round trip, and a database is made for each test.
ON_BOTH = frozenset(
    (
        "test_ambiguous",
        "test_beliefs",
        "test_erasure",
        "test_groups",
        "test_incident_page",
        "test_lost_commits",
        "test_purge_and_forget",
        "test_store",
    )
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__ in ON_BOTH and "SMS_NOTIFY_STORE" not in os.environ:
        metafunc.parametrize("kind_of_store", ["sqlite", "postgres"], indirect=True, scope="module")


@pytest.fixture(scope="module", autouse=True)
def kind_of_store(request: pytest.FixtureRequest) -> Iterator[object]:
    """Which database `a_store` makes. Used by all, for whoever is not asked for is not set up."""
    from stores import Chosen, Kind

    before, Chosen.kind = Chosen.kind, Kind(getattr(request, "param", Chosen.kind))
    yield Chosen.kind
    Chosen.kind = before


@pytest.fixture(autouse=True)
def _of_sqlite_alone(request: pytest.FixtureRequest, kind_of_store: object) -> None:
    """`@pytest.mark.sqlite`: the test speaks of its file, its statements' steps, or what only it can do."""
    if request.node.get_closest_marker("sqlite") and kind_of_store != "sqlite":
        pytest.skip("speaks of SQLite alone")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[object]:
    from stores import a_store
    from workbench import Bench, a_plan

    from sms_notify.engine import Engine

    store = a_store(tmp_path / "test.db")
    yield Bench(store, Engine(a_plan(), "node"))
    store.close()


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[object]:
    from pages_serving import site

    with site(tmp_path) as running:
        yield running


@pytest.fixture
def down(pages: object) -> object:
    """HostDown on web-1 was told to alice and bob, each with a link of their own."""
    from pages_serving import is_down

    return is_down(pages)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The same for tests that change nothing: a server and a database of one's own for each would take minutes."""
    from pages_serving import is_down, site

    with site(tmp_path_factory.mktemp("standing")) as running:
        yield is_down(running)
