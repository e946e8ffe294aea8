"""Why Grafana calls something normal that it did not find well: the annotation `grafana_state_reason` of a resolved alert.

Grafana joins several reasons with a comma (`NoData, KeepLast`) and shows them behind the state (`Normal (MissingSeries)`).
Its own Alertmanager and one that it sends to pass the annotation on.
https://github.com/grafana/grafana/blob/main/pkg/services/ngalert/models/alert_rule.go (StateReason…)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sms_notify.alert import EndReason, Status

_NAME = "grafana_state_reason"
_BETWEEN = re.compile(r"[,()]")
_NO_LETTER = re.compile(r"[^a-z]")
_WELL = frozenset(("", "normal"))
_UNWATCHED = frozenset(("paused", "ruledeleted", "updated"))


def end_reason_of(status: Status, said: Mapping[str, str]) -> EndReason:
    """`said` are the labels and annotations. A reason that is not known does not mean that all is well: the data may be gone."""
    if status is not Status.RESOLVED:
        return EndReason.NONE
    words = {_NO_LETTER.sub("", word) for word in _BETWEEN.split(said.get(_NAME, "")[:200].lower())}
    if not words - _WELL:
        return EndReason.NONE
    return EndReason.NO_LONGER_WATCHED if words & _UNWATCHED else EndReason.NO_DATA
