"""Blocks that a configuration shares by YAML's anchors, aliases and merge keys."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sms_notify.config.document import Document, parse_document
from sms_notify.config.load import load
from sms_notify.errors import ConfigError

SHARED = """\
x-night: &night
  during: night
  then: digest
receivers:
  - &first
    name: a
    quiet: *night
    notify: [alice]
  - <<: *first
    name: b
  - {<<: [{max_parts: 2, name: z}, *first], name: c}
"""


def document(text: str) -> Document:
    return parse_document(text, "sms-notify.yml")


def test_aliases_and_merge_keys_stand_for_their_blocks() -> None:
    found = document(SHARED)
    night = {"during": "night", "then": "digest"}
    assert found.data == {
        "receivers": [
            {"name": "a", "quiet": night, "notify": ["alice"]},
            {"name": "b", "quiet": night, "notify": ["alice"]},
            {"name": "c", "quiet": night, "notify": ["alice"], "max_parts": "2"},
        ]
    }
    assert found.faults == []


def test_a_shared_value_is_at_the_line_where_it_is_written() -> None:
    found = document(SHARED)
    assert found.fault(("receivers", 1, "quiet", "then"), "").line == 3
    assert found.fault(("receivers", 1, "notify", 0), "").line == 8
    assert found.fault(("receivers", 1, "name"), "").line == 10
    assert found.fault(("receivers", 1), "").line == 9
    assert all("<<" not in place for place in found.lines)


def test_copies_are_no_part_of_one_another() -> None:
    receivers = document("a: &a {b: [c]}\nd: *a\n").data
    assert receivers["a"] == receivers["d"]
    assert receivers["a"] is not receivers["d"]


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)),
        "a: &a [" + ", ".join("x" * 9_000) + "]\nb: [*a, *a, *a]\n",
        "a0: &a0 {k: v}\n"
        + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: *a{n - 1}}}\n" for n in range(1, 40)),
    ],
    ids=["laughs", "many", "merges"],
)
def test_a_bomb_of_aliases_is_refused_soon(text: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError, match="stands for more than"):
        document(text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("text", ["a: &a {b: *a}\n", "a: *b\nb: &b x\n", "a: &a {<<: *a}\n"])
def test_an_alias_of_what_is_not_there_yet_is_a_fault(text: str) -> None:
    found = document(text)
    assert [fault.what for fault in found.faults] == [
        "is an alias (`*name`) of no anchor (`&name`) before it"
    ]


def test_a_configuration_with_shared_blocks_loads_and_its_faults_have_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "sms-notify.yml"
    text = """\
x-step: &step {after: 5m, notify: ["person:bob"]}
gateways:
  - {name: main, type: 1601sms, url: "https://gateway.example.org/module/", username: acme, password: x, sender: A}
people: {alice: {number: "+32470000001"}, bob: {number: "+31612345678"}}
route: {receiver: oncall}
receivers:
  - &base
    name: oncall
    notify: ["person:alice"]
    escalate: [*step]
  - <<: *base
    name: second
"""
    path.write_text(text, "utf-8")
    settings = load(path, {})
    assert [*settings.receivers] == ["oncall", "second"]
    path.write_text(text.replace("after: 5m", "after: soon"), "utf-8")
    with pytest.raises(ConfigError, match=r"sms-notify.yml:1: receivers\[0\].escalate\[0\].after"):
        load(path, {})
