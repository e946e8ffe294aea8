"""What is promised, as checks over a `World`: each raises AssertionError with the rows that break it."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from promises import DAY, HOUR, MINUTE, SECOND, Heard, Left, World

from sms_notify.policy.directory import Person
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.rate_limits import Lane, Limit
from sms_notify.policy.routing import ROUND, Receiver, step_of
from sms_notify.policy.vocabulary import Drop, State
from sms_notify.policy.vocabulary import Heard as Reason
from sms_notify.store.tx import stored

_TURNS = ("escalation", "reminder")
_ONES = 36  # critical incidents that are named one by one, however many texts that takes


# 1. Conservation.


def nothing_is_lost(world: World) -> None:
    """`accepted = suppressed + final + pending`, and nothing is held beyond what some tick will meet."""
    alerts = world.rows("select reason, count(*) as n from alerts group by reason")
    assert {row["reason"] for row in alerts} <= set(Reason)
    assert sum(row["n"] for row in alerts) == world.accepted
    states = world.rows("select state, count(*) as n from messages group by state")
    assert {row["state"] for row in states} <= set(State)
    for page in world.rows(
        "select p.*, m.state as message from pages p left join messages m on m.id = p.message_id"
    ):
        if page["state"] == "dropped":
            assert page["why"] in set(Drop), dict(page)
        # What was dropped keeps the text that was to tell it, which never left.
        never_left = page["state"] == "dropped" and page["message"] in ("expired", "cancelled", "failed")
        assert never_left or (page["message"] is not None) == (page["state"] == "told"), dict(page)


def everybody_is_owed_once(world: World, begun: Iterable[Heard]) -> None:
    """One firing page for each person of the receivers, whatever became of it; and for nobody else."""
    for heard in begun:
        rounds: dict[int, Counter[str]] = {}
        for row in world.rows(
            "select number, nth from pages where incident_id = :id and kind = 'firing'", id=heard.incident
        ):
            rounds.setdefault(row["nth"], Counter())[row["number"]] += 1
        people = Counter(person.number for person in people_of(world, heard))
        assert all(owed == people for owed in rounds.values()), heard
        assert len(rounds) == (_rounds(world, heard) if people else 0), heard


def _rounds(world: World, heard: Heard) -> int:
    """How often it is told as news: at its beginning, and each time that it becomes worse."""
    return sum(other.incident == heard.incident for other in world.begun)


def nothing_is_left(world: World) -> None:
    """After enough time in which nothing came."""
    assert not world.rows("select * from pages where state = 'held'")
    live = world.rows(
        "select * from messages where state in ('queued', 'submitting', 'unknown', 'sent', 'buffered')"
    )
    assert not live, [dict(row) for row in live]


def receivers_of(world: World, heard: Heard) -> Sequence[Receiver]:
    """The route tree of these stories, read by hand."""
    names = {"dba": ["dba"], "all": ["dba", "oncall"], "none": ["nobody"]}.get(heard.key.team, ["oncall"])
    return [world.plan.receivers[name] for name in names]


def people_of(world: World, heard: Heard) -> Sequence[Person]:
    targets = [target for receiver in receivers_of(world, heard) for target in receiver.notify]
    return world.plan.directory.resolve(targets)


# 2. Limits, where they count: at the phone.


_URGENT = (Lane.CRITICAL, Lane.ENDS)


def limits_hold(world: World) -> None:
    """For every text, every limit of its lane over the window that ends with it. What is sent once more after an
    ambiguous attempt may come on top: nobody knows whether it is a text at all.
    """
    bounds = world.plan.limits
    arrived = [left for left in world.left if left.reached]
    for left in arrived:
        lane = [one for one in arrived if one.message.lane is left.message.lane]
        mine = [one for one in lane if one.message.number == left.message.number]
        _within(bounds.of(left.message.lane), mine, left)
        if left.message.lane in _URGENT:
            both = [one for one in arrived if one.message.lane in _URGENT]
            _within(
                bounds.per_number_critical, [o for o in both if o.message.number == left.message.number], left
            )
        if left.message.lane is Lane.REST:
            _within(bounds.overall, lane, left)
            for name in {told.receiver for told in left.pages}:
                of_it = [one for one in lane if any(told.receiver == name for told in one.pages)]
                _within(world.plan.receivers[name].limits, of_it, left)
        _affordable(world, arrived, left)


def _within(limits: Iterable[Limit], texts: Sequence[Left], last: Left) -> None:
    for limit in limits:
        window = [one for one in texts if last.up - limit.window < one.up <= last.up]
        again = sum(one.again for one in window)
        assert len(window) <= limit.count + again, (str(limit), window)


def _affordable(world: World, texts: Sequence[Left], last: Left) -> None:
    """Critical texts spend the reserve first, then the budget of all."""
    bounds = world.plan.limits.credits
    for budget, window in ((bounds.per_hour, HOUR), (bounds.per_day, DAY)):
        spent = [one for one in texts if last.up - window < one.up <= last.up and not one.again]
        urgent = sum(one.message.parts for one in spent if one.message.lane is Lane.CRITICAL)
        rest = sum(one.message.parts for one in spent) - urgent
        assert budget is None or rest + max(0, urgent - bounds.reserve) <= budget, (bounds, spent)


# 3. Critical never waits behind others.


def nothing_critical_waits(world: World) -> None:
    """Just after a tick: a critical page is held by its group's wait, a window, its flapping, by the limits of its own
    lane, or behind a critical text that has not left; by nothing else.
    """
    now = world.clock()
    late = world.rows(
        "select * from pages p where state = 'held' and due_at <= :now and not exists (select 1 from messages m"
        " where m.state = 'queued' and m.number = p.number and (m.lane = p.lane or p.lane = 'ends' and m.lane = 'critical'))",
        now=_stored(world),
    )
    assert not late, [dict(row) for row in late]
    assert not world.rows(
        "select * from pages where state = 'held' and due_at > :far", far=_stored(world, 3 * DAY)
    )
    for page in world.rows("select * from pages where state = 'held' and lane = 'critical'"):
        if page["why"] in ("group_wait", "muted", "inactive", "quiet_hours", "flapping") and not _over(
            world, page
        ):
            continue
        if page["why"] == "behind" and page["due_at"] <= _stored(world, SECOND):
            continue
        behind = world.count(
            "messages where state = 'queued' and lane = 'critical' and number = :n", n=page["number"]
        )
        full = _full(world, page["number"]) or _spent(world)
        assert behind or full, (now, dict(page))


def _over(world: World, page: sqlite3.Row) -> bool:
    """Whether what held it at first is over: from then on only a limit can hold it, whatever word stays."""
    waited = world.up - max(heard.up for heard in world.begun if heard.incident == page["incident_id"])
    if page["why"] == "group_wait":
        return waited > max(route.group_wait for route in (world.plan.route, *world.plan.route.routes))
    rule = world.plan.limits.flapping
    if page["why"] == "flapping":
        return rule is None or waited > rule.calm_critical
    receivers, people = world.plan.receivers.values(), world.plan.directory.people.values()
    hours = [hours.during for hours in (*(r.quiet for r in receivers), *(p.quiet for p in people)) if hours]
    windows = [window for during in (*hours, world.plan.route.mute) for window in during]
    held = any(window.holds(world.clock()) for window in windows)
    return page["due_at"] <= _stored(world) or not (
        held or waited < MINUTE or world.up - world.stepped <= waited
    )


def _full(world: World, number: str) -> bool:
    """Ends of critical trouble share the limits, also one that waits to leave."""
    now = _stored(world)
    rows = world.rows(
        "select started_at from attempts where number = :number and lane in ('critical', 'ends')"
        " and (fate is null or fate in ('sent', 'unknown'))"
        " union all select :now from messages where state = 'queued' and number = :number and lane = 'ends'",
        number=number,
        now=now,
    )
    return any(
        sum(now - limit.window // _MICRO < row["started_at"] for row in rows) >= limit.count
        for limit in world.plan.limits.per_number_critical
    )


def _spent(world: World) -> bool:
    """Whether another critical text of one part is more than reserve and budget leave."""
    bounds, now = world.plan.limits.credits, _stored(world)
    rows = world.rows(
        "select started_at, parts, lane from departures union all select :now, parts, lane from messages"
        " where state = 'queued'",
        now=now,
    )
    for budget, window in ((bounds.per_hour, HOUR), (bounds.per_day, DAY)):
        within = [row for row in rows if now - window // _MICRO < row["started_at"]]
        urgent = sum(row["parts"] for row in within if row["lane"] == "critical")
        rest = sum(row["parts"] for row in within) - urgent
        if budget is not None and rest + max(0, urgent + 1 - bounds.reserve) > budget:
            return True
    return False


def critical_texts_leave_at_once(world: World) -> None:
    """Where nothing is wrong with the gateway, a critical text leaves when it is written, or with the next second."""
    for left in world.left:
        if left.calm and left.message.lane is Lane.CRITICAL and not left.again:
            assert left.at - left.message.created_at <= SECOND, left


# 4. and 5. Who must not be told.


def no_turn_leaves_for_nothing(world: World, since: int) -> None:
    """Of what has left since request number `since`: no text about nothing but turns of what ended or is taken care of."""
    for left in world.left[since:]:
        over = [t for t in left.pages if t.kind in _TURNS and t.incident in world.quiet_steps]
        assert not left.pages or len(over) < len(left.pages), (left, world.quiet_steps)


def only_targets_are_texted(world: World) -> None:
    by_incident = {heard.incident: heard for heard in world.begun}
    for left in world.left:
        assert left.pages, left
        for told in left.pages:
            receiver = world.plan.receivers[told.receiver]
            heard = by_incident[told.incident]
            assert receiver in receivers_of(world, heard)
            steps = receiver.escalate
            targets = [*receiver.notify]
            if told.kind == "escalation":
                targets = [*steps[step_of(told.nth) - 1].notify]
            elif told.kind == "resolved":
                targets += [target for step in steps for target in step.notify]
            numbers = {person.number for person in world.plan.directory.resolve(targets)}
            assert told.number == left.message.number
            assert told.number in numbers or told.kind == "resolved", left
            if told.kind == "resolved":
                assert any(
                    told.number in {p.number for p in world.plan.directory.resolve(_all_targets(r))}
                    for r in receivers_of(world, heard)
                )


def _all_targets(receiver: Receiver) -> list:
    return [*receiver.notify, *(target for step in receiver.escalate for target in step.notify)]


# 6. Critical incidents are named.


def critical_incidents_are_named(world: World) -> None:
    """By tag or by place, in each text of their lane, unless they are too many for that, or the gateway had it cut."""
    begun = {heard.incident: heard.key for heard in reversed(world.begun)}  # as each began
    for left in world.left:
        if left.message.lane is not Lane.CRITICAL or left.message.recuts:
            continue
        urgent = {
            told.incident
            for told in left.pages
            if (begun[told.incident].severity == "critical" or told.nth >= ROUND)
            and told.kind != "resolved" and not _ended_before(world, told.incident, left)
        }  # fmt: skip
        if len(urgent) <= _ONES:
            missing = {id_ for id_ in urgent if not names(left.message.body, id_, begun[id_].place)}
            assert not missing, (missing, left.message.body)


def _ended_before(world: World, incident: int, left: Left) -> bool:
    row = world.rows("select closed_at from incidents where id = :id", id=incident)[0]
    return row["closed_at"] is not None and row["closed_at"] <= stored(left.message.created_at)


def names(body: str, incident: int, place: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(place)}(?!\w)|#{tag_of(incident)}(?!\w)", body))


def critical_incidents_are_named_within(world: World, deadline: timedelta, most: int) -> None:
    """Where a person had at most `most` critical beginnings in an hour and nothing was wrong, nothing held."""
    for heard in world.begun:
        if heard.key.severity != "critical" or heard.held or not _calm_for(world, heard, deadline):
            continue
        for person in people_of(world, heard):
            crowd = [
                other for other in world.begun
                if abs(other.up - heard.up) <= HOUR and other.key.severity == "critical" and person in people_of(world, other)
            ]  # fmt: skip
            texts = [left for left in world.left if left.message.number == person.number]
            before = [
                t
                for t in texts
                if heard.up - HOUR < t.up <= heard.up + deadline and t.message.lane is Lane.CRITICAL
            ]
            if len(crowd) > most or len(before) > most + 2:
                continue
            told = [left for left in texts if heard.up <= left.up <= heard.up + deadline + SECOND]
            assert any(names(left.message.body, heard.incident, heard.key.place) for left in told), (
                heard,
                told,
            )


def _calm_for(world: World, heard: Heard, deadline: timedelta) -> bool:
    """Nothing was wrong from a quarter of an hour before, and it stayed open."""
    row = world.rows("select closed_at from incidents where id = :id", id=heard.incident)[0]
    ended = row["closed_at"] is not None and row["closed_at"] - stored(heard.at) <= deadline // _MICRO
    return not ended and not any(heard.up - 15 * MINUTE <= at <= heard.up + deadline for at in world.troubles)


# 7. Once.


def nobody_is_told_twice(world: World) -> None:
    """A page is on a phone once, and once more for each attempt that the ledger calls ambiguous."""
    copies = Counter(told for left in world.left if left.reached for told in left.pages)
    logged = Counter(
        row["message_id"] for row in world.rows("select message_id from ledger where state = 'unknown'")
    )
    for told, times in copies.items():
        ids = {left.message.id for left in world.left if told in left.pages}
        assert times <= 1 + sum(logged[id_] for id_ in ids), (told, times)


# 8. The numbers of digests add up.

_NEWS = "FIRING|ESCALATED|WORSE|STILL FIRING|FLAPPING"
_CROWD = r"(?: of \d+(?: left)?)?"  # some of a crowd are told, the others by the next text
_HEAD = re.compile(
    rf"^(?:LATE, (?P<late>\d+){_CROWD} since|(?P<more>\d+) more(?: since| until)|Held since)[^:]*\d\d:\d\d(?P<rest>.*)$"
)
_KIND = re.compile(r"^(?:(\d+)x )?[A-Z][A-Za-z]+(?:\.\.\.)?(?=$|[ :])")


def digests_add_up(world: World) -> None:
    for left in world.left:
        if left.message.kind != "digest" or left.message.recuts:
            continue
        begun = {told.incident for told in left.pages if told.kind != "resolved"}
        over = {told.incident for told in left.pages if told.kind == "resolved"}
        body = re.sub(r"^(?:LATE|Held) since \d\d:\d\d: (?=OK)", "", left.message.body)
        head = _HEAD.match(body)
        number = head and (head["late"] or head["more"])
        if number:
            assert int(number) == len(begun), (left.message.body, left.pages)
        if head:
            counts = [int(n) for n in re.findall(rf"(\d+){_CROWD} (?:resolved|open)", head["rest"])]
            assert not counts or sum(counts) == len(begun), (left.message.body, left.pages)
        else:
            assert _total(body) == len(begun) + len(over), (left.message.body, left.pages)


def _total(body: str) -> int:
    """Of a text that is a list of lists: `FIRING critical 3x HostDown: web1, +2; 1 resolved; OK 2x: A, B`."""
    total = 0
    bare = re.sub(
        r",? (?:(?:next (?:critical )?text|other texts) \S+|#\w+|ack: \S+|\+\d+ not shown)", "", body
    )
    for part in re.split(rf"; (?={_NEWS}|OK|\d+ resolved)", bare):
        head = re.match(rf"^(?:(?:{_NEWS})(?: critical)?|OK) (?:(\d+)(?:x| of \d+)\b|)|^(\d+) resolved", part)
        assert head, body
        total += int(head[1] or head[2] or 1)
    return total


_MICRO = timedelta(microseconds=1)


def _stored(world: World, later: timedelta = timedelta()) -> int:
    return stored(world.clock() + later)
