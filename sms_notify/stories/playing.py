"""Playing one story: its events in order, the daemon's steps in between, and every text that reached a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sms_notify.alert import Delivery, Handed
from sms_notify.channels.base import Note
from sms_notify.config.settings import Settings
from sms_notify.errors import ConfigError, ParseError
from sms_notify.policy.directory import group_of
from sms_notify.policy.outcomes import DeliveryStatus
from sms_notify.policy.vocabulary import AckBy
from sms_notify.policy.watches import heartbeat
from sms_notify.sources import alertmanager, generic, grafana, hook_record, prometheus, uptime_kuma, zabbix
from sms_notify.sources.installation import sent_by
from sms_notify.store import outbox, reader_history
from sms_notify.stories import payloads
from sms_notify.stories.daemon import Outside, StoryClock, StoryDaemon
from sms_notify.stories.models import By, Lasting, Named
from sms_notify.stories.played import GROUP, Played, StoryError, StoryText, near, number_of
from sms_notify.stories.reading import OPERATOR, Story, StoryEvent
from sms_notify.stories.weather import Accepted
from sms_notify.wording import gsm

if TYPE_CHECKING:
    from sms_notify.store.tx import Tx

T = TypeVar("T")
NOT_BUILT = ("mute",)
"""Events of commands that this version lacks."""


class Player:
    """Plays one story; a context manager, for the ledger is gone when it is closed."""

    def __init__(self, story: Story, environ: Mapping[str, str], *, every: timedelta | None = None) -> None:
        self._story = story
        self._environ = environ
        self._every = every
        self.played = Played(story)
        self._clock = StoryClock(story.start)
        self._outside = Outside(self._clock, self._accepted, self._noted)
        self._rules = {source: payloads.Rule() for source in payloads.BODIES}
        self._config = story.config
        self._off_until: timedelta | None = None
        self._waiting: list[Callable[[], None]] = []
        self._daemon: StoryDaemon | None = None

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        if self._daemon is not None:
            self._daemon.close()

    @property
    def daemon(self) -> StoryDaemon:
        """Raises AssertionError before `play`."""
        assert self._daemon is not None  # noqa: S101 - for the type checker
        return self._daemon

    def play(self) -> Played:
        """Everything to the end. Raises StoryError, with the daemon's own words where it would refuse something."""
        self._check_built()
        settings = self._loaded(self._story.line)
        watched = any(event.kind in ("silence", "suppressed", "gone") for event in self._story.events)
        self._daemon = StoryDaemon(settings, self._clock, self._outside, watched=watched, every=self._every)
        for event in self._story.events:
            self._run_to(event.at)
            self._happen(event)
        self._run_to(self._story.ends)
        return self.played

    def look(self, job: Callable[[Tx], T]) -> T:
        """A question to the ledger."""
        return self.daemon.commit(job)

    def _check_built(self) -> None:
        for event in self._story.events:
            if event.kind in NOT_BUILT:
                self.played.wrong(event.line, f"{event.kind} is not built yet")

    def _loaded(self, line: int) -> Settings:
        links = any(event.kind == "link" for event in self._story.events)
        try:
            settings = self._config.load(self._environ, links=links)
        except ConfigError as error:
            raise StoryError(str(error)) from None
        if not settings.gateways:
            self.played.wrong(line, "no gateway of type 1601sms is configured")
        self.played.learn(settings)
        return settings

    # Time.

    def _run_to(self, until: timedelta) -> None:
        if self._off_until is not None and self._off_until <= until:
            self._come_back(self._off_until)
        if self._off_until is not None:
            self._clock.up = until
            return
        while (at := self.daemon.next_at()) is not None and at <= until:
            self._clock.up = at
            self.daemon.step()
        self._clock.up = until
        self.daemon.idle()

    def _come_back(self, at: timedelta) -> None:
        self._clock.up, self._off_until = at, None
        self.daemon.restart(self._loaded(self._story.line))
        waiting, self._waiting = self._waiting, []
        for job in waiting:
            job()

    def _once_up(self, job: Callable[[], None]) -> None:
        """What needs a daemon that runs: now, or when it is back."""
        if self._off_until is None:
            job()
        else:
            self._waiting.append(job)

    # Events.

    def _happen(self, event: StoryEvent) -> None:
        handler = getattr(self, f"_on_{event.kind.rstrip('_')}")
        try:
            handler(event)
        except ParseError as error:
            raise StoryError(f"{self._story.file}:{event.line}: {event.kind.rstrip('_')}: {error}") from None

    def _webhook(self, event: StoryEvent, parse: Callable[[bytes], Delivery], body: bytes) -> None:
        parse(body)  # refused at once, also where the daemon is off
        self._once_up(lambda: self.daemon.accept(sent_by(parse(body), event.given.from_)))

    def _body(self, event: StoryEvent) -> bytes:
        given, rule = _the(getattr(event.given, event.kind)), self._rules[event.kind]
        return payloads.BODIES[event.kind](given, rule, self._story.start, self._clock.true())

    def _on_alertmanager(self, event: StoryEvent) -> None:
        body = self._body(event)
        self._outside.listed.hear(alertmanager.parse(body))
        self._webhook(event, alertmanager.parse, body)

    def _on_grafana(self, event: StoryEvent) -> None:
        self._webhook(event, grafana.parse, self._body(event))

    def _on_prometheus(self, event: StoryEvent) -> None:
        self._webhook(event, lambda raw: prometheus.parse(raw, at=self._clock()), self._body(event))

    def _on_uptime_kuma(self, event: StoryEvent) -> None:
        self._webhook(event, uptime_kuma.parse, payloads.posted(event.given.uptime_kuma))

    def _on_zabbix(self, event: StoryEvent) -> None:
        body = payloads.posted(event.given.zabbix)
        self._webhook(event, lambda raw: zabbix.parse(raw, at=self._clock()), body)

    def _on_json(self, event: StoryEvent) -> None:
        self._webhook(event, generic.parse, payloads.posted(event.given.json_))

    def _on_nagios(self, event: StoryEvent) -> None:
        options: Mapping[str, str] = _the(getattr(event.given, event.kind))
        self._hand_over(payloads.of_monitor(event.kind, options, self._story.start, self._clock()))

    _on_icinga = _on_nagios

    def _on_zabbix_script(self, event: StoryEvent) -> None:
        self._hand_over(payloads.of_script(_the(event.given.zabbix_script), self._clock()))

    def _on_pipe(self, event: StoryEvent) -> None:
        self._hand_over(payloads.of_pipe(_the(event.given.pipe), self._clock()))

    def _hand_over(self, record: Handed) -> None:
        """Into the spool, which a daemon that runs empties at once."""
        delivery = hook_record.parse(record)
        self._once_up(lambda: self.daemon.accept(delivery))

    def _on_heartbeat(self, event: StoryEvent) -> None:
        """A job calls the address of a watch; one that is refused while the daemon is off does not call again."""
        name = _the(event.given.heartbeat)
        if name not in self.daemon.plan.watches:
            self.played.wrong(
                event.line, f"there is no watch `{name}` ({near(name, self.daemon.plan.watches)})"
            )
        if self._off_until is None:
            self.daemon.accept(heartbeat(name))

    def _on_ack(self, event: StoryEvent) -> None:
        given: By = _the(event.given.ack)
        self.daemon.acknowledge(self._open_ids(event, given), given.by, AckBy.COMMAND)

    def _on_unack(self, event: StoryEvent) -> None:
        """Of what has ended there is nothing to take back, and nobody to tell."""
        given: By = _the(event.given.unack)
        self.daemon.unacknowledge(self._known(event, given), given.by)

    def _on_close(self, event: StoryEvent) -> None:
        given: By = _the(event.given.close)
        self.daemon.close_incidents(self._known(event, given), given.by)

    def _known(self, event: StoryEvent, given: Named) -> list[int]:
        """Every incident that has these labels."""
        found = self._with(given)
        if not found:
            self.played.wrong(event.line, f"nothing was ever heard with the labels {dict(given.labels)}")
        return [id_ for id_, _ in found]

    def _open_ids(self, event: StoryEvent, given: Named) -> list[int]:
        ids = [id_ for id_, state in self._with(given) if state in ("open", "acknowledged", "unheard")]
        if not ids:
            self.played.wrong(event.line, f"nothing is open with the labels {dict(given.labels)}")
        return ids

    def _with(self, given: Named) -> list[tuple[int, str]]:
        """Every incident that has these labels, with its state."""
        found = self.daemon.commit(partial(reader_history.incidents_with, labels=given.labels))
        return [(int(row["id"]), str(row["state"])) for row in found]

    def _on_silence(self, event: StoryEvent) -> None:
        given: Lasting = _the(getattr(event.given, event.kind))
        self._outside.listed.cover(given.labels, given.by, given.for_, silence=event.kind == "silence")

    _on_suppressed = _on_silence

    def _on_gone(self, event: StoryEvent) -> None:
        gone = self._outside.listed.forget(_the(event.given.gone).labels)
        if not gone:
            self.played.wrong(event.line, "Alertmanager lists no alert with these labels")
        for fingerprint in gone:
            self._rules["alertmanager"].began.pop(("", fingerprint), None)

    def _on_gateway(self, event: StoryEvent) -> None:
        given = _the(event.given.gateway)
        if given.to:
            self.played.check_name(given.to, event.line)
        if given.name:
            self.played.check_gateway(given.name, event.line)
        if given.credits is not None:
            self._once_up(lambda: self.daemon.hear_balance(given.name, given.credits or 0))
            return
        number = self.played.people.get(given.to, number_of(given.to))
        self._outside.sky.change(given, frozenset((number,)) if given.to else None, self._clock.up)

    def _on_config(self, event: StoryEvent) -> None:
        self._config = _the(event.config)
        settings = self._loaded(event.line)
        if self._off_until is None:
            self.daemon.reload(settings)

    _on_config_file = _on_config

    def _on_restart(self, event: StoryEvent) -> None:
        until = event.at + _the(event.given.restart).down
        self._off_until = max(until, self._off_until or until)
        if self._off_until == event.at:
            self._come_back(event.at)

    def _on_clock(self, event: StoryEvent) -> None:
        step = _the(event.given.clock)
        self._clock.ahead += step
        if self._off_until is None and abs(step) > outbox.DRIFT:
            self.daemon.clock_was_set(step)

    def _on_link(self, event: StoryEvent) -> None:
        name = _the(event.given.link).to
        self.played.check_name(name, event.line)
        codes = [code for text in self.played.texts if name in text.to for code in _codes_in(text.body)]
        if not codes:
            why = (
                f"{name} has no text with a link (web.external_url, and a receiver that escalates, make one)"
            )
            self.played.wrong(event.line, why)
        self._once_up(lambda: self.daemon.follow_link(codes[-1], name))

    def _on_override(self, event: StoryEvent) -> None:
        given = _the(event.given.override)
        if given.schedule not in self.daemon.plan.schedules:
            self.played.wrong(event.line, f"there is no schedule `{given.schedule}`")
        if given.person not in self.daemon.plan.directory.people:
            self.played.wrong(event.line, f"`{given.person}` is nobody in people")
        self.daemon.override(given.schedule, given.person, given.for_)

    # What comes out.

    def _accepted(self, accepted: Accepted) -> None:
        plan = self.daemon.plan
        text = StoryText(
            accepted.at,
            self._clock(),
            self._names(accepted.number),
            accepted.number,
            accepted.body,
            accepted.gateway,
            gsm.parts(accepted.body) * plan.directory.heads(accepted.number),
            "" if accepted.report is DeliveryStatus.NONE else accepted.report.value,
        )
        self.played.texts.append(text)

    def _names(self, number: str) -> tuple[str, ...]:
        group = group_of(number)
        if group is not None:
            return (f"{GROUP}{group}",)
        people = self.daemon.plan.directory.people
        return tuple(name for name, person in people.items() if person.number == number) or (number,)

    def _noted(self, note: Note) -> None:
        words = " ".join(f"{note.subject}. {note.body.partition(chr(10))[2]}".split())
        self.played.texts.append(StoryText(self._clock.up, self._clock(), (OPERATOR,), OPERATOR, words))


def _the(given: T | None) -> T:
    """What the kind of an event says is there."""
    assert given is not None  # noqa: S101 - for the type checker
    return given


def _codes_in(body: str) -> Iterable[str]:
    _, mark, after = body.partition("/a/")
    return [after.split()[0]] if mark and after else []
