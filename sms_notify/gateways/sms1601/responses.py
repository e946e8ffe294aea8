"""The grammar of the gateway's answers: any bytes in, a value out, never an exception.

The seed shows `OK`, `OK 1234567`, `ERROR 122`, a bare `476` for credits and `DELIVERED 01/02/2012 10:23:10`;
everything else is open. So the rules lean one way: nothing counts as sent unless the whole answer says so,
and nothing counts as refused unless the gateway said so in words we know. What is left is UNKNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import tzinfo

from sms_notify.gateways.base import Failed, LastReports, Removed, Report
from sms_notify.gateways.sms1601.error_codes import CODES, explain_code
from sms_notify.gateways.sms1601.report_fields import instant_in, reference_in, status_in
from sms_notify.gateways.sms1601.report_list import read_list
from sms_notify.net.details import clean, quoted, tells
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.secret import Secret

_BOM = b"\xef\xbb\xbf"
_OK = re.compile(rb"OK(?:(?:[ \t]*[:=][ \t]*|[ \t]+)([0-9]{1,20}))?\.?", re.IGNORECASE)
# What PHP prints before an answer where its server shows diagnostics: the answer is whole, and a line of its own.
_DIAGNOSTICS = re.compile(
    rb"(?:(?:<br />\s*)?(?:<b>)?(?:PHP )?(?:Notice|Warning|Deprecated|Strict Standards)(?:</b>)?:[^\r\n]{1,1000}"
    rb" on line (?:<b>)?[0-9]{1,6}(?:</b>)?(?:<br />|[\r\n])\s*)+"
)
# A code, then nothing or an explanation on the same line: a second line could be another answer.
# `ERROR 12.5` and `ERROR 1,200` are not codes.
_ERROR = re.compile(
    rb"ERR(?:OR)?(?:[ \t]*:[ \t]*|[ \t]+)([0-9]{1,4})(?:(?:[ \t]|[^\w\s](?![0-9]))[^\r\n]*)?", re.IGNORECASE
)
_BARE = re.compile(rb"[0-9]{3}")
_BALANCE = re.compile(rb"[0-9]{1,12}")
_REPORT = re.compile(
    rb"([A-Z]+(?:[ \t_]+[A-Z]+)?)(?:[ \t]+([0-9]{2}/[0-9]{2}/[0-9]{4}[ \t]+[0-9]{2}:[0-9]{2}:[0-9]{2}))?",
    re.IGNORECASE,
)
_SMSID = re.compile(r"[0-9]{1,20}")
_STAMP = re.compile(r"[0-9]{14}")
_CREDENTIAL = Secret(
    "klantpwd"
)  # the parameter that holds the password: whoever names it may repeat that too


def read_send(body: bytes, status: int, hide: tuple[Secret, ...] = ()) -> Outcome:
    """How a send ended. `hide` are the spellings of the password; an answer with one of them is not quoted.

    A bare number is a refusal where the seed's table has it, and else UNKNOWN: it might be an smsID.
    """
    failed = _http_fault(body, status, hide) or _refusal(body, hide, bare=True)
    if failed is not None:
        return failed.outcome
    ok = _OK.fullmatch(_trimmed(body))
    if ok is None:
        return Outcome(Fate.UNKNOWN, Reason.UNREADABLE, detail=_quoted(body, hide))
    return Outcome(Fate.SENT, Reason.OK, smsid=ok[1].decode() if ok[1] else None)


def read_credits(body: bytes, status: int, hide: tuple[Secret, ...] = ()) -> int | Failed:
    """The balance in credits. A bare number is always the balance: 104 credits are not error 104."""
    failed = _http_fault(body, status, hide) or _refusal(body, hide, bare=False)
    if failed is not None:
        return failed
    balance = _BALANCE.fullmatch(_trimmed(body))
    return int(balance[0]) if balance else _unreadable(body, hide)


def read_report(
    body: bytes, status: int, *, smsid: str, zone: tzinfo, hide: tuple[Secret, ...] = ()
) -> Report | Failed:
    """What became of a text (seed, 'Delivery Code'); `zone` is the gateway's clock.

    A time that cannot be (`00/00/0000 00:00:00`) leaves `at` None: the status is worth having without it.
    """
    failed = _http_fault(body, status, hide) or _refusal(body, hide, bare=True)
    if failed is not None:
        return failed
    said = _REPORT.fullmatch(_trimmed(body))
    word = status_in(said[1].decode()) if said else None
    if said is None or word is None:
        return _unreadable(body, hide)
    stamp = " ".join(said[2].decode().split()) if said[2] else ""
    return Report(smsid, word, instant_in(stamp, "%d/%m/%Y %H:%M:%S", zone))


def read_last_reports(
    body: bytes, status: int, *, zone: tzinfo, hide: tuple[Secret, ...] = ()
) -> LastReports | Failed:
    """What `action=rapport` brought; an empty answer is an empty list. `zone` is the gateway's clock.

    An answer that repeats our credentials is not shown, and so it is a failure.
    """
    failed = _http_fault(body, status, hide) or _refusal(body, hide, bare=True)
    if failed is not None:
        return failed
    text = _trimmed(body).decode("utf-8", "replace")
    return _unreadable(body, hide) if tells(text, (_CREDENTIAL, *hide)) else read_list(text, zone)


def read_removal(body: bytes, status: int, hide: tuple[Secret, ...] = ()) -> Removed | Failed:
    """How a removal from the outbox ended: OK, or error 122 where there was nothing to remove (seed)."""
    failed = _http_fault(body, status, hide) or _refusal(body, hide, bare=True)
    if failed is not None:
        return failed
    return Removed() if _OK.fullmatch(_trimmed(body)) else _unreadable(body, hide)


def read_callback(params: Mapping[str, str], *, zone: tzinfo) -> Report | None:
    """What a delivery call-back says (seed, 'Delivery notification URL'), or None where it is not one.

    It carries no proof of its sender: treat it as a hint. `datum` is yyyymmddHHMMSS by the gateway's clock.
    """
    smsid = params.get("smsid", "").strip()
    word = status_in(params.get("status", ""))
    if word is None or not _SMSID.fullmatch(smsid):
        return None
    stamp, reference = params.get("datum", "").strip(), params.get("referentie", "").strip()
    at = instant_in(stamp, "%Y%m%d%H%M%S", zone) if _STAMP.fullmatch(stamp) else None
    return Report(smsid, word, at, reference_in(reference))


def _http_fault(body: bytes, status: int, hide: tuple[Secret, ...]) -> Failed | None:
    """What an HTTP status other than 200 means.

    Under a 4xx a code of the seed's table is believed: both say 'refused', and the code says why. Under a 5xx
    it is not: a server that failed may have failed after it took the text, and a proxy's `ERROR 503` looks
    the same. The price is at most one text sent twice; the other way round it would be a text lost.
    """
    if status == 200:
        return None
    if 400 <= status < 500:
        refused = _refusal(body, hide, bare=False)
        if refused is not None and refused.code in CODES:
            return refused
        return Failed(Fate.REFUSED, Reason.HTTP_CLIENT_ERROR, detail=_http_detail(body, status, hide))
    reasons = {3: Reason.REDIRECT, 5: Reason.HTTP_SERVER_ERROR}
    reason = reasons.get(status // 100, Reason.UNREADABLE)
    return Failed(Fate.UNKNOWN, reason, detail=_http_detail(body, status, hide))


def _refusal(body: bytes, hide: tuple[Secret, ...], *, bare: bool) -> Failed | None:
    answer = _trimmed(body)
    error = _ERROR.fullmatch(answer)
    if error is not None:
        return _refused(int(error[1]), _quoted(body, hide))
    if bare and _BARE.fullmatch(answer) and int(answer) in CODES:
        return _refused(int(answer), _quoted(body, hide))
    return None


def _refused(code: int, detail: str) -> Failed:
    return Failed(Fate.REFUSED, Reason.ERROR_CODE, code, detail, explain_code(code).refusal)


def _unreadable(body: bytes, hide: tuple[Secret, ...]) -> Failed:
    return Failed(Fate.UNKNOWN, Reason.UNREADABLE, detail=_quoted(body, hide))


def _trimmed(body: bytes) -> bytes:
    answer = body.strip().removeprefix(_BOM).strip()
    noise = _DIAGNOSTICS.match(answer)
    return answer[noise.end() :].removeprefix(_BOM).strip() if noise else answer


def _http_detail(body: bytes, status: int, hide: tuple[Secret, ...]) -> str:
    return clean(f"HTTP {status}: {_quoted(body, hide)}")


def _quoted(body: bytes, hide: tuple[Secret, ...]) -> str:
    if not body.strip():
        return "(an empty answer)"
    return quoted(body.decode("utf-8", "replace"), (_CREDENTIAL, *hide))
