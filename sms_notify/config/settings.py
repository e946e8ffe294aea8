"""What a configuration comes to: the settings types of the rooms that obey them, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sms_notify.alert import KNOWN_WORDS, SeverityWords
from sms_notify.channels.settings import ChannelSettings, OperatorTarget
from sms_notify.errors import Fault
from sms_notify.gateways.registry import GatewaySettings
from sms_notify.policy.directory import Directory
from sms_notify.policy.rate_limits import STANDARD, Limits
from sms_notify.policy.retention import STANDARD as KEEP
from sms_notify.policy.retention import Keep
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.self_check import SelfCheck
from sms_notify.policy.site_alive import SiteAlive
from sms_notify.policy.watches import WatchRule
from sms_notify.secret import Secret
from sms_notify.silences.settings import AlertmanagerSettings
from sms_notify.web.settings import WebSettings

_NONE = Secret("")
EXPIRE = (timedelta(hours=1), timedelta(hours=4))
"""When a text is too old to be told as news where the file says nothing: the rest, and critical ones."""


@dataclass(frozen=True, slots=True)
class CalendarSource:
    """Where the shifts of `schedule` come from: `file`, a whole path, or else `url`, which may hold a token.

    `timezone` (an IANA name) is for times of the calendar that name no zone of their own.
    """

    schedule: str
    timezone: str = "UTC"
    file: str = ""
    url: Secret = _NONE


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration without faults. `source` is its file; `warnings` are what it may regret.

    `gateways` are the accounts that text; `channels` the other entries of `gateways:`, by name, for `operator` alone.
    `schedules` hold what is written in the file itself; the shifts of `calendars` are read elsewhere. `expire` is how
    old a text may get before it is not news, and a critical one. `spool` is a whole path, empty where none is written.
    `lines` are those of routes, quiet hours, schedules and watches, by path. `watches` and the ends of their addresses,
    `watch_secrets`, are by name; each that notifies somebody has a route before all others, and a receiver.
    """

    storage_url: str
    web: WebSettings
    gateways: tuple[GatewaySettings, ...]
    directory: Directory
    route: Route
    receivers: Mapping[str, Receiver]
    templates: Mapping[str, str]
    source: str
    warnings: tuple[Fault, ...] = ()
    channels: Mapping[str, ChannelSettings] = field(default_factory=dict)
    operator: tuple[OperatorTarget, ...] = ()
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    calendars: tuple[CalendarSource, ...] = ()
    limits: Limits = STANDARD
    expire: tuple[timedelta, timedelta] = EXPIRE
    alertmanagers: tuple[AlertmanagerSettings, ...] = ()
    site_alive: SiteAlive | None = None
    keep: Keep = KEEP
    spool: str = ""
    severities: SeverityWords = KNOWN_WORDS
    self_check: SelfCheck | None = None
    watches: Mapping[str, WatchRule] = field(default_factory=dict)
    watch_secrets: Mapping[str, Secret] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
