"""The key `self_check`: its shape, and the self-check that it comes to."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from sms_notify.config.base_model import Model
from sms_notify.config.values import Boolean, Timezone, Words, read_text, refused
from sms_notify.policy.directory import Target
from sms_notify.policy.rotations import parse_handoff
from sms_notify.policy.self_check import SelfCheck


def _time_of_day(value: object) -> int:
    """In minutes."""
    text = read_text(value)
    try:
        weekday, minutes = parse_handoff(text)
    except ValueError:
        weekday, minutes = 0, 0
    if weekday is not None:
        raise refused(f"`{text}` is not a time of the day", "write it like 09:00")
    return minutes


TimeOfDay = Annotated[int, BeforeValidator(_time_of_day), WithJsonSchema({"type": "string"})]


class SelfCheckSection(Model):
    notify: list[Words] = Field(
        default=[], description="who gets a text a day that sms-notify is alive; none = no text"
    )
    at: TimeOfDay = Field(
        default=9 * 60, description="when, every day", json_schema_extra={"default": "09:00"}
    )
    timezone: Timezone = Field(default="UTC", description="the clock of `at`")
    check_numbers: Boolean = Field(
        default=True, description="ask each gateway every hour whether it takes each number, at no cost"
    )


def self_check_of(section: SelfCheckSection | None, notify: tuple[Target, ...]) -> SelfCheck | None:
    if section is None:
        return None
    return SelfCheck(notify, section.at, section.timezone, section.check_numbers)
