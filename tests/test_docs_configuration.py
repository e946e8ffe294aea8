"""Every key of the configuration is documented with its default, and every configuration that is shown loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docs_pages import BLOCK, DOCS, PAGES, ROOT, SPAN, blocks, read, rows, section

from sms_notify.config import load
from sms_notify.config.durations import parse_duration
from sms_notify.config.models import GATEWAY_MODELS
from sms_notify.config.reference import KeyRow, as_markdown, reference
from sms_notify.errors import ConfigError
from sms_notify.policy.routing import Route as Tree

PAGE = DOCS / "reference" / "configuration.md"
CHANNELS = [kind for kind in GATEWAY_MODELS if kind != "1601sms"]


def documented() -> dict[str, list[str]]:
    """Whole path of a key → the cells of its row. Of paths that several channels have, the last."""
    return {path: cells for path, cells in rows(read(PAGE)).items() if len(cells) == 4}


def test_every_configuration_key_and_no_other_is_documented_with_its_whole_path() -> None:
    told = {path for path in documented() if not re.search(r"[ :]", path)}

    assert told == {row.path for row in reference()}


def keys_spoken_of() -> set[str]:
    """Each whole path of a key that a page names, such as `limits.credits.low_water`."""
    tops = "|".join(sorted({re.split(r"[.\[]", row.path)[0] for row in reference()}))
    whole = re.compile(rf"(?:{tops})(?:\[\])?(?:\.\w+(?:\[\])?)+")
    ours = [page for page in PAGES if page.parent.name != "sachet"]  # it has keys of sachet's own
    spans = {span for page in ours for span in SPAN.findall(BLOCK.sub("", read(page)))}
    return {span for span in spans if whole.fullmatch(span) and not span.endswith((".py", ".md", ".yml"))}


def test_every_key_that_is_spoken_of_exists() -> None:
    paths = {re.sub(r"\bNAME\b", r"*", row.path) for row in reference()}
    known = paths | {path.rpartition(".")[0] for path in paths}

    assert {key for key in keys_spoken_of() if re.sub(r"\bNAME\b", "*", key) not in known} == set()


@pytest.mark.parametrize("row", [row for row in reference() if not row.kind], ids=lambda row: row.path)
def test_a_documented_default_is_the_default(row: KeyRow) -> None:
    if row.default and not row.required:
        told = documented()[row.path][2].replace("', '", ", ").replace("['", "").replace("']", "")
        assert row.default in SPAN.findall(told)


def test_a_documented_default_of_an_account_is_the_default() -> None:
    told = rows(section(read(PAGE), "`gateways`"))
    for row in reference():
        if row.kind == "1601sms" and row.default and not row.required:
            assert row.default in SPAN.findall(told[row.path][2]), row.path


def test_the_table_of_every_key_is_what_the_command_prints() -> None:
    table = "\n".join(line for line in read(DOCS / "reference" / "keys.md").splitlines() if line[:1] == "|")

    assert table == as_markdown(reference()), "run: sms-notify config reference"


@pytest.mark.parametrize("row", reference(), ids=lambda row: f"{row.path} {row.kind}")
def test_every_key_says_what_it_means(row: KeyRow) -> None:
    assert row.meaning


COMMON = {"gateways[].name", "gateways[].type", "gateways[].timeout"}


def channel_section(kind: str) -> str:
    told = section(read(PAGE), "The other channels")
    return re.split(r"^### ", told.split(f"### `{kind}`\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("kind", CHANNELS)
def test_every_key_of_a_channel_and_no_other_is_documented_with_its_default(kind: str) -> None:
    told = rows(channel_section(kind))
    own = {row.path: row for row in reference() if row.kind == kind and row.path not in COMMON}

    assert set(told) == set(own)
    for path, row in own.items():
        if row.default and not row.required:
            assert row.default in SPAN.findall(told[path][2]), path


def test_what_every_channel_has_in_common_is_documented() -> None:
    told = section(read(PAGE), "The other channels").split("###")[0]
    shared = set.intersection(*({row.path for row in reference() if row.kind == kind} for kind in CHANNELS))
    [timeout] = {row.default for row in reference() if row.path == "gateways[].timeout"}

    assert shared == COMMON
    assert {"name", "type", "timeout", timeout} <= set(SPAN.findall(told))


@pytest.mark.parametrize("key", ["group_wait", "group_interval", "repeat_interval"])
def test_a_documented_default_of_a_route_is_what_the_root_begins_with(key: str) -> None:
    [told] = SPAN.findall(documented()[f"route.{key}"][2])

    assert parse_duration(told) == getattr(Tree(receiver="any"), key)


def examples() -> Iterator[Any]:
    for page in PAGES:
        shown = [block for kind, block in blocks(read(page)) if kind == "yaml sms-notify.yml"]
        yield from (pytest.param(block, id=f"{page.name}-{number}") for number, block in enumerate(shown))


@pytest.mark.parametrize("example", list(examples()))
def test_a_configuration_that_is_shown_loads_without_a_warning(example: str, tmp_path: Path) -> None:
    path = tmp_path / "sms-notify.yml"
    path.write_text(example, "utf-8")
    for name in ("password", "tokens"):
        (tmp_path / name).write_text("not-a-secret-but-long-enough\n", "utf-8")
        (tmp_path / name).chmod(0o600)

    unused = {w.path for w in load(path, {"SMS_PASSWORD": "x"}).warnings}

    assert unused == set()


def test_there_are_configurations_to_load() -> None:
    assert {example.id.split("-")[0] for example in examples()} >= {
        "quickstart.md",
        "configuration.md",
        "templates.md",
    }


def test_what_is_refused_as_not_built_yet_is_documented() -> None:
    told = section(read(PAGE), "Refused, because not built yet")
    path = ROOT / "tests" / "bad_configs" / "not_built_yet.yml"
    with pytest.raises(ConfigError) as caught:
        load(path, {"SMS_PASSWORD": "x"})
    refused = {re.split(r"[.\[]", re.sub(r"\[\d+\]", "", fault.path))[-1] for fault in caught.value.faults}

    assert refused - {"notify"} - set(re.findall(r"[a-z_]+", told)) == set()


def test_no_page_says_of_what_this_version_obeys_that_it_is_not_built() -> None:
    refused = re.compile(r"^\S+\.yml:\d+: (\w+)\S*: is not built yet", re.MULTILINE)
    told = {key for page in PAGES for key in refused.findall(read(page))}
    absent = read(ROOT / "README.md").partition("**Not in this version:**")[2].partition("\n\n")[0]

    assert told
    assert told <= {"storage", "receivers", "operator"}
    assert "mute" in absent
    assert not re.search(r"fail to come|falls silent|watch|dead man", absent)
