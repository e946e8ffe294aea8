"""What is told by any channel, and how that ended."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from sms_notify.net.bounded import BrokenOff

_MOST_SUBJECT = 200
_MOST_BODY = 16_384
_BREAKS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


class Ended(StrEnum):
    """What became of one telling; closed, because it is a metric label."""

    TOLD = "told"  # the other side took it
    REFUSED = "refused"  # the other side said no: nobody was told
    UNREACHABLE = "unreachable"  # the note did not leave: nobody was told
    UNKNOWN = "unknown"  # it may have been taken, and no answer says so
    MISCONFIGURED = "misconfigured"  # no repetition helps until somebody changes something


@dataclass(frozen=True, slots=True)
class Note:
    """What a person has to know of us. `at` is aware; `subject` is used as one line, whatever it holds."""

    subject: str
    body: str
    at: datetime
    urgent: bool


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """How one telling ended. `detail` is printable, at most 200 characters, and free of secrets and numbers."""

    ended: Ended
    detail: str = ""


def result_of(result: ChannelResult | BrokenOff) -> ChannelResult:
    """What became of a telling that may not have come to its end."""
    return result if isinstance(result, ChannelResult) else ChannelResult(Ended(result.how), result.detail)


class Channel(Protocol):
    """A way to a person: one attempt a call, from any thread, never raises, ends in bounded time."""

    @property
    def name(self) -> str: ...

    def tell(self, note: Note) -> ChannelResult: ...


def subject_of(note: Note) -> str:
    """The subject on one line, without what could end a header or an environment variable."""
    shown = "".join(char if char.isprintable() else " " for char in note.subject)
    return " ".join(shown.split())[:_MOST_SUBJECT].rstrip()


def body_of(note: Note) -> str:
    """The body with `\\n` as its only line end and no other control characters than tabs; cut where endless."""
    text = _BREAKS.sub("\n", note.body[:_MOST_BODY])
    return "".join(char if char.isprintable() or char in "\n\t" else " " for char in text)


def as_json(note: Note) -> bytes:
    """The note for programs: subject, body, at (UTC), urgent, source; ASCII, on one line."""
    told = {
        "subject": subject_of(note),
        "body": body_of(note),
        "at": note.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "urgent": note.urgent,
        "source": "sms-notify",
    }
    return json.dumps(told).encode("ascii")
