"""What one configuration has built, in one object: a reload builds another beside it and exchanges the two at once."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sms_notify.channels.choice import channel_of
from sms_notify.config.settings import Settings
from sms_notify.daemon.worker_threads import POLLED, Unit
from sms_notify.engine import Engine
from sms_notify.gateways.base import Report
from sms_notify.gateways.registry import delivery_token, read_callback
from sms_notify.operator_notifier import Operator
from sms_notify.web.server import Front


@dataclass(frozen=True, slots=True)
class CallBack:
    """How one gateway's delivery call-backs are known and read; `confirm` = its reports can be asked for as well."""

    gateway: str
    token: str
    read: Callable[[Mapping[str, str]], Report | None]
    confirm: bool


class ActiveConfiguration:
    """One configuration at work. Only its `engine` ever changes: its calendars are read again.

    Whoever does one thing in several steps takes this object once, and so sees one configuration. `units` are by what
    they obey: those of equal keys are the same for two configurations. Raises UsageError for a gateway without password.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings = settings
        self.engine = engine
        channels = {name: channel_of(channel) for name, channel in settings.channels.items()}
        self.operator = Operator(
            settings.operator, channels, lambda: self.engine.roster, engine.plan.gateways
        )
        self.spool: Path | None = None  # the folder that is read
        self.units: dict[Hashable, Unit] = {}
        self.front: Front
        self._call_backs = tuple(_call_backs(settings))

    def call_backs(self, token: str) -> Sequence[CallBack]:
        """Those whose token this is: gateways of one account share it. All are compared, so that time tells nothing."""
        given = token.encode()
        return [one for one in self._call_backs if hmac.compare_digest(given, one.token.encode())]

    def watch_of(self, secret: str) -> str:
        """The watch that has this end of its address, empty for none. All are compared, so that time tells nothing."""
        given, known = secret.encode(), self.settings.watch_secrets.items()
        found = [name for name, kept in known if hmac.compare_digest(given, kept.reveal().encode())]
        return found[0] if found else ""


def _call_backs(settings: Settings) -> Iterator[CallBack]:
    for gateway in settings.gateways:
        confirm = gateway.delivery_reports in POLLED
        yield CallBack(gateway.name, delivery_token(gateway), partial(read_callback, gateway), confirm)
