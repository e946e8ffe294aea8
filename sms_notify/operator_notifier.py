"""Self-alerts reach a person: once, by every channel that `operator` names, however often the problem shows.

A person is texted by a gateway that takes texts now; the other channels need none. What reached nobody is told
again, later and later; the log has it in any case.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.alert import Severity
from sms_notify.channels.base import Channel, Ended, Note
from sms_notify.channels.settings import OperatorKind, OperatorTarget
from sms_notify.delivery.open_ways import open_gateway
from sms_notify.delivery.sender import Clock, Commit
from sms_notify.engine.working_set import WorkingSet
from sms_notify.oncall.roster import Roster
from sms_notify.policy.directory import Person, Target, TargetKind
from sms_notify.policy.episodes import incident_of
from sms_notify.policy.records import Draft
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.self_alert_notes import NOBODY_READ, Particular, SelfAlertNote, may_have_reached
from sms_notify.policy.vocabulary import Kind
from sms_notify.self_alerts import Gathered, gather
from sms_notify.store import breakers, messages, particulars
from sms_notify.store.breakers import SelfAlert
from sms_notify.store.tx import Tx
from sms_notify.wording import gsm
from sms_notify.wording.content import Text

_log = logging.getLogger(__name__)
_RETRY, _RETRY_CAP = timedelta(seconds=30), timedelta(minutes=15)
_EXPIRES_AFTER = timedelta(hours=4)
_MICROSECOND = timedelta(microseconds=1)
_TOLD = (Ended.TOLD, Ended.UNKNOWN)
_KINDS = {
    OperatorKind.PERSON: TargetKind.PERSON,
    OperatorKind.TEAM: TargetKind.TEAM,
    OperatorKind.NUMBER: TargetKind.NUMBER,
    OperatorKind.SCHEDULE: TargetKind.SCHEDULE,
}


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is sent self-alerts: people by text, and channels by name."""

    targets: tuple[OperatorTarget, ...]
    channels: Mapping[str, Channel]
    roster: Callable[[], Roster]
    gateways: tuple[str, ...]

    def people(self, tx: Tx, now: datetime) -> tuple[Person, ...]:
        """Who is to be texted; of a schedule, who holds it now."""
        named = (t for t in self.targets if t.kind is not OperatorKind.GATEWAY)
        return self.roster().who(tx, (Target(_KINDS[t.kind], t.name) for t in named), now)

    def people_without_store(self, now: datetime) -> tuple[Person, ...]:
        """As `people`; nobody knows of overrides."""
        named = (t for t in self.targets if t.kind is not OperatorKind.GATEWAY)
        return self.roster().people([Target(_KINDS[t.kind], t.name) for t in named], {}, now)

    def other_channels(self) -> tuple[Channel, ...]:
        return tuple(self.channels[t.name] for t in self.targets if t.kind is OperatorKind.GATEWAY)


def tell_past_the_store(
    operator: Operator, note: Note, text: Callable[[str, str], bool] | None, now: datetime
) -> bool:
    """By every channel, and by a text to each person where `text` sends one; whether it reached anybody."""
    told = [channel.tell(note).ended in _TOLD for channel in operator.other_channels()]
    body = gsm.fit(gsm.to_gsm(note.subject), 1)
    if text is not None:
        told += [text(person.number, body) for person in operator.people_without_store(now)]
    return any(told) or not operator.targets


class Teller:
    """Tells what is due. `wake` says that there is a text to send."""

    def __init__(
        self, commit: Commit, operator: Operator, node: str, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._commit = commit
        self._operator = operator
        self._node = node
        self._clock = clock
        self._wake = wake

    def follow(self, operator: Operator) -> None:
        """The configuration was read again; belongs on the thread that commits."""
        self._operator = operator

    def tell_once(self) -> int:
        """Tells each self-alert that is due; returns how many reached somebody."""
        now = self._clock()
        due = self._commit(lambda tx: _due(tx, self._node, now))
        # A moment of its own for each note: by it a text that was lost is found to belong to what it told.
        notes = enumerate(gather(due))
        return sum(self._tell(gathered, now + number * _MICROSECOND) for number, gathered in notes)

    def _tell(self, gathered: Gathered, now: datetime) -> bool:
        self_alert, note = gathered.self_alert, note_of(gathered)
        _log.critical("%s", note.subject, extra={"advice": self_alert.advice, "level": self_alert.level})
        told = [self._by_channel(channel, note) for channel in self._operator.other_channels()]
        texted = self._commit(lambda tx: self._text(tx, self_alert, now))
        if texted:
            self._wake()
        nobody_to_tell = not self._operator.targets
        reached = bool(texted) or any(told)
        if reached or nobody_to_tell:
            self._commit(lambda tx: _note_told(tx, gathered, now, for_good=any(told)))
        else:
            pause = min(_RETRY * (1 << min(self_alert.tries, 10)), _RETRY_CAP)
            self._commit(lambda tx: _note_untold(tx, gathered, now + pause))
        return reached

    def _by_channel(self, channel: Channel, note: Note) -> bool:
        """UNKNOWN counts as told: a second copy of a note helps nobody."""
        ended = channel.tell(note)
        extra = {"channel": channel.name, "ended": ended.ended, "detail": ended.detail}
        _log.info("operator", extra=extra)
        return ended.ended in _TOLD

    def _text(self, tx: Tx, self_alert: SelfAlert, now: datetime) -> int:
        people = self._operator.people(tx, now)
        ways = [(person, open_gateway(tx, self._operator.gateways, person.number)) for person in people]
        body = gsm.fit(gsm.to_gsm(f"sms-notify: {self_alert.what}. {self_alert.advice}"), 1)
        text = Text(body, gsm.parts(body), gsm.septets(body))
        told = [(person, gateway) for person, gateway in ways if gateway is not None]
        for person, gateway in told:
            draft = Draft(
                Kind.OPERATOR, "", person, Severity.CRITICAL, gateway, text, now, now + _EXPIRES_AFTER
            )
            messages.write(tx, draft, self._node, now)
        return len(told)


def _due(tx: Tx, node: str, now: datetime) -> Sequence[SelfAlert]:
    found = breakers.untold(tx, now)
    if not found:
        return found
    working = WorkingSet(tx, node, now)
    for self_alert in found:
        _correct(tx, working, self_alert)
    working.flush()
    return breakers.untold(tx, now)


def _correct(tx: Tx, working: WorkingSet, self_alert: SelfAlert) -> None:
    """What reached nobody when its text failed may have reached somebody since, by the next step."""
    if (
        not particulars.is_particular(self_alert.id)
        or particulars.kind_of(self_alert.id) != Particular.NOBODY
    ):
        return
    tag = particulars.about(self_alert.id)
    id_ = incident_of(tag.removeprefix("#"))
    if id_ is None:
        return
    working.load_notifications([id_])
    if may_have_reached(working.rows, id_):
        what = self_alert.what.replace(NOBODY_READ, "")
        particulars.drop(tx, self_alert.id)
        working.rows.notes.append(
            SelfAlertNote(
                Particular.UNREAD,
                f"somebody/{tag}",
                Urgency(Level.PAGE),
                self_alert.gateway,
                what,
                self_alert.advice,
            )
        )


def _note_told(tx: Tx, gathered: Gathered, now: datetime, *, for_good: bool) -> None:
    for id_ in gathered.ids:
        breakers.told(tx, id_, now)
        if for_good:
            particulars.told_for_good(tx, id_)


def _note_untold(tx: Tx, gathered: Gathered, at: datetime) -> None:
    for id_ in gathered.ids:
        breakers.tell_later(tx, id_, at)


def note_of(gathered: Gathered) -> Note:
    """The self-alert as a person reads it; numbers stand in none of it."""
    self_alert = gathered.self_alert
    times = f" ({self_alert.times} times since)" if self_alert.times > 1 else ""
    each = "".join(f"\n- {line}" for line in gathered.details)
    beyond = len(gathered.ids) - len(gathered.details)
    more = f"\n- and {beyond} more" if gathered.details and beyond else ""
    body = "\n\n".join(
        filter(None, (f"{self_alert.what}{times}", f"{each}{more}".strip(), f"{self_alert.advice}\n"))
    )
    return Note(f"sms-notify: {self_alert.what}", body, self_alert.opened_at, self_alert.level is Level.PAGE)
