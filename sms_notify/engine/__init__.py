"""Deciding: what a delivery of alerts, or the passing of time, leads to, in one transaction."""

from sms_notify.engine.accepting import Verdict
from sms_notify.engine.engine import Engine
from sms_notify.engine.ticking import Ticked
from sms_notify.policy.housekeeping import Moved

__all__ = ["Engine", "Moved", "Ticked", "Verdict"]
