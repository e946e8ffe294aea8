"""A text as it leaves the room: the value, and what holds for every text whoever worded it."""

from __future__ import annotations

from dataclasses import dataclass

from sms_notify.wording import gsm
from sms_notify.wording.content import Text
from sms_notify.wording.templates import Fallback


@dataclass(frozen=True, slots=True)
class Composed:
    """A text, and why it is not the template's where one was asked for; `detail` tells the operator more.

    `named` are the tags of the incidents that a reader of this text can tell: what and where it is, or what it
    is where it has no place. One that is only counted (`+12`, `25x DiskFull`) is not among them. `counted` are those of
    the kinds that are told by name and number.
    """

    text: Text
    fallback: Fallback | None = None
    detail: str = ""
    named: frozenset[str] = frozenset()
    counted: frozenset[str] = frozenset()


def parts_allowed(max_parts: int) -> int:
    """The nearest number of parts that the gateway takes."""
    return min(max(max_parts, 1), gsm.MAX_PARTS)


def text_of(body: str) -> Text:
    """`body`, which must be GSM 03.38, with what it costs."""
    septets = gsm.septets(body)
    return Text(body, 1 if septets <= gsm.SINGLE else gsm.parts(body), septets)
