"""What is wrong with the dead man's switch, as self-alerts: before a text leaves that nobody takes back, and after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sms_notify.delivery.site_switch import SiteSwitch, SwitchView
from sms_notify.delivery.switch_state import went_out
from sms_notify.policy.armed_texts import ArmedState, ArmedText
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.self_alert_notes import SelfAlertNote, name_of, note_id
from sms_notify.policy.site_alive import about_to_fire
from sms_notify.wording.clock import Says

SITE_ALIVE = "site_alive"
_UNARMED_AFTER = 3  # failures in a row
_PAGE = Urgency(Level.PAGE)


def what_is_wrong(
    switch: SiteSwitch, view: SwitchView, gateways: Sequence[str], why: str, say: Says, now: datetime
) -> list[SelfAlertNote]:
    """What lasts. `why` is why nothing is pushed for anybody; empty where it is each reader's own matter."""
    if switch.site_alive is None:
        return list(_stranded(view.lying, gateways, say))
    found = [] if view.readers or view.disarmed else [_nobody()]
    found += _stranded(view.lying, gateways, say)
    by_number = {text.number: text for text in view.lying}
    for number in dict.fromkeys((*(person.number for person in view.readers), *by_number)):
        lying = [t for t in view.lying if t.number == number and t.gateway in gateways]
        ahead = switch.ahead(lying[0].gateway) if lying else None
        risk = about_to_fire(lying, ahead, now) if ahead else None
        if risk is not None:
            found.append(_fires(risk, why or switch.why(number) or "it cannot be taken back", say))
    found += _unarmed(switch, view)
    return found


def known_ids(view: SwitchView) -> set[str]:
    """The ids that an earlier process may have noted."""
    names = {name_of(person.name, person.number) for person in view.readers}
    names |= {text.reader for text in view.lying}
    found = {note_id(SITE_ALIVE, about, name) for about in ("fires", "unarmed") for name in names}
    return found | {note_id(SITE_ALIVE, "nobody", "")}


def fired(text: ArmedText, say: Says) -> SelfAlertNote:
    """It has left though we live."""
    what = f"the text that this site is silent {went_out(text, say)}, though sms-notify runs"
    advice = "Tell them that it was a false alarm; the log says why it could not be taken back."
    return _note("fired", text.reader, text.gateway, what, advice)


def _fires(text: ArmedText, why: str, say: Says) -> SelfAlertNote:
    will = "may text" if text.state is ArmedState.UNSURE else "will text"
    what = f"{text.gateway} {will} {text.reader} at {say(text.due_at)} that this site is silent, though it lives: {why}"
    advice = "`sms-notify watch` shows it; what the gateway answers stands in the log."
    return _note("fires", text.reader, text.gateway, what, advice)


def _stranded(lying: Iterable[ArmedText], gateways: Sequence[str], say: Says) -> Iterable[SelfAlertNote]:
    for text in lying:
        if text.gateway not in gateways:
            yield _fires(text, f"gateway {text.gateway} is not configured any more", say)


def _unarmed(switch: SiteSwitch, view: SwitchView) -> Iterable[SelfAlertNote]:
    lying = {text.number for text in view.lying}
    for person in view.readers:
        if person.number not in lying and switch.failures(person.number) >= _UNARMED_AFTER:
            who = name_of(person.name, person.number)
            what = f"site_alive is not armed for {who}: {switch.why(person.number)}"
            advice = "Nobody is texted if this site falls silent now; `sms-notify watch test` tries it."
            yield _note("unarmed", who, "", what, advice)


def _nobody() -> SelfAlertNote:
    what = "site_alive has nobody to text: nobody is on call for what it names"
    advice = "Close the gap: `sms-notify oncall override add`; `sms-notify oncall show` shows it."
    return _note("nobody", "", "", what, advice)


def _note(about: str, who: str, gateway: str, what: str, advice: str) -> SelfAlertNote:
    return SelfAlertNote(None, note_id(SITE_ALIVE, about, who), _PAGE, gateway, what, advice)
