"""Every metric, read from the ledger: what a command did by hand counts like what the daemon did.

Counters follow the rows that this node wrote since it started; gauges are asked at each scrape. No label
value comes from an alert or holds a number, and all of them exist from the start, so that rates begin at zero.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from sms_notify.alert import Severity, Status
from sms_notify.gateways.registry import KNOWN_CODES
from sms_notify.oncall.roster import Roster
from sms_notify.policy.directory import Directory
from sms_notify.policy.holds import Hold
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome
from sms_notify.policy.rate_limits import LimitScope
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.rotations import gaps
from sms_notify.policy.routing import Receiver
from sms_notify.policy.vocabulary import Applied, Cause, Decision, Heard, Ignored, State
from sms_notify.store import breakers, decisions, limit_rows, queries
from sms_notify.store.damage import StoreFailure
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Row, Tx, moment

SOURCES = (
    "alertmanager", "nagios", "icinga", "checkmk", "zabbix", "grafana", "prometheus", "uptime-kuma", "alerts", "pipe",
)  # fmt: skip
# Of webhooks alone; `unknown` is what was meant for none that there is.
WEBHOOKS = ("alertmanager", "grafana", "zabbix", "prometheus", "uptime-kuma", "alerts", "unknown")
REFUSALS = ("200", "400", "401", "403", "404", "405", "408", "413", "415", "421", "431", "503")
_REQUEST_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
_WAIT_BUCKETS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
_OUTCOMES = {
    State.SENT: "sent",
    State.FAILED: "refused",
    State.UNKNOWN: "unknown",
    State.EXPIRED: "expired",
    State.CANCELLED: "cancelled",
}
_REPORTED = {
    State.DELIVERED: DeliveryStatus.DELIVERED,
    State.NOT_DELIVERED: DeliveryStatus.NOT_DELIVERED,
    State.REJECTED: DeliveryStatus.REJECTED,
    State.BUFFERED: DeliveryStatus.BUFFERED,
    State.NO_REPORT: DeliveryStatus.NONE,
}
_AHEAD = timedelta(days=7)
_OTHER_CODE = "other"  # no code, or one that is not documented
_WAITING = (State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.SENT, State.BUFFERED)


class Metrics:
    """The registry and how it is fed. Safe to call from several threads."""

    def __init__(
        self,
        gateways: Iterable[str],
        node: str,
        receivers: Mapping[str, Receiver] | None = None,
        roster: Callable[[], Roster] = lambda: Roster(Directory()),
        spooled: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._node = node
        self._receivers = receivers or {}
        self._roster = roster
        self._spooled = spooled
        self._gone: set[str] = set()
        self._last = (0, 0)
        self._last_decision = 0
        self._lock = threading.Lock()
        self.registry = CollectorRegistry()
        self._define()
        self._gateways = tuple(gateways)
        self._begin_at_zero(self._gateways)

    def begin(self, store: SqliteStore) -> None:
        """Counts from here on: what earlier processes did is in the database, not in this one's counters."""
        with store.reading() as tx:
            self._last = queries.newest(tx)
            self._last_decision = decisions.newest(tx)

    def follow(self, gateways: Iterable[str], receivers: Mapping[str, Receiver]) -> None:
        """Another configuration runs. Counters of what it names no more stay; gauges of it would be lies."""
        with self._lock:
            before, self._gateways = self._gateways, tuple(gateways)
            self._gone = (self._gone | set(before)) - set(self._gateways)
            self._receivers = receivers
            self._begin_receivers()
            for gateway in self._gateways:
                self._begin_gateway(gateway)

    def reloaded(self, successful: bool, now: datetime) -> None:
        """The configuration was read, at the start or again: it runs, or it was refused."""
        self.reload_successful.set(successful)
        if successful:
            self.reload_success_at.set(now.timestamp())

    def render(self, store: SqliteStore, accept: str, now: Callable[[], datetime]) -> tuple[bytes, str]:
        """The page for a scraper that accepts `accept`: body and content type."""
        with self._lock:
            self._catch_up(store, now())
            self._forget_gone()
            encode, content_type = choose_encoder(accept)
            return encode(self.registry), content_type

    def answered(self, gateway: str, outcome: Outcome) -> None:
        """One request to send has ended."""
        self.request_seconds.labels(gateway).observe(outcome.seconds)
        self.gateway_up.labels(gateway).set(outcome.fate is Fate.SENT or outcome.refusal is not None)

    def called_back(self, did: Applied | Ignored) -> None:
        """A call-back has come; most of those that do nothing are somebody's mistake, some are an attack."""
        self.callbacks.labels(did).inc()

    def guessed(self) -> None:
        """A login was refused."""
        self.login_failures.inc()

    def webhook_was_refused(self, source: str, status: int) -> None:
        """A webhook was answered with 4xx, or with 200 where only a part of it was taken: nobody is paged by the rest."""
        code = str(status)
        self.webhook_refused.labels(source, code if code in REFUSALS else _OTHER_CODE).inc()

    def store_failed(self, kind: StoreFailure) -> None:
        """A transaction was not committed."""
        self.store_errors.labels(kind).inc()

    def silent(self, gateway: str) -> None:
        """A question was not answered in words we know."""
        self.gateway_up.labels(gateway).set(0)

    def balance(self, gateway: str, credits_left: int) -> None:
        self.credits_remaining.labels(gateway).set(credits_left)
        self.gateway_up.labels(gateway).set(1)

    def _define(self) -> None:
        counter, gauge, histogram = self._counter, self._gauge, self._histogram
        self.received = counter("alerts_received", "Alerts accepted", "source", "status")
        self.suppressed = counter("alerts_suppressed", "Alerts that led to no text, by reason", "reason")
        self.messages = counter(
            "messages", "Messages by what became of them at the gateway", "gateway", "outcome"
        )
        self.parts = counter("message_parts", "Parts of the texts that a gateway took", "gateway")
        self.spent = counter("credits_spent", "Credits that texts have cost", "gateway", "severity")
        self.errors = counter("gateway_errors", "Refusals and failures of a gateway", "gateway", "code")
        self.deliveries = counter("deliveries", "Delivery reports that moved a message", "gateway", "status")
        self.callbacks = counter("callbacks", "Delivery call-backs by what they did", "did")
        self.webhook_refused = counter(
            "webhook_refused", "Webhooks refused with 4xx, or with 200 taken in part", "source", "code"
        )
        self.login_failures = counter("login_failures", "Passwords and tokens that were refused")
        self._define_deciding()
        self._define_reloads()
        self.credits_remaining = gauge("credits_remaining", "Credits left in the account", "gateway")
        self.gateway_up = gauge(
            "gateway_up", "1 when the last request got an answer in words we know", "gateway"
        )
        self.breakers = gauge(
            "breaker_open",
            "What is not tried for the time being: whole accounts, senders, numbers, countries",
            "gateway",
            "scope",
        )
        self.outbox = gauge("outbox_messages", "Messages that are not final", "state")
        self.oldest = gauge("outbox_oldest_seconds", "Age of the oldest queued message")
        self.incidents = gauge("incidents_open", "Open incidents", "severity")
        self.build = gauge("build_info", "The running version", "version")
        self.request_seconds = histogram(
            "gateway_request_seconds", "Time of a request to send", _REQUEST_BUCKETS, "gateway"
        )
        self.delivery_seconds = histogram(
            "delivery_seconds", "From alert to delivery report", _WAIT_BUCKETS, "gateway"
        )
        self.send_seconds = histogram(
            "alert_to_send_seconds", "From alert to the gateway's OK", _WAIT_BUCKETS, "severity"
        )

    def _define_waiting(self) -> None:
        counter, gauge = self._counter, self._gauge
        self.held = gauge(
            "notifications_held", "What people are to hear, and do not hear yet", "severity", "why"
        )
        self.held_oldest = gauge("notifications_held_oldest_seconds", "Age of the oldest of them", "severity")
        self.untold = gauge("critical_untold", "Open critical incidents that nobody was told of")
        self.spool = gauge("spool_records", "What hooks have handed over and nobody has read", "state")
        self.store_errors = counter("store_errors", "Transactions that were not committed", "kind")
        self.store_bytes = gauge("store_bytes", "Size of the database, with what is not merged into it yet")

    def _define_reloads(self) -> None:
        gauge = self._gauge
        self.reload_successful = gauge(
            "config_last_reload_successful",
            "1 when the configuration as it was last read runs, 0 when refused",
        )
        self.reload_success_at = gauge(
            "config_last_reload_success_timestamp_seconds", "When the configuration that runs was read"
        )

    def _define_deciding(self) -> None:
        counter, gauge = self._counter, self._gauge
        self._define_waiting()
        self.escalations = counter("escalations", "Steps of escalations that were taken", "receiver", "step")
        self.limited = counter("rate_limited", "Times that a limit began to hold texts back", "scope")
        self.oncall = gauge("oncall", "1 for who holds the schedule now", "schedule", "person")
        self.gap = gauge("oncall_gap_seconds", "Time in the next 7 days that nobody is on call", "schedule")
        self.days_left = gauge(
            "credits_days_left", "Days until the account is empty, at the pace of the last week", "gateway"
        )

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"sms_notify_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"sms_notify_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"sms_notify_{name}", about, labels, buckets=buckets, registry=self.registry)

    def _begin_at_zero(self, gateways: tuple[str, ...]) -> None:
        for did in (*Applied, *Ignored):
            self.callbacks.labels(did)
        for source, code in product(WEBHOOKS, (*REFUSALS, _OTHER_CODE)):
            self.webhook_refused.labels(source, code)
        for source in SOURCES:
            for status in Status:
                self.received.labels(source, status)
        for reason in Heard:
            if reason.suppressed:
                self.suppressed.labels(reason)
        for severity in Severity:
            self.send_seconds.labels(severity)
            self.incidents.labels(severity)
        for state in _WAITING:
            self.outbox.labels(state)
        for scope in LimitScope:
            self.limited.labels(scope)
        for kind in StoreFailure:
            self.store_errors.labels(kind)
        self._begin_receivers()
        for gateway in gateways:
            self._begin_gateway(gateway)
        self.build.labels(version("sms-notify")).set(1)

    def _begin_receivers(self) -> None:
        for receiver in self._receivers.values():
            for nth in range(1, len(receiver.escalate) + 1):
                self.escalations.labels(receiver.name, str(nth))

    def _forget_gone(self) -> None:
        """At each scrape, for a request that a reload found under way sets its gauge once more when it ends."""
        for gateway in self._gone:
            for gauge in (self.credits_remaining, self.gateway_up, self.days_left):
                gauge.remove(gateway)
            for scope in Scope:
                self.breakers.remove(gateway, scope)

    def _begin_gateway(self, gateway: str) -> None:
        for outcome in _OUTCOMES.values():
            self.messages.labels(gateway, outcome)
        for severity in Severity:
            self.spent.labels(gateway, severity)
        for barred in Scope:
            self.breakers.labels(gateway, barred)
        for code in (*map(str, KNOWN_CODES), _OTHER_CODE):
            self.errors.labels(gateway, code)
        for status in _REPORTED.values():
            self.deliveries.labels(gateway, status)
        self.parts.labels(gateway)
        self.request_seconds.labels(gateway)
        self.delivery_seconds.labels(gateway)

    def _catch_up(self, store: SqliteStore, now: datetime) -> None:
        with store.reading() as tx:
            last_alert, counts = queries.alerts_after(tx, self._last[0], self._node)
            moves = queries.ledger_after(tx, self._last[1], self._node)
            totals = queries.totals(tx)
            broken = breakers.all_open(tx)
            decided = decisions.after(tx, self._last_decision, self._node)
            self._set_oncall(tx, now)
            self._set_days_left(tx, now)
        for row in counts:
            self._count_alerts(row)
        for row in moves:
            self._count_move(row)
        for row in decided:
            self._count_decision(row)
            self._last_decision = row["id"]
        self._last = (last_alert, moves[-1]["id"] if moves else self._last[1])
        self._set_gauges(totals, now)
        self._set_waiting(totals, now)
        self.store_bytes.set(store.size)
        self._set_breakers(collections.Counter((one.gateway, str(one.scope)) for one in broken))

    def _count_alerts(self, row: Row) -> None:
        source = row["source"] if row["source"] in SOURCES else "alerts"  # JSON may name one of its own
        self.received.labels(source, row["status"]).inc(row["n"])
        if Heard(row["reason"]).suppressed:
            self.suppressed.labels(row["reason"]).inc(row["n"])

    def _count_move(self, row: Row) -> None:
        state, gateway = State(row["state"]), row["gateway"]
        if state in _OUTCOMES:
            self.messages.labels(gateway, _OUTCOMES[state]).inc()
        if state is State.SENT:
            self.parts.labels(gateway).inc(row["parts"])
            self.spent.labels(gateway, row["severity"]).inc(row["parts"])
            self.send_seconds.labels(row["severity"]).observe(row["seconds"] or 0)
        if row["code"] is not None or (
            state in (State.QUEUED, State.UNKNOWN) and row["reason"] not in set(Cause)
        ):
            self.errors.labels(gateway, str(row["code"]) if row["code"] in KNOWN_CODES else _OTHER_CODE).inc()
        if state in _REPORTED and row["reason"] != Cause.REPORTS_OFF:
            self.deliveries.labels(gateway, _REPORTED[state]).inc()
        if state is State.DELIVERED:
            self.delivery_seconds.labels(gateway).observe(row["seconds"] or 0)

    def _count_decision(self, row: Row) -> None:
        if row["word"] == Decision.LIMITED and row["detail"] in set(LimitScope):
            self.limited.labels(row["detail"]).inc()
        receiver = self._receivers.get(row["receiver"])
        if (
            row["word"] == Decision.ESCALATED
            and receiver is not None
            and row["nth"] <= len(receiver.escalate)
        ):
            self.escalations.labels(receiver.name, str(row["nth"])).inc()

    def _set_waiting(self, totals: queries.Totals, now: datetime) -> None:
        oldest: dict[str, int] = {}
        for severity, why in product(Severity, Hold):
            self.held.labels(severity, why).set(0)
        for row in totals.held:
            self.held.labels(row["severity"], row["why"]).set(row["n"])
            oldest[row["severity"]] = min(row["at"], oldest.get(row["severity"], row["at"]))
        for severity in Severity:
            since = oldest.get(severity)
            age = (now - moment(since)).total_seconds() if since is not None else 0.0
            self.held_oldest.labels(severity).set(max(0.0, age))
        self.untold.set(totals.critical_untold)
        for state, count in self._spooled().items():
            self.spool.labels(state).set(count)

    def _set_oncall(self, tx: Tx, now: datetime) -> None:
        """A schedule that nobody holds shows 0 for everybody."""
        roster = self._roster()
        holder_of = roster.on_call(tx, now)
        self.oncall.clear()
        self.gap.clear()
        for name, schedule in roster.schedules.items():
            made = roster.overrides_of(tx, name, now)
            people = {*schedule.members, *(shift.person for shift in made if shift.person)}
            holder = holder_of(name)
            for person in people:
                self.oncall.labels(name, person).set(person == holder)
            ahead = gaps(schedule, made, now, now + _AHEAD)
            self.gap.labels(name).set(sum((gap.end - gap.start).total_seconds() for gap in ahead))

    def _set_days_left(self, tx: Tx, now: datetime) -> None:
        """Unknown, and so not a number, until a balance was told and something was spent."""
        for gateway in self._gateways:
            pace = limit_rows.spent_per_day(tx, gateway, now)
            left = limit_rows.balance(tx, gateway)
            self.days_left.labels(gateway).set(left / pace if left is not None and pace else float("nan"))

    def _set_breakers(self, broken: Mapping[tuple[str, str], int]) -> None:
        """How many are open: of senders, numbers and countries there can be several."""
        for gateway in self._gateways:
            for scope in Scope:
                self.breakers.labels(gateway, scope).set(broken.get((gateway, scope), 0))

    def _set_gauges(self, totals: queries.Totals, now: datetime) -> None:
        for state in _WAITING:
            self.outbox.labels(state).set(totals.messages.get(state, 0))
        for severity in Severity:
            self.incidents.labels(severity).set(totals.incidents.get(severity, 0))
        oldest = totals.oldest_queued
        self.oldest.set(max(0.0, (now - moment(oldest)).total_seconds()) if oldest is not None else 0)
