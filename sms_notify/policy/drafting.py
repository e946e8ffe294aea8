"""The texts that tell what may leave now: one each where there is room and each is named, else as few as say it all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sms_notify.policy import bundles, crowds
from sms_notify.policy.allowance import AT_ONCE, Allowance, Leave
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import UNLIMITED, Lane
from sms_notify.policy.reading import as_its_reader_knows
from sms_notify.policy.records import HeldLane, Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.said import COUNTED
from sms_notify.policy.same_text import still_firing
from sms_notify.policy.vocabulary import Kind
from sms_notify.wording.compose import Composed, compose_reported
from sms_notify.wording.content import Crowd, Merged, Pause, Reader, Silent
from sms_notify.wording.digest import compose_digest
from sms_notify.wording.shrinking import largest

_MERGED = {Lane.CRITICAL: Merged.CROWD, Lane.ENDS: Merged.CROWD}


@dataclass(frozen=True, slots=True)
class LaneBatch:
    """One lane of one number that may be told now: what the limits leave it, and what held it until now."""

    number: str
    lane: Lane
    leave: Leave
    held: HeldLane | None
    known: frozenset[int] = frozenset()  # what a text to this reader has counted

    @property
    def announced(self) -> bool:
        return self.held is not None and self.held.announced

    @property
    def most(self) -> int:
        """Texts now."""
        return min(self.leave.slots, AT_ONCE) if self.leave.slots < UNLIMITED else UNLIMITED


@dataclass(frozen=True, slots=True)
class DraftedText:
    """One text that is about to be written. `promises`: its reader is told that more is held, and until when."""

    told: tuple[Notification, ...]
    kind: Kind
    composed: Composed
    ack_code: str = ""
    promises: bool = False

    def counts(self, n: Notification) -> bool:
        """Whether it tells the kind of an incident, and how many there are, but not each of them."""
        counted = self.composed.counted
        return tag_of(n.incident_id) in counted and not counted <= self.composed.named


class Drafting:
    """Words the texts of one step. `code` makes the unguessable end of a link that acknowledges."""

    def __init__(self, plan: Plan, allowance: Allowance, code: Callable[[], str], rows: Rows) -> None:
        self._plan = plan
        self._allowance = allowance
        self._code = code
        self._rows = rows
        self._now = rows.now

    def texts(
        self, batch: LaneBatch, items: Sequence[Notification]
    ) -> tuple[list[DraftedText], list[Notification]]:
        """The texts that tell `items`, and what is left for the next."""
        batch = replace(batch, known=self._known_of(items))
        listed = sorted(items, key=lambda n: n.subject.alert.severity.rank)
        bundled: dict[tuple[str, ...], list[Notification]] = {}
        for n in listed:
            bundled.setdefault(bundles.bundle(n), []).append(n)
        merged = len(items) > 1 and (
            batch.announced
            or len(bundled) > batch.most
            or len({n.again_of is None for n in items}) > 1  # a second text is a line of the next
            or any(bundles.needs_digest(those) for those in bundled.values())
        )
        if not merged:
            texts = [self._worded(batch, those, before) for before, those in enumerate(bundled.values())]
            if len(items) == 1 or all(self._says_all(batch, text, listed) for text in texts):
                return texts, []
        return self._merged(batch, listed)

    def _known_of(self, items: Sequence[Notification]) -> frozenset[int]:
        """What is only reminded of, because a text that may have arrived counted its kind."""
        reminders = [n for n in items if n.kind is Kind.REMINDER]
        kinds = {crowds.kind_of(n) for n in reminders if self._was_counted(n)}
        return frozenset(n.incident_id for n in reminders if crowds.kind_of(n) in kinds)

    def _was_counted(self, n: Notification) -> bool:
        mine = (one for one in self._rows.of_incident(n.incident_id) if one.number == n.number)
        return any(one.said.endswith(COUNTED) and self._rows.may_have_arrived(one) for one in mine)

    def _merged(
        self, batch: LaneBatch, listed: Sequence[Notification]
    ) -> tuple[list[DraftedText], list[Notification]]:
        """Everything in one text; of critical problems as many as it says, and the others in the next."""
        texts: list[DraftedText] = []
        while listed and len(texts) < batch.most:
            text, listed = self._longest(batch, listed, len(texts))
            texts.append(text)
        return texts, list(listed)

    def _longest(
        self, batch: LaneBatch, listed: Sequence[Notification], before: int
    ) -> tuple[DraftedText, Sequence[Notification]]:
        pieces = crowds.pieces(listed, batch.known) if batch.lane is Lane.CRITICAL else [listed]
        more = before > 0 or any(n.id and n.why in (Hold.LIMIT, Hold.BEHIND) for n in listed)
        tried: dict[int, DraftedText] = {}

        def says_all(most: int) -> bool:
            crowd = Crowd(len(crowds.to_be_said(crowds.flat(pieces[most:]), batch.known)), more)
            tried[most] = self._worded(batch, crowds.flat(pieces[:most]), before, crowd)
            return self._says_all(batch, tried[most], listed)

        most = largest(says_all, 1, len(pieces))
        if most not in tried:
            says_all(most)  # not even one is named in full: what there is of it must do
        return tried[most], crowds.flat(pieces[most:])

    @staticmethod
    def _says_all(batch: LaneBatch, text: DraftedText, crowd: Sequence[Notification]) -> bool:
        counted, known = crowds.is_counted(crowd, batch.known), batch.known
        told, composed = text.told, text.composed
        return batch.lane is not Lane.CRITICAL or crowds.says_all(
            told, composed, counted=counted, known=known
        )

    def _worded(
        self, batch: LaneBatch, listed: Sequence[Notification], before: int, crowd: Crowd | None = None
    ) -> DraftedText:
        """One text, after so many others now. `crowd`: it is one of several that tell what belongs together."""
        person = self._plan.directory.known(listed[0].person)
        reader = Reader(person.timezone, person.language, self._now)
        receivers = [self._plan.receiver(name) for name in dict.fromkeys(n.receiver for n in listed)]
        parts = 1 if batch.leave.one_part else max(receiver.max_parts for receiver in receivers)
        code = self._code() if self._wants_ack(listed) else ""
        link = f"{self._plan.ack_url}{code}" if code else ""
        known = self._told_apart([as_its_reader_knows(self._rows, n) for n in listed])
        silence = self._silence(batch, before, len(listed))
        still = still_firing(self._rows, known)
        if self._is_digest(batch, listed, silence, crowd):
            closing = batch.announced and batch.lane is not Lane.CRITICAL
            since = min(n.created_at for n in listed)
            since = batch.held.since if batch.held is not None and closing else since
            of_lane = Merged.CLOSING if closing else _MERGED.get(batch.lane, Merged.STORM)
            digest = bundles.digest(known, of_lane, since, silence, link, crowd or Crowd(), still)
            kind = Kind.RESOLVED if all(n.kind is Kind.RESOLVED for n in listed) else Kind.DIGEST
            composed = compose_digest(digest, reader, parts)
            return DraftedText(tuple(listed), kind, composed, code, digest.promises)
        template = self._plan.templates.get(receivers[0].template)
        notice = bundles.notice(known, silence, link, still)
        return DraftedText(
            tuple(listed), listed[0].kind, compose_reported(notice, reader, template, parts), code
        )

    def _told_apart(self, listed: Sequence[Notification]) -> list[Notification]:
        subjects = self._rows.alike.told_apart([n.subject for n in listed])
        return [replace(n, subject=subject) for n, subject in zip(listed, subjects, strict=True)]

    @staticmethod
    def _is_digest(
        batch: LaneBatch, listed: Sequence[Notification], silence: Pause | None, crowd: Crowd | None
    ) -> bool:
        if bundles.needs_digest(listed) or (batch.announced and batch.lane is not Lane.CRITICAL):
            return True
        if len(listed) == 1:
            return crowd is not None and crowd.left > 0
        storm = silence is not None and not any(n.lane is Lane.CRITICAL for n in listed)
        return crowd is not None or storm or len({bundles.bundle(n) for n in listed}) > 1

    def _silence(self, batch: LaneBatch, before: int, told: int) -> Pause | None:
        """What no text is to be expected of after this one, until when. The other lane may go on meanwhile."""
        until = self._allowance.silent_until(batch.lane, batch.leave, before + 1, self._now, told)
        if until is None:
            return None
        other = self._rows.lane(batch.number, Lane.REST if batch.lane is Lane.CRITICAL else Lane.CRITICAL)
        if other is not None and other.until >= until:
            return Pause(until)
        return Pause(until, Silent.CRITICAL if batch.lane is Lane.CRITICAL else Silent.OTHERS)

    def _wants_ack(self, listed: Sequence[Notification]) -> bool:
        """Where somebody else is told next, the text says how to spare them."""
        return bool(self._plan.ack_url) and any(
            n.kind is not Kind.RESOLVED
            and not n.subject.ended
            and not n.subject.acked_by
            and self._plan.receiver(n.receiver).escalate
            for n in listed
        )
