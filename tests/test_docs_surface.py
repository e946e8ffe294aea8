"""Metrics, addresses and the simulator are documented as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from docs_pages import BLOCK, DOCS, PAGES, SPAN, read, rows
from prometheus_client.metrics import MetricWrapperBase
from starlette.routing import Route
from workbench import NOON

from sms_notify.metrics import Metrics
from sms_notify.simulator.faults import COMMON as COMMON_OF_FAULTS
from sms_notify.simulator.faults import FaultKind
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import CHANGEABLE
from sms_notify.web.ports import People
from sms_notify.web.settings import WebSettings
from sms_notify.web.webhooks import Hooks, build


def documented_metrics() -> Mapping[str, list[str]]:
    return {
        name: cells
        for name, cells in rows(read(DOCS / "reference" / "metrics.md")).items()
        if name.startswith("sms_notify_")
    }


def metrics() -> dict[str, tuple[str, set[str]]]:
    """Name → type and labels, as a scraper would see them."""
    registered = Metrics(["main"], "node")
    defined = (value for value in vars(registered).values() if isinstance(value, MetricWrapperBase))
    return {
        metric._name + ("_total" if metric._type == "counter" else ""): (
            metric._type,
            set(metric._labelnames),
        )
        for metric in defined
    }


def test_every_metric_is_documented_with_its_type_and_labels() -> None:
    documented = {
        name: (cells[1], set(SPAN.findall(cells[2])))
        for name, cells in documented_metrics().items()
        if " " not in name and "(" not in name
    }

    assert documented == metrics()


def test_every_metric_that_is_spoken_of_exists() -> None:
    spoken = {name for page in PAGES for name in re.findall(r"sms_notify_[a-z_]+", read(page))}

    assert spoken - set(metrics()) == set()


def endpoints() -> set[str]:
    async def unused(*_: object) -> Any: ...

    hooks = Hooks(
        accept=unused,
        metrics=lambda _: (b"", ""),
        ready=tuple,
        report=unused,
        now=lambda: NOON,
        reload=unused,
    )
    view: Any = unused
    people = People(view, *[unused] * 10, dict, lambda: datetime.now(UTC))
    app = build(hooks, WebSettings(), people=people)
    return {
        f"{method} {route.path.rstrip('/') or '/'}"
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }


def test_every_http_endpoint_and_no_other_is_documented() -> None:
    documented = {word for word in rows(read(DOCS / "reference" / "http.md")) if " /" in word}

    assert documented == endpoints()


def test_every_http_endpoint_that_is_spoken_of_exists() -> None:
    simulated = {getattr(route, "path", "") for route in Simulator()._app().routes}
    known = {word.partition(" ")[2] for word in endpoints()} | simulated
    spoken = {
        match[1].rstrip("/") or "/"
        for page in PAGES
        for span in SPAN.findall(BLOCK.sub("", read(page)))
        if (match := re.fullmatch(r"(?:GET|POST|DELETE) (/[^?\s]*).*", span))
    }

    assert spoken - known == set()


def test_the_simulators_addresses_and_settings_are_documented() -> None:
    told = read(DOCS / "reference" / "simulator.md")
    paths = {getattr(route, "path", "") for route in Simulator()._app().routes} - {"/module/{script}"}

    assert {path for path in paths if not re.search(rf"[` ]{re.escape(path)}`", told)} == set()
    assert set(CHANGEABLE) - set(rows(told)) == set()


def test_the_simulators_faults_are_documented_with_their_fields_and_what_becomes_of_the_text() -> None:
    documented = rows(read(DOCS / "reference" / "simulator.md"))

    for kind in FaultKind:
        _, fields, accepts, seen = documented[kind.value]
        assert set(kind.fields) <= set(SPAN.findall(fields)), kind
        assert accepts == ("yes" if kind.accepts else "no"), kind
        assert seen, kind
    assert set(COMMON_OF_FAULTS) - set(documented) == set()
