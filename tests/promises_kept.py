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


def everybody_is_owed_what_they_do_not_know(world: World, begun: Iterable[Heard]) -> None:
    """A beginning is owed to each person of the receivers, but to whoever believes that it fires; that it is worse, to each of
    them. Nobody else is owed one but those behind the steps.
    """
    for heard in begun:
        people = {person.number for person in people_of(world, heard)}
        told = world.rows(
            "select number, nth, state from pages where incident_id = :id and kind = 'firing'",
            id=heard.incident,
        )
        nth = heard.round * ROUND
        owed = {row["number"] for row in told if row["nth"] == nth or row["state"] == "held"}
        missing = {number for number in people - owed if heard.raised or not _believes(world, heard, number)}
        assert not missing, (heard, missing)
        assert {row["number"] for row in told} <= people | behind_steps(world, heard), heard


def _believes(world: World, heard: Heard, number: str) -> bool:
    """Whether the last that may have reached this reader of any episode of it says that it is there."""
    said = world.rows(
        "select p.kind, m.state from pages p join messages m on m.id = p.message_id join incidents i on i.id = p.incident_id"
        " where p.number = :number and p.state = 'told' and i.fingerprint ="
        " (select fingerprint from incidents where id = :id) order by p.id desc",
        number=number, id=heard.incident,
    )  # fmt: skip
    last = next((row["kind"] for row in said if not State(row["state"]).lost), "resolved")
    return bool(last != "resolved")


def behind_steps(world: World, heard: Heard) -> set[str]:
    steps = [step for receiver in receivers_of(world, heard) for step in receiver.escalate]
    return {person.number for step in steps for person in world.plan.directory.resolve(step.notify)}


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


# 4. and 5. Who must not be told.


def no_turn_leaves_for_nothing(world: World, since: int) -> None:
    """Of what has left since request number `since`: no text about nothing but turns of what ended or is taken care of."""
    for left in world.left[since:]:
        over = [t for t in left.pages if t.kind in _TURNS and t.incident in left.done_with]
        assert not left.pages or len(over) < len(left.pages), left


def only_targets_are_texted(world: World) -> None:
    by_incident = {heard.incident: heard for heard in world.begun}
    for left in world.left:
        assert left.pages, left
        for told in left.pages:
            receiver = world.plan.receivers[told.receiver]
            heard = by_incident[told.incident]
            assert receiver in receivers_of(world, heard)
            targets = receiver.notify
            if told.kind == "escalation":
                targets = receiver.escalate[step_of(told.nth) - 1].notify
            numbers = {person.number for person in world.plan.directory.resolve(targets)}
            if told.kind not in _TURNS:  # also whoever a step told of it
                numbers |= behind_steps(world, heard) | {person.number for person in people_of(world, heard)}
            assert told.number == left.message.number
            assert told.number in numbers, left


# 6. Critical incidents are named.


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
    """Whether a beginning is no news to somebody, for they heard of no end."""
    owed = "pages where incident_id = :id and kind = 'firing' and number = :number and nth = :nth"
    return not world.count(owed, id=heard.incident, number=person.number, nth=heard.round * ROUND)


def _calm_for(world: World, heard: Heard, deadline: timedelta) -> bool:
    """Nothing was wrong from a quarter of an hour before, and it stayed open."""
    row = world.rows("select closed_at from incidents where id = :id", id=heard.incident)[0]
    ended = row["closed_at"] is not None and row["closed_at"] - stored(heard.at) <= deadline // _MICRO
    return not ended and not any(heard.up - 15 * MINUTE <= at <= heard.up + deadline for at in world.troubles)


# 7. Once.


def nobody_is_told_twice(world: World) -> None:
    """A page is on a phone once, and once more for each attempt that the ledger calls ambiguous, or that failed."""
    copies = Counter(told for left in world.left if left.reached for told in left.pages)
    logged = Counter(
        row["message_id"]
        for row in world.rows(
            "select message_id from ledger where state in ('unknown', 'failed', 'not_delivered', 'rejected')"
        )
    )
    for told, times in copies.items():
        ids = {left.message.id for left in world.left if told in left.pages}
        assert times <= 1 + sum(logged[id_] for id_ in ids), (told, times)


# 8. The numbers of digests add up.

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
