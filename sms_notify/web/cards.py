"""Open incidents as the cards of a page: many of one name are one card, so that a storm does not hide the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.explain.waiting import StillQueued, first_waits, say_wait_briefly
from sms_notify.policy.episodes import tag_of
from sms_notify.store import page_queries
from sms_notify.store.page_queries import NotificationProgress, ShownIncident
from sms_notify.store.tx import Tx
from sms_notify.web.labels import what_of
from sms_notify.wording.alert_fields import where_of
from sms_notify.wording.clock import Says

STORM = 4  # so many of one name are one card
FOLDED = 20  # of them stand in it; the others are a link away
_PLACES = 6


@dataclass(frozen=True, slots=True)
class Card:
    """One incident, or a storm: several of one name, severity and state of care."""

    incidents: tuple[ShownIncident, ...]

    @property
    def first(self) -> ShownIncident:
        return self.incidents[0]

    @property
    def many(self) -> bool:
        return len(self.incidents) > 1

    @property
    def folded(self) -> tuple[ShownIncident, ...]:
        return self.incidents[:FOLDED]

    @property
    def tags(self) -> str:
        """All of them, as the form of the page names them."""
        return " ".join(tag_of(incident.id) for incident in self.incidents)

    @property
    def places(self) -> str:
        """`sw1:1, sw1:2, sw1:3 +37`: where they are, each place once."""
        places = list(dict.fromkeys(filter(None, (where_of(one.alert) for one in self.incidents))))
        left = len(places) - _PLACES
        return ", ".join(places[:_PLACES]) + (f" +{left}" if left > 0 else "")


def cards_of(incidents: Sequence[ShownIncident]) -> list[Card]:
    """In the order of the first of each card."""
    alike: dict[object, list[int]] = {}
    for at, incident in enumerate(incidents):
        key = what_of(incident.alert), incident.severity, incident.waits, incident.untold
        alike.setdefault(key, []).append(at)
    groups = ([some] if len(some) >= STORM else [[at] for at in some] for some in alike.values())
    ordered = sorted(group for some in groups for group in some)
    return [Card(tuple(incidents[at] for at in group)) for group in ordered]


@dataclass(frozen=True, slots=True)
class Progress:
    """By incident: how far it has come with telling each person, and in words why the first text that is to leave has not."""

    told: Mapping[int, Sequence[NotificationProgress]]
    waits: Mapping[int, str]


def progress_of(tx: Tx, ids: Sequence[int], gateways: tuple[str, ...], now: datetime, say: Says) -> Progress:
    """What is about to leave does not wait."""
    waits = first_waits(tx, ids, gateways, now).items()
    said = {id_: say_wait_briefly(wait, say) for id_, wait in waits if wait.why is not StillQueued.DUE}
    return Progress(page_queries.told(tx, ids), said)


def shown_of(cards: Iterable[Card]) -> list[int]:
    """The incidents that stand on the page."""
    return [incident.id for card in cards for incident in card.folded]
