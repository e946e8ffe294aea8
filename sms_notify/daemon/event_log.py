"""What the daemon writes into its log of what it did: one event, one line, no number and no secret."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sms_notify.alert import Delivery
from sms_notify.delivery.reports import Delivered
from sms_notify.delivery.sender import Sent
from sms_notify.delivery.site_switch import SwitchMoved
from sms_notify.delivery.step_keeper import KeptSteps
from sms_notify.engine import Moved, Verdict
from sms_notify.gateways.base import Failed
from sms_notify.logs import masked, printable
from sms_notify.oncall.schedules import CalendarProblem
from sms_notify.policy.armed_texts import ArmedState, ArmedText
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.outcomes import Fate, Outcome
from sms_notify.policy.retention import ErasedPart
from sms_notify.policy.self_check import SelfCheckEnd
from sms_notify.policy.vocabulary import BEGUN, AckBy, AckEnd, Applied, Cause, Heard, State
from sms_notify.silences.keeper import Kept
from sms_notify.spool import Refused

_log = logging.getLogger("sms_notify")


def accepted(delivery: Delivery, verdicts: list[Verdict]) -> None:
    told: set[int] = set()
    heard: dict[str, int] = {}
    for verdict in verdicts:
        told.update(verdict.messages)
        heard[verdict.heard.value] = heard.get(verdict.heard.value, 0) + 1
    new = [f"#{tag_of(v.incident_id)}" for v in verdicts if v.heard in BEGUN and v.incident_id]
    extra = {"source": delivery.source, "alerts": len(verdicts), **heard, "texts": len(told)}
    _log.info("accepted", extra=extra | ({"incidents": ",".join(new[:10])} if new else {}))
    early = [v for v in verdicts if v.heard is Heard.NEVER_FIRED and not v.alert.status_told]
    if early:
        ended = max(v.alert.ends_at for v in early if v.alert.ends_at is not None)
        extra = {"source": delivery.source, "alerts": len(early), "ends_at": f"{ended:%FT%TZ}"}
        _log.warning("first heard of when its end was past: a clock may be wrong", extra=extra)


def missing(verdicts: Iterable[Verdict]) -> None:
    """Each watch that has fallen silent: no request told of it."""
    for verdict in verdicts:
        labels = {
            name: text for name, text in verdict.alert.labels.items() if name not in ("alertname", "severity")
        }
        said = " ".join(f"{name}={printable(text)}" for name, text in sorted(labels.items()))
        tag = f"#{tag_of(verdict.incident_id)}" if verdict.incident_id else "none"
        _log.warning("missing: %s", said, extra={"incident": tag, "texts": len(verdict.messages)})


def unpaired(source: str, one: str, other: str) -> None:
    """Once for each two addresses: whoever reads it lists them as a pair, or gives each installation a name."""
    advice = (
        "list both under alertmanagers where they are a pair; else give each a name, as in /alertmanager/NAME"
    )
    extra = {"source": source, "one": printable(one), "other": printable(other), "advice": advice}
    _log.warning("two senders have alerts of one name, which are one problem here", extra=extra)


def self_checked(end: SelfCheckEnd) -> None:
    """What came of the daily text; nobody gets one of a day that was missed."""
    level = logging.INFO if end is SelfCheckEnd.TEXTED else logging.WARNING
    _log.log(level, "self-check", extra={"ended": end})


_OF_OUTBOX = {
    ArmedState.ARMED: "step armed at the gateway",
    ArmedState.UNSURE: "step perhaps armed: its answer was lost",
    ArmedState.REMOVING: "step not taken back from the outbox yet",
    ArmedState.FIRED: "step sent by the outbox",
}


def steps_kept(kept: KeptSteps) -> None:
    for text in kept.texts:
        what = _OF_OUTBOX.get(text.state)
        if what is None:
            what = "step taken back from the outbox" if text.outboxid else "step not in the outbox"
        well = text.state is ArmedState.ARMED or (text.state is ArmedState.GONE and text.outboxid)
        extra = {"incident": f"#{tag_of(text.incident_id)}", "to": text.reader, "gateway": text.gateway}
        _log.log(
            logging.INFO if well else logging.WARNING, what, extra=extra | {"due_at": f"{text.due_at:%FT%TZ}"}
        )
    if kept.news_of_beyond:
        _log.warning("steps beyond what the outbox holds: not armed", extra={"texts": kept.beyond})


def outbox_failed(text: ArmedText, failed: Failed) -> None:
    """Why a gateway did not do what it was asked about a text in its outbox."""
    extra: dict[str, object] = {"gateway": text.gateway, "to": masked(text.number), "reason": failed.reason}
    extra |= {"code": failed.code} if failed.code is not None else {}
    extra |= {"detail": failed.detail} if failed.detail else {}
    _log.warning("outbox", extra=extra)


def sent(was: Sent) -> None:
    message, outcome = was.message, was.outcome
    level = logging.INFO if outcome.fate is Fate.SENT else logging.WARNING
    extra = {
        "text": message.id,
        "to": masked(message.number),
        "gateway": message.gateway,
        "reason": outcome.reason,
    }
    if outcome.code is not None:
        extra["code"] = outcome.code
    if outcome.detail and outcome.fate is not Fate.SENT:
        extra["detail"] = outcome.detail
    _log.log(level, str(outcome.fate), extra=extra | {"seconds": f"{outcome.seconds:.3f}"})


def past_the_store(number: str, gateway: str, outcome: Outcome) -> None:
    """A text that no row tells of: the log has it alone."""
    extra = {"to": masked(number), "gateway": gateway, "fate": outcome.fate, "reason": outcome.reason}
    _log.warning("a text about the database, past the database", extra=extra)


def moved(was: Moved) -> None:
    """A page that nobody can be known to have read is an error; the rest is the course of things."""
    lost = was.state in (State.EXPIRED, State.UNKNOWN_FINAL, State.UNKNOWN, State.CANCELLED)
    level = logging.ERROR if lost and was.message.kind.alarming else logging.INFO
    extra = {"text": was.message.id, "to": masked(was.message.number), "reason": was.cause}
    _log.log(level, str(was.state), extra=extra)


def report(delivered: Delivered, by: Cause) -> None:
    text = delivered.message.id if delivered.message is not None else "-"
    # What moves nothing is counted and not logged: anybody who can guess the address could fill the disk.
    level = logging.INFO if delivered.applied is Applied.MOVED else logging.DEBUG
    _log.log(
        level,
        "report",
        extra={"text": text, "status": delivered.report.status, "by": by, "did": delivered.applied},
    )


def acknowledged(incident_ids: Iterable[int], by: str, how: AckBy) -> None:
    tags = ",".join(f"#{tag_of(incident_id)}" for incident_id in incident_ids)
    if tags:
        _log.info("acknowledged", extra={"incidents": tags, "by": by, "how": how})


def unacknowledged(incident_ids: Iterable[int], by: str, how: AckEnd) -> None:
    tags = ",".join(f"#{tag_of(incident_id)}" for incident_id in incident_ids)
    if tags:
        _log.info("unacknowledged", extra={"incidents": tags, "by": by, "how": how})


def closed(incident_ids: Iterable[int], by: str, how: AckBy) -> None:
    tags = ",".join(f"#{tag_of(incident_id)}" for incident_id in incident_ids)
    if tags:
        _log.info("closed", extra={"incidents": tags, "by": by, "how": how})


def silences(kept: Kept) -> None:
    """What a round over the Alertmanagers did; a problem is told when it begins and when it has ended."""
    extra: dict[str, object] = {"alertmanager": kept.alertmanager} if kept.alertmanager else {}
    if kept.incident_id is not None:
        extra["incident"] = f"#{tag_of(kept.incident_id)}"
    if kept.silence_id:
        extra["silence"] = kept.silence_id
    if kept.problem is not None:
        extra |= {"reason": kept.problem.why, "detail": kept.problem.detail}
    _log.log(logging.WARNING if kept.problem is not None else logging.INFO, str(kept.what), extra=extra)


def calendar(problem: CalendarProblem) -> None:
    _log.warning("calendar: %s", problem.what, extra={"schedule": problem.schedule})


def refused(handed: Refused) -> None:
    extra = {"file": printable(handed.name), "reason": printable(handed.why), "kept": printable(handed.kept)}
    _log.error("refused a hand-over", extra=extra)


def reloaded(changed: Sequence[str]) -> None:
    _log.info("reloaded", extra={"changed": ",".join(changed) or "nothing"})


def reload_refused(faults: Sequence[str]) -> None:
    """Every fault is a line: whoever reads the log must not need another command to learn the rest."""
    for fault in faults:
        _log.error("reload refused: %s", fault)
    _log.error("reload refused, the configuration from before goes on", extra={"faults": len(faults)})


def about_incident(what: str, incident_id: int, by: str) -> None:
    """Somebody asked something of one incident on its page, and it was done."""
    _log.info(what, extra={"incidents": f"#{tag_of(incident_id)}", "by": by, "how": AckBy.PAGE})


def about_text(what: str, message_id: int, by: str) -> None:
    """Somebody asked something of one text on its page, and it was done."""
    _log.info(what, extra={"text": message_id, "by": by, "how": AckBy.PAGE})


def override(schedule: str, what: str, by: str) -> None:
    _log.info("override", extra={"schedule": schedule, "what": what, "by": by})


def switch_moved(moved: SwitchMoved, *, down: bool) -> None:
    """What became of a text that says that this site is silent; `down`: it was due while no daemon ran."""
    text = moved.text
    extra = _of_silent_site(text)
    if text.state is ArmedState.FIRED:
        said = (
            "site_alive: the text went out while sms-notify was down"
            if down
            else "site_alive: the text went out"
        )
        _log.log(logging.WARNING if down else logging.CRITICAL, said, extra=extra)
    elif moved.why:
        _log.warning("site_alive: %s", moved.deed, extra=extra | {"became": text.state, "reason": moved.why})
    else:
        _log.debug("site_alive: %s", moved.deed, extra=extra | {"became": text.state})


def switch_left(left: Sequence[ArmedText]) -> None:
    """The daemon stops, and these stay in the outbox."""
    for text in left:
        said = "site_alive stays armed: the text leaves unless sms-notify starts before"
        _log.warning(said, extra=_of_silent_site(text))


def switch_armed(reader: str, until: datetime) -> None:
    """The gateway keeps a text for somebody who had none, as far as was known; it is pushed ahead from now on."""
    _log.info("site_alive is armed", extra={"to": reader, "until": f"{until:%FT%TZ}"})


def _of_silent_site(text: ArmedText) -> dict[str, object]:
    return {"to": text.reader, "gateway": text.gateway, "due_at": f"{text.due_at:%FT%TZ}"}


def forgotten(detail: str) -> None:
    """A command has erased a person: by whom, and how much."""
    _log.info("forgotten %s", printable(detail))


def erased(rows: Mapping[ErasedPart, int]) -> None:
    """What a day's run of `keep` has erased: a line a day, and none where there was nothing."""
    level = logging.INFO if any(rows.values()) else logging.DEBUG
    _log.log(level, "erased what is too old", extra={str(part): rows.get(part, 0) for part in ErasedPart})
