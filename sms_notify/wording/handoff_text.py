"""Who takes over a schedule is told so: until when, and what is open."""

from __future__ import annotations

from sms_notify.wording import gsm
from sms_notify.wording.composed import Composed, parts_allowed, text_of
from sms_notify.wording.content import HandOff, Reader
from sms_notify.wording.incident_summary import IncidentList, Part, TextDraft, listed
from sms_notify.wording.languages import Words, words_of
from sms_notify.wording.phrases import counted, day_and_time
from sms_notify.wording.place import as_told, without_ports
from sms_notify.wording.templates import local, one_line, tidy, zone_of

_SCHEDULE = 40  # characters of its name


def compose_handoff(handoff: HandOff, reader: Reader, max_parts: int = 1) -> Composed:
    """`On call for primary until Mon 30 Nov 09:00. 3 open: …`, in at most `max_parts` (1 to 3) parts."""
    words, max_parts = words_of(reader), parts_allowed(max_parts)
    head = _head(handoff, reader, words)
    if not handoff.incidents:
        return Composed(text_of(f"{head}, {words.nothing_open}"))
    head = f"{head}. {counted(words.open, len(handoff.incidents))}"
    incidents = listed(handoff.incidents, words)
    for telling, tagged in ((as_told, True), (without_ports, True), (without_ports, False)):
        listing = IncidentList(incidents, telling, words, ranked=True)
        tag = f" #{one_line(listing.tag, 12)}" if tagged and listing.tag else ""
        part = Part(listing, lambda listing: f": {listing.say()}" if listing.told else "")
        draft = TextDraft([part], max_parts, head, tag)
        if draft.fill_whole():
            break
    else:
        if not draft.fill():
            listing.add_a_name_in_part(draft.fits)
    return Composed(text_of(draft.body), named=draft.named())


def _head(handoff: HandOff, reader: Reader, words: Words) -> str:
    schedule = gsm.clip(tidy(one_line(handoff.schedule)), _SCHEDULE) or "?"
    until = local(handoff.until, zone_of(reader.timezone))
    told = words.on_call.format(schedule)
    return f"{told} {words.until_day} {day_and_time(until, words)}" if until else told
