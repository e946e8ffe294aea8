"""What Prometheus sees of the daemon. The rest of the program imports from here, not from the files beside it."""

from sms_notify.metrics.exporter import REFUSALS, SOURCES, WEBHOOKS, Metrics
from sms_notify.metrics.gauges import AskedAtScrape

__all__ = ["REFUSALS", "SOURCES", "WEBHOOKS", "AskedAtScrape", "Metrics"]
