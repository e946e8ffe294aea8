"""What the rules owe: at rest nobody is owed anything, and on the way nothing is told later than it may be.

Where a text counts and does not name, the reader gets the benefit of the doubt: what is found here is wrong in any reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from oracle_case import FLICKERS, Case, Violation
from oracle_problem import DAY, Problem, Stretch
from oracle_story import rank_of, seconds

_LATEST_WARNING = 11 * 60
_LATEST_CRITICAL = 61
_AFTER_FAULTS = 17 * 60
_STEP_LATE = 20 * 60
_GIVEN_UP = 15 * 60
_CLOSING = (
    "error:104",
    "error:105",
    "error:108",
    "error:117",
    "error:120",
)  # whoever it is refused for, nobody is texted for a while
_PAUSE = re.compile(r"texts? \d\d:\d\d|more until")
_MORNING = 4 * 3600  # before the noon at which a story ends


# At rest.


def untold(case: Case) -> Iterator[Violation]:
    """Every duty holder of an open problem believes that it fires, as badly as it does."""
    if not case.problem.open or _closed_by_silence(case):
        return
    stretch = case.problem.stretches[-1]
    if case.problem.notice and case.heard.story.ends - stretch.begin > DAY:
        return  # it was closed by itself
    told = [
        any(_believes_firing(case, person, stretch) for person in holders)
        for holders in case.duty(firing_only=True)
    ]
    if len(case.problem.members) > 1:
        told = [any(told)] if told else []
    for holders, is_told in zip(case.duty(firing_only=True), told, strict=False):
        if not is_told and not any(_is_excused(case, person, stretch) for person in holders):
            yield case.violation("untold", holders[0], case.heard.belief(holders[0], case.place))


def _believes_firing(case: Case, person: str, stretch: Stretch) -> bool:
    since = max([stretch.begin - 1, *(at - 1 for at in stretch.unfallen_rises)])
    if not stretch.unfallen_rises and _flickered(case.problem):
        since = 0
    belief = case.heard.belief(person, case.place)
    open_words = ("firing", "unheard") if case.problem.unheard else ("firing",)
    if belief is not None and belief.head.believed in open_words and belief.at >= since:
        return True
    kind = case.name if rank_of(stretch.worst) == 0 else ""
    return case.heard.counting(person, since, "firing", kind)


def _flickered(problem: Problem) -> bool:
    return _goes_on(problem, problem.stretches[-1])


def _goes_on(problem: Problem, stretch: Stretch) -> bool:
    """Whether it goes on with an episode of which nobody may have been texted the end."""
    before = [one for one in problem.stretches if one.begin < stretch.begin]
    return bool(before) and stretch.begin - (before[-1].end or 0) <= FLICKERS


def _is_excused(case: Case, person: str, stretch: Stretch) -> bool:
    """Nobody is reminded of what is acknowledged or of words alone, so that a text that was given up stays so; nor is it owed
    to those whom a reload makes responsible.
    """
    before = [one.end or 0 for one in case.problem.stretches[:-1]]
    kept = _flickered(case.problem) and case.problem.acknowledged(before[-1]) is not None
    anew = max([stretch.begin, *stretch.owed_rises, *case.problem.unacks])
    acknowledged = kept or any(ack >= anew for ack in case.problem.acks)
    new = not any(person in holders for holders in case.duty(setting=case.heard.story.settings[0]))
    if new and rank_of(stretch.severities[-1][1]) > 0 and _has_rare_reminders(case, stretch):
        return True  # the next reminder tells them
    if not acknowledged and not case.problem.notice:
        return False
    since = max(stretch.begin, *stretch.owed_rises, *(calm for _, calm in case.problem.bouts), 0)
    return new or case.heard.story.faulty(person, since - 60, since + 1800)


def _has_rare_reminders(case: Case, stretch: Stretch) -> bool:
    """None where nothing is heard of it, and one a day of what its source says only once, when that was a day ago."""
    ends, reloaded = case.heard.story.ends, case.heard.story.config_at[-1][0]
    return bool(case.problem.unheard) or (ends - stretch.begin > DAY and ends - reloaded < DAY)


def _closed_by_silence(case: Case) -> bool:
    """What a silence hid may be over for whoever asks Alertmanager: another rule's matter."""
    return any(
        what["labels"]["instance"] == case.place
        for _, _, what in case.heard.story.of_kind("suppressed", "gone")
    )


def end_unheard(case: Case) -> Iterator[Violation]:
    """Whoever may have read that it fires reads that it is over."""
    if case.problem.open or not case.problem.stretches:
        return
    end = case.problem.stretches[-1].end or 0
    silent = any(receiver.get("send_resolved") == "false" for receiver in case.receivers())
    for person in set(case.heard.readers(case.place)):
        belief = case.heard.belief(person, case.place)
        if belief is None or belief.head.believed == "over" or silent:
            continue
        gone = person not in case.heard.story.last.people
        faulty = partial(case.heard.story.faulty, person)
        # Of what was critical a lost answer is followed by the one resend after a minute.
        lost = faulty(end, end + 600) and (faulty(end + 60, end + 300) or faulty(end + 900, end + 2000))
        closed_it = person == case.problem.closed_by and any(belief.at <= at for at in case.problem.explained)
        if not (gone or lost or closed_it or case.heard.counting(person, end, "over")):
            yield case.violation("end unheard", person, belief.text.body)


def unheard_untold(case: Case) -> Iterator[Violation]:
    """Whoever believes that it fires reads that nothing is heard of it any more."""
    story, problem = case.heard.story, case.problem
    by = story.ends - _MORNING
    silent = any(receiver.get("send_resolved") == "false" for receiver in case.receivers())
    if not problem.open or silent or not problem.unheard or not problem.unheard_at(story.ends):
        return
    since = problem.unheard[-1][0]
    for person in set(case.heard.readers(case.place)):
        belief = case.heard.belief(person, case.place)
        fires = belief is not None and belief.head.believed in ("firing", "flapping")
        # Whoever was added while nothing was heard of it reads so in the text that tells that it fires.
        early = since < by and fires and belief is not None and ", last heard " not in belief.text.body
        gone = person not in story.last.people and not person.startswith("gateway-group:")
        lost = story.faulty(person, since, story.ends)
        if early and not (gone or lost or case.heard.counting(person, since, "unheard")):
            yield case.violation("unheard untold", person, since)


# Owed by time.


def steps_missing(case: Case) -> Iterator[Violation]:
    """A problem that lasts and that nobody acknowledges reaches the people of each step."""
    story = case.heard.story
    if (
        not case.problem.open
        or case.problem.acks
        or len(case.problem.members) > 1
        or len(story.config_at) > 1
    ):
        return
    stretch = case.problem.stretches[-1]
    member = next(iter(case.problem.members.values()))
    for receiver in story.last.receivers_of(member.labels, stretch.worst):
        for step in receiver.get("escalate", ()):
            if stretch.begin + seconds(step["after"]) + _STEP_LATE > story.ends:
                continue
            for holders in map(story.last.holders, step["notify"]):
                due = stretch.begin + seconds(step["after"])
                for person in holders:
                    by = story.ends if case.problem.suppressed else due + 1800  # it waited as long
                    if not (story.faulty(person, due - 60, by) or _heard_since(case, person, stretch)):
                        yield case.violation("step missing", person, step["after"])


def _heard_since(case: Case, person: str, stretch: Stretch) -> bool:
    since = stretch.begin if not _flickered(case.problem) else 0
    named = any(one.at >= since and one.text.arrived for one in case.heard.said(person, case.place))
    return named or case.heard.counting(person, since, "firing")


def taken_back(case: Case) -> Iterator[Violation]:
    """Once an acknowledgement is taken back, while it still fires, `notify` hears so, and the steps begin anew."""
    if not case.problem.open or not case.problem.unacks or not case.problem.acks:
        return
    back = case.problem.unacks[-1]
    stretch = case.problem.stretches[-1]
    if back < max(case.problem.acks) or back < stretch.begin or case.problem.in_bout(back):
        return
    if not any(ack >= max([stretch.begin, *stretch.rises]) for ack in case.problem.acks if ack < back):
        return  # it was void before
    if any(max(case.problem.acks) <= at <= back for at, _, _ in case.heard.story.of_kind("clock")):
        return  # by the clock it may have been taken back before it was made
    calm = case.heard.story.last.calm and not case.heard.story.faults and not case.muted
    soon = calm and rank_of(stretch.severities[-1][1]) == 0
    by = back + _STEP_LATE if soon else case.heard.story.ends
    for holders in case.duty(firing_only=True):
        if not any(back <= one.at <= by for person in holders for one in case.heard.said(person, case.place)):
            source = next(iter(case.problem.members.values())).source
            yield case.violation("acknowledgement taken back in silence", holders[0], back, source)


def unreported(case: Case) -> Iterator[Violation]:
    """Of a critical problem that reaches nobody for half an hour the operator hears; where no gateway takes anything, of that."""
    for stretch in [] if case.muted else case.problem.stretches:
        until = min(stretch.begin + 1800, case.heard.story.ends)
        if rank_of(stretch.severities[0][1]) or not any(case.duty()) or (stretch.end or until) < until:
            continue
        reached = any(_reached(case, person, stretch, until) for person in case.responsible())
        noted = any("operator" in text.to and stretch.begin <= text.at for text in case.heard.texts)
        dead = any(
            (to == "" or what in _CLOSING) and at <= until and stretch.begin <= end
            for at, end, to, what in case.heard.story.faults
        )
        goes_on = _goes_on(case.problem, stretch) or bool(case.problem.suppressed)
        if not (reached or noted or dead or goes_on or case.problem.in_bout(stretch.begin)):
            people = {person for holders in case.duty() for person in holders}
            sleeps = people & case.heard.story.last.quiet_people or any(
                "quiet" in one for one in case.receivers()
            )
            quiet = "quiet" if sleeps else ""
            yield case.violation("reached nobody and unreported", "", stretch.begin, quiet)


def told_late(case: Case) -> Iterator[Violation]:
    """With nothing in the way, what lasts is believed soon after it began, got worse or was calm; no reminder is waited for."""
    problem = case.problem
    if not problem.open or len(problem.members) > 1:
        return
    stretch = problem.stretches[-1]
    since = max(stretch.begin, *stretch.rises, *(calm for _, calm in problem.bouts), 0)
    by, last = since + _AFTER_FAULTS, max(stretch.begin, *stretch.rises, 0)
    taken = any(ack >= last for ack in problem.acks)
    if taken or by >= case.heard.story.ends or _hindered(case, problem.changes[0].at - 60, by):
        return
    for holders in case.duty(setting=case.heard.story.setting_at(by)):
        told = any(
            _believed_by(case, person, by) or _was_told_to_wait(case, person, by) for person in holders
        )
        if not told:
            yield case.violation("told late", holders[0], by)


def _was_told_to_wait(case: Case, person: str, by: float) -> bool:
    """`other texts 13:17`: a limit was reached."""
    texts = (text for text in case.heard.texts if person in text.to and by - 3600 <= text.at <= by)
    return any(_PAUSE.search(text.body) for text in texts)


def _hindered(case: Case, since: int, by: int) -> bool:
    """Whether a fault, a limit, a window, another clock, a reload or a stop of the daemon is in the way of anybody."""
    story = case.heard.story
    events = any(since <= at <= by for at, _, _ in story.of_kind("clock", "silence", "suppressed", "config"))
    off = any(since <= back and gone <= by for gone, back in story.off)
    faults = any(at <= by and since <= until for at, until, _, _ in story.faults)
    critical = rank_of(case.problem.stretches[-1].severities[-1][1]) == 0
    windows = case.muted or any("quiet" in receiver for receiver in case.receivers())
    quiet = any(person in story.last.quiet_people for holders in case.duty() for person in holders)
    return events or off or faults or not story.last.calm or windows or (quiet and not critical)


def _believed_by(case: Case, person: str, by: float) -> bool:
    stretch = case.problem.stretches[-1]
    arrived = [one for one in case.heard.said(person, case.place) if one.text.arrived and one.at <= by]
    worse = max(stretch.unfallen_rises, default=0)
    named = bool(arrived) and arrived[-1].head.believed == "firing" and arrived[-1].at >= worse
    return named or case.heard.counting(person, max(worse, stretch.begin), "firing")


def late(case: Case) -> Iterator[Violation]:
    """With nothing in the way a critical problem is told within a minute, the rest within ten and its window."""
    if case.name != "Canary" or not case.heard.story.last.calm:
        return
    begin, critical = case.problem.stretches[0].begin, case.problem.stretches[0].worst == "critical"
    by = begin + (_LATEST_CRITICAL if critical else _LATEST_WARNING)
    for person, *_ in case.duty():
        if not any(begin <= one.at <= by for one in case.heard.said(person, case.place)):
            yield case.violation("late", person, "critical" if critical else "warning")


def late_after_faults(case: Case) -> Iterator[Violation]:
    """What began in bad weather and lasts is told a quarter of an hour after it, or with the next reminder where its tries
    were given up meanwhile. A lost answer is another matter: after one resend it is the operator's.
    """
    story, stretches = case.heard.story, case.problem.stretches
    if not stretches or rank_of(stretches[-1].severities[0][1]) or case.problem.bouts or case.muted:
        return
    stretch = stretches[-1]
    if rank_of(stretch.severities[-1][1]):
        return  # it became milder, and has other hours
    spells = [(end, what) for at, end, _, what in story.faults if at - 60 <= stretch.begin <= end]
    until = max((end for end, _ in spells), default=0)
    by = until + _AFTER_FAULTS
    if until > stretch.begin + _GIVEN_UP:
        by += seconds(story.last.data["route"]["repeat_interval"])
    lost = any(what.startswith(("drop", "status", "hang")) for _, what in spells)
    later = any(at <= by and end > until for at, end, _, _ in story.faults)
    over = stretch.end is not None and stretch.end < by
    taken = case.problem.acks or case.problem.suppressed or _flickered(case.problem)
    elsewhere = story.arrival(by) != by or len(story.config_at) > 1 or not story.last.calm or by > story.ends
    if not spells or lost or later or over or taken or elsewhere:
        return
    for holders in case.duty():
        if not any(_reached(case, person, stretch, by) for person in holders):
            yield case.violation("late after faults", holders[0], until)


def _reached(case: Case, person: str, stretch: Stretch, by: float) -> bool:
    said = case.heard.said(person, case.place)
    return any(stretch.begin <= one.at <= by for one in said) or case.heard.counting(
        person, stretch.begin, "firing"
    )


OWED = (
    untold, end_unheard, unheard_untold, steps_missing, taken_back, unreported, told_late, late, late_after_faults,
)  # fmt: skip
