"""From a configuration without faults to the settings that the rooms obey."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from sms_notify.config import models
from sms_notify.config.document import Place
from sms_notify.config.found import Found
from sms_notify.config.settings import HashedUsers, Settings
from sms_notify.decide.people import Directory, Person
from sms_notify.decide.routing import Receiver, Route
from sms_notify.errors import Fault
from sms_notify.gateways.settings import Gateway1601Settings
from sms_notify.roads.settings import (
    AppriseSettings,
    CommandSettings,
    EmailSettings,
    RoadSettings,
    WebhookSettings,
)
from sms_notify.secret import Secret
from sms_notify.web.settings import WebSettings

T = TypeVar("T")


def build(config: models.Config, found: Found, warnings: tuple[Fault, ...]) -> Settings:
    return Settings(
        storage_url=config.storage,
        web=_web(config.web, found),
        gateways=tuple(
            _gateway(entry, index, found)
            for index, entry in enumerate(config.gateways)
            if isinstance(entry, models.Gateway)
        ),
        directory=_directory(config, found),
        route=_root(config.route),
        receivers={
            entry.name: _receiver(entry, index, found) for index, entry in enumerate(config.receivers)
        },
        templates=dict(config.templates),
        source=found.document.file,
        warnings=warnings,
        roads={
            entry.name: _road(entry, ("gateways", index), found)
            for index, entry in enumerate(config.gateways)
            if not isinstance(entry, models.Gateway)
        },
        operator=tuple(dict.fromkeys(found.operator)),
    )


def _web(web: models.Web, found: Found) -> WebSettings:
    host, port = web.listen
    return WebSettings(
        host=host,
        port=port,
        external_url=web.external_url,
        tokens=tuple(dict.fromkeys(found.tokens)),
        users=HashedUsers(found.users),
        tls_cert=str(found.base / web.tls_cert) if web.tls_cert else "",
        tls_key=str(found.base / web.tls_key) if web.tls_key else "",
    )


def _gateway(gateway: models.Gateway, index: int, found: Found) -> Gateway1601Settings:
    return Gateway1601Settings(
        name=gateway.name,
        url=gateway.url,
        username=gateway.username,
        password=found.secrets[("gateways", index, "password")],
        sender=gateway.sender,
        fallback_sender=gateway.fallback_sender,
        password_encoding=gateway.password_encoding,
        timezone=gateway.timezone,
        method=gateway.method,
        delivery_reports=gateway.delivery_reports,
        logging=gateway.logging,
        timeout=gateway.timeout,
        concurrency=gateway.concurrency,
        groups=tuple(dict.fromkeys(gateway.groups)),
    )


def _road(entry: models.Road, place: Place, found: Found) -> RoadSettings:
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
    people = {
        name: Person(name, found.numbers[name], person.timezone, person.language)
        for name, person in config.people.items()
    }
    return Directory(people, {name: tuple(members) for name, members in config.teams.items()})


def _receiver(receiver: models.Receiver, index: int, found: Found) -> Receiver:
    places: list[Place] = [("receivers", index, "notify", number) for number in range(len(receiver.notify))]
    return Receiver(
        name=receiver.name,
        notify=tuple(found.targets[place] for place in places),
        send_resolved=receiver.send_resolved,
        max_parts=receiver.max_parts,
        template=receiver.template,
    )


def _root(root: models.Root) -> Route:
    return _timed(root, Route(receiver=root.receiver))


def _child(node: models.Route, above: Route, path: str) -> Route:
    """Inherits what it does not say, as in Alertmanager: the receiver, the grouping, the timing."""
    start = Route(
        receiver=node.receiver or above.receiver,
        path=path,
        matchers=tuple(matcher for listed in node.matchers for matcher in listed),
        continue_=node.continue_,
        group_by=above.group_by,
        group_wait=above.group_wait,
        group_interval=above.group_interval,
        repeat_interval=above.repeat_interval,
    )
    return _timed(node, start)


def _or(own: T | None, inherited: T) -> T:
    return inherited if own is None else own


def _timed(node: models.Node, start: Route) -> Route:
    this = replace(
        start,
        group_by=start.group_by if node.group_by is None else tuple(node.group_by),
        group_wait=_or(node.group_wait, start.group_wait),
        group_interval=_or(node.group_interval, start.group_interval),
        repeat_interval=_or(node.repeat_interval, start.repeat_interval),
    )
    below = (_child(child, this, f"{this.path}.routes[{index}]") for index, child in enumerate(node.routes))
    return replace(this, routes=tuple(below))
