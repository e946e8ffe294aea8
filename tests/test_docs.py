"""What the documentation says is so: names, options, codes and examples are compared with the program itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from named_places import is_test, spans
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel
from starlette.routing import Route
from workbench import NOON

from sms_notify.cli import COMMANDS, group
from sms_notify.config import config_schema, load
from sms_notify.config.durations import parse_duration
from sms_notify.config.models import GATEWAY_MODELS, Config
from sms_notify.delivery.reports import Applied
from sms_notify.demo import STORY
from sms_notify.errors import ConfigError
from sms_notify.gateways.sms1601.error_codes import CODES, ErrorCode
from sms_notify.metrics import Metrics
from sms_notify.policy.holds import Hold
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Reason
from sms_notify.policy.rate_limits import LimitScope
from sms_notify.policy.retry_policy import BY_REFUSAL, Break, Reaction, Scope, Then, Urgency
from sms_notify.policy.routing import Route as Tree
from sms_notify.policy.ruleset import Timing
from sms_notify.policy.vocabulary import (
    AckBy,
    AckEnd,
    Cause,
    Decision,
    Drop,
    Heard,
    IncidentState,
    Kind,
    PageState,
    State,
)
from sms_notify.simulator.faults import COMMON as COMMON_OF_FAULTS
from sms_notify.simulator.faults import FaultKind
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import CHANGEABLE
from sms_notify.web.ports import People
from sms_notify.web.settings import WebSettings
from sms_notify.web.webhooks import Hooks, build
from sms_notify.wording.sandbox import environment

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"^```([^`\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def read(page: Path) -> str:
    return page.read_text("utf-8")


def rows(text: str) -> dict[str, list[str]]:
    """The tables of a text: each word in backticks of a row's first cell → the row's cells."""
    found: dict[str, list[str]] = {}
    for line in BLOCK.sub("", text).splitlines():
        if line.startswith("|"):
            # a bar inside a code span parts no cells
            cells = [cell.strip() for cell in re.split(r"(?<!`)\|(?!`)", line.strip().strip("|"))]
            found |= dict.fromkeys(SPAN.findall(cells[0]), cells)
    return found


def section(text: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no section '{title}'"
    return found[1]


# Commands


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        yield from within(name, command)


def within(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """The command, or all that are below it."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    for below, found in command.commands.items():
        yield from within(f"{name} {below}", found)


ALL_COMMANDS = dict(commands())


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_the_readme_names_every_command(name: str) -> None:
    table = rows(section(read(ROOT / "README.md"), "Commands"))

    assert [word for word in table if f"{word} ".startswith(f"{name} ")]


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_option_of_a_command_stands_in_its_section(name: str) -> None:
    told = section(read(DOCS / "reference" / "commands.md"), name)
    documented = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", BLOCK.sub("", told)))
    options = {
        spelled
        for parameter in ALL_COMMANDS[name].params
        if isinstance(parameter, click.Option)
        for spelled in parameter.opts
    }

    assert documented == options


def shell_lines() -> Iterator[tuple[str, str, bool]]:
    """Page, command line, and whether it is meant to be run as it stands."""
    for page in PAGES:
        text = read(page)
        for kind, block in BLOCK.findall(text):
            for line in block.replace("\\\n", " ").splitlines():
                if kind.startswith("console") and line.startswith("$ "):
                    yield page.name, line[2:], True
                elif kind.startswith(("sh", "ini")):
                    yield page.name, line.removeprefix("ExecStart="), True
        yield from ((page.name, span, False) for span in SPAN.findall(BLOCK.sub("", text)))


def our_words(line: str) -> Iterator[list[str]]:
    """The words after `sms-notify` in each simple command of a shell line that calls it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    for word in [*lexer, "|"]:
        if word not in ("|", "||", "&&", ";", ">", "<"):
            command.append(word)
            continue
        if command[:2] == ["sudo", "-u"]:
            command = command[3:]
        if len(command) > 1 and Path(command[0]).name == "sms-notify" and "…" not in command:
            yield command[1:]
        command = []


def shown_commands() -> Iterator[Any]:
    for page, line, whole in shell_lines():
        if "sms-notify" in line:
            for words in our_words(line):
                yield pytest.param(words, whole, id=f"{page}: {' '.join(words)}"[:80])


def parse(words: list[str], whole: bool) -> None:
    """Parses as the program would, without running anything. Raises click.UsageError."""
    try:
        context = group.make_context("sms-notify", list(words))
        found: click.Group = group
        rest = [*context._protected_args, *context.args]
        while rest:
            _, command, rest = found.resolve_command(context, rest)
            assert command is not None
            if not isinstance(command, click.Group):
                command.make_context(words[0], rest, parent=context)
                return
            found = command
    except click.exceptions.Exit:  # --version has said what it had to say
        return
    except click.MissingParameter:
        if whole:
            raise
    except click.BadParameter as error:
        if error.param is None or not isinstance(error.param.type, click.Path):
            raise


@pytest.mark.parametrize(("words", "whole"), list(shown_commands()))
def test_a_command_line_that_is_shown_would_be_understood(words: list[str], whole: bool) -> None:
    parse(words, whole)


@pytest.mark.parametrize(
    "line",
    [
        "sms-notify grafana",
        "sms-notify send --too x y",
        "sms-notify serve --log-level loud",
        "sms-notify report",
    ],
)
def test_a_command_line_that_cannot_be_would_be_noticed(line: str) -> None:
    [words] = our_words(line)
    with pytest.raises(click.UsageError):
        parse(words, True)


# Configuration


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


def test_every_test_that_the_page_of_faults_names_is_there() -> None:
    places = [place for place in spans(read(DOCS / "explanation" / "faults.md")) if "::" in place]
    assert len(places) > 20
    assert all(map(is_test, places))


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


def test_the_waits_that_are_told_are_those_of_the_program() -> None:
    timing, readme, gateway = Timing(), read(ROOT / "README.md"), read(DOCS / "reference" / "gateway.md")

    assert f"after waiting {told_wait(timing.reconcile_wait)} for a report" in readme
    assert f"It waits {told_wait(timing.reconcile_wait)} for a delivery report" in gateway
    assert f"no report came within {timing.report_timeout.seconds // 60} minutes" in readme
    hours = [wait // timedelta(hours=1) for wait in (timing.expire, timing.expire_critical)]
    assert f"older than {hours[0]} hour (critical: {hours[1]} hours)" in readme
    assert f"of for {timing.stale_after // timedelta(hours=1)} hours" in " ".join(
        read(DOCS / "reference" / "words.md").split()
    )
    assert "at most one resend" in " ".join(readme.split())
    assert timing.failover_after == timedelta(minutes=5)
    assert "after it has been closed for **5 minutes**" in gateway


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
        "README.md",
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


# Metrics, HTTP, codes, words


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
    people = People(view, unused, unused, unused, unused, unused, dict, lambda: datetime.now(UTC))
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


def test_the_simulators_addresses_and_settings_are_documented() -> None:
    told = section(read(DOCS / "reference" / "gateway.md"), "The simulator: a test server for any client")
    paths = {getattr(route, "path", "") for route in Simulator()._app().routes} - {"/module/{script}"}

    assert {path for path in paths if not re.search(rf"[` ]{re.escape(path)}`", told)} == set()
    assert set(CHANGEABLE) - set(rows(told)) == set()


def test_the_simulators_faults_are_documented_with_their_fields_and_what_becomes_of_the_text() -> None:
    documented = rows(
        section(read(DOCS / "reference" / "gateway.md"), "The simulator: a test server for any client")
    )

    for kind in FaultKind:
        _, fields, accepts, seen = documented[kind.value]
        assert set(kind.fields) <= set(SPAN.findall(fields)), kind
        assert accepts == ("yes" if kind.accepts else "no"), kind
        assert seen, kind
    assert set(COMMON_OF_FAULTS) - set(documented) == set()


def told_wait(wait: timedelta) -> str:
    seconds = int(wait.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


# The words of the table of codes; a reaction that has none here cannot be documented.
TEXT = {
    Then.WAIT: "waits",
    Then.RECUT: "cut shorter, sent again at once",
    Then.REWORD: "replaced by its tag alone, sent again at once",
    Then.ELSEWHERE: "another gateway, else given up",
    Then.FAIL: "given up",
}
KEPT = {
    Scope.ACCOUNT: "the account",
    Scope.CREDITS: "the account",
    Scope.SENDER: "this sender",
    Scope.NUMBER: "this number",
    Scope.COUNTRY: "this country",
    Scope.NO_LONG: "long texts to this country",
}


def told_text(reaction: Reaction) -> str:
    if reaction.then is Then.RETRY:
        return f"tried again after {told_wait(reaction.base)} to {told_wait(reaction.cap)}"
    if reaction.breaks is not None and reaction.breaks.scope is Scope.SENDER:
        return "leaves under `fallback_sender`, else waits"
    return TEXT[reaction.then]


def told_break(rule: Break | None) -> str:
    if rule is None:
        return "–"
    kept = KEPT[rule.scope] + (f" (after {rule.count} in a minute)" if rule.count > 1 else "")
    asked, first = "balance" if rule.scope is Scope.CREDITS else "probe", told_wait(rule.probe)
    often = f"every {first}" if rule.probe == rule.cap else f"after {first}, up to {told_wait(rule.cap)}"
    return f"{kept}; {asked} {often}"


def told_urgency(urgency: Urgency | None) -> str:
    assert urgency is not None
    return f"{urgency.level} after {told_wait(urgency.after)}" if urgency.after else urgency.level


@pytest.mark.parametrize("code", list(CODES.values()), ids=lambda code: str(code.number))
def test_every_error_code_is_documented_with_what_follows_from_it(code: ErrorCode) -> None:
    told = section(read(DOCS / "reference" / "gateway.md"), "Error codes")
    [line] = re.findall(rf"^\| {code.number} \|(.*)\|$", told, re.MULTILINE)
    reaction = BY_REFUSAL[code.refusal]

    assert [cell.strip() for cell in line.split("|")] == [
        code.meaning,
        code.refusal,
        told_text(reaction),
        told_break(reaction.breaks),
        told_urgency(reaction.self_alert),
        code.advice,
    ]


def test_no_error_code_is_made_up() -> None:
    told = section(read(DOCS / "reference" / "gateway.md"), "Error codes")

    assert {int(number) for number in re.findall(r"^\| (\d+) \|", told, re.MULTILINE)} == set(CODES)


@pytest.mark.parametrize(
    ("words", "page", "title"),
    [
        (Heard, ROOT / "README.md", "What happens to an alert"),
        (State, ROOT / "README.md", "What happens to an alert"),
        (Fate, DOCS / "reference" / "gateway.md", "Answers"),
        (Reason, DOCS / "reference" / "gateway.md", "Answers"),
        (DeliveryStatus, DOCS / "reference" / "gateway.md", "Delivery reports"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_word_of_the_program_is_explained(words: type[StrEnum], page: Path, title: str) -> None:
    assert {str(word) for word in words} - set(SPAN.findall(section(read(page), title))) == set()


@pytest.mark.parametrize(
    "words", [IncidentState, Kind, Applied, PageState, Hold, Drop, Decision, AckBy, AckEnd, LimitScope]
)
def test_every_word_of_the_story_and_of_the_log_is_explained(words: type[StrEnum]) -> None:
    assert {str(word) for word in words} - set(
        SPAN.findall(BLOCK.sub("", read(DOCS / "reference" / "words.md")))
    ) == set()


def test_every_cause_that_the_program_gives_and_no_other_is_explained() -> None:
    sources = "\n".join(read(path) for path in (ROOT / "sms_notify").rglob("*.py"))
    given = {cause for cause in Cause if re.search(rf"\bCause\.{cause.name}\b", sources)}

    assert set(rows(section(read(DOCS / "reference" / "words.md"), "Why a text entered its state"))) == given


def test_every_filter_of_a_template_is_documented() -> None:
    told = section(read(DOCS / "reference" / "templates.md"), "Templates")

    assert set(environment().filters) - set(SPAN.findall(told)) == set()


def test_the_readme_tells_the_demo_as_it_is_played() -> None:
    told = re.findall(rf"^\[(\d)/{len(STORY)}\] (.*)$", read(ROOT / "README.md"), re.MULTILINE)

    assert told
    assert [said for _, said in told] == [STORY[int(number) - 1].said for number, _ in told]


# Links


def anchors(text: str) -> set[str]:
    """The anchors that a forge makes of the headings."""
    titles = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(BLOCK.sub("", read(page))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(read(target)), link


ARCHITECTURE = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_0-9/]+\.py)(?::\w+)?`", ARCHITECTURE))))
def test_what_the_architecture_names_exists(path: str) -> None:
    assert any((ROOT / folder / path).is_file() for folder in ("sms_notify", ".")), path


def test_the_architecture_names_every_room() -> None:
    rooms = {path.name for path in (ROOT / "sms_notify").iterdir() if (path / "__init__.py").is_file()}

    assert {room for room in rooms if f"{room}/" not in ARCHITECTURE} <= {
        "net",
        "silences",
        "importing",
        "demo",
    }
