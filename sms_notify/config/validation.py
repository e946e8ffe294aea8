"""What the checks gather: faults, warnings, and the values that they had to read in order to judge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sms_notify.alert import KNOWN_WORDS, SeverityWords
from sms_notify.channels.settings import OperatorTarget
from sms_notify.config.document import Document, Place, Value
from sms_notify.errors import Fault
from sms_notify.policy.directory import Target
from sms_notify.policy.holds import Window
from sms_notify.secret import Secret
from sms_notify.web.roles import Token, User


@dataclass(slots=True)
class Found:
    """One reading of one document. `base` is what relative paths are relative to.

    `secrets` are by the place of the key without `_file`; `urls` by the place of the entry of `gateways`.
    """

    document: Document
    environ: Mapping[str, str]
    base: Path
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    secrets: dict[Place, Secret] = field(default_factory=dict)
    urls: dict[Place, list[Secret]] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    users: dict[str, User] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    targets: dict[Place, Target] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    severities: SeverityWords = KNOWN_WORDS
    operator: list[OperatorTarget] = field(default_factory=list)
    written_secrets: list[Place] = field(default_factory=list)

    def wrong(self, place: Place, what: str, advice: str) -> None:
        self.faults.append(self.document.fault(place, what, advice))

    def warn(self, place: Place, what: str, advice: str) -> None:
        self.warnings.append(self.document.fault(place, what, advice))


def mapping(value: Value) -> dict[str, Value]:
    """`value` where it is a mapping; what else it is has a fault of its own already."""
    return value if isinstance(value, dict) else {}


def entries(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


def listed(value: Value) -> list[Value]:
    """A list, or the one word that may stand in its place."""
    return [value] if isinstance(value, str) else entries(value)


def word(value: Value) -> str:
    return value if isinstance(value, str) else ""


def routes(data: Mapping[str, Value]) -> Iterator[tuple[Place, dict[str, Value]]]:
    """Every node of the route tree with its place, the root first."""
    root = data.get("route")
    waiting: list[tuple[Place, Value]] = [(("route",), root)]
    while waiting:
        place, node = waiting.pop(0)
        if isinstance(node, dict):
            yield place, node
            below = entries(node.get("routes"))
            waiting += [((*place, "routes", index), child) for index, child in enumerate(below)]
