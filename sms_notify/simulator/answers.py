"""What one request is answered: the grammar of gateway.php and gatewayrapport.php, row by row of the seed.

What the seed leaves open is decided here and in `checks.py`, and marked as our guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sms_notify.secret import Secret
from sms_notify.simulator import checks
from sms_notify.simulator.alphabet import parts
from sms_notify.simulator.codes import Code
from sms_notify.simulator.faults import FaultKind, SimulatedFault
from sms_notify.simulator.gateway import GatewayState
from sms_notify.simulator.records import Order, Received, SimulatedAnswer, SimulatedText
from sms_notify.simulator.settings import SimulatedStatus

_REPORT_TIME = "%d/%m/%Y %H:%M:%S"  # seed, parameter datum=ja: dd/mm/yyyy uu:mm:ss


def handle(
    state: GatewayState,
    params: Mapping[str, str],
    now: datetime,
    *,
    script: str = "gateway.php",
    method: str = "GET",
    fault: SimulatedFault | None = None,
) -> SimulatedAnswer:
    """Answer one request to gateway.php or gatewayrapport.php, and remember it. `now` is aware UTC.

    `fault` is what breaks it: one that accepts nothing keeps the request away from the gateway.
    """
    state.advance(now)
    reached = fault is None or fault.accepts
    answer = _decide(state, params, now, script) if reached else _in_its_place(state, fault)
    open_params = {name: value for name, value in params.items() if name != "klantpwd"}
    state.received.append(
        Received(
            at=now,
            method=method,
            script=script,
            params=open_params,
            password=Secret(params.get("klantpwd", "")),
            answer=answer.body,
            code=answer.code,
            ended=fault.summary if fault else "answered",
            reached=reached,
        )
    )
    state.request_count += 1
    if answer.code is not None:
        state.refuse(answer.code, params.get("naar", ""), now)
    return answer


def _in_its_place(state: GatewayState, fault: SimulatedFault | None) -> SimulatedAnswer:
    if fault is None or fault.kind is not FaultKind.ERROR:
        return SimulatedAnswer("")
    return SimulatedAnswer((fault.style or state.settings.error_style).write(fault.code), fault.code)


def _decide(state: GatewayState, params: Mapping[str, str], now: datetime, script: str) -> SimulatedAnswer:
    return _report(state, params) if script == "gatewayrapport.php" else _gateway(state, params, now)


def _gateway(state: GatewayState, params: Mapping[str, str], now: datetime) -> SimulatedAnswer:
    settings = state.settings
    outage = settings.force_error or (Code.MAINTENANCE if settings.maintenance else None)
    fault = outage or checks.credentials_fault(params, settings) or settings.blocked
    if fault:
        return _refused(state, fault)
    match params.get("action", ""):
        case "credits":
            return SimulatedAnswer(str(state.credits))
        case "rapport":
            return _last_reports(state, params)
        case "verwijderbericht":
            return _remove_one(state, params)
        case "verwijderoutbox":
            return _empty_outbox(state)
        case _:
            return _send(state, params, now)


def _send(state: GatewayState, params: Mapping[str, str], now: datetime) -> SimulatedAnswer:
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
        return SimulatedAnswer("OK")
    if datum:
        entry = state.schedule(order, due)
        return SimulatedAnswer(f"OK {entry.outboxid}" if params.get("outboxid") == "ja" else "OK")
    texts = state.submit(order, now)
    # With several numbers the seed does not say which smsID comes back: the first one is our guess.
    body = f"OK {texts[0].smsid}" if order.wants_report else "OK"
    return SimulatedAnswer(body, smsids=tuple(text.smsid for text in texts if text.wants_report))


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
        confirm=params.get("emailen") != "nee",
    )


def _remove_one(state: GatewayState, params: Mapping[str, str]) -> SimulatedAnswer:
    """By outboxID the whole order; by number what is next due to it, and to that number alone.

    Which of several texts to a number goes, and that the other recipients keep theirs, is our guess.
    """
    if outboxid := params.get("id"):
        entry, number = state.outbox.get(outboxid), ""
    else:
        number = params.get("naar", "")
        waiting = [e for e in state.outbox.values() if number in e.order.numbers]
        entry = min(waiting, key=lambda e: e.due, default=None)
    if entry is None:
        return _refused(state, Code.NOTHING_TO_REMOVE)
    others = tuple(n for n in entry.order.numbers if number and n != number)
    if others:
        state.outbox[entry.outboxid] = replace(entry, order=replace(entry.order, numbers=others))
    else:
        del state.outbox[entry.outboxid]
    return SimulatedAnswer("OK")


def _empty_outbox(state: GatewayState) -> SimulatedAnswer:
    if not state.outbox:
        return _refused(state, Code.NOTHING_TO_REMOVE)
    state.outbox.clear()
    return SimulatedAnswer("OK")


def _last_reports(state: GatewayState, params: Mapping[str, str]) -> SimulatedAnswer:
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
    return SimulatedAnswer("\n".join(lines))


def _report(state: GatewayState, params: Mapping[str, str]) -> SimulatedAnswer:
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
        return SimulatedAnswer(SimulatedStatus.NONE)
    return SimulatedAnswer(
        f"{text.status} {_stamp(state, text)}" if params.get("datum") == "ja" else text.status
    )


def _stamp(state: GatewayState, text: SimulatedText) -> str:
    return state.stamp(text.changed_at, _REPORT_TIME)


def _refused(state: GatewayState, code: Code) -> SimulatedAnswer:
    return SimulatedAnswer(state.settings.error_style.write(code), code)
