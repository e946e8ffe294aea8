"""The shape of the file: every key this version obeys, once. The JSON Schema for editors is made from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sms_notify.config.values import (
    Boolean,
    Duration,
    ExternalUrl,
    GatewayUrl,
    Language,
    Listen,
    Matchers,
    Number,
    PositiveDuration,
    Sender,
    Storage,
    Timeout,
    Timezone,
    Words,
)
from sms_notify.gateways.settings import PasswordEncoding, ReportsBy


class Model(BaseModel):
    # inputs may be passwords typed into the wrong key, so no error ever shows one
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Web(Model):
    listen: Listen = Field(
        default=("127.0.0.1", 9601),
        description="host:port; beyond loopback only with tokens or users",
        json_schema_extra={"default": "127.0.0.1:9601"},
    )
    external_url: ExternalUrl = Field(
        default="", description="the address that phones and the gateway reach us by"
    )
    webhook_tokens: list[Words] = Field(
        default=[], description="bearer tokens, several valid at once; ${ENV} each"
    )
    webhook_tokens_file: Words = Field(default="", description="the same, one a line, # begins a comment")
    users: dict[str, Words] = Field(
        default={}, description="name: scrypt hash, made by `sms-notify hash-password`"
    )
    tls_cert: Words = Field(default="", description="PEM file of the certificate and its chain")
    tls_key: Words = Field(default="", description="PEM file of the key")


class Gateway(Model):
    name: Words
    type: Literal["1601sms"]
    url: GatewayUrl = Field(description="the folder of gateway.php and gatewayrapport.php")
    allow_insecure_http: Boolean = Field(
        default=False, description="accept that a plain http url shows the password"
    )
    username: Words
    password: Words = Field(default="", description="or ${ENV}; or password_file")
    password_file: Words = Field(default="", description="a file that others cannot read")
    password_encoding: PasswordEncoding = PasswordEncoding.SHA1
    sender: Sender = Field(description="a name of at most 12 characters, or +number")
    timezone: Timezone = Field(default="Europe/Amsterdam", description="the gateway's clock")
    method: Literal["get", "post"] = "get"
    delivery_reports: ReportsBy = ReportsBy.BOTH
    logging: Boolean = True
    timeout: Timeout = Field(
        default=15.0, description="the whole request: 1s to 60s", json_schema_extra={"default": "15s"}
    )
    concurrency: int = Field(default=4, ge=1, le=64)


class Person(Model):
    number: Number = Field(description="with + and country code")
    timezone: Timezone = "UTC"
    language: Language = "en"


class Node(Model):
    """What the root of the route tree and its children share; durations as in Alertmanager."""

    group_by: list[Words] | None = None
    group_wait: Duration | None = None
    group_interval: PositiveDuration | None = None
    repeat_interval: PositiveDuration | None = None
    routes: list[Route] = []


class Route(Node):
    receiver: Words | None = Field(default=None, description="inherited where absent")
    matchers: Matchers = []
    continue_: Boolean = Field(default=False, alias="continue")


class Root(Node):
    receiver: Words


class Receiver(Model):
    name: Words
    notify: list[Words] = Field(
        default=[], description="person:x, team:x or +number; none = recorded, never sent"
    )
    send_resolved: Boolean = True
    max_parts: int = Field(default=1, ge=1, le=3)
    template: Words = "default"


class Config(Model):
    """The whole file."""

    storage: Storage = "sqlite:///var/lib/sms-notify/sms-notify.db"
    web: Web = Web()
    gateways: list[Gateway] = Field(
        default=[], description="alerts leave by the first; the others only by `sms-notify send --gateway`"
    )
    people: dict[str, Person] = {}
    teams: dict[str, Annotated[list[Words], Field(min_length=1)]] = {}
    route: Root
    receivers: Annotated[list[Receiver], Field(min_length=1)]
    templates: dict[str, Words] = {}
