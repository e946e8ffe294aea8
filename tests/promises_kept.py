"""What is promised, as checks over a `World`: each raises AssertionError with the rows that break it.

Who must hear of what, and who must not, is judged by `oracle.py`, from texts alone. Here is what texts do not show: that the
books add up, that limits hold over every window, and that nothing critical waits.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import timedelta

from promises import DAY, HOUR, MINUTE, SECOND, Heard, Left, World

from sms_notify.policy.directory import Person
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.rate_limits import Lane, Limit
from sms_notify.policy.routing import ROUND, Receiver
from sms_notify.policy.vocabulary import Drop, State
from sms_notify.policy.vocabulary import Heard as Reason
from sms_notify.store.tx import stored

_URGENT = (Lane.CRITICAL, Lane.ENDS)  # they share the limits for critical; ends have half of them at most
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
            same = [one for one in both if one.message.number == left.message.number]
            _within(bounds.per_number_critical, same, left)
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
    """Just after a tick: a critical page is held by its group's wait, a window, by the limits of its own lane, or behind a
    critical text that has not left; by nothing else.
    """
    now = world.clock()
    late = world.rows(
        "select * from pages p where state = 'held' and not exists (select 1 from messages m where m.state = 'queued'"
        " and m.number = p.number and (m.lane = p.lane or p.lane in ('critical', 'ends') and m.lane in ('critical', 'ends')))"
        " and due_at <= case when lane = 'ends' then :before else :now end",
        now=_stored(world), before=_stored(world, -SECOND),  # an end waits until the critical ones have been looked at
    )  # fmt: skip
    assert not late, [dict(row) for row in late]
    assert not world.rows(
        "select * from pages where state = 'held' and due_at > :far", far=_stored(world, 3 * DAY)
    )
    for page in world.rows("select * from pages where state = 'held' and lane = 'critical'"):
        if page["why"] in ("group_wait", "muted", "inactive", "quiet_hours") and not _over(world, page):
            continue
        if page["why"] in ("failed", "unconfirmed") and page["due_at"] > _stored(world):
            continue  # its text did not arrive, or nobody knows: it is tried again after a pause
        if page["why"] == "behind" and page["due_at"] <= _stored(world, SECOND):
            continue
        behind = world.count(
            "messages where state = 'queued' and lane in ('critical', 'ends') and number = :n",
            n=page["number"],
        )
        full = _full(world, page["number"]) or _spent(world)
        assert behind or full, (now, dict(page))


def _over(world: World, page: sqlite3.Row) -> bool:
    """Whether what held it at first is over: from then on only a limit can hold it, whatever word stays."""
    waited = world.up - max(heard.up for heard in world.begun if heard.incident == page["incident_id"])
    if page["why"] == "group_wait":
        return waited > max(route.group_wait for route in (world.plan.route, *world.plan.route.routes))
    receivers, people = world.plan.receivers.values(), world.plan.directory.people.values()
    hours = [hours.during for hours in (*(r.quiet for r in receivers), *(p.quiet for p in people)) if hours]
    windows = [window for during in (*hours, world.plan.route.mute) for window in during]
    held = any(window.holds(world.clock()) for window in windows)
    return page["due_at"] <= _stored(world) or not (
        held or waited < MINUTE or world.up - world.stepped <= waited
    )


def _full(world: World, number: str) -> bool:
    rows = world.rows(
        "select started_at from attempts where number = :number and lane in ('critical', 'ends')"
        " and (fate is null or fate in ('sent', 'unknown'))",
        number=number,
    )
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


# 4. Critical incidents are named.


def critical_incidents_are_named(world: World) -> None:
    """By tag or by place, in each text of their lane, unless they are too many for that, or the gateway had it cut, or it
    reminds of a kind that was counted.
    """
    places = {heard.incident: heard.key.place for heard in world.begun}
    counted = {
        row["incident_id"] for row in world.rows("select incident_id from pages where said like '% counted'")
    }
    kinds = {heard.key.name for heard in world.begun if heard.incident in counted}
    of_kinds = {heard.incident for heard in world.begun if heard.key.name in kinds}
    for left in world.left:
        if left.message.lane is not Lane.CRITICAL or left.message.recuts:
            continue
        urgent = {
            told.incident
            for told in left.pages
            if _was_critical(world, told.incident, left) and told.kind not in ("resolved", "unheard")
            and not _ended_before(world, told.incident, left)
            and not (told.kind == "reminder" and told.incident in of_kinds)
        }  # fmt: skip
        if len(urgent) <= _ONES:
            missing = {id_ for id_ in urgent if not names(left.message.body, id_, places[id_])}
            assert not missing, (missing, left.message.body)


def _was_critical(world: World, incident: int, left: Left) -> bool:
    """When the text was written."""
    return any(
        heard.key.severity == "critical" and heard.at <= left.message.created_at
        for heard in world.begun
        if heard.incident == incident
    )


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
            if _knew(world, heard, person):
                continue
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


def _knew(world: World, heard: Heard, person: Person) -> bool:
    """Whether a beginning is not news to somebody, for they heard of no end."""
    owed = "pages where incident_id = :id and kind = 'firing' and number = :number and nth = :nth"
    return not world.count(owed, id=heard.incident, number=person.number, nth=heard.round * ROUND)


def _calm_for(world: World, heard: Heard, deadline: timedelta) -> bool:
    """Nothing was wrong from a quarter of an hour before, and it stayed open."""
    row = world.rows("select closed_at from incidents where id = :id", id=heard.incident)[0]
    ended = row["closed_at"] is not None and row["closed_at"] - stored(heard.at) <= deadline // _MICRO
    return not ended and not any(heard.up - 15 * MINUTE <= at <= heard.up + deadline for at in world.troubles)


# 5. The numbers of digests add up.

_NEWS = "FIRING|ESCALATED|WORSE|STILL FIRING|FLAPPING"
_CROWD = r"(?: of \d+(?: left)?)?"  # some of a crowd are told, the others by the next text
_HEAD = re.compile(
    r"^(?:LATE, (?P<late>\d+)(?: of \d+(?: left)?)? since|(?P<more>\d+) more(?: since| until)|Held since)"
    r"[^:]*\d\d:\d\d(?P<rest>.*)$"
)
_FIRST = "FIRING|ESCALATED|STILL FIRING|WORSE|FLAPPING|UNHEARD"
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
            counts = [
                int(n) for n in re.findall(r"(\d+)(?: of \d+(?: left)?)? (?:resolved|open)", head["rest"])
            ]
            assert not counts or sum(counts) == len(begun), (left.message.body, left.pages)
        else:
            assert _total(body) == len(begun) + len(over), (left.message.body, left.pages)


def _total(body: str) -> int:
    """Of a text that is a list of lists: `FIRING critical 3x HostDown: web1, +2; 1 resolved; OK 2x: A, B`. Of a crowd it is what
    this text tells: `FIRING critical 12 of 40: …`.
    """
    total = 0
    bare = re.sub(
        r",? (?:next (?:critical )?text \S+|other texts \S+|#\w+|ack: \S+|\+\d+ not shown)", "", body
    )
    for part in re.split(r"; (?=FIRING|OK|\d+ resolved)", bare):
        head = re.match(
            rf"^(?:(?:{_FIRST})(?: critical)?|OK) (?:(\d+)(?:x\b| of \d+)|)|^(\d+) resolved", part
        )
        assert head, body
        total += int(head[1] or head[2] or 1)
    return total


_MICRO = timedelta(microseconds=1)


def _stored(world: World, later: timedelta = timedelta()) -> int:
    return stored(world.clock() + later)
