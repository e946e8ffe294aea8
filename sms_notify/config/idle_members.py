"""People of a schedule whose turn never comes: a layer that another one covers, a rotation that always meets the same days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from sms_notify.config.settings import Settings
from sms_notify.errors import Fault
from sms_notify.policy.rotations import Layer, Schedule, shifts

_AHEAD = timedelta(days=731)  # in two years each turn of a rotation of up to 104 days meets every weekday
_NEVER = "in the next two years"


@dataclass(frozen=True, slots=True)
class _Idle:
    """What is never on call: `member` of a layer's rotation, or the whole `layer` where that is None."""

    layer: int
    member: int | None
    names: tuple[str, ...]


def idle_members(settings: Settings, now: datetime) -> list[Fault]:
    """A warning for each layer and each member of `schedules` that is never on call from `now` (aware UTC) on.

    Calendars and overrides are left out: this is about what the layers say.
    """
    return [
        _warning(settings, schedule, idle)
        for schedule in settings.schedules.values()
        for idle in _idle(schedule, now)
    ]


def _warning(settings: Settings, schedule: Schedule, idle: _Idle) -> Fault:
    path = f"schedules.{schedule.name}.layers[{idle.layer}]"
    if path not in settings.lines:
        path = f"schedules.{schedule.name}.rotation"
    if idle.member is None:
        so = f", so that no layer ever puts {' and '.join(idle.names)} on call" if idle.names else ""
        what = f"never counts {_NEVER}: what lies above covers it, or its `during` never holds{so}"
        advice = "put it after the layers that cover it, give those a `during`, or remove it"
    else:
        path = f"{path}.members[{idle.member}]"
        what = f"`{idle.names[0]}` is put on call by no layer {_NEVER}: each turn falls into a time that is not this layer's"
        advice = "change `every` or `during`, or remove the name"
    return Fault(settings.source, settings.lines.get(path, 0), path, what, advice)


def _idle(schedule: Schedule, now: datetime) -> Iterator[_Idle]:
    seen = _seen(schedule, now)
    active = {schedule.layers[layer].rotation.members[place] for layer, place in seen}
    for number, layer in enumerate(schedule.layers):
        members = layer.rotation.members
        lost = {name: place for place, name in reversed([*enumerate(members)]) if name not in active}
        if not any((number, place) in seen for place in range(len(members))):
            yield _Idle(number, None, tuple(reversed(lost)))
        else:
            yield from (_Idle(number, place, (name,)) for name, place in lost.items())


def _seen(schedule: Schedule, now: datetime) -> set[tuple[int, int]]:
    """The places, by layer and rotation, whose turns come."""
    layers = tuple(_numbered(layer, number) for number, layer in enumerate(schedule.layers))
    starts = (datetime.combine(layer.rotation.start, time(), UTC) for layer in layers)
    cycle = max((layer.rotation.days * len(layer.rotation.members) for layer in layers), default=0)
    until = max([now, *starts]) + max(_AHEAD, timedelta(days=2 * cycle))
    held = shifts(replace(schedule, layers=layers, calendar=()), (), now, until)
    found = (shift.person.split(":") for shift in held if shift.person is not None)
    return {(int(layer), int(place)) for layer, place in found}


def _numbered(layer: Layer, number: int) -> Layer:
    """With a name of its own for each place, as somebody may stand at several."""
    places = tuple(f"{number}:{place}" for place in range(len(layer.rotation.members)))
    return replace(layer, rotation=replace(layer.rotation, members=places))
