"""The names of all metrics, with their labels and what they mean; what they show is set elsewhere."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

_REQUEST_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
_WAIT_BUCKETS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)


class DefinedMetrics:
    """One attribute a metric, and the registry that holds them."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._define_alerts()
        self._define_texts()
        self._define_gateways()
        self._define_credits()
        self._define_waiting()
        self._define_people()
        self._define_daemon()

    def _define_alerts(self) -> None:
        counter = self._counter
        self.received = counter("alerts_received", "Alerts accepted", "source", "status")
        self.suppressed = counter("alerts_suppressed", "Alerts that led to no text, by reason", "reason")
        self.webhook_refused = counter(
            "webhook_refused", "Webhooks refused with 4xx, or with 200 taken in part", "source", "code"
        )
        self.incidents = self._gauge("incidents_open", "Open incidents", "severity")
        self.watch_missing = self._gauge(
            "watch_missing", "Instances of a watch that give no sign of life", "name"
        )
        self.untold = self._gauge("critical_untold", "Open critical incidents that nobody was told of")

    def _define_texts(self) -> None:
        counter, gauge, histogram = self._counter, self._gauge, self._histogram
        self.messages = counter(
            "messages", "Messages by what became of them at the gateway", "gateway", "outcome"
        )
        self.parts = counter("message_parts", "Parts of the texts that a gateway took", "gateway")
        self.deliveries = counter("deliveries", "Delivery reports that moved a message", "gateway", "status")
        self.callbacks = counter("callbacks", "Delivery call-backs by what they did", "did")
        self.outbox = gauge("outbox_messages", "Messages that are not final", "state")
        self.oldest = gauge("outbox_oldest_seconds", "Age of the oldest queued message")
        self.expiry = gauge("expire_seconds", "How old a text may get (limits.expire)", "severity")
        self.delivery_seconds = histogram(
            "delivery_seconds", "From alert to delivery report", _WAIT_BUCKETS, "gateway"
        )
        self.send_seconds = histogram(
            "alert_to_send_seconds", "From alert to the gateway's OK", _WAIT_BUCKETS, "severity"
        )

    def _define_gateways(self) -> None:
        self.errors = self._counter("gateway_errors", "Refusals and failures of a gateway", "gateway", "code")
        self.gateway_up = self._gauge(
            "gateway_up",
            "1 when the last request got an answer in words we know, NaN before the first",
            "gateway",
        )
        self.breakers = self._gauge(
            "breaker_open",
            "What is not tried for the time being: whole accounts, senders, numbers, countries",
            "gateway",
            "scope",
        )
        self.request_seconds = self._histogram(
            "gateway_request_seconds", "Time of a request to send", _REQUEST_BUCKETS, "gateway"
        )

    def _define_credits(self) -> None:
        gauge = self._gauge
        self.spent = self._counter("credits_spent", "Credits that texts have cost", "gateway", "severity")
        self.credits_remaining = gauge(
            "credits_remaining", "The balance told last, less what has left since", "gateway"
        )
        self.credits_low_water = gauge(
            "credits_low_water", "The balance under which it is low (limits.credits.low_water)", "gateway"
        )
        self.days_left = gauge(
            "credits_days_left", "Days until the account is empty, at the pace of the last week", "gateway"
        )
        self.budget = gauge("credits_budget", "Credits that may be spent (limits.credits)", "scope")
        self.budget_used = gauge("credits_budget_used", "Credits that count against the budget now", "scope")

    def _define_waiting(self) -> None:
        self.held = self._gauge(
            "notifications_held", "What people are to hear, and do not hear yet", "severity", "why"
        )
        self.held_oldest = self._gauge(
            "notifications_held_oldest_seconds", "Age of the oldest of them", "severity"
        )
        self.limited = self._counter("rate_limited", "Times that a limit began to hold texts back", "scope")

    def _define_people(self) -> None:
        self.escalations = self._counter(
            "escalations", "Steps of escalations that were taken", "receiver", "step"
        )
        self.oncall = self._gauge("oncall", "1 for who holds the schedule now", "schedule", "person")
        self.gap = self._gauge(
            "oncall_gap_seconds", "Time in the next 7 days that nobody is on call", "schedule"
        )
        self.reachable = self._gauge(
            "person_reachable", "0 when no gateway takes texts to this person now, as `reach` says", "person"
        )
        self.login_failures = self._counter("login_failures", "Passwords and tokens that were refused")

    def _define_daemon(self) -> None:
        gauge = self._gauge
        self.ready = gauge("ready", "1 when alerts can be taken and texts can be sent, as /-/ready says")
        self.leader = gauge("leader", "1 on the node that does what one node alone does")
        self.nodes = gauge("nodes", "Daemons that share the database and live")
        self.spool = gauge("spool_records", "What hooks have handed over and nobody has read", "state")
        self.spool_readable = gauge("spool_readable", "0 when the folder of the hooks cannot be read")
        self.store_errors = self._counter("store_errors", "Transactions that were not committed", "kind")
        self.store_bytes = gauge("store_bytes", "Size of the database, with what is not merged into it yet")
        self.reload_successful = gauge(
            "config_last_reload_successful",
            "1 when the configuration as it was last read runs, 0 when refused",
        )
        self.reload_success_at = gauge(
            "config_last_reload_success_timestamp_seconds", "When the configuration that runs was read"
        )
        self.switch_armed = gauge(
            "site_alive_armed",
            "1 while a gateway would text that this site is silent, NaN without site_alive",
        )
        self.switch_due = gauge(
            "site_alive_due_seconds",
            "Time until it would, if nothing pushed it ahead; NaN where nothing lies there",
        )
        self.build = gauge("build_info", "The running version", "version")

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"sms_notify_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"sms_notify_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"sms_notify_{name}", about, labels, buckets=buckets, registry=self.registry)
