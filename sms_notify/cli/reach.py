"""`reach`: who can be texted, by which gateway, and since when that is known."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import click

from sms_notify.barring import reach_of, say_self_check, say_way
from sms_notify.channels.settings import OperatorKind
from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import has_database, now_utc, overriding, plan_at
from sms_notify.config.references import near
from sms_notify.config.settings import Settings
from sms_notify.errors import UsageError
from sms_notify.logs import masked, printable
from sms_notify.policy import ways
from sms_notify.policy.directory import Person, Target, TargetKind
from sms_notify.policy.handoff import NO_INCIDENT, awake_at
from sms_notify.policy.rows import Rows
from sms_notify.policy.self_alert_notes import name_of
from sms_notify.policy.self_check_texts import SelfCheckAhead, text_ahead
from sms_notify.policy.ways import Reach, Way, everybody, needed
from sms_notify.store import timers
from sms_notify.store.database import open_store
from sms_notify.store.decisions import SelfCheckText, last_self_check
from sms_notify.store.ledger_queries import LastTexts, last_texts
from sms_notify.wording.clock import Clock


@dataclass(frozen=True, slots=True)
class _Shown:
    """One person as the command tells of them; `relied_on`: somebody names them, or asked for them."""

    reach: Reach
    texts: LastTexts
    quiet_until: datetime | None
    relied_on: bool

    @property
    def missed(self) -> bool:
        """Whether a text that matters would not leave."""
        return self.relied_on and not self.reach.reachable


@click.command()
@config_option
@json_option
@click.argument("people", nargs=-1, metavar="[PERSON]...")
@click.pass_context
def reach(ctx: click.Context, config_file: str | None, as_json: bool, people: tuple[str, ...]) -> None:
    """Show who can be texted: by which gateway, since when that is known, and what became of the last texts.

    A gateway is asked about each number every hour where `self_check` is configured; nothing is sent or spent. Exit 1
    if no gateway takes texts to somebody whom a receiver, a schedule, `self_check`, `site_alive`, `operator` or PERSON
    names.

    \b
    Example:
      sms-notify reach
      sms-notify reach alice bob
    """
    settings, now = settings_of(ctx, config_file), now_utc()
    shown, checked, ahead = _look(settings, people, now)
    clock = Clock(now)
    value = {
        "people": [_plain(one) for one in shown],
        "self_check": [asdict(one) for one in checked],
        "next_self_check": None if ahead is None else _plain_ahead(ahead),
    }
    lines = [line for one in shown for line in _told(one, clock)]
    lines += [f"self-check: {say_self_check(one, clock.at)}" for one in checked]
    lines += [] if ahead is None else [f"self-check: {one}" for one in _ahead_lines(ahead, clock)]
    if settings.self_check is None or not settings.self_check.check_numbers:
        lines.append("numbers are not tried: write `self_check:` into the configuration")
    say(value, as_json, "\n".join(printable(line) for line in lines))
    if any(one.missed for one in shown):
        ctx.exit(1)


def _look(
    settings: Settings, names: Sequence[str], now: datetime
) -> tuple[list[_Shown], Sequence[SelfCheckText], SelfCheckAhead | None]:
    plan, rows = plan_at(settings, now), Rows(now)
    rows.overrides = overriding(settings, now) if settings.schedules else {}
    targets = (*plan.targets(), *_operators(settings))
    chosen = _chosen(settings, names) if names else everybody(settings.directory, targets)
    counts = frozenset(person.number for person in chosen)
    if not names:
        counts = needed(plan, targets, rows.overrides)
    store = open_store(settings.storage_url)
    if not has_database(store, "REFUSALS AND TRIALS"):
        found = ways.reach_of(chosen, plan.gateways, (), ())
        return [_shown(one, LastTexts(), counts, now) for one in found], (), text_ahead(plan, rows)
    with store.reading() as tx:
        found = reach_of(tx, chosen, plan.gateways)
        shown = [_shown(one, last_texts(tx, one.person.number), counts, now) for one in found]
        for timer in timers.of_incidents(tx, [NO_INCIDENT]):
            rows.timers.load((timer.incident_id, timer.receiver, timer.what), timer)
        return shown, last_self_check(tx), text_ahead(plan, rows)


def _operators(settings: Settings) -> list[Target]:
    named = (target for target in settings.operator if target.kind is not OperatorKind.GATEWAY)
    return [Target(TargetKind(target.kind.value), target.name) for target in named]


def _chosen(settings: Settings, names: Sequence[str]) -> list[Person]:
    """Raises UsageError for who is not in the configuration."""
    people = settings.directory.people
    wanted = [name.removeprefix("person:") for name in names]
    for name in wanted:
        if name not in people:
            raise UsageError(f"there is no person {name!r}; {near(name, people, 'people')}")
    return [people[name] for name in dict.fromkeys(wanted)]


def _shown(reach: Reach, texts: LastTexts, counts: Container[str], now: datetime) -> _Shown:
    awake = awake_at(reach.person, now)
    return _Shown(reach, texts, awake if awake > now else None, reach.person.number in counts)


def _told(shown: _Shown, clock: Clock) -> list[str]:
    person, texts = shown.reach.person, shown.texts
    name = "" if person.name == person.number else f"{person.name} "
    said = "reachable" if shown.reach.proven else "not known" if shown.reach.reachable else "OUT OF REACH"
    lines = [f"{name}{masked(person.number)}: {said}"]
    lines += [f"  {say_way(way, clock.at)}" for way in shown.reach.ways]
    ends = (("last delivered", texts.delivered_at), ("last not delivered", texts.lost_at))
    lines += [f"  {what} {clock.at(at)}" for what, at in ends if at is not None]
    return lines + ([f"  quiet hours until {clock.at(shown.quiet_until)}"] if shown.quiet_until else [])


def _plain(shown: _Shown) -> dict[str, object]:
    person, texts = shown.reach.person, shown.texts
    return {
        "person": None if person.name == person.number else person.name,
        "number": masked(person.number),
        "reachable": shown.reach.reachable,
        "relied_on": shown.relied_on,
        "ways": [_plain_way(way) for way in shown.reach.ways],
        "last_delivered_at": texts.delivered_at,
        "last_not_delivered_at": texts.lost_at,
        "quiet_until": shown.quiet_until,
    }


def _ahead_lines(ahead: SelfCheckAhead, clock: Clock) -> list[str]:
    if not ahead.readers:
        return [f"next at {clock.at(ahead.due_at)}, and nobody is on call then"]
    return [f"next to {name_of(one.name, one.number)} at {clock.soon(at)}" for one, at in ahead.readers]


def _plain_ahead(ahead: SelfCheckAhead) -> dict[str, object]:
    texts = [{"to": name_of(one.name, one.number), "at": at} for one, at in ahead.readers]
    return {"due_at": ahead.due_at, "texts": texts}


def _plain_way(way: Way) -> dict[str, object]:
    code = None if way.bar is None else way.bar.code
    return {
        "gateway": way.gateway,
        "state": way.state,
        "since": way.since,
        "tried_at": way.tried_at,
        "code": code,
    }
