"""From settings to the parts that obey them, for the daemon and for the commands. With `app`, the only file that reads
clock, randomness and the host's name.
"""

from __future__ import annotations

import random
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from sms_notify.channels.settings import OperatorKind
from sms_notify.config.settings import Settings
from sms_notify.config.values import is_loopback
from sms_notify.delivery.arming import Arming, untold
from sms_notify.delivery.number_checks import NumbersToCheck
from sms_notify.delivery.reports import FIRST_POLL, FIRST_POLL_BESIDE_CALLBACKS
from sms_notify.delivery.sender import Clock, Commit, Luck, Sender
from sms_notify.delivery.site_switch import Outboxes, SiteSwitch, SwitchMoved
from sms_notify.gateways.base import Failed, ReportsBy, WithOutbox
from sms_notify.gateways.registry import GatewaySettings, client_of, limits_of, minute_for
from sms_notify.oncall.roster import Roster
from sms_notify.policy.account import Account
from sms_notify.policy.armed_texts import ArmedText
from sms_notify.policy.directory import group_of
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.ruleset import Plan, Timing
from sms_notify.store.node_rows import node_id
from sms_notify.store.tx import Tx
from sms_notify.wording.templates import compile_template


def wall_clock() -> datetime:
    return datetime.now(UTC)


def uptime() -> timedelta:
    """Time since the machine started, sleep included, which no setting of the wall clock changes."""
    return timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))


def node_name() -> str:
    """What this host calls itself, as the ledger's `node`."""
    return socket.gethostname()


def node_of(*, shared: bool) -> str:
    """This daemon in the ledger. Where others share the database two of them may have one host name, as containers do."""
    return node_id(node_name(), secrets.token_hex(3)) if shared else node_name()


def luck(pulse: Callable[[], object] = lambda: None) -> Luck:
    """`pulse` is called before each pause: whoever waits for a disk has not hung."""

    def pause(seconds: float) -> None:
        pulse()
        time.sleep(seconds)

    return Luck(reference=lambda: secrets.token_hex(16), dice=random.random, pause=pause)


def ack_code() -> str:
    """The end of a link that acknowledges: 50 bits, none of them guessable, in letters that survive being read aloud."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(10))


def plan_of(
    settings: Settings, timing: Timing | None = None, schedules: Mapping[str, Schedule] | None = None
) -> Plan:
    """What the engine needs of a configuration; its templates were compiled once before, when it was checked.

    `schedules` are those with their calendars read, where there are any.
    """
    return Plan(
        route=settings.route,
        receivers=settings.receivers,
        directory=settings.directory,
        templates={name: compile_template(name, source) for name, source in settings.templates.items()},
        gateways=tuple(gateway.name for gateway in settings.gateways),
        timing=timing or timing_of(settings),
        limits=settings.limits,
        schedules=settings.schedules if schedules is None else schedules,
        ack_url=f"{settings.web.external_url.rstrip('/')}/a/" if settings.web.external_url else "",
        severities=settings.severities,
        self_check=settings.self_check,
        site_alive=settings.site_alive,
        watches=settings.watches,
    )


def timing_of(settings: Settings) -> Timing:
    """A lease outlasts the slowest request by far: three times its total time limit."""
    slowest = max((gateway.timeout for gateway in settings.gateways), default=15.0)
    expire, critical = settings.expire
    return Timing(lease=timedelta(seconds=3 * slowest), expire=expire, expire_critical=critical)


def account_of(settings: GatewaySettings, plan: Plan | None = None) -> Account:
    """What settling must know of an account; without a plan for what it has sent by hand."""
    account = Account(
        name=settings.name,
        limits=limits_of(settings),
        sender=settings.sender,
        other_sender=settings.fallback_sender,
        gateways=(settings.name,),
        first_poll=first_poll(settings.delivery_reports),
    )
    if plan is None:
        return account
    return replace(
        account,
        gateways=plan.gateways,
        directory=plan.directory,
        numbers=plan.numbers(),
    )


def numbers_to_probe(settings: Settings, plan: Plan) -> tuple[str, ...]:
    """Whom a text that is only tested may be addressed to: every number that the configuration names."""
    operators = {target.name for target in settings.operator if target.kind is OperatorKind.NUMBER}
    return tuple(sorted(n for n in plan.numbers() | operators if group_of(n) is None))


def numbers_to_check(settings: Settings, plan: Plan) -> NumbersToCheck:
    """The same numbers, where `self_check` wants them to be tried."""
    if settings.self_check is None or not settings.self_check.check_numbers:
        return NumbersToCheck()
    long = any(receiver.max_parts > 1 for receiver in plan.receivers.values())
    return NumbersToCheck(numbers_to_probe(settings, plan), long)


def sender_of(settings: GatewaySettings, commit: Commit, timing: Timing, node: str) -> Sender:
    """A sender with the account's own client, for commands that send by hand."""
    gateway = client_of(settings)
    return Sender(commit, gateway, account_of(settings), timing, node, luck())


def arming_of(
    settings: GatewaySettings,
    client: WithOutbox,
    commit: Commit,
    clock: Clock,
    failed: Callable[[ArmedText, Failed], None],
    left: Callable[[Tx, ArmedText], None] = untold,
) -> Arming:
    """The outbox of an account; `failed` hears of each answer that is no OK, `left` of what has left."""
    return Arming(
        commit,
        client,
        clock,
        luck(),
        lambda at: minute_for(settings, at).at,
        account_of(settings),
        failed,
        left,
    )


def site_name(settings: Settings) -> str:
    """What a text calls this site: the host that people know it by, else this machine; 127.0.0.1 would name none."""
    host = urlsplit(settings.web.external_url).hostname or ""
    return host if host and not is_loopback(host) else node_name()


def site_switch(
    settings: Settings,
    roster: Callable[[], Roster],
    commit: Commit,
    clock: Clock = wall_clock,
    ready: Callable[[], Sequence[str]] = tuple,
    moved: Callable[[SwitchMoved], None] = lambda _: None,
) -> SiteSwitch:
    """The dead man's switch of a configuration, with clients of its own: no sender waits for it, and it for none."""
    clients = {gateway.name: client_of(gateway) for gateway in settings.gateways}

    def answers(name: str) -> bool:
        got = clients[name].credits()
        return isinstance(got, int) or got.code is not None

    def failed(text: ArmedText, why: Failed) -> None:
        switch.failed(text, why)

    armings = {
        gateway.name: arming_of(gateway, clients[gateway.name], commit, clock, failed)
        for gateway in settings.gateways
    }
    outboxes = Outboxes(armings, answers)
    switch = SiteSwitch(
        settings.site_alive, site_name(settings), outboxes, roster, commit, clock, ready, moved
    )
    return switch


def first_poll(by: ReportsBy) -> timedelta | None:
    """How long after a send to ask for its report: late where call-backs come, never where nothing is to be asked."""
    waits = {
        ReportsBy.POLL: FIRST_POLL,
        ReportsBy.BOTH: FIRST_POLL_BESIDE_CALLBACKS,
        ReportsBy.CALLBACK: FIRST_POLL_BESIDE_CALLBACKS,
    }
    return waits.get(by)
