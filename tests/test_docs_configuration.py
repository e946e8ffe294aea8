"""Every key of the configuration is documented with its default, and every configuration that is shown loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from docs_pages import BLOCK, DOCS, PAGES, ROOT, SPAN, read, rows, section
from pydantic import BaseModel

from sms_notify.config import config_schema, load
from sms_notify.config.durations import parse_duration
from sms_notify.config.models import GATEWAY_MODELS, Config
from sms_notify.config.reference import KeyRow, as_markdown, reference
from sms_notify.errors import ConfigError
from sms_notify.policy.routing import Route as Tree


def models(
    model: type[BaseModel] = Config, title: str = "Top level"
) -> Iterator[tuple[str, type[BaseModel]]]:
    """Each model of the file with the title of the section that tells its keys."""
    yield title, model
    for name, field in model.model_fields.items():
        if model is Config and (below := model_in(field.annotation)) is not None:
            yield from models(below, f"`{name}`")
            yield from ((f"`{name}`", deeper) for deeper in nested(below))


def nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for field in model.model_fields.values():
        below = model_in(field.annotation)
        if below is not None and below is not model:
            yield below


def model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part))), None)


def keys_by_section() -> dict[str, dict[str, Any]]:
    """Section → key → its JSON Schema."""
    schema = config_schema()
    found: dict[str, dict[str, Any]] = {}
    for title, model in models():
        properties = (
            schema["properties"] if model is Config else schema["$defs"][model.__name__]["properties"]
        )
        found.setdefault(title, {}).update(properties)
    return found


@pytest.mark.parametrize("title", keys_by_section())
def test_every_configuration_key_and_no_other_is_documented(title: str) -> None:
    documented = set(rows(section(read(DOCS / "reference" / "configuration.md"), title)))

    assert documented == set(keys_by_section()[title])


@pytest.mark.parametrize("title", keys_by_section())
def test_a_documented_default_is_the_default(title: str) -> None:
    documented = rows(section(read(DOCS / "reference" / "configuration.md"), title))
    for key, schema in keys_by_section()[title].items():
        default = schema.get("default")
        if default not in (None, "", [], {}) and not isinstance(default, dict):
            told = str(default).lower() if isinstance(default, bool) else str(default)
            assert told in SPAN.findall(documented[key][2]), f"{title} {key}: the default is {told}"


def test_the_table_of_every_key_is_what_the_command_prints() -> None:
    table = "\n".join(line for line in read(DOCS / "reference" / "keys.md").splitlines() if line[:1] == "|")

    assert table == as_markdown(reference()), "run: sms-notify config reference"


@pytest.mark.parametrize("row", reference(), ids=lambda row: f"{row.path} {row.kind}")
def test_every_key_says_what_it_means(row: KeyRow) -> None:
    assert row.meaning


CHANNELS = [kind for kind in GATEWAY_MODELS if kind != "1601sms"]
COMMON = {"name", "type", "timeout"}


def channel_section(kind: str) -> str:
    told = section(read(DOCS / "reference" / "configuration.md"), "The other channels")
    return re.split(r"^### ", told.split(f"### `{kind}`\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("kind", CHANNELS)
def test_every_key_of_a_channel_and_no_other_is_documented_with_its_default(kind: str) -> None:
    fields = GATEWAY_MODELS[kind].model_fields
    documented = rows(channel_section(kind))

    assert {field.alias or name for name, field in fields.items()} - COMMON == set(documented)
    for name, field in fields.items():
        if name not in COMMON and field.default and isinstance(field.default, str):
            assert field.default in SPAN.findall(documented[name][2])


def test_what_every_channel_has_in_common_is_documented() -> None:
    told = section(read(DOCS / "reference" / "configuration.md"), "The other channels").split("###")[0]
    shared = set.intersection(*({*GATEWAY_MODELS[kind].model_fields} for kind in CHANNELS))

    assert shared == COMMON
    assert shared - set(SPAN.findall(told)) == set()
    assert config_schema()["$defs"]["Email"]["properties"]["timeout"]["default"] in SPAN.findall(told)


@pytest.mark.parametrize("key", ["group_wait", "group_interval", "repeat_interval"])
def test_a_documented_default_of_a_route_is_what_the_root_begins_with(key: str) -> None:
    [told] = SPAN.findall(rows(section(read(DOCS / "reference" / "configuration.md"), "`route`"))[key][2])

    assert parse_duration(told) == getattr(Tree(receiver="any"), key)


def examples() -> Iterator[Any]:
    for page in PAGES:
        blocks = [block for kind, block in BLOCK.findall(read(page)) if kind == "yaml sms-notify.yml"]
        yield from (pytest.param(block, id=f"{page.name}-{number}") for number, block in enumerate(blocks))


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
    told = section(read(DOCS / "reference" / "configuration.md"), "Refused, because not built yet")
    path = ROOT / "tests" / "bad_configs" / "not_built_yet.yml"
    with pytest.raises(ConfigError) as caught:
        load(path, {"SMS_PASSWORD": "x"})
    refused = {re.split(r"[.\[]", re.sub(r"\[\d+\]", "", fault.path))[-1] for fault in caught.value.faults}

    assert refused - {"notify"} - set(re.findall(r"[a-z_]+", told)) == set()
