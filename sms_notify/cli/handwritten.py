"""A text as somebody typed it, and as it leaves: what did not fit, and what the gateway's alphabet lacks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import click

from sms_notify.errors import UsageError
from sms_notify.gateways.registry import MOST_PARTS
from sms_notify.logs import printable
from sms_notify.wording import gsm
from sms_notify.wording.content import Text

_SHOWN = 3  # replaced characters; the rest is counted


@dataclass(frozen=True, slots=True)
class Handwritten:
    """`cut` is how many of `length` characters did not fit into `max_parts`; `replaced` has each character that the
    alphabet lacks, with what stands for it.
    """

    text: Text
    length: int
    max_parts: int
    cut: int
    replaced: dict[str, str]

    def document(self) -> dict[str, object]:
        """For --json."""
        return {"cut": self.cut, "replaced": self.replaced}

    def warn(self) -> None:
        """On standard error: the text leaves all the same, and whoever wrote it must know what is read."""
        for line in self._warnings():
            click.echo(f"warning: {line}", err=True)

    def _warnings(self) -> Iterator[str]:
        if self.cut:
            into = f"{self.max_parts} part{'s' if self.max_parts > 1 else ''}"
            more = "write two texts" if self.max_parts == MOST_PARTS else "allow more with --max-parts"
            yield f"the last {self.cut} of {self.length} characters do not fit into {into}, and are cut off; {more}"
        if self.replaced:
            pairs = [f"{printable(ours)!r} by {theirs!r}" for ours, theirs in self.replaced.items()]
            rest = f" and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
            yield f"the alphabet of texts lacks some characters, replaced: {', '.join(pairs[:_SHOWN])}{rest}"


def handwritten(text: str, max_parts: int) -> Handwritten:
    """`text` as it leaves. Raises UsageError for one without words."""
    whole = gsm.to_gsm(text)
    body = gsm.fit(whole, max_parts)
    if not body.strip():
        raise UsageError("the text is empty; the gateway refuses an empty message (error 102)")
    cut = 0 if body == whole else len(whole) - (len(body) - len(gsm.CUT))
    composed = unicodedata.normalize("NFC", text)
    plain = {character: gsm.to_gsm(character) for character in dict.fromkeys(composed)}
    replaced = {ours: theirs for ours, theirs in plain.items() if ours != theirs and ours.isprintable()}
    return Handwritten(Text(body, gsm.parts(body), gsm.septets(body)), len(whole), max_parts, cut, replaced)
