"""The key `schedules`: its shape, what must hold across it, and the schedules that it comes to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from sms_notify.config.base_model import Model
from sms_notify.config.document import Place, Value
from sms_notify.config.references import check_people_named
from sms_notify.config.secret_checks import keep_secret, may
from sms_notify.config.settings import CalendarSource
from sms_notify.config.time_intervals import windows_of
from sms_notify.config.validation import Found, entries, mapping, word
from sms_notify.config.values import (
    Boolean,
    Day,
    OneOrMore,
    Timezone,
    Words,
    plain_http,
    read_calendar_url,
    read_text,
    refused,
)
from sms_notify.policy import rotations
from sms_notify.policy.rotations import first_turn, parse_every, parse_handoff
from sms_notify.secret import Secret

_URLS = ("ical_url", "ical_url_file")
_WHO = ("rotation", "layers", "ical_file", *_URLS)


def _refused(error: ValueError, text: str, otherwise: str) -> PydanticCustomError:
    """What `decide.oncall` says of a text, in the way faults are told: what is wrong, and what to write."""
    what, _, advice = str(error).replace(repr(text), f"`{text}`", 1).partition(": write ")
    return refused(what, f"write {advice}" if advice else otherwise)


def _every(value: object) -> int:
    text = read_text(value)
    try:
        return parse_every(text)
    except ValueError as error:
        raise _refused(error, text, "write 1d, 1w or 2w") from None


def _handoff_time(value: object) -> tuple[int | None, int]:
    text = read_text(value)
    try:
        return parse_handoff(text)
    except ValueError as error:
        raise _refused(error, text, "write it like Mon 09:00") from None


Every = Annotated[int, BeforeValidator(_every), WithJsonSchema({"type": "string"})]
HandoffTime = Annotated[
    tuple[int | None, int], BeforeValidator(_handoff_time), WithJsonSchema({"type": "string"})
]


class RotationSection(Model):
    members: Annotated[list[Words], Field(min_length=1)] = Field(description="people, in the order of turns")
    every: Every = Field(description="how long a turn is: 1d, 1w, 2w")
    handover: HandoffTime = Field(
        description="when the next one takes over: Mon 09:00, or 09:00 for turns of days"
    )
    start: Day = Field(
        description="the day of the first turn; with a weekday in handover, the first such day from it on"
    )

    @model_validator(mode="after")
    def _fits(self) -> RotationSection:
        try:
            rotations.check(self.handover[0], self.every)
        except ValueError as error:
            raise _refused(error, "", "write whole weeks") from None
        return self


class LayerSection(RotationSection):
    during: OneOrMore = Field(default=[], description="names of time_intervals; the layer counts only then")


class ScheduleSection(Model):
    timezone: Timezone = Field(
        default="UTC", description="the clock of hand-offs, and of times in a calendar that name no zone"
    )
    rotation: RotationSection | None = Field(default=None, description="people who take turns")
    layers: Annotated[list[LayerSection], Field(min_length=1)] = Field(
        default=[], description="rotations, of which a later one goes before an earlier one"
    )
    ical_file: Words = Field(default="", description="a calendar; it goes before rotation and layers")
    ical_url: Words = Field(default="", description="a calendar that is fetched; or ${ENV}; or ical_url_file")
    ical_url_file: Words = Field(default="", description="the same, alone in a file that others cannot read")
    handoff_text: Boolean = Field(default=False, description="text the person who takes over")


def check_schedules(found: Found) -> None:
    for name, value in mapping(found.document.data.get("schedules")).items():
        place, schedule = ("schedules", name), mapping(value)
        check_people_named(
            found, (*place, "rotation", "members"), mapping(schedule.get("rotation")).get("members")
        )
        for index, layer in enumerate(entries(schedule.get("layers"))):
            check_people_named(found, (*place, "layers", index, "members"), mapping(layer).get("members"))
        if isinstance(value, dict):
            _check_sources(found, place, schedule)
            _check_calendar(found, place, schedule)


def _check_sources(found: Found, place: Place, schedule: dict[str, Value]) -> None:
    if not any(key in schedule for key in _WHO):
        found.wrong(place, "has nobody who could be on call", "write rotation, layers, ical_file or ical_url")
    if "rotation" in schedule and "layers" in schedule:
        found.wrong(
            (*place, "layers"), "stands beside `rotation`", "make the rotation the first of the layers"
        )
    for key in _URLS:
        if key in schedule and "ical_file" in schedule:
            found.wrong((*place, key), "stands beside `ical_file`", "keep one of the two")


def _check_calendar(found: Found, place: Place, schedule: dict[str, Value]) -> None:
    file = word(schedule.get("ical_file"))
    if file.strip() and not may(found.base / file, os.R_OK):
        what = f"{found.base / file} cannot be read"
        found.wrong((*place, "ical_file"), what, "check the path and who may read it")
    keep_secret(found, place, schedule, "ical_url")
    url = found.secrets.get((*place, "ical_url"))
    if url:
        _check_url(found, (*place, "ical_url" if "ical_url" in schedule else "ical_url_file"), url.reveal())


def _check_url(found: Found, place: Place, url: str) -> None:
    try:
        insecure = plain_http(read_calendar_url(url))
    except PydanticCustomError as fault:
        context = fault.context or {}
        found.wrong(place, str(context["what"]), str(context["advice"]))
        return
    if insecure:
        what = "is plain http, so that everybody on the way can read and change who is on call"
        found.warn(place, what, "write https://")


def schedules_of(written: Mapping[str, ScheduleSection], found: Found) -> dict[str, rotations.Schedule]:
    """Calendars are not read here: what they say changes while the configuration stays."""
    return {
        name: rotations.Schedule(
            name, one.timezone, tuple(_layers(one, found)), handoff_text=one.handoff_text
        )
        for name, one in written.items()
    }


def _layers(written: ScheduleSection, found: Found) -> Iterable[rotations.Layer]:
    if written.rotation:
        yield rotations.Layer(_rotation(written.rotation))
    for layer in written.layers:
        windows = windows_of(layer.during, found)
        yield rotations.Layer(
            _rotation(layer), tuple(each for window in windows for each in window.intervals)
        )


def _rotation(written: RotationSection) -> rotations.Rotation:
    weekday, minutes = written.handover
    start = first_turn(written.start, weekday)
    return rotations.Rotation(tuple(written.members), written.every, start, minutes)


def calendars_of(written: Mapping[str, ScheduleSection], found: Found) -> tuple[CalendarSource, ...]:
    return tuple(
        _calendar(name, one, found)
        for name, one in written.items()
        if one.ical_file or one.ical_url or one.ical_url_file
    )


def _calendar(name: str, written: ScheduleSection, found: Found) -> CalendarSource:
    file = str((found.base / written.ical_file).absolute()) if written.ical_file else ""
    url = found.secrets.get(("schedules", name, "ical_url"), Secret(""))
    return CalendarSource(name, written.timezone, file, Secret(url.reveal().strip()))
