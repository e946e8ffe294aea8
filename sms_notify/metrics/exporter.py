"""Every metric, read from the ledger: what a command did by hand counts like what the daemon did.

Counters follow the rows that this node wrote since it started; gauges are asked at each scrape. No label
value comes from an alert or holds a number, and all of them exist from the start, so that rates begin at zero.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from itertools import product

from prometheus_client.exposition import choose_encoder

from sms_notify.alert import Severity, Status
from sms_notify.gateways.registry import KNOWN_CODES
from sms_notify.metrics.definitions import DefinedMetrics
from sms_notify.metrics.gauges import AskedAtScrape, Gauges
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome
from sms_notify.policy.rate_limits import LimitScope
from sms_notify.policy.routing import Receiver
from sms_notify.policy.vocabulary import Applied, Cause, Decision, Heard, Ignored, State
from sms_notify.policy.watches import HEARTBEAT
from sms_notify.policy.watches import SOURCE as WATCH
from sms_notify.store import decisions, queries
from sms_notify.store.damage import StoreFailure
from sms_notify.store.database import Database
from sms_notify.store.tx import Row

SOURCES = (
    "alertmanager", "nagios", "icinga", "checkmk", "zabbix", "grafana", "prometheus", "uptime-kuma", "alerts", "pipe",
    WATCH, HEARTBEAT,
)  # fmt: skip
# Of webhooks alone; `unknown` is what was meant for none that there is.
WEBHOOKS = ("alertmanager", "grafana", "zabbix", "prometheus", "uptime-kuma", "alerts", "unknown")
REFUSALS = ("200", "400", "401", "403", "404", "405", "408", "413", "415", "421", "431", "503")
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
_OTHER_CODE = "other"  # no code, or one that is not documented


class Metrics(DefinedMetrics):
    """The registry and how it is fed. Safe to call from several threads."""

    def __init__(
        self,
        gateways: Iterable[str],
        node: str,
        receivers: Mapping[str, Receiver] | None = None,
        asked: AskedAtScrape | None = None,
    ) -> None:
        super().__init__()
        self._node = node
        self._receivers = receivers or {}
        self._gauges = Gauges(self, asked or AskedAtScrape())
        self._answers: dict[str, bool] = {}
        self._last = (0, 0)
        self._last_decision = 0
        self._lock = threading.Lock()
        self._gateways = tuple(gateways)
        self._begin_at_zero()

    def begin(self, store: Database) -> None:
        """Counts from here on: what earlier processes did is in the database, not in this one's counters."""
        with store.reading() as tx:
            self._last = queries.newest(tx)
            self._last_decision = decisions.newest(tx)

    def follow(self, gateways: Iterable[str], receivers: Mapping[str, Receiver]) -> None:
        """Another configuration runs. Counters of what it names no more stay; its gauges go."""
        with self._lock:
            self._gateways, self._receivers = tuple(gateways), receivers
            for gone in self._answers.keys() - set(self._gateways):
                del self._answers[gone]
            self._begin_receivers()
            for gateway in self._gateways:
                self._begin_gateway(gateway)

    def reloaded(self, successful: bool, now: datetime) -> None:
        """The configuration was read, at the start or again: it runs, or it was refused."""
        self.reload_successful.set(successful)
        if successful:
            self.reload_success_at.set(now.timestamp())

    def render(self, store: Database, accept: str, now: Callable[[], datetime]) -> tuple[bytes, str]:
        """The page for a scraper that accepts `accept`: body and content type."""
        with self._lock:
            self._catch_up(store, now())
            encode, content_type = choose_encoder(accept)
            return encode(self.registry), content_type

    def answered(self, gateway: str, outcome: Outcome) -> None:
        """One request to send has ended."""
        self.request_seconds.labels(gateway).observe(outcome.seconds)
        self._answers[gateway] = outcome.fate is Fate.SENT or outcome.refusal is not None

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

    def asked(self, gateway: str, *, answered: bool) -> None:
        """A question was answered in words we know, or not."""
        self._answers[gateway] = answered

    def _begin_at_zero(self) -> None:
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
        for scope in LimitScope:
            self.limited.labels(scope)
        for kind in StoreFailure:
            self.store_errors.labels(kind)
        self._begin_receivers()
        for gateway in self._gateways:
            self._begin_gateway(gateway)
        self.build.labels(version("sms-notify")).set(1)

    def _begin_receivers(self) -> None:
        for receiver in self._receivers.values():
            for nth in range(1, len(receiver.escalate) + 1):
                self.escalations.labels(receiver.name, str(nth))

    def _begin_gateway(self, gateway: str) -> None:
        for outcome in _OUTCOMES.values():
            self.messages.labels(gateway, outcome)
        for severity in Severity:
            self.spent.labels(gateway, severity)
        for code in (*map(str, KNOWN_CODES), _OTHER_CODE):
            self.errors.labels(gateway, code)
        for status in _REPORTED.values():
            self.deliveries.labels(gateway, status)
        self.parts.labels(gateway)
        self.request_seconds.labels(gateway)
        self.delivery_seconds.labels(gateway)

    def _catch_up(self, store: Database, now: datetime) -> None:
        with store.reading() as tx:
            last_alert, counts = queries.alerts_after(tx, self._last[0], self._node)
            moves = queries.ledger_after(tx, self._last[1], self._node)
            decided = decisions.after(tx, self._last_decision, self._node)
            self._gauges.set(tx, self._gateways, self._answers, now)
        for row in counts:
            self._count_alerts(row)
        for row in moves:
            self._count_move(row)
        for row in decided:
            self._count_decision(row)
            self._last_decision = row["id"]
        self._last = (last_alert, moves[-1]["id"] if moves else self._last[1])
        self.store_bytes.set(store.size)

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
