"""The provider's page is in client, simulator and tests, row by row; `docs/explanation/gateway-coverage.md` says where.

The lists below are copied from the provider's page by hand: they are what everything else is held against.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from named_places import ROOT, is_test, named, spans

from sms_notify.gateways.sms1601.error_codes import CODES
from sms_notify.simulator.codes import Code

SEED = {
    "Parameters of a send": [
        "klantuser",
        "klantpwd",
        "bericht",
        "naar",
        "afzender",
        "logging",
        "delivery",
        "type",
        "datum",
        "outboxid",
        "emailen",
        "groep",
        "referentie",
        "test",
    ],
    "Actions and questions": [
        "action=credits",
        "action=rapport",
        "aantal",
        "action=verwijderbericht",
        "id",
        "naar (removal)",
        "action=verwijderoutbox",
        "smsid",
        "datum (report)",
    ],
    "Parameters of a call-back": ["smsid", "datum", "status", "referentie"],
    "Statuses": ["DELIVERED", "NOT DELIVERED", "BUFFERED", "SUBMITTED", "REJECTED", "NONE"],
    "Codes": [str(code) for code in (*range(100, 127), 150)],
}


def table(title: str) -> list[tuple[str, list[str], list[str], list[str]]]:
    """The rows of one table of the page: name, client, simulator, tests."""
    page = (ROOT / "docs" / "explanation" / "gateway-coverage.md").read_text("utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no table '{title}'"
    cells = [re.split(r" ?\| ?", line)[1:-1] for line in found[1].splitlines() if line.startswith("| `")]
    return [
        (name.strip("`"), spans(client), spans(simulator), spans(tests))
        for name, client, simulator, tests in cells
    ]


def all_rows() -> Iterator[object]:
    for title in SEED:
        for row in table(title):
            yield pytest.param(title, *row, id=f"{title}: {row[0]}")


def words_for(title: str, name: str) -> str:
    """What the source of a row's place must say, as a regular expression."""
    if title == "Codes":
        [code] = [code for code in Code if code == int(name)]
        return rf"\b{name}\b|\bCode\.{code.name}\b"
    word = name.split(" (", maxsplit=1)[0].removeprefix("action=") if title != "Statuses" else name
    return rf"(?<![\w-]){re.escape(word)}(?![\w-])"


@pytest.mark.parametrize("title", SEED)
def test_every_row_of_the_providers_page_and_no_other_stands_in_the_table_once(title: str) -> None:
    assert [name for name, *_ in table(title)] == SEED[title]


@pytest.mark.parametrize(("title", "name", "client", "simulator", "tests"), list(all_rows()))
def test_what_a_row_names_exists_and_speaks_of_it(
    title: str, name: str, client: list[str], simulator: list[str], tests: list[str]
) -> None:
    assert client
    assert simulator
    assert all(place.startswith("simulator/") for place in simulator)
    assert not any(place.startswith("simulator/") for place in client)
    assert tests
    spoken = re.compile(words_for(title, name))

    assert spoken.search("\n".join(map(named, client))), f"the client's places do not speak of {name}"
    assert spoken.search("\n".join(map(named, simulator))), f"the simulator's places do not speak of {name}"
    assert all(map(is_test, tests))


def test_the_codes_of_client_and_simulator_are_those_of_the_page() -> None:
    assert {str(code) for code in CODES} == {str(code.value) for code in Code} == set(SEED["Codes"])


@pytest.mark.parametrize(
    "place",
    [
        "gateways/nowhere.py:send",
        "gateways/base.py:nothing",
        "gateways/base.py:Gateway.nothing",
        "policy/test_vocabulary.py::test_nothing",
        "test_nowhere.py::test_nothing",
    ],
)
def test_a_place_that_does_not_exist_is_noticed(place: str) -> None:
    with pytest.raises(AssertionError):
        named(place)
