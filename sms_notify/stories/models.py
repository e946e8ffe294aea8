"""The shape of a story file: every event and every expectation, once."""

from __future__ import annotations

import difflib
import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from sms_notify.config.base_model import Model
from sms_notify.config.values import (
    Boolean,
    Duration,
    PositiveDuration,
    Words,
    read_duration,
    read_text,
    refused,
)
from sms_notify.policy.outcomes import DeliveryStatus
from sms_notify.sources import icinga, macros, nagios
from sms_notify.sources.installation import is_name
from sms_notify.sources.times import parse_rfc3339

Labels: TypeAlias = dict[str, str]
HOOK_OPTIONS = frozenset((*nagios.MACROS, *icinga.MACROS, *macros.MORE_OPTIONS))


_FIRST_YEAR, _LAST_YEAR = 1990, 2200  # no calendar breaks in between, whatever is added to a time


def _moment(value: object) -> datetime:
    found = parse_rfc3339(read_text(value))
    if found is None or not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise refused(f"`{value}` is not a time with its zone", "write it like 2026-11-23T12:00:00Z")
    return found


def read_offset(value: object) -> timedelta:
    """A duration that may bear a sign: `+1h`, `-5m`. Raises PydanticCustomError."""
    text = read_text(value).strip()
    size = read_duration(text.removeprefix("-").removeprefix("+"))
    return -size if text.startswith("-") else size


def _at(value: object) -> timedelta | datetime:
    text = read_text(value)
    if parse_rfc3339(text) is not None:
        return _moment(text)
    try:
        return read_duration(text)
    except PydanticCustomError:
        advice = "write a duration since the start, as 5m, or a time with its zone, as 2026-11-23T12:00:00Z"
        raise refused(f"`{text}` is neither a duration nor a time", advice) from None


def _number(value: object) -> int:
    text = read_text(value)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise refused(f"`{text}` is not a whole number", "write digits only")
    return int(text)


Moment = Annotated[datetime, BeforeValidator(_moment)]
Offset = Annotated[timedelta, BeforeValidator(read_offset)]
At = Annotated[timedelta | datetime, BeforeValidator(_at)]
Count = Annotated[int, BeforeValidator(_number)]

_TIMES = ("$starts", "$ends")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_SPECIAL = (*_TIMES, "$summary", "$description", "$fingerprint", "$annotations")


def _alert(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refused("must be the labels of an alert", "write {alertname: HostDown, instance: db1}")
    for key, text in value.items():
        if key.startswith("$") and key not in _SPECIAL:
            raise refused(f"`{key}` is not a key of an alert", f"known: {', '.join(_SPECIAL)}")
        if text is not None and not _is_fit(key, text):
            raise refused(
                f"`{key}` has the wrong shape", "labels are texts, $annotations is a mapping of texts"
            )
    return value | {key: read_offset(value[key]) for key in _TIMES if key in value}


def _is_fit(key: str, value: object) -> bool:
    if key != "$annotations":
        return isinstance(value, str)
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


AlertText = Annotated[dict[str, Any], BeforeValidator(_alert)]


class WebhookEvent(Model):
    """One delivery of an Alertmanager; `sender` is its externalURL, `group` its groupKey."""

    firing: list[AlertText] = Field(default=[])
    resolved: list[AlertText] = Field(default=[])
    sender: Words = ""
    group: str | None = None
    status: Words = ""
    truncated: Count = 0

    @model_validator(mode="after")
    def _says_something(self) -> WebhookEvent:
        if not (self.firing or self.resolved or self.truncated):
            raise refused("has no alert", "write firing: [{alertname: …}], or resolved: […]")
        return self


class GrafanaEvent(WebhookEvent):
    org: Count = 1


class Named(Model):
    """Every open incident that has these labels."""

    labels: Annotated[Labels, Field(min_length=1)]


class By(Named):
    by: Words = "somebody"


class Lasting(By):
    for_: Duration = Field(alias="for")


class Muted(Model):
    labels: Labels = Field(default={})
    for_: Duration | None = Field(default=None, alias="for")


def _label_names(value: Labels) -> Labels:
    if "" in value:
        raise refused("has a label without a name", "write name: value")
    return value


def _options(value: Labels) -> Labels:
    """Options that a hook does not know become labels; one that nearly is another was meant to be that."""
    for name in value:
        near = difflib.get_close_matches(name, HOOK_OPTIONS, 1, cutoff=0.85)
        if name not in HOOK_OPTIONS and near:
            raise refused(f"`{name}` is not an option of the hook", f"did you mean `{near[0]}`?")
        if not _NAME.fullmatch(name):
            raise refused(f"`{name}` is not the name of an option", "write host: db1")
    return value


Options = Annotated[Labels, AfterValidator(_options)]


class Piped(Model):
    """What `pipe` was given: standard input, and its options."""

    text: str
    name: Words = ""
    severity: Words = ""
    label: Annotated[Labels, AfterValidator(_label_names)] = Field(default={})
    one: Boolean = False
    resolved: Boolean = False


def _piped(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


class Weather(Model):
    """What the gateway answers from now on, or reports later."""

    error: Count | None = None
    status: Count | None = None
    drop: Literal["before", "after"] | None = None
    hang: Duration | None = None
    unreachable: Boolean | None = None
    report: DeliveryStatus | None = None
    credits: Count | None = None
    ok: Boolean | None = None
    to: Words = ""
    name: Words = ""
    count: Count | None = None
    for_: Duration | None = Field(default=None, alias="for")

    @model_validator(mode="after")
    def _one_kind(self) -> Weather:
        kinds = ("error", "status", "drop", "hang", "unreachable", "report", "credits", "ok")
        said = [getattr(self, kind) for kind in kinds if getattr(self, kind) is not None]
        if len(said) != 1 or said[0] is False:
            raise refused("must say one kind of weather", f"write one of {', '.join(kinds)}")
        if self.count == 0:
            raise refused("is for no text at all", "write a `count` of 1 or more, or leave it out")
        return self


class Down(Model):
    down: Duration = timedelta()


class Followed(Model):
    to: Words


class OverrideEvent(Model):
    schedule: Words
    person: Words
    for_: PositiveDuration = Field(alias="for")


def _plain(name: str) -> str:
    """The key of a field whose name Python or pydantic needs for something else."""
    return name.removesuffix("_")


def _one_of(given: Model, kinds: tuple[str, ...], what: str) -> str:
    found = [_plain(kind) for kind in kinds if getattr(given, kind) is not None]
    if len(found) != 1:
        said = " and ".join(f"`{kind}`" for kind in found) or "nothing"
        raise refused(f"has {said}; {what} has one", f"write one of {', '.join(map(_plain, kinds))}")
    return found[0]


def _installation(value: str) -> str:
    if not is_name(value):
        raise refused(f"`{value}` is not the name of an installation", "write letters, digits, `.`, `-`, `_`")
    return value


class EventText(Model):
    """Something happens; a webhook of a named installation is `from` that."""

    at: At
    from_: Annotated[Words, AfterValidator(_installation)] = Field(default="", alias="from")
    alertmanager: WebhookEvent | None = None
    grafana: GrafanaEvent | None = None
    prometheus: WebhookEvent | None = None
    uptime_kuma: dict[str, Any] | None = None
    nagios: Options | None = None
    icinga: Options | None = None
    zabbix: dict[str, Any] | None = None
    zabbix_script: Annotated[list[str], Field(min_length=2)] | None = None
    json_: Any = Field(default=None, alias="json")
    pipe: Annotated[Piped | None, BeforeValidator(_piped)] = None
    heartbeat: Words | None = None
    ack: By | None = None
    unack: By | None = None
    close: By | None = None
    silence: Lasting | None = None
    suppressed: Lasting | None = None
    gone: Named | None = None
    gateway: Weather | None = None
    config: Words | None = None
    config_file: Words | None = None
    restart: Down | None = None
    clock: Offset | None = None
    mute: Muted | None = None
    link: Followed | None = None
    override: OverrideEvent | None = None

    @property
    def kind(self) -> str:
        return _one_of(self, _KINDS, "an event")

    @model_validator(mode="after")
    def _one_thing(self) -> EventText:
        kind = _one_of(self, _KINDS, "an event")
        if self.from_ and kind not in WEBHOOKS:
            raise refused("`from` stands beside what no webhook sends", f"it fits {', '.join(WEBHOOKS)}")
        return self


WEBHOOKS = ("alertmanager", "grafana", "zabbix", "json")
_KINDS = tuple(name for name in EventText.model_fields if name not in ("at", "from_"))


class TextAt(Model):
    """One text of `texts`."""

    at: At | None = None
    to: Words
    text: str = "*"


class ExpectText(Model):
    """What must hold."""

    texted: Words | None = None
    silent: Words | None = None
    count: Words | None = None
    texts: list[TextAt] | None = None
    believes: Words | None = None
    state: Named | None = None
    credits: Count | None = None
    text: str = "*"
    from_: At | None = Field(default=None, alias="from")
    by: At | None = None
    most: Count | None = None
    least: Count | None = None
    labels: Annotated[Labels, Field(min_length=1)] | None = None
    is_: Words | None = Field(default=None, alias="is")

    @property
    def kind(self) -> str:
        return _one_of(self, tuple(_BESIDE), "an expectation")

    @model_validator(mode="after")
    def _fits(self) -> ExpectText:
        kind = _one_of(self, tuple(_BESIDE), "an expectation")
        needed, allowed, words = _BESIDE[kind]
        given = {name for name in self.model_fields_set if name != kind}
        if missing := [name for name in needed if name not in given]:
            raise refused(f"`{kind}` needs `{_plain(missing[0])}`", "add it")
        if strange := sorted(given - {*needed, *allowed}):
            raise refused(f"`{_plain(strange[0])}` says nothing beside `{kind}`", "remove it")
        if kind == "count" and self.most is None and not self.least:
            raise refused("`count` needs `most`, or a `least` above 0", "add one")
        if not self.text:
            raise refused("`text` is empty, which no text is", "write *, or leave it out")
        if words and self.is_ not in words:
            raise refused(f"`is` must be one of {', '.join(words)}", "write one of these")
        return self


BELIEFS = ("firing", "flapping", "unheard", "resolved", "nothing")
STATES = ("open", "acknowledged", "resolved", "unheard", "unknown")
_TIMED = ("from_", "by")
# kind of expectation → what it needs beside it, what it may have, and the words of `is`
_BESIDE: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "texted": ((), ("text", *_TIMED), ()),
    "silent": ((), ("text", *_TIMED), ()),
    "count": ((), ("text", "most", "least", *_TIMED), ()),
    "texts": ((), (), ()),
    "believes": (("labels", "is_"), (), BELIEFS),
    "state": (("is_",), (), STATES),
    "credits": ((), (), ()),
}


class StoryEntry(Model):
    story: Words
    start: Moment
    run_for: Duration | None = None
    events: list[EventText] = Field(default=[])
    expect: Annotated[list[ExpectText], Field(min_length=1)]


class StoryFile(Model):
    """A whole file."""

    config: Words = ""
    config_file: Words = ""
    stories: Annotated[list[StoryEntry], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_configuration(self) -> StoryFile:
        if self.config and self.config_file:
            raise refused("has both `config` and `config_file`", "keep one of the two")
        if not (self.config or self.config_file):
            raise refused("has no configuration", "write config: |, or config_file: PATH")
        return self
