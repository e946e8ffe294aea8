"""placeholder"""
from __future__ import annotations
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Matcher:
    name: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        return labels.get(self.name, "") == self.value
