"""What is open and reads alike in a text, and what tells it apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from sms_notify.alert import Alert, Severity
from sms_notify.policy.records import Incident, Subject
from sms_notify.policy.table import Table
from sms_notify.wording.alert_fields import reads_as
from sms_notify.wording.place import Place, told_apart

_Problem = tuple[str, str]
"""Source and fingerprint."""


class ReadingAlike:
    """The incidents of a step by how a text reads that tells them. Worked out when it is asked: repeats make no text."""

    def __init__(self, incidents: Table[int, Incident]) -> None:
        self._incidents = incidents
        self._known = 0
        self._by_words: dict[str, list[int]] = {}

    def those_like(self, alert: Alert) -> list[Incident]:
        """What is open, of those that were loaded or opened."""
        rows = self._incidents.rows
        for id_ in islice(rows, self._known, None):
            self._by_words.setdefault(reads_as(rows[id_].subject.alert), []).append(id_)
        self._known = len(rows)
        return [rows[id_] for id_ in self._by_words.get(reads_as(alert), ()) if rows[id_].is_open]

    def told_apart(self, told: Sequence[Subject]) -> list[Subject]:
        """Each with the labels that tell it from what else is told, or open, and reads alike."""
        alike: dict[tuple[str, Severity], dict[_Problem, Alert]] = {}
        for alert in (subject.alert for subject in told):
            key = reads_as(alert), alert.severity
            if key not in alike:
                others = (one.subject.alert for one in self.those_like(alert))
                alike[key] = {_problem(one): one for one in others if one.severity is alert.severity}
            alike[key][_problem(alert)] = alert
        apart: dict[_Problem, Place] = {}
        for group in alike.values():
            if len(group) > 1:
                apart |= zip(group, told_apart(list(group.values())), strict=True)
        return (
            [replace(one, apart=apart.get(_problem(one.alert), ())) for one in told] if apart else list(told)
        )


def _problem(alert: Alert) -> _Problem:
    return (alert.source, alert.fingerprint)
