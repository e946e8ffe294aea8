"""What a person decides about one text (it does not leave, or is told once more) or one incident (the next step, a note)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from sms_notify.policy.acknowledgement import MAX_WORDS, clean_words, signed
from sms_notify.policy.owed_again import family_of, once_more, still_owed
from sms_notify.policy.records import Entry, Message, Notification, Timer, TimerKind
from sms_notify.policy.routing import MOST_REPEATS, step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import AckBy, Cause, Decision, Drop, PageState, State

A_MOMENT = timedelta(minutes=1)
"""Of texts by hand one person gets one in so much time: who presses a button twice wants one text."""


class NotTexted(Enum):
    """Why somebody gets no text that was asked for by hand."""

    NO_TEXT = auto()  # there is none of this number
    UNDER_WAY = auto()  # it, or its repeat, has not come to an end
    HELD = auto()  # its repeat is held
    NOTHING_OWED = auto()
    JUST_WRITTEN = auto()  # another text by hand to the same person
    LIMIT = auto()
    BARRED = auto()  # by every gateway


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """What came, or would come, of asking for a text by hand; `refused` None = it is written, or held for a moment.

    `message_id` is the text that tells it now: the new one, or the one that is under way. `until` is when the repeat is due
    that is held, or when the limit `scope` leaves room.
    """

    refused: NotTexted | None = None
    message_id: int | None = None
    until: datetime | None = None
    scope: str = ""


def cancel(rows: Rows, message: Message, by: str) -> bool:
    """A text that waits does not leave, and what it was to tell is owed no more. False where it does not wait."""
    if message.state is not State.QUEUED:
        return False
    # Of one that was tried, nobody knows whether it arrived: its reader may believe what it says.
    rows.move(
        message,
        State.UNKNOWN_FINAL if message.ambiguous else State.CANCELLED,
        Entry(Cause.TAKEN_BACK, detail=by),
    )
    for n in rows.of_message(message.id):
        if n.state is PageState.TOLD and not message.ambiguous:
            rows.change(replace(n, state=PageState.DROPPED, why=Drop.TAKEN_BACK))
    return True


def may_send_again(rows: Rows, message: Message, moved: Iterable[Notification] = ()) -> TextAnswer:
    """Whether a text may be told once more. `moved` is what it was to tell and another text tells, or is to tell, by now."""
    if is_leaving(message.state):
        return TextAnswer(NotTexted.UNDER_WAY, message.id)
    later = _later(rows, message, moved)
    told = max((n.message_id for n in later if n.message_id is not None), default=None)
    if _owed(rows, message):
        return TextAnswer(None, told)
    due = [n.due_at for n in later if n.state is PageState.HELD]
    if due:
        return TextAnswer(NotTexted.HELD, until=min(due))
    leaving = any(_is_under_way(rows, n) for n in later)
    return TextAnswer(NotTexted.UNDER_WAY if leaving else NotTexted.NOTHING_OWED, told)


def send_again(rows: Rows, message: Message, by: str, moved: Iterable[Notification] = ()) -> TextAnswer:
    """What a text told, and is owed still, is due at once, and worded by what is true now."""
    answer = may_send_again(rows, message, moved)
    if answer.refused is None:
        owed = _owed(rows, message)
        for n in owed:
            once_more(rows, message, n)
        for incident_id in dict.fromkeys(n.incident_id for n in owed):
            rows.decide(
                Decision.SENT_AGAIN, incident_id, detail=signed(by, AckBy.PAGE, name_of_text(message.id))
            )
    return answer


def name_of_text(message_id: int) -> str:
    return f"m{message_id}"


def is_leaving(state: State) -> bool:
    """Whether a text is on its way to the gateway: to send it again would be to send it twice."""
    return state in (State.QUEUED, State.SUBMITTING)


def _owed(rows: Rows, message: Message) -> list[Notification]:
    """What the text told, or was taken back with, and may be told once more: nothing that is about to be."""
    mine = [n for n in rows.of_message(message.id) if n.state is PageState.TOLD or n.why is Drop.TAKEN_BACK]
    return [n for n in mine if still_owed(rows, n) and _may_be_repeated(rows, n)]


def _may_be_repeated(rows: Rows, n: Notification) -> bool:
    others = [one for one in family_of(rows, n) if one.id != n.id]
    about_to_be = any(one.state is PageState.HELD or _is_under_way(rows, one) for one in others)
    return not about_to_be and len(others) < MOST_REPEATS


def _is_under_way(rows: Rows, n: Notification) -> bool:
    """Whether a text tells it that has not come to an end."""
    state = rows.state_of(n) if n.state is PageState.TOLD else None
    return state is not None and not state.final


def _later(rows: Rows, message: Message, moved: Iterable[Notification]) -> list[Notification]:
    """What was to be told once more since: the same notifications in another text, and their repeats by hand."""
    repeats = (one for n in rows.of_message(message.id) for one in family_of(rows, n))
    listed = {n.id: n for n in (*moved, *repeats)}
    return [n for n in listed.values() if n.message_id is None or n.message_id > message.id]


def to_hasten(
    timers: Iterable[Timer], now: datetime, asked: Collection[str] | None = None
) -> Sequence[Timer]:
    """The steps of one incident that are not due yet; of these only the `asked` ones, as `name_of_step` names them."""
    later = [timer for timer in timers if timer.what is TimerKind.ESCALATE and timer.due_at > now]
    return [timer for timer in later if asked is None or name_of_step(timer) in asked]


def name_of_step(timer: Timer) -> str:
    """As a form names it, so that it asks for what its reader saw."""
    return f"{timer.nth} {timer.receiver}"


def escalate_now(rows: Rows, incident_id: int, by: str, asked: Collection[str] | None = None) -> bool:
    """The next step of each receiver is due at once, or of the `asked` steps those that are still to come. False where
    there is none.
    """
    mine = to_hasten(rows.timers_of(incident_id), rows.now, asked)
    for timer in mine:
        rows.set_timer(replace(timer, due_at=rows.now))
        rows.decide(
            Decision.HASTENED,
            incident_id,
            receiver=timer.receiver,
            nth=step_of(timer.nth),
            detail=signed(by, AckBy.PAGE),
        )
    return bool(mine)


def note(rows: Rows, incident_id: int, by: str, words: str) -> bool:
    """What somebody writes beside an incident. False, and nothing is written, for no words or too many."""
    fits = 0 < len(clean_words(words)) <= MAX_WORDS
    if fits:
        rows.decide(Decision.NOTE, incident_id, detail=signed(by, AckBy.PAGE, words))
    return fits
