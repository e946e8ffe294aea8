"""What the web front asks for, as transactions of the configuration that runs when their turn comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar

from sms_notify.alert import Delivery
from sms_notify.daemon import event_log
from sms_notify.daemon.active_configuration import ActiveConfiguration
from sms_notify.daemon.awaited_commits import AwaitedCommits
from sms_notify.daemon.worker_threads import Tools
from sms_notify.delivery.reports import Delivered, apply
from sms_notify.engine import Verdict
from sms_notify.policy.by_hand import TextAnswer
from sms_notify.policy.directory import Person
from sms_notify.policy.vocabulary import AckBy, AckEnd, Applied, Cause, Ignored
from sms_notify.store import oncall_rows
from sms_notify.store.oncall_rows import AskedOverride
from sms_notify.store.tx import Tx
from sms_notify.web.ports import People
from sms_notify.web.refusals import Refusals
from sms_notify.web.server import Front
from sms_notify.web.webhooks import Hooks, build

T = TypeVar("T")


def front_of(
    running: ActiveConfiguration,
    current: Callable[[], ActiveConfiguration],
    tools: Tools,
    ready: Callable[[], tuple[str, ...]],
    reload: Callable[[], Awaitable[str]],
    refusals: Refusals,
) -> Front:
    """The web front of one configuration: a request that it has taken in is admitted and shown by it alone.

    What it asks for is decided by the `current` one."""
    settings, asked = running.settings, WebSide(tools, current)
    hooks = Hooks(
        accept=asked.accept,
        metrics=asked.render,
        ready=ready,
        report=asked.report,
        now=tools.clock,
        reload=reload,
        guessed=tools.metrics.guessed,
        watch_of=running.watch_of,
    )
    people = People(
        view=asked.view,
        acknowledge=asked.acknowledge,
        unacknowledge=asked.unacknowledge,
        close=asked.close,
        change_overrides=asked.change_overrides,
        escalate_now=asked.escalate_now,
        note=asked.note,
        cancel_text=asked.cancel_text,
        may_send_again=asked.may_send_again,
        send_again=asked.send_again,
        write=asked.write,
        schedules=lambda: running.engine.plan.schedules,
        now=tools.clock,
        directory=settings.directory,
        route=settings.route,
        receivers=settings.receivers,
        gateways=tuple(gateway.name for gateway in settings.gateways),
        site_alive=settings.site_alive,
        alertmanager=next((one.url for one in settings.alertmanagers), ""),
        plan=lambda: running.engine.plan,
        version=tools.store.version,
    )
    return build(hooks, settings.web, people=people, refusals=refusals)


class WebSide:
    """The coroutines run on the server's event loop and return after the commit, or raise StoreError."""

    def __init__(self, tools: Tools, running: Callable[[], ActiveConfiguration]) -> None:
        self._tools = tools
        self._running = running
        self._committed = AwaitedCommits(tools.committer)

    async def accept(self, delivery: Delivery) -> None:
        reply = self._committed.reply()
        self._tools.inbox.put(delivery, reply)
        verdicts: list[Verdict] = await reply.future
        event_log.accepted(delivery, verdicts)
        listed = [one.url for one in self._running().settings.alertmanagers]
        if both := self._tools.senders.unpaired(delivery, listed):
            event_log.unpaired(delivery.source, *both)

    async def report(self, token: str, parameters: Mapping[str, str]) -> bool:
        doors = self._running().call_backs(token)
        report = doors[0].read(parameters) if doors else None
        if report is None:
            self._tools.metrics.called_back(Ignored.UNREADABLE if doors else Ignored.WRONG_TOKEN)
            return False
        now, node = self._tools.clock(), self._tools.node

        def apply_by_one(tx: Tx) -> Delivered:
            """By the gateway that knows the text."""
            for door in doors:
                delivered = apply(tx, door.gateway, report, Cause.CALLBACK, node, now, confirm=door.confirm)
                if delivered.applied not in (Applied.UNKNOWN_ID, Applied.FORGED):
                    break
            return delivered

        delivered = await self._committed(apply_by_one)
        self._tools.metrics.called_back(delivered.applied)
        event_log.report(delivered, Cause.CALLBACK)
        return delivered.applied is Applied.MOVED

    def view(self, job: Callable[[Tx], T], /) -> T:
        with self._tools.store.reading() as tx:
            return job(tx)

    async def acknowledge(self, incident_ids: Sequence[int], by: str, how: AckBy) -> list[int]:
        now = self._tools.clock()
        taken = await self._committed(
            lambda tx: self._tools.engine().acknowledge(tx, incident_ids, by, how, now)
        )
        event_log.acknowledged(taken, by, how)
        return taken

    async def unacknowledge(self, incident_ids: Sequence[int], by: str, how: AckEnd) -> list[int]:
        now = self._tools.clock()
        ended = await self._committed(
            lambda tx: self._tools.engine().unacknowledge(tx, incident_ids, by, how, now)
        )
        event_log.unacknowledged(ended, by, how)
        return ended

    async def close(self, incident_ids: Sequence[int], by: str) -> list[int]:
        now = self._tools.clock()
        closed = await self._committed(
            lambda tx: self._tools.engine().close(tx, incident_ids, by, AckBy.PAGE, now)
        )
        event_log.closed(closed, by, AckBy.PAGE)
        return closed

    async def change_overrides(self, remove: Sequence[int], make: Sequence[AskedOverride], by: str) -> bool:
        now = self._tools.clock()
        done = await self._committed(lambda tx: oncall_rows.change_overrides(tx, remove, make, by, now))
        if done:
            for number in remove:
                event_log.override(f"override {number}", "removed", by)
            for one in make:
                event_log.override(
                    one.schedule, f"{one.person} from {one.start:%F %R} to {one.end:%F %R} UTC", by
                )
        return done

    async def escalate_now(self, incident_id: int, by: str, asked: Collection[str] | None) -> bool:
        now = self._tools.clock()
        done = await self._committed(
            lambda tx: self._tools.engine().escalate_now(tx, incident_id, by, now, asked)
        )
        if done:
            event_log.about_incident("hastened", incident_id, by)
        return done

    async def note(self, incident_id: int, by: str, words: str) -> bool:
        now = self._tools.clock()
        done = await self._committed(lambda tx: self._tools.engine().note(tx, incident_id, by, words, now))
        if done:
            event_log.about_incident("note", incident_id, by)
        return done

    async def cancel_text(self, message_id: int, by: str) -> bool | None:
        now = self._tools.clock()
        done = await self._committed(
            lambda tx: self._tools.engine().texts_by_hand.cancel(tx, message_id, by, now)
        )
        if done:
            event_log.about_text("taken back", message_id, by)
        return done

    def may_send_again(self, tx: Tx, message_id: int) -> TextAnswer:
        return self._tools.engine().texts_by_hand.may_send_again(tx, message_id, self._tools.clock())

    async def send_again(self, message_id: int, by: str) -> TextAnswer:
        now = self._tools.clock()
        answer = await self._committed(
            lambda tx: self._tools.engine().texts_by_hand.send_again(tx, message_id, by, now)
        )
        if answer.refused is None:
            event_log.about_text("sent again", message_id, by)
            self._tools.wake()
        return answer

    async def write(self, person: Person, words: str, by: str) -> TextAnswer:
        now = self._tools.clock()
        answer = await self._committed(
            lambda tx: self._tools.engine().texts_by_hand.write(tx, person, words, by, now)
        )
        if answer.refused is None and answer.message_id is not None:
            event_log.about_text("written", answer.message_id, by)
            self._tools.wake()
        return answer

    def render(self, accept: str) -> tuple[bytes, str]:
        return self._tools.metrics.render(self._tools.store, accept, self._tools.clock)
