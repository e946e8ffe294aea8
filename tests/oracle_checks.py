"""No text more than the rules allow, and none that is wrong: each check yields what is wrong, by place and reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from oracle_case import Case, Violation
from oracle_owed import OWED
from oracle_problem import Problem
from oracle_reading import Heard, Statement
from oracle_story import rank_of, seconds
from oracle_words import Head

UNDER_WAY = 30  # seconds in which a text may have been overtaken by what it says
_LOOKS = 120
_HOUR_OF_ENDS = 3700


def violations(heard: Heard, problems: Mapping[str, Problem]) -> Iterator[Violation]:
    """Everything that is wrong with a story."""
    for failure in heard.failures:
        words = failure.rpartition(": ")[2]
        yield Violation("unplayable", words.partition(" with the labels")[0], "", "", failure)
    for problem in problems.values():
        case = Case(heard, problem)
        for check in (*(() if heard.unpaid else OWED), *ALLOWED):
            yield from check(case)


def no_duty(case: Case) -> Iterator[Violation]:
    """Nobody is texted whom nothing makes responsible; nobody reads the end of what they never heard of."""
    responsible = case.responsible()
    for person in set(case.heard.readers(case.place)):
        said = case.heard.said(person, case.place)
        if person not in responsible and not all(one.text.body.startswith("On call") for one in said):
            yield case.violation("no duty", person, said[0].text.body)
        first = said[0]
        lost = case.heard.story.faulty(person, case.problem.changes[0].at - 60, first.at)
        if first.head is Head.OK and not lost and not case.heard.counting(person, 0, "firing"):
            yield case.violation("end of nothing", person, first.text.body)


def told_twice(case: Case) -> Iterator[Violation]:
    """A beginning is told once for each reason: an outage, a rise, a bout and its end, an acknowledgement that is void."""
    heads = (Head.FIRING, Head.WORSE, Head.FLAPPING)
    reasons = len(case.problem.restarts) + len(case.problem.bouts) + len(case.heard.story.config_at) - 1
    for person in set(case.heard.readers(case.place)):
        told = [one for one in case.heard.said(person, case.place) if one.head in heads]
        allowed = max(1, reasons) * len(case.problem.members) + case.doubts(person)
        if any(len(one.text.reading.said) > 1 for one in told):
            # Turns in a text of several problems have no word of their own.
            allowed += _reminders(case) + case.steps_of(person)
        if len(told) > allowed:
            yield case.violation("told twice", person, [one.text.body for one in told])


def _reminders(case: Case) -> int:
    """So many fit into the time in which it fired."""
    every = seconds(case.heard.story.last.data["route"]["repeat_interval"])
    return sum((one.end or case.heard.story.ends) - one.begin for one in case.problem.stretches) // every


def ends_too_many(case: Case) -> Iterator[Violation]:
    """An end is told once."""
    ends = sum(stretch.end is not None for stretch in case.problem.stretches)
    for person in set(case.heard.readers(case.place)):
        told = [one for one in case.heard.said(person, case.place) if one.head.over]
        if len(told) > max(1, ends) + case.doubts(person):
            yield case.violation("end told twice", person, [one.text.body for one in told])


def turns_too_many(case: Case) -> Iterator[Violation]:
    """Each step once in each of its runs; reminders no more often than `repeat_interval`."""
    turns = max(1, len(case.problem.restarts))
    for person in set(case.heard.readers(case.place)):
        said, doubts = case.heard.said(person, case.place), case.doubts(person)
        steps = [one for one in said if one.head is Head.ESCALATED]
        if len(steps) > case.steps_of(person) * turns + doubts:
            yield case.violation("too many steps", person, [one.text.body for one in steps])
        reminders = [one for one in said if one.head is Head.REMINDER]
        if len(reminders) > _reminders(case) + turns + doubts:
            yield case.violation("too many reminders", person, len(reminders))


def turns_too_late(case: Case) -> Iterator[Violation]:
    """No step and no reminder once somebody takes care of it, nor while its source suppresses it or says nothing of it."""
    for person in set(case.heard.readers(case.place)):
        for one in case.heard.said(person, case.place):
            if one.head not in (Head.ESCALATED, Head.REMINDER):
                continue
            since = case.problem.acknowledged(one.at)
            if since is not None and one.at > since + UNDER_WAY and not case.problem.in_bout(one.at):
                yield case.violation("turn after an acknowledgement", person, one.text.body)
            if _all_along(case.problem.suppressed_at, one.at):
                yield case.violation(
                    "turn while its source suppresses it", person, one.text.body, "inhibited"
                )
            if _all_along(case.problem.unheard_at, one.at) and not any(case.heard.story.of_kind("clock")):
                yield case.violation("turn while it is unheard", person, one.text.body)
            if case.problem.notice and one.head is Head.REMINDER:
                yield case.violation("reminder of what nothing can end", person, one.text.body, "notice")


def _all_along(state: Callable[[float], bool], at: float) -> bool:
    """Whether it was so for as long as a text may be under way, and the look at an Alertmanager that finds it out."""
    return state(at) and state(at - UNDER_WAY) and state(at - 2 * UNDER_WAY)


def unheard_words(case: Case) -> Iterator[Violation]:
    """UNHEARD is said once an episode, and only of what nothing is heard of."""
    spells = case.problem.unheard
    for person in set(case.heard.readers(case.place)):
        told = [one for one in case.heard.said(person, case.place) if one.head is Head.UNHEARD]
        if any(not case.problem.unheard_at(one.at) for one in told) and not _clock_or_late(case, told):
            yield case.violation("UNHEARD while it is heard of", person, [one.text.body for one in told])
        if len(told) > len(spells) + case.doubts(person):
            yield case.violation("UNHEARD told twice", person, [one.text.body for one in told])


def _clock_or_late(case: Case, told: Sequence[Statement]) -> bool:
    """The hour in which it falls silent moves with the daemon's clock; what was heard meanwhile may cross the text."""
    moved = any(case.heard.story.of_kind("clock"))
    return moved or all(case.problem.unheard_at(one.at - UNDER_WAY) for one in told)


def false_words(case: Case) -> Iterator[Violation]:
    """No text is wrong about what is still firing, nor tells as firing what is over."""
    for person in set(case.heard.readers(case.place)):
        for one in case.heard.said(person, case.place):
            firing = _all_the_time(case.problem, one.at)
            ended = [
                stretch.end
                for stretch in case.problem.stretches
                if stretch.end is not None and stretch.end <= one.at
            ]
            if one.head is Head.OK and ended and ended[-1] in case.problem.explained:
                about = "closed" if case.problem.closed_by else "grafana"
                yield case.violation("OK for an end that its source explains", person, one.text.body, about)
            if one.head is Head.CLOSED and person == case.problem.closed_by:
                yield case.violation("CLOSED to whoever closed it", person, one.text.body)
            if firing is True and one.head.over:
                yield case.violation("OK while it fires", person, one.text.body)
            elif firing is not False or one.head.over or _just_gone(case, one.at):
                continue
            elif not case.problem.in_bout(one.at):
                about = "in a text of several" if len(one.text.reading.said) > 1 else ""
                yield case.violation("firing when over", person, one.text.body, about)


def _just_gone(case: Case, at: float) -> bool:
    """An Alertmanager lists it no more: it is asked more than once before that counts as an end."""
    gone = case.heard.story.of_kind("gone")
    return any(
        what["labels"]["instance"] == case.place and at - _LOOKS <= since <= at for since, _, what in gone
    )


def _all_the_time(problem: Problem, at: float) -> bool | None:
    """Whether it fired, or not, for as long as a text may be under way; None: it changed."""
    if any(at - UNDER_WAY <= change.at <= at for change in problem.changes):
        return None
    return problem.stretch_at(at) is not None


def quiet_broken(case: Case) -> Iterator[Violation]:
    """In quiet hours come critical problems alone, and an end within an hour of the last text about it."""
    for person in set(case.heard.readers(case.place)):
        if not all(person in setting.quiet_people for setting in case.heard.story.settings):
            continue
        said = case.heard.said(person, case.place)
        for number, one in enumerate(said):
            ends = any(head.over for head in one.text.reading.said.values())
            if one.head is Head.LISTED and ends:
                continue  # an end says what of its text still fires
            if (
                one.text.at_night
                and not one.text.reading.critical
                and not _may_be_said_at_night(case, said, number)
            ):
                yield case.violation("quiet broken", person, one.text.body, one.head.value)


def _may_be_said_at_night(case: Case, said: Sequence[Statement], number: int) -> bool:
    one = said[number]
    worst = min((rank_of(s) for member in case.problem.members.values() for s in member.heard), default=3)
    if one.head.over:
        return number == 0 or one.at - said[number - 1].at <= _HOUR_OF_ENDS
    return worst == 0


ALLOWED = (
    no_duty, told_twice, ends_too_many, turns_too_many, turns_too_late, unheard_words, false_words, quiet_broken,
)  # fmt: skip
