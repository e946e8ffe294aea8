"""What one text has to say, before anybody words it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sms_notify.alert import Alert, Status


@dataclass(frozen=True, slots=True)
class Told:
    """One incident as a text tells it; `tag` is the short name people use to speak of it (`k3f9`)."""

    tag: str
    alert: Alert
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told to one person at once: incidents of one status, at least one.

    `hidden` counts alerts that the source did not show, so that the text never sounds like all of it.
    """

    status: Status
    incidents: tuple[Told, ...]
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the IANA zone that times are told in, and the language of the few words we add."""

    timezone: str = "UTC"
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """Words that are ready to leave: GSM 03.38 characters only. One credit a part."""

    body: str
    parts: int
    septets: int
