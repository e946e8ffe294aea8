"""The key `keep`: its shape, and the rule that it comes to."""

from __future__ import annotations

from pydantic import Field

from sms_notify.config.base_model import Model, OrOff
from sms_notify.config.durations import spell_duration
from sms_notify.config.validation import Found, mapping
from sms_notify.config.values import PositiveDuration, wait_of
from sms_notify.policy.retention import SHORTEST_LEDGER, SHORTEST_TEXTS, STANDARD, Keep


class KeepSection(Model):
    """What is over is erased in two steps: first its words, later its rows."""

    texts: OrOff[PositiveDuration] = Field(
        default=STANDARD.texts,
        json_schema_extra={"default": "90d"},
        description="texts, numbers, labels and annotations of what is over; at least 1d, or off",
    )
    ledger: OrOff[PositiveDuration] = Field(
        default=STANDARD.ledger,
        json_schema_extra={"default": "400d"},
        description="the rest of it; what each month cost stays; at least 31d, or off",
    )


def check_keep(found: Found) -> None:
    section = mapping(found.document.data.get("keep"))
    texts, ledger = wait_of(section.get("texts")), wait_of(section.get("ledger"))
    for key, kept, shortest in (("texts", texts, SHORTEST_TEXTS), ("ledger", ledger, SHORTEST_LEDGER)):
        if kept is not None and kept < shortest:
            what = f"{spell_duration(kept)} is too short"
            found.wrong(("keep", key), what, f"write {spell_duration(shortest)} or more, or off")
    if ledger is not None and texts is not None and texts > ledger:
        what = "is longer than `ledger`, which erases the texts, too"
        found.wrong(("keep", "texts"), what, "write what is shorter, or leave it out")


def keep_of(section: KeepSection) -> Keep:
    return Keep(section.ledger, section.texts)
