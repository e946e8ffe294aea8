"""What the pages for people call, and what they are told of the configuration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from sms_notify.oncall.roster import Roster
from sms_notify.policy.by_hand import TextAnswer
from sms_notify.policy.directory import Directory, Person
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.site_alive import SiteAlive
from sms_notify.policy.vocabulary import AckBy, AckEnd
from sms_notify.store.oncall_rows import AskedOverride
from sms_notify.store.tx import Tx

T = TypeVar("T")


class View(Protocol):
    """Runs a question in one reading transaction and returns its answer; blocks, and raises StoreError."""

    def __call__(self, job: Callable[[Tx], T], /) -> T: ...


@dataclass(frozen=True, slots=True)
class People:
    """What the pages need. The coroutines run on the server's event loop and return after the commit, or raise
    StoreError; `view` is called in a thread.

    `acknowledge` takes incidents, who takes care of them and how, and returns those that it was news for; so does
    `unacknowledge` of those that nobody takes care of any more; `close` takes incidents and who says so on a page.
    `change_overrides` takes the numbers of those to remove, those to make, and who asked, and returns False, with nothing
    changed, where one to remove is not there. `escalate_now` takes an incident, who asked, and the steps that they saw
    (None: whichever is next), `cancel_text` a text and who asked, and return False where nothing came of it; None for no such
    text. `note` takes an incident, who writes, and the words, and returns False where they are none or too many. `send_again`
    takes a text and who asked, `write` a reader, words and who asked; both return what came of it, and `may_send_again` what
    would, of a text, inside of `view`.

    `schedules` gives those that count now, with their calendars read. `route` and `receivers` help to tell why somebody was
    not told. `gateways` are the accounts that text, in order of preference. `alertmanager` is the
    address of the first one that is configured. `plan` is all that decides now. `version` is
    another value whenever something was stored; it is called in a thread, and raises StoreError.
    """

    view: View
    acknowledge: Callable[[Sequence[int], str, AckBy], Awaitable[Sequence[int]]]
    unacknowledge: Callable[[Sequence[int], str, AckEnd], Awaitable[Sequence[int]]]
    close: Callable[[Sequence[int], str], Awaitable[Sequence[int]]]
    change_overrides: Callable[[Sequence[int], Sequence[AskedOverride], str], Awaitable[bool]]
    escalate_now: Callable[[int, str, Collection[str] | None], Awaitable[bool]]
    note: Callable[[int, str, str], Awaitable[bool]]
    cancel_text: Callable[[int, str], Awaitable[bool | None]]
    may_send_again: Callable[[Tx, int], TextAnswer]
    send_again: Callable[[int, str], Awaitable[TextAnswer]]
    write: Callable[[Person, str, str], Awaitable[TextAnswer]]
    schedules: Callable[[], Mapping[str, Schedule]]
    now: Callable[[], datetime]
    directory: Directory = field(default_factory=Directory)
    route: Route | None = None
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    gateways: tuple[str, ...] = ()
    site_alive: SiteAlive | None = None
    alertmanager: str = ""
    plan: Callable[[], Plan] | None = None
    version: Callable[[], object] = object

    @property
    def roster(self) -> Roster:
        """Who stands behind a target, by the schedules that count now."""
        return Roster(self.directory, self.schedules())
