"""The simulated gateway as a state machine: requests and time go in, answers and changed texts come out.

No HTTP, no clock, no threads: `server.py` has those. What the seed leaves open is decided here and marked as
our guess; this file shares nothing with the client in `gateways/`, or their tests would prove nothing.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.secret import Secret
from sms_notify.simulator import checks
from sms_notify.simulator.alphabet import parts
from sms_notify.simulator.codes import Code
from sms_notify.simulator.records import Answer, CallBack, Order, Received, Refusal, Scheduled, Text
from sms_notify.simulator.settings import Settings, Status

_KEPT_REQUESTS = 20_000  # a simulator left running for weeks must not eat the machine


class GatewayState:
    """Everything the gateway knows. Not safe for threads by itself: `Simulator` holds a lock around it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.credits = settings.credits
        self.sent: dict[str, Text] = {}
        self.outbox: dict[str, Scheduled] = {}
        self.received: deque[Received] = deque(maxlen=_KEPT_REQUESTS)
        self.refusals: deque[Refusal] = deque(maxlen=50)
        self.callbacks: deque[CallBack] = deque(maxlen=_KEPT_REQUESTS)
        self.request_count = 0
        self.error_count = 0
        self._smsids = itertools.count(1000001)
        self._outboxids = itertools.count(501)
        self._order = itertools.count()  # keeps what falls due at one instant in the order it was planned
        self._agenda: list[tuple[datetime, int, str, Status | None]] = []
        self._changed: list[Text] = []

    def texts(self) -> list[Text]:
        """Every text taken, oldest first, each with its status of now."""
        return list(self.sent.values())

    def requests(self) -> list[Received]:
        """The requests received, oldest first (the newest 20 000)."""
        return list(self.received)

    def change(self, settings: Settings, *, set_credits: bool) -> None:
        """Obey `settings` from now on; texts on their way keep the fate they were given."""
        self.settings = settings
        if set_credits:
            self.credits = settings.credits

    def next_due(self) -> datetime | None:
        """When `advance` has something to do, or None."""
        return self._agenda[0][0] if self._agenda else None

    def advance(self, now: datetime) -> None:
        """Do what fell due: texts change status, scheduled ones leave; each is dated when it was due."""
        while self._agenda and self._agenda[0][0] <= now:
            due, _, key, status = heapq.heappop(self._agenda)
            if status is None:
                self._leave_outbox(key, due)
            else:
                self._remember(replace(self.sent[key], status=status, changed_at=due))

    def drain(self) -> list[Text]:
        """The texts that are new or changed since the last call, in order: for call-backs and the page."""
        changed, self._changed = self._changed, []
        return changed

    def submit(self, order: Order, now: datetime) -> list[Text]:
        """Take the credits and put every text of `order` on its way."""
        self.credits -= order.cost
        return [self._submit_one(order, number, now) for number in order.numbers]

    def schedule(self, order: Order, due: datetime) -> Scheduled:
        """Keep `order` until `due`; credits are taken when it leaves."""
        entry = Scheduled(outboxid=str(next(self._outboxids)), due=due, order=order)
        self.outbox[entry.outboxid] = entry
        self._plan(due, entry.outboxid, None)
        return entry

    def refuse(self, code: Code, to: str, now: datetime) -> None:
        """Count a refusal and keep it for the page."""
        self.error_count += 1
        self.refusals.append(Refusal(now, code, to))

    def _submit_one(self, order: Order, number: str, now: datetime) -> Text:
        text = Text(
            number=number,
            text=order.text,
            reference=order.reference,
            smsid=str(next(self._smsids)),
            parts=order.parts,
            at=now,
            sender=order.sender,
            status=Status.SUBMITTED,
            changed_at=now,
            wants_report=order.wants_report,
            logged=order.logged,
        )
        self._remember(text)
        self._plan_fate(text)
        return text

    def _plan_fate(self, text: Text) -> None:
        final = self.settings.final_of(text.number)
        if final not in (Status.SUBMITTED, Status.REJECTED):  # an operator that rejects has never buffered
            buffered = text.at + timedelta(seconds=self.settings.buffered_after)
            self._plan(buffered, text.smsid, Status.BUFFERED)
        if final not in (Status.SUBMITTED, Status.BUFFERED):
            self._plan(text.at + timedelta(seconds=self.settings.final_after), text.smsid, final)

    def _leave_outbox(self, outboxid: str, due: datetime) -> None:
        entry = self.outbox.pop(outboxid, None)
        if entry is None:  # removed meanwhile
            return
        if entry.order.cost > self.credits:
            self.refuse(Code.NO_CREDITS, ", ".join(entry.order.numbers), due)
        else:
            self.submit(entry.order, due)

    def _remember(self, text: Text) -> None:
        self.sent[text.smsid] = text
        self._changed.append(text)

    def _plan(self, due: datetime, key: str, status: Status | None) -> None:
        heapq.heappush(self._agenda, (due, next(self._order), key, status))


def handle(
    state: GatewayState,
    params: Mapping[str, str],
    now: datetime,
    *,
    script: str = "gateway.php",
    method: str = "GET",
) -> Answer:
    """Answer one request to gateway.php or gatewayrapport.php, and remember it. `now` is aware UTC."""
    state.advance(now)
    answer = _report(state, params) if script == "gatewayrapport.php" else _gateway(state, params, now)
    open_params = {name: value for name, value in params.items() if name != "klantpwd"}
    password = Secret(params.get("klantpwd", ""))
    state.received.append(Received(now, method, script, open_params, password, answer.body, answer.code))
    state.request_count += 1
    if answer.code is not None:
        state.refuse(answer.code, params.get("naar", ""), now)
    return answer


def _gateway(state: GatewayState, params: Mapping[str, str], now: datetime) -> Answer:
    settings = state.settings
    outage = settings.force_error or (Code.MAINTENANCE if settings.maintenance else None)
    fault = outage or checks.credentials_fault(params, settings) or settings.blocked
    if fault:
        return _refused(state, fault)
    match params.get("action", ""):
        case "credits":
            return Answer(str(state.credits))
        case "rapport":
            return _last_reports(state, params)
        case "verwijderbericht":
            return _remove_one(state, params)
        case "verwijderoutbox":
            return _empty_outbox(state)
        case _:
            return _send(state, params, now)


def _send(state: GatewayState, params: Mapping[str, str], now: datetime) -> Answer:
    order = _order(state, params)
    if isinstance(order, Code):
        return _refused(state, order)
    datum = params.get("datum", "")
    due = checks.due_time(datum, state.settings.zone, now) if datum else now
    if isinstance(due, Code):
        return _refused(state, due)
    if order.cost > state.credits:
        return _refused(state, Code.NO_CREDITS)
    if params.get("test") == "ja":  # every check, nothing sent, and so no smsID to give
        return Answer("OK")
    if datum:
        entry = state.schedule(order, due)
        return Answer(f"OK {entry.outboxid}" if params.get("outboxid") == "ja" else "OK")
    texts = state.submit(order, now)
    # With several numbers the seed does not say which smsID comes back: the first one is our guess.
    return Answer(f"OK {texts[0].smsid}" if order.wants_report else "OK")


def _order(state: GatewayState, params: Mapping[str, str]) -> Order | Code:
    settings, sender, text = state.settings, params.get("afzender", ""), params.get("bericht", "")
    if fault := checks.sender_fault(sender, settings):
        return fault
    numbers = checks.recipients(params, settings)
    if isinstance(numbers, Code):
        return numbers
    count, long = parts(text), params.get("type") == "long"
    fault = checks.numbers_fault(numbers, settings) or checks.text_fault(text, count, long, numbers, settings)
    if fault:
        return fault
    return Order(
        numbers=numbers,
        text=text,
        sender=sender,
        reference=params.get("referentie", "")[:75],  # the seed's maximum; cut, as far as we can guess
        parts=count,
        wants_report=params.get("delivery") == "ja",
        logged=params.get("logging") != "nee",
    )


def _remove_one(state: GatewayState, params: Mapping[str, str]) -> Answer:
    """By outboxID, or the next one due to a number (which of several the seed does not say)."""
    number = params.get("naar", "")
    to_number = sorted((e.due, e.outboxid) for e in state.outbox.values() if number in e.order.numbers)
    wanted = params.get("id") or (to_number[0][1] if to_number else "")
    if state.outbox.pop(wanted, None) is None:
        return _refused(state, Code.NOTHING_TO_REMOVE)
    return Answer("OK")


def _empty_outbox(state: GatewayState) -> Answer:
    if not state.outbox:
        return _refused(state, Code.NOTHING_TO_REMOVE)
    state.outbox.clear()
    return Answer("OK")


def _last_reports(state: GatewayState, params: Mapping[str, str]) -> Answer:
    """The last `aantal` reports, newest last. The format is our guess, as the seed has none; one a line:
    `smsid status dd/mm/yyyy HH:MM:SS reference`. Only texts sent with delivery=ja have a report.
    """
    wanted = params.get("aantal", "")
    if not wanted:
        return _refused(state, Code.REPORT_WITHOUT_NUMBER)
    if not (wanted.isascii() and wanted.isdigit() and int(wanted[:9]) > 0 and len(wanted) < 10):
        return _refused(state, Code.REPORT_BAD_NUMBER)
    reported = [text for text in state.sent.values() if text.wants_report][-int(wanted) :]
    lines = (f"{t.smsid} {t.status} {_stamp(state, t)} {t.reference}".rstrip() for t in reported)
    return Answer("\n".join(lines))


def _report(state: GatewayState, params: Mapping[str, str]) -> Answer:
    """`STATUS` or, with datum=ja, `STATUS dd/mm/yyyy HH:MM:SS`; anybody may ask (seed: no credentials)."""
    if state.settings.maintenance:
        return _refused(state, Code.MAINTENANCE)
    smsid = params.get("smsid", "")
    if not smsid:
        return _refused(state, Code.REPORT_WITHOUT_NUMBER)
    text = state.sent.get(smsid)
    if text is None:
        return _refused(state, Code.REPORT_BAD_NUMBER)
    if not text.wants_report:
        return Answer(Status.NONE)
    return Answer(f"{text.status} {_stamp(state, text)}" if params.get("datum") == "ja" else text.status)


def _stamp(state: GatewayState, text: Text) -> str:
    return text.changed_at.astimezone(state.settings.zone).strftime("%d/%m/%Y %H:%M:%S")


def _refused(state: GatewayState, code: Code) -> Answer:
    return Answer(state.settings.error_style.write(code), code)
