"""The shape of the file: every key this version obeys, once. The JSON Schema for editors is made from it."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from sms_notify.channels.settings import MailTls
from sms_notify.config.alertmanagers import Alertmanager
from sms_notify.config.base_model import Model, OrOff
from sms_notify.config.daily_check import SelfCheckSection
from sms_notify.config.keeping import KeepSection
from sms_notify.config.limits import LimitsSection
from sms_notify.config.schedules import ScheduleSection
from sms_notify.config.site_alive import SiteAliveSection
from sms_notify.config.steps import StepSection
from sms_notify.config.time_intervals import NamedInterval, QuietSection
from sms_notify.config.values import (
    Boolean,
    Duration,
    ExternalUrl,
    GatewayUrl,
    Language,
    LimitTexts,
    Listen,
    MailAddress,
    MailHost,
    Matchers,
    Network,
    Number,
    OneOrMore,
    PositiveDuration,
    Sender,
    Storage,
    Timeout,
    Timezone,
    WordList,
    Words,
)
from sms_notify.config.watches import WatchSection
from sms_notify.gateways.base import ReportsBy
from sms_notify.gateways.registry import MOST_PARTS, PasswordEncoding, TextEncoding


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
    webhook_tokens_file: Words = Field(
        default="",
        description="one a line: TOKEN [name=…] [role=webhook,metrics,read,ack]; # begins a comment",
    )
    users: dict[str, Words] = Field(
        default={},
        description="name: scrypt hash, made by `sms-notify hash-password`; HASH role=read may look alone",
    )
    trusted_proxies: list[Network] = Field(
        default=[], description="addresses or networks whose X-Forwarded-User names the user of a page"
    )
    tls_cert: Words = Field(default="", description="PEM file of the certificate and its chain")
    tls_key: Words = Field(default="", description="PEM file of the key")


class GatewaySection(Model):
    """An account at the SMS gateway; the other entries of `gateways:` are channels of another `type`."""

    name: Words = Field(description="your name for it; it stands in metrics and in the ledger")
    type: Literal["1601sms"] = Field(description="an account at the gateway 1601SMS")
    url: GatewayUrl = Field(description="the folder of gateway.php and gatewayrapport.php")
    allow_insecure_http: Boolean = Field(
        default=False, description="accept that a plain http url shows the password"
    )
    username: Words = Field(description="the account's user name (klantuser)")
    password: Words = Field(default="", description="the password, or ${ENV}; or password_file")
    password_file: Words = Field(default="", description="the same, alone in a file that others cannot read")
    password_encoding: PasswordEncoding = Field(
        default=PasswordEncoding.SHA1, description="send the SHA-1 of the password, or the password itself"
    )
    sender: Sender = Field(description="a name of at most 12 characters, or +number")
    fallback_sender: Sender = Field(default="", description="used where the gateway refuses `sender`")
    text_encoding: TextEncoding = Field(
        default=TextEncoding.UTF_8, description="in which bytes the gateway reads a text"
    )
    timezone: Timezone = Field(default="Europe/Amsterdam", description="the gateway's clock")
    method: Literal["get", "post"] = Field(
        default="get", description="how a request is sent; the provider documents GET"
    )
    delivery_reports: ReportsBy = Field(
        default=ReportsBy.BOTH, description="how to learn what became of a text"
    )
    logging: Boolean = Field(default=True, description="whether the provider keeps the text (logging=ja)")
    timeout: Timeout = Field(
        default=15.0, description="the whole request: 1s to 60s", json_schema_extra={"default": "15s"}
    )
    concurrency: int = Field(default=4, ge=1, le=64, description="requests at once")
    groups: list[Words] = Field(
        default=[], description="groups of the gateway's own address book that may be texted"
    )


class _ChannelSection(Model):
    name: Words = Field(description="what `operator` names as gateway:NAME")
    timeout: Timeout = Field(
        default=15.0, description="one whole report: 1s to 60s", json_schema_extra={"default": "15s"}
    )


class Email(_ChannelSection):
    type: Literal["email"] = Field(description="a mail to the operator")
    host: MailHost = Field(description="the mail server")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="587 with starttls, 465 with tls, 25 with none"
    )
    tls: MailTls = Field(default=MailTls.STARTTLS, description="none only where the way there is trusted")
    username: Words = Field(default="", description="if the server wants a login")
    password: Words = Field(default="", description="the password, or ${ENV}; or password_file")
    password_file: Words = Field(default="", description="the same, alone in a file that others cannot read")
    from_: MailAddress = Field(alias="from", description="the sender's address")
    to: Annotated[list[MailAddress], Field(min_length=1)] = Field(description="addresses, all in one message")
    ca_file: Words = Field(default="", description="PEM of an authority to trust beside the machine's own")


class Webhook(_ChannelSection):
    type: Literal["webhook"] = Field(description="a POST of JSON to the operator")
    url: Words = Field(default="", description="takes a POST of JSON; or ${ENV}; or url_file")
    url_file: Words = Field(default="", description="a file that others cannot read: many urls hold a token")
    token: Words = Field(default="", description="sent as bearer token; or ${ENV}; or token_file")
    token_file: Words = Field(default="", description="the same, alone in a file that others cannot read")
    allow_insecure_http: Boolean = Field(
        default=False, description="accept that a plain http url shows url, token and note"
    )
    ca_file: Words = Field(default="", description="PEM of an authority to trust beside the machine's own")


class Command(_ChannelSection):
    type: Literal["command"] = Field(description="a program that tells the operator")
    command: Annotated[list[Words], Field(min_length=1)] = Field(
        description="program and arguments, no shell; the note is JSON on stdin, exit 0 = told"
    )


class Apprise(_ChannelSection):
    """Needs the extra `apprise`."""

    type: Literal["apprise"] = Field(description="a service of apprise; needs the extra `apprise`")
    urls: list[Words] = Field(default=[], description="apprise URLs; ${ENV} each; or urls_file")
    urls_file: Words = Field(default="", description="the same, one a line, # begins a comment")


ChannelSection = Email | Webhook | Command | Apprise
AnyGateway = Annotated[GatewaySection | ChannelSection, Field(discriminator="type")]
GATEWAY_MODELS: dict[str, type[Model]] = {
    get_args(model.model_fields["type"].annotation)[0]: model
    for model in (GatewaySection, *get_args(ChannelSection))
}
"""The models of the entries of `gateways:` by their `type`."""


class PersonSection(Model):
    number: Number = Field(description="with + and country code")
    timezone: Timezone = Field(default="UTC", description="times in texts are on this clock")
    language: Language = Field(default="en", description="of the words that we add: en, nl, fr, de")
    quiet: QuietSection | None = Field(default=None, description="quiet hours of this person")


class Node(Model):
    """What the root of the route tree and its children share; durations as in Alertmanager."""

    group_by: list[Words] | None = Field(
        default=None,
        description="alerts with the same values of these labels share a text; ... means all labels",
    )
    group_wait: Duration | None = Field(
        default=None, description="how long the first of a group waits for others; 30s at the root"
    )
    group_interval: PositiveDuration | None = Field(
        default=None, description="how soon the next text of a group may follow; 5m at the root"
    )
    repeat_interval: PositiveDuration | None = Field(
        default=None, description="how often a reminder comes while nobody acknowledges; 4h at the root"
    )
    dedup_labels: list[Words] | None = Field(
        default=None, description="alerts that agree in all of these labels are one incident"
    )
    routes: list[RouteSection] = Field(
        default=[], description="children; the first that matches takes the alert"
    )


class RouteSection(Node):
    receiver: Words | None = Field(default=None, description="the parent's, if left out")
    matchers: Matchers = Field(default=[], description="conditions on labels, which must all hold")
    continue_: Boolean = Field(
        default=False, alias="continue", description="look at the routes after this one, too"
    )
    mute_time_intervals: OneOrMore = Field(
        default=[], description="nobody is texted during these time_intervals"
    )
    active_time_intervals: OneOrMore = Field(default=[], description="texts leave during these alone")


class Root(Node):
    receiver: Words = Field(description="who gets what no child takes")


class ReceiverSection(Model):
    name: Words = Field(description="routes use this name")
    notify: list[Words] = Field(
        default=[], description="person:x, team:x, schedule:x or +number; none = recorded, never sent"
    )
    escalate: Annotated[list[StepSection], Field(min_length=1)] = Field(
        default=[], description="who else is told while nobody acknowledges"
    )
    gateway_armed: Boolean = Field(
        default=False,
        description="the next step waits in the gateway's outbox, and leaves though we are dead",
    )
    ack_expires: OrOff[PositiveDuration] = Field(
        default=None, description="instead of the top level's; or off"
    )
    quiet: QuietSection | None = Field(default=None, description="quiet hours of this receiver")
    limits: LimitTexts = Field(
        default=[], description="texts of this receiver, critical ones aside, like 20/1h"
    )
    send_resolved: Boolean = Field(
        default=True, description="text the end to those who were told of the problem"
    )
    max_parts: int = Field(
        default=1, ge=1, le=MOST_PARTS, description="parts of one text; each costs one credit"
    )
    template: Words = Field(default="default", description="a name of templates")


class SeveritiesSection(Model):
    critical: WordList = Field(default=[], description="words of the label severity that mean critical")
    warning: WordList = Field(default=[], description="words that mean warning")
    other: WordList = Field(default=[], description="words that mean neither warning nor info")
    info: WordList = Field(default=[], description="words that mean info")


class Config(Model):
    """The whole file."""

    storage: Storage = Field(
        default="sqlite:///var/lib/sms-notify/sms-notify.db",
        description="the database: sqlite:// and the whole path, or postgresql://role@host/database",
    )
    spool: Words = Field(
        default="",
        description="hand-over folder of the command hooks; else /var/spool/sms-notify, if it is there",
    )
    web: Web = Field(default=Web(), description="where the daemon listens, and who may post and look")
    gateways: list[AnyGateway] = Field(
        default=[], description="in order of preference: texts leave by the first that takes them"
    )
    operator: list[Words] = Field(
        default=[],
        description="who hears of problems of sms-notify: person:x, team:x, schedule:x, +number, or gateway:x of another channel",
    )
    people: dict[str, PersonSection] = Field(default={}, description="name: a person")
    teams: dict[str, Annotated[list[Words], Field(min_length=1)]] = Field(
        default={}, description="name: people"
    )
    schedules: dict[str, ScheduleSection] = Field(default={}, description="name: who is on call, and when")
    route: Root = Field(description="the root of the route tree")
    receivers: Annotated[list[ReceiverSection], Field(min_length=1)] = Field(
        description="who is told, and how"
    )
    time_intervals: list[NamedInterval] = Field(default=[], description="as in Alertmanager")
    templates: dict[str, Words] = Field(default={}, description="name: wording, in Jinja")
    severities: SeveritiesSection = Field(
        default=SeveritiesSection(),
        description="this installation's own words of severity, beside the known ones",
        json_schema_extra={"default": {}},
    )
    limits: OrOff[LimitsSection] = Field(
        default=LimitsSection(),
        description="texts above a limit are held and merged; or off",
        json_schema_extra={"default": {}},
    )
    ack_expires: OrOff[PositiveDuration] = Field(
        default=None,
        description="how long an acknowledgement holds while it still fires; or off",
        json_schema_extra={"default": "off"},
    )
    self_check: SelfCheckSection | None = Field(
        default=None, description="tries every day whether texts arrive, and whether each number is taken"
    )
    site_alive: SiteAliveSection | None = Field(
        default=None, description="the gateway itself texts when this whole site falls silent"
    )
    keep: KeepSection = Field(
        default=KeepSection(),
        description="for how long what is over is kept",
        json_schema_extra={"default": {}},
    )
    alertmanagers: list[Alertmanager] = Field(default=[], description="whose silences acknowledge")
    watch: list[WatchSection] = Field(
        default=[], description="what must be heard again and again, and pages when it stops"
    )
