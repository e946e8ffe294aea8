"""Recorded events through one configuration on a virtual clock, and what it does added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from types import TracebackType

from sms_notify.backtest.recording import Event, Recorded, RecordedAcknowledgement
from sms_notify.backtest.statistics import Leftovers, ReplayedText, Tally, Thing
from sms_notify.policy.account import Account
from sms_notify.policy.rotations import Shift
from sms_notify.policy.routing import Route, route
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, PageState
from sms_notify.store import history, incidents
from sms_notify.store.messages import Message
from sms_notify.store.tx import Tx
from sms_notify.virtual.paper_daemon import PaperDaemon
from sms_notify.virtual.paper_gateway import PaperGateway

NODE = "backtest"
AFTERWARDS = timedelta(hours=1)
"""How long the clock runs on after the last event, so that what waits for a group or a limit is told."""
LISTED = 20
"""How many untold incidents are listed; all are counted."""

_KEPT_ALERTS = 5_000


@dataclass(frozen=True, slots=True)
class Setup:
    """One configuration as a replay needs it. `account` is the gateway's where texts leave first; `name` is for people.

    `overrides` are those that people made while what is replayed was recorded, by schedule.
    """

    name: str
    plan: Plan
    account: Account
    overrides: Mapping[str, Sequence[Shift]] = field(default_factory=dict)


class Replay:
    """Feeds events to one configuration and adds up what it does; a context manager."""

    def __init__(self, setup: Setup, zone: tzinfo = UTC) -> None:
        self.name = setup.name
        self.tally = Tally(zone)
        self.plan = _without_silences(setup.plan)
        gateway = PaperGateway(setup.account.name)
        self._daemon = PaperDaemon(self.plan, setup.account, gateway, NODE, setup.overrides, self._count)
        self._alerts = 0
        self._begun = False

    def __enter__(self) -> Replay:
        self._daemon.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._daemon.__exit__(kind, error, tb)

    def feed(self, event: Event) -> None:
        """Lets time pass until the event, and lets it happen. Events come in the order of time."""
        self.run_to(event.at)
        if isinstance(event, Recorded):
            self._accept(event)
        else:
            self._acknowledge(event)

    def run_to(self, until: datetime) -> None:
        """Does all that falls due by then."""
        self._begun = True
        self._daemon.run_to(until)

    def finish(self, afterwards: timedelta = AFTERWARDS) -> None:
        """Lets the clock run on for a while and adds up what was not told by then."""
        if self._begun:
            self.run_to(self._daemon.now + afterwards)
        self.tally.ticks = self._daemon.ticks
        self.tally.close(leftovers(self._daemon.tx))

    def messages(self) -> list[tuple[datetime, str, str, int]]:
        """Every text so far: when it was written, to whom, its words and parts."""
        return history.texts(self._daemon.tx)

    def _accept(self, event: Recorded) -> None:
        verdicts = self._daemon.accept(event.delivery, event.at)
        self.tally.heard([verdict.heard for verdict in verdicts])
        self._alerts += len(verdicts)
        if self._alerts > _KEPT_ALERTS:
            self._alerts = 0
            history.forget_alerts(self._daemon.tx)

    def _acknowledge(self, event: RecordedAcknowledgement) -> None:
        wanted = event.labels.items()
        ids = [one.id for one in incidents.still_open(self._daemon.tx) if wanted <= one.labels.items()]
        self.tally.acknowledged += len(self._daemon.acknowledge(ids, event.by, AckBy.SOURCE, event.at))

    def _count(self, message: Message) -> None:
        told = tuple(self._thing(page) for page in history.told_by(self._daemon.tx, message.id))
        cost = message.parts * self.plan.directory.heads(message.number)
        text = ReplayedText(self._daemon.now, message.recipient, message.kind, message.parts, cost, told)
        self.tally.text(text)

    def _thing(self, page: history.ToldPage) -> Thing:
        rule = rule_of(self.plan.route, page.labels, page.receiver)
        return Thing(page.incident_id, page.kind, rule, page.severity, page.labels, page.opened_at)


def _without_silences(plan: Plan) -> Plan:
    """Signs of life are no incidents here either; that they stop with the recording means nothing."""
    watches = {name: replace(rule, lasting=False) for name, rule in plan.watches.items()}
    return replace(plan, watches=watches)


def leftovers(tx: Tx) -> Leftovers:
    """What was held, dropped and never told."""
    return Leftovers(
        held_then_told=history.pages_by_why(tx, PageState.TOLD),
        still_held=history.pages_by_why(tx, PageState.HELD),
        dropped=history.pages_by_why(tx, PageState.DROPPED),
        untold=history.count_untold(tx),
        listed=tuple(history.untold(tx, LISTED)),
        decisions=history.decisions(tx),
    )


def rule_of(root: Route, labels: Mapping[str, str], receiver: str) -> str:
    """The receiver with the route that leads to it, as the configuration spells it."""
    paths = (chain[-1].path for chain in route(root, labels).chains if chain[-1].receiver == receiver)
    path = next(paths, None)
    return f"{receiver} ({path})" if path is not None else receiver
