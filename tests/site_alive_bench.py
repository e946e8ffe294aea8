"""The dead man's switch over a store in memory and a gateway on paper; the clock leaps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from paper_outbox import PaperOutbox, Trouble, minute

from sms_notify.delivery.arming import Arming
from sms_notify.delivery.sender import Luck
from sms_notify.delivery.site_switch import Outboxes, SiteSwitch, SwitchMoved
from sms_notify.oncall.roster import Roster
from sms_notify.policy.account import Account, TextLimits
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.site_alive import SiteAlive
from sms_notify.store import armed_rows
from sms_notify.store.in_memory import ScratchStore

ALICE = Person("alice", "+32470000001", "Europe/Brussels", "en")
BOB = Person("bob", "+31612345678", "Europe/Amsterdam", "nl")
AFTER = timedelta(minutes=15)


class Died(BaseException):
    """The process is gone: nothing of it runs on."""


class SwitchBench:
    """`now` moves by `live` and `pass_dead`; a `restart` keeps the store."""

    def __init__(self, now: datetime, trouble: Callable[[], Trouble] = lambda: Trouble.NONE) -> None:
        self.now = now  # by the gateway's clock
        self.ahead = timedelta()  # of ours
        self.store = ScratchStore()
        self.gateway = PaperOutbox(lambda: self.now, trouble)
        self.boundary: Callable[[], None] = lambda: None
        self.gateway.boundary = lambda: self.boundary()  # noqa: PLW0108 - it is exchanged
        self.moved: list[SwitchMoved] = []
        self.people = {"alice": ALICE, "bob": BOB}
        self.unfit: tuple[str, ...] = ()
        self.site_alive: SiteAlive | None = SiteAlive(AFTER, (Target(TargetKind.PERSON, "alice"),))
        self._references = (f"{n:032x}" for n in count(1))
        self.begin()

    def clock(self) -> datetime:
        return self.now + self.ahead

    @property
    def rows(self) -> list[ArmedText]:
        """Also within a transaction of its own."""
        with self.store.reading() as tx:
            return list(armed_rows.lying(tx, ArmedFor.SITE_ALIVE))

    def commit(self, job):
        self.boundary()
        with self.store.transaction() as tx:
            result = job(tx)
        self.boundary()
        return result

    def begin(self) -> None:
        luck = Luck(reference=lambda: next(self._references), dice=lambda: 0.5)
        arming = Arming(
            self.commit,
            self.gateway,
            self.clock,
            luck,
            minute,
            Account("main", sender="ACME", limits=TextLimits(160, 153, 3)),
            lambda *about: self.switch.failed(*about),  # noqa: PLW0108 - it is made later
        )
        outboxes = Outboxes({"main": arming}, lambda _: isinstance(self.gateway.credits(), int))
        roster = Roster(Directory(self.people))
        self.switch = SiteSwitch(
            self.site_alive, "acme", outboxes, lambda: roster, self.commit, self.clock,
            lambda: self.unfit, self.moved.append,
        )  # fmt: skip

    def restart(self) -> None:
        self.boundary = lambda: None
        self.begin()

    def live(self, lasting: timedelta) -> None:
        until = self.now + lasting
        while self.now < until:
            self.gateway.pass_time()
            pause = self.switch.keep_once()
            self.now = min(until, self.now + timedelta(seconds=pause))
        self.gateway.pass_time()

    def pass_dead(self, lasting: timedelta) -> None:
        self.now += lasting
        self.gateway.pass_time()

    def lying(self) -> list[ArmedText]:
        with self.store.transaction() as tx:
            return list(armed_rows.lying(tx, ArmedFor.SITE_ALIVE))

    def armed(self) -> list[ArmedText]:
        return [text for text in self.lying() if text.state is ArmedState.ARMED]
