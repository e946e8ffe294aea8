"""The key `alertmanagers`: whose silences count. Its shape, its secrets, and the settings that it comes to."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from sms_notify.config.base_model import Model
from sms_notify.config.document import Place, Value
from sms_notify.config.durations import spell_duration
from sms_notify.config.secret_checks import check_ca, fits_header, judge_plain_http, keep_secret
from sms_notify.config.validation import Found, entries, mapping, word
from sms_notify.config.values import (
    Boolean,
    PositiveDuration,
    Timeout,
    Words,
    plain_http,
    read_alertmanager_url,
)
from sms_notify.secret import Secret
from sms_notify.silences.settings import AlertmanagerSettings

_STANDARD = AlertmanagerSettings("")
_NONE = Secret("")

AlertmanagerUrl = Annotated[str, BeforeValidator(read_alertmanager_url), WithJsonSchema({"type": "string"})]


class Alertmanager(Model):
    url: AlertmanagerUrl = Field(description="its address as people open it")
    token: Words = Field(default="", description="sent as bearer token; or ${ENV}; or token_file")
    token_file: Words = Field(default="", description="a file that others cannot read")
    username: Words = Field(default="", description="for basic authentication; needs a password")
    password: Words = Field(default="", description="or ${ENV}; or password_file")
    password_file: Words = Field(default="", description="a file that others cannot read")
    create_silences: Boolean = Field(
        default=_STANDARD.create_silences, description="an acknowledgement with us makes a silence there"
    )
    silence_for: PositiveDuration = Field(
        default=_STANDARD.silence_for,
        description="how long a silence that we make lasts",
        json_schema_extra={"default": spell_duration(_STANDARD.silence_for)},
    )
    ca_file: Words = Field(default="", description="PEM of an authority to trust beside the machine's own")
    timeout: Timeout = Field(
        default=_STANDARD.timeout,
        description="one whole request: 1s to 60s",
        json_schema_extra={"default": f"{_STANDARD.timeout:.0f}s"},
    )
    allow_insecure_http: Boolean = Field(
        default=False, description="accept that a plain http url shows token or password"
    )


def check_alertmanagers(found: Found) -> None:
    seen: dict[str, int] = {}
    for index, value in enumerate(entries(found.document.data.get("alertmanagers"))):
        place, entry = ("alertmanagers", index), mapping(value)
        check_ca(found, place, entry)
        shown = _check_login(found, place, entry)
        try:
            url = read_alertmanager_url(entry.get("url"))
        except PydanticCustomError:
            continue
        if url in seen:
            what = f"is the address of another one, on line {seen[url]}"
            found.wrong((*place, "url"), what, "keep one of the two")
        seen.setdefault(url, found.document.fault((*place, "url"), "").line)
        if shown and plain_http(url):
            judge_plain_http(found, place, entry, shown)


def _check_login(found: Found, place: Place, entry: dict[str, Value]) -> str:
    """Keeps the entry's secrets; what a listener would learn from its requests, or nothing."""
    token = keep_secret(found, place, entry, "token")
    password = keep_secret(found, place, entry, "password")
    if token and (password or "username" in entry):
        what = "stands beside username or password, and one request carries one login"
        found.wrong((*place, _key(entry, "token")), what, "keep the token, or the other two")
    elif password != ("username" in entry):
        missing = "username" if password else "password"
        found.wrong(
            place, f"`{missing}` is missing for the login", "write username and password, or none of both"
        )
    secret = found.secrets.get((*place, "token"))
    if secret and not fits_header(secret):
        what = "has blanks or letters that no HTTP header carries"
        found.wrong((*place, _key(entry, "token")), what, "check what was pasted")
    if ":" in word(entry.get("username")):
        found.wrong((*place, "username"), "holds a colon", "basic authentication has no way to send it")
    return "token" if token else "password" if password else ""


def _key(entry: dict[str, Value], key: str) -> str:
    return key if key in entry else f"{key}_file"


def alertmanagers_of(written: list[Alertmanager], found: Found) -> tuple[AlertmanagerSettings, ...]:
    return tuple(_settings(entry, ("alertmanagers", index), found) for index, entry in enumerate(written))


def _settings(entry: Alertmanager, place: Place, found: Found) -> AlertmanagerSettings:
    return AlertmanagerSettings(
        url=entry.url,
        token=found.secrets.get((*place, "token"), _NONE),
        username=entry.username,
        password=found.secrets.get((*place, "password"), _NONE),
        create_silences=entry.create_silences,
        silence_for=entry.silence_for,
        ca_file=str((found.base / entry.ca_file).absolute()) if entry.ca_file else "",
        timeout=entry.timeout,
    )
