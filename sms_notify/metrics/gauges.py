"""What is asked at each scrape: how things stand, and what the configuration measures them by."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from sms_notify.alert import Severity
from sms_notify.barring import reach_of
from sms_notify.delivery.switch_state import SwitchWord, switch_state
from sms_notify.metrics.definitions import DefinedMetrics
from sms_notify.oncall.roster import Roster
from sms_notify.policy.directory import Directory
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Limits, used
from sms_notify.policy.records import QueueView
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.rotations import gaps
from sms_notify.policy.ruleset import Timing
from sms_notify.policy.site_alive import SiteAlive
from sms_notify.policy.vocabulary import State
from sms_notify.store import account_rows, breakers, limit_rows, queries, watch_rows
from sms_notify.store.tx import Tx, moment

_AHEAD = timedelta(days=7)
_WAITING = (State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.SENT, State.BUFFERED)
_SPOOLED = ("waiting", "quarantined")


@dataclass(frozen=True, slots=True)
class AskedAtScrape:
    """Whom the gauges ask. `spooled` counts records by state, and says None where the folder cannot be read; `ready` gives
    the reasons why the daemon is not. `watches` are the names of those that are configured.
    """

    roster: Callable[[], Roster] = lambda: Roster(Directory())
    spooled: Callable[[], Mapping[str, int] | None] = dict
    ready: Callable[[], Sequence[str]] = tuple
    limits: Callable[[], Limits] = Limits
    timing: Callable[[], Timing] = Timing
    watches: Callable[[], Iterable[str]] = tuple
    site_alive: Callable[[], SiteAlive | None] = lambda: None
    nodes: Callable[[], tuple[bool, int]] = lambda: (True, 1)
    """Whether this node leads, and how many live."""


class Gauges:
    """Sets the gauges of `metrics`. A gateway that is not configured any more has none."""

    def __init__(self, metrics: DefinedMetrics, asked: AskedAtScrape) -> None:
        self._metrics = metrics
        self._asked = asked

    def set(self, tx: Tx, gateways: Iterable[str], answers: Mapping[str, bool], now: datetime) -> None:
        """`answers` says of a gateway whether the last request got an answer in words we know."""
        names = tuple(gateways)
        self._set_by_gateway(tx, names, answers, now)
        self._set_reachable(tx, names)
        self._set_budget(tx, now)
        self._set_oncall(tx, now)
        totals = queries.totals(tx)
        self._set_totals(totals, now)
        self._metrics.untold.set(queries.critical_untold(tx, now)[0])
        self._set_held(totals, now)
        self._set_watches(tx)
        self._set_spool()
        self._set_switch(tx, now)
        self._metrics.ready.set(not self._asked.ready())
        leads, nodes = self._asked.nodes()
        self._metrics.leader.set(leads)
        self._metrics.nodes.set(nodes)

    def _set_by_gateway(
        self, tx: Tx, gateways: tuple[str, ...], answers: Mapping[str, bool], now: datetime
    ) -> None:
        to = self._metrics
        for gauge in (to.credits_remaining, to.credits_low_water, to.days_left, to.gateway_up, to.breakers):
            gauge.clear()
        low_water = self._asked.limits().credits.low_water
        broken = collections.Counter((one.gateway, str(one.scope)) for one in breakers.all_open(tx))
        for gateway in gateways:
            to.gateway_up.labels(gateway).set(answers.get(gateway, math.nan))
            to.credits_low_water.labels(gateway).set(low_water)
            for scope in Scope:  # of senders, numbers and countries there can be several
                to.breakers.labels(gateway, scope).set(broken[gateway, scope])
            self._set_credits(tx, gateway, now)

    def _set_credits(self, tx: Tx, gateway: str, now: datetime) -> None:
        """Not a number until a balance was told, and of the days until something was spent."""
        known, days = account_rows.balance(tx, gateway), account_rows.days_left(tx, gateway, now)
        self._metrics.credits_remaining.labels(gateway).set(math.nan if known is None else known.left)
        self._metrics.days_left.labels(gateway).set(math.nan if days is None else days)

    def _set_budget(self, tx: Tx, now: datetime) -> None:
        bounds, queue = self._asked.limits().credits, QueueView()
        limit_rows.load_money(tx, "", bounds, queue, now)
        for scope, budget, window in bounds.budgets:
            self._metrics.budget.labels(scope).set(math.inf if budget is None else budget)
            counts = used(queue.spent, window, bounds.reserve, now)
            self._metrics.budget_used.labels(scope).set(counts)

    def _set_oncall(self, tx: Tx, now: datetime) -> None:
        """A schedule that nobody holds shows 0 for everybody."""
        roster = self._asked.roster()
        holder_of = roster.on_call(tx, now)
        self._metrics.oncall.clear()
        self._metrics.gap.clear()
        for name, schedule in roster.schedules.items():
            made = roster.overrides_of(tx, name, now)
            people = {*schedule.members, *(shift.person for shift in made if shift.person)}
            holder = holder_of(name)
            for person in people:
                self._metrics.oncall.labels(name, person).set(person == holder)
            ahead = gaps(schedule, made, now, now + _AHEAD)
            self._metrics.gap.labels(name).set(sum((gap.end - gap.start).total_seconds() for gap in ahead))

    def _set_reachable(self, tx: Tx, gateways: tuple[str, ...]) -> None:
        self._metrics.reachable.clear()
        for one in reach_of(tx, self._asked.roster().directory.people.values(), gateways):
            self._metrics.reachable.labels(one.person.name).set(one.reachable)

    def _set_totals(self, totals: queries.Totals, now: datetime) -> None:
        timing = self._asked.timing()
        for state in _WAITING:
            self._metrics.outbox.labels(state).set(totals.messages.get(state, 0))
        for severity in Severity:
            self._metrics.incidents.labels(severity).set(totals.incidents.get(severity, 0))
            self._metrics.expiry.labels(severity).set(timing.expiry(severity).total_seconds())
        self._metrics.oldest.set(_age(totals.oldest_queued, now))

    def _set_held(self, totals: queries.Totals, now: datetime) -> None:
        oldest: dict[str, int] = {}
        for severity, why in product(Severity, Hold):
            self._metrics.held.labels(severity, why).set(0)
        for row in totals.held:
            self._metrics.held.labels(row["severity"], row["why"]).set(row["n"])
            oldest[row["severity"]] = min(row["at"], oldest.get(row["severity"], row["at"]))
        for severity in Severity:
            self._metrics.held_oldest.labels(severity).set(_age(oldest.get(severity), now))

    def _set_watches(self, tx: Tx) -> None:
        """One that is not configured any more has none."""
        self._metrics.watch_missing.clear()
        names = tuple(self._asked.watches())
        missing = watch_rows.missing(tx) if names else {}
        for name in names:
            self._metrics.watch_missing.labels(name).set(missing.get(name, 0))

    def _set_spool(self) -> None:
        found = self._asked.spooled()
        self._metrics.spool_readable.set(found is not None)
        for state in _SPOOLED:
            self._metrics.spool.labels(state).set(math.nan if found is None else found.get(state, 0))

    def _set_switch(self, tx: Tx, now: datetime) -> None:
        site_alive = self._asked.site_alive()
        state = switch_state(tx, site_alive, self._asked.roster(), now)
        armed = math.nan if site_alive is None else float(state.word is SwitchWord.ARMED)
        self._metrics.switch_armed.set(armed)
        left = math.nan if state.until is None else (state.until - now).total_seconds()
        self._metrics.switch_due.set(left)


def _age(since: int | None, now: datetime) -> float:
    """In seconds; 0 of nothing, and of what a clock that was set back has put ahead."""
    return 0.0 if since is None else max(0.0, (now - moment(since)).total_seconds())
