"""From a configuration without faults to the settings that the rooms obey."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from sms_notify.channels.settings import (
    AppriseSettings,
    ChannelSettings,
    CommandSettings,
    EmailSettings,
    WebhookSettings,
)
from sms_notify.config import models
from sms_notify.config.alertmanagers import alertmanagers_of
from sms_notify.config.daily_check import SelfCheckSection, self_check_of
from sms_notify.config.document import Place, spell
from sms_notify.config.keeping import keep_of
from sms_notify.config.limits import expire_of, limits_of
from sms_notify.config.schedules import calendars_of, schedules_of
from sms_notify.config.settings import Settings
from sms_notify.config.site_alive import site_alive_of
from sms_notify.config.steps import StepSection
from sms_notify.config.time_intervals import quiet_of, windows_of
from sms_notify.config.validation import Found
from sms_notify.config.watches import WatchSection, receiver_of, routes_of, secrets_of, watches_of
from sms_notify.gateways.registry import GatewaySettings
from sms_notify.policy.directory import Directory, Person, Target
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.self_check import SelfCheck
from sms_notify.secret import Secret
from sms_notify.web.settings import WebSettings

T = TypeVar("T")


def build(config: models.Config, found: Found) -> Settings:
    return Settings(
        storage_url=config.storage,
        spool=_path(config.spool, found),
        web=_web(config.web, found),
        gateways=tuple(
            _gateway(entry, index, found)
            for index, entry in enumerate(config.gateways)
            if isinstance(entry, models.GatewaySection)
        ),
        directory=_directory(config, found),
        route=_with_watches(_root(config.route, found), config, found),
        receivers=_receivers(config, found),
        templates=dict(config.templates),
        source=found.document.file,
        channels={
            entry.name: _channel(entry, ("gateways", index), found)
            for index, entry in enumerate(config.gateways)
            if not isinstance(entry, models.GatewaySection)
        },
        operator=tuple(dict.fromkeys(found.operator)),
        schedules=schedules_of(config.schedules, found),
        calendars=calendars_of(config.schedules, found),
        limits=limits_of(config.limits),
        expire=expire_of(config.limits),
        alertmanagers=alertmanagers_of(config.alertmanagers, found),
        site_alive=site_alive_of(config.site_alive, found),
        severities=found.severities,
        keep=keep_of(config.keep),
        self_check=_self_check(config.self_check, found),
        watches=watches_of(config.watch, found),
        watch_secrets=secrets_of(config.watch, found),
        lines=_lines(found),
    )


def _self_check(section: SelfCheckSection | None, found: Found) -> SelfCheck | None:
    notify = section.notify if section is not None else []
    return self_check_of(section, _targets(("self_check", "notify"), notify, found))


def _lines(found: Found) -> dict[str, int]:
    written = found.document.lines.items()
    wanted = {
        place: line
        for place, line in written
        if "routes" in place[-2:] or place[-1:] == ("quiet",) or place[:1] in (("schedules",), ("watch",))
    }
    return {
        spell(place): line for place, line in {**wanted, ("route",): found.document.lines[("route",)]}.items()
    }


def _web(web: models.Web, found: Found) -> WebSettings:
    host, port = web.listen
    return WebSettings(
        host=host,
        port=port,
        external_url=web.external_url,
        tokens=tuple({token.secret: token for token in found.tokens}.values()),
        users=found.users,
        proxies=tuple(web.trusted_proxies),
        tls_cert=str(found.base / web.tls_cert) if web.tls_cert else "",
        tls_key=str(found.base / web.tls_key) if web.tls_key else "",
    )


def _gateway(gateway: models.GatewaySection, index: int, found: Found) -> GatewaySettings:
    return GatewaySettings(
        name=gateway.name,
        url=gateway.url,
        username=gateway.username,
        password=found.secrets[("gateways", index, "password")],
        sender=gateway.sender,
        fallback_sender=gateway.fallback_sender,
        password_encoding=gateway.password_encoding,
        text_encoding=gateway.text_encoding,
        timezone=gateway.timezone,
        method=gateway.method,
        delivery_reports=gateway.delivery_reports,
        logging=gateway.logging,
        timeout=gateway.timeout,
        concurrency=gateway.concurrency,
        groups=tuple(dict.fromkeys(gateway.groups)),
    )


def _channel(entry: models.ChannelSection, place: Place, found: Found) -> ChannelSettings:
    match entry:
        case models.Email():
            return _email(entry, place, found)
        case models.Webhook():
            token = found.secrets.get((*place, "token"), Secret(""))
            url = Secret(found.secrets[(*place, "url")].reveal().strip())
            return WebhookSettings(entry.name, url, token, _path(entry.ca_file, found), entry.timeout)
        case models.Command():
            program = _path(entry.command[0], found)
            return CommandSettings(entry.name, (program, *entry.command[1:]), entry.timeout)
    return AppriseSettings(entry.name, tuple(found.urls[place]), entry.timeout)


def _email(entry: models.Email, place: Place, found: Found) -> EmailSettings:
    return EmailSettings(
        name=entry.name,
        host=entry.host,
        port=entry.port or entry.tls.port,
        sender=entry.from_,
        to=tuple(dict.fromkeys(entry.to)),
        tls=entry.tls,
        username=entry.username,
        password=found.secrets.get((*place, "password"), Secret("")),
        ca_file=_path(entry.ca_file, found),
        timeout=entry.timeout,
    )


def _path(name: str, found: Found) -> str:
    """Absolute: a command runs in another folder than we do."""
    return str((found.base / name).absolute()) if name else ""


def _directory(config: models.Config, found: Found) -> Directory:
    people = {name: _person(name, person, found) for name, person in config.people.items()}
    return Directory(people, {name: tuple(members) for name, members in config.teams.items()})


def _person(name: str, person: models.PersonSection, found: Found) -> Person:
    return Person(
        name=name,
        number=found.numbers[name],
        timezone=person.timezone,
        language=person.language,
        quiet=quiet_of(person.quiet, found),
    )


def _with_watches(root: Route, config: models.Config, found: Found) -> Route:
    return replace(root, routes=(*routes_of(config.watch, root, found), *root.routes))


def _receivers(config: models.Config, found: Found) -> dict[str, Receiver]:
    """Also those of watches that notify somebody."""
    written = enumerate(config.receivers)
    receivers = {one.name: _receiver(one, index, config.ack_expires, found) for index, one in written}
    for index, watch in enumerate(config.watch):
        if watch.notify:
            receivers[receiver_of(watch.name)] = _of_watch(watch, index, config.ack_expires, found)
    return receivers


def _of_watch(watch: WatchSection, index: int, ack_expires: timedelta | None, found: Found) -> Receiver:
    place: Place = ("watch", index)
    return Receiver(
        name=receiver_of(watch.name),
        notify=_targets((*place, "notify"), watch.notify, found),
        escalate=_steps(place, watch.escalate, found),
        ack_expires=ack_expires,
        gateway_armed=watch.gateway_armed,
    )


def _receiver(
    receiver: models.ReceiverSection, index: int, ack_expires: timedelta | None, found: Found
) -> Receiver:
    """`ack_expires` is the top level's: `off` here is a word of its own, and no word at all."""
    own = "ack_expires" in receiver.model_fields_set
    place: Place = ("receivers", index)
    return Receiver(
        name=receiver.name,
        notify=_targets((*place, "notify"), receiver.notify, found),
        send_resolved=receiver.send_resolved,
        max_parts=receiver.max_parts,
        template=receiver.template,
        escalate=_steps(place, receiver.escalate, found),
        quiet=quiet_of(receiver.quiet, found),
        limits=tuple(receiver.limits),
        ack_expires=receiver.ack_expires if own else ack_expires,
        gateway_armed=receiver.gateway_armed,
    )


def _steps(place: Place, written: list[StepSection], found: Found) -> tuple[Step, ...]:
    return tuple(
        Step(step.after, _targets((*place, "escalate", number, "notify"), step.notify, found))
        for number, step in enumerate(written)
    )


def _targets(place: Place, written: list[str], found: Found) -> tuple[Target, ...]:
    return tuple(found.targets[(*place, number)] for number in range(len(written)))


def _root(root: models.Root, found: Found) -> Route:
    return _timed(root, Route(receiver=root.receiver), found)


def _child(node: models.RouteSection, above: Route, path: str, found: Found) -> Route:
    """Inherits what it does not say, as in Alertmanager: the receiver, the grouping, the timing.

    Not the time intervals: Alertmanager's `NewRoute` takes them from the node alone, so that a route is muted for
    what it answers itself, and not for what the routes below it answer.
    """
    start = Route(
        receiver=node.receiver or above.receiver,
        path=path,
        matchers=tuple(matcher.seeing(found.severities) for listed in node.matchers for matcher in listed),
        continue_=node.continue_,
        group_by=above.group_by,
        group_wait=above.group_wait,
        group_interval=above.group_interval,
        repeat_interval=above.repeat_interval,
        dedup_labels=above.dedup_labels,
        mute=windows_of(node.mute_time_intervals, found),
        active=windows_of(node.active_time_intervals, found),
    )
    return _timed(node, start, found)


def _or(own: T | None, inherited: T) -> T:
    return inherited if own is None else own


def _timed(node: models.Node, start: Route, found: Found) -> Route:
    timed = replace(
        start,
        group_by=start.group_by if node.group_by is None else tuple(node.group_by),
        dedup_labels=start.dedup_labels if node.dedup_labels is None else tuple(node.dedup_labels),
        group_wait=_or(node.group_wait, start.group_wait),
        group_interval=_or(node.group_interval, start.group_interval),
        repeat_interval=_or(node.repeat_interval, start.repeat_interval),
    )
    below = enumerate(node.routes)
    return replace(
        timed,
        routes=tuple(_child(child, timed, f"{timed.path}.routes[{index}]", found) for index, child in below),
    )
