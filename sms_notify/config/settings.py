"""What a configuration comes to: the settings types of the rooms that obey them, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sms_notify.decide.people import Directory
from sms_notify.decide.routing import Receiver, Route
from sms_notify.errors import Fault
from sms_notify.gateways.settings import Gateway1601Settings
from sms_notify.roads.settings import OperatorTarget, RoadSettings
from sms_notify.web.settings import WebSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration without faults. `source` is its file; `warnings` are what it may regret.

    `gateways` are the accounts that text; `roads` the other entries of `gateways:`, by name, for `operator` alone.
    """

    storage_url: str
    web: WebSettings
    gateways: tuple[Gateway1601Settings, ...]
    directory: Directory
    route: Route
    receivers: Mapping[str, Receiver]
    templates: Mapping[str, str]
    source: str
    warnings: tuple[Fault, ...] = ()
    roads: Mapping[str, RoadSettings] = field(default_factory=dict)
    operator: tuple[OperatorTarget, ...] = ()


class HashedUsers(dict[str, str]):
    """Names and password hashes; a hash can be tried offline, so that only the names are printed."""

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, "***"))
