"""Random story files of a seed: what monitoring systems, people, gateways and clocks do to a daemon, as text alone, so that
no name of the program's own stands in them.

A story is made of scenes, each about problems at places of its own (`h07`), so that whoever reads a text knows of which it
speaks. Every story ends in a long quiet: the gateway is well, and the last hours are a day's, with all windows open.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from random_scenes import GROUP, PEOPLE, Alarm, StoryTeller, written

REPEATED_EVERY = 4 * 3600
QUIET_TAIL = 9 * 3600
_BY_HAND = frozenset(("ack", "unack", "close", "override"))
CANARY = 3 * 3600
"""So long before the end something new begins, to which nothing is in the way."""


_GATEWAY = {
    "name": "main", "type": "1601sms", "url": "https://gateway.example/", "username": "a", "password": "a", "sender": "A",
    "groups": ["ops"],
}  # fmt: skip
_LOG = {"name": "log", "type": "command", "command": ["/bin/true"]}


def _configuration(dice: Random) -> dict[str, object]:
    def some(*choices: object) -> object:
        return dice.choice(choices)

    def maybe(share: float, **keys: object) -> dict[str, object]:
        return keys if dice.random() < share else {}

    critical = ['severity="critical"']
    quiet = {"during": "night", **maybe(0.8, unless=critical)}
    steps = [{"after": "5m", "notify": ["person:bob"]}, {"after": "15m", "notify": ["team:all"]}]
    night = {"times": [{"start_time": "22:00", "end_time": "07:00"}], "location": "Europe/Brussels"}
    rotation = {"members": ["bob", "carol"], "every": "1d", "handover": "09:00", "start": "2026-11-01"}
    groups = dice.random() < 0.2
    if groups:
        steps[-1]["notify"] = ["team:all", GROUP]
    return {
        **({"gateways": [_GATEWAY, _LOG], "operator": ["gateway:log"]} if groups else {}),
        "people": {
            "alice": {"number": "+32470000001", "timezone": "Europe/Brussels"},
            "bob": {"number": "+31612345679", "timezone": "Europe/Amsterdam", **maybe(0.5, quiet=quiet)},
            "carol": {"number": "+32470000003", "timezone": "Europe/Brussels", **maybe(0.2, quiet=quiet)},
        },
        "teams": {"all": list(PEOPLE)},
        "schedules": {"primary": {"timezone": "Europe/Brussels", "rotation": rotation}},
        "route": {
            "receiver": "oncall",
            "group_by": some(["alertname"], ["..."], []),
            "group_wait": some("0s", "10s", "30s"),
            "group_interval": some("1m", "5m"),
            "repeat_interval": some("1h", "4h"),
            **maybe(0.2, dedup_labels=["instance"]),
            "routes": [
                {"matchers": ['severity="info"'], "receiver": "nobody"},
                {"matchers": ['team="web"'], "receiver": "web", **maybe(0.3, mute_time_intervals=["night"])},
                {"matchers": ['team="duty"'], "receiver": "duty", "continue": some("true", "false")},
                {"matchers": ['team="quiet"'], "receiver": "quiet"},
                {"matchers": ['team="all"'], "receiver": "all"},
                *([{"matchers": ['team="group"'], "receiver": "group"}] if groups else []),
            ],
        },
        "receivers": [
            {"name": "nobody"},
            {"name": "oncall", "notify": ["person:alice"], "escalate": steps[: dice.randint(1, 2)]},
            {"name": "web", "notify": ["person:carol"], "send_resolved": some("true", "true", "false")},
            {"name": "duty", "notify": ["schedule:primary"]},
            {"name": "quiet", "notify": ["person:bob", "person:carol"], "quiet": quiet},
            {"name": "all", "notify": ["team:all"], **maybe(0.3, limits=["2/1h"])},
            *([{"name": "group", "notify": [GROUP]}] if groups else []),
        ],
        "time_intervals": [{"name": "night", "time_intervals": [night]}],
        **dice.choice(({}, {}, {}, {"limits": "off"}, {"limits": {"per_number": ["1/1m", "6/1h"]}})),
    }


def random_story(seed: int) -> str:
    """A whole story file; always the same for a seed."""
    dice = Random(seed)
    config = _configuration(dice)
    shared = "dedup_labels" in config["route"]  # type: ignore[operator]
    teller = StoryTeller(dice, config, shared=shared, groups="gateways" in config)
    start = datetime(2026, 11, 24, dice.choice((5, 12, 19, 21, 23)), dice.choice((0, 30)), tzinfo=UTC)
    before, at, over = written(config), 60, 0
    for _ in range(dice.randint(2, 6)):
        over = max(over, teller.scene()(at))
        at = max(
            60, dice.choice((at + dice.choice((20, 90, 600, 3000)), over + dice.choice((30, 300, 3600))))
        )
    over = max(over, at, *(when for when, _ in teller.events), 0)
    teller.note(over + 3000, gateway={"ok": "true"})
    ends = _noon_after(start, over + 3000)
    _repeat(teller, ends)
    _canaries(teller, ends - CANARY)
    story = {
        "story": f"Seed {seed}",
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "run_for": f"{ends}s",
        "events": [
            {"at": f"{when}s", **what} for when, what in sorted(_possible(teller), key=lambda pair: pair[0])
        ],
        "expect": [{"credits": "100000"}],
    }
    return written({"config": before, "stories": [story]})


def _noon_after(start: datetime, last: int) -> int:
    """The first noon that is long enough after everything: quiet hours and mutes ended five hours ago by then."""
    earliest = start + timedelta(seconds=last + QUIET_TAIL)
    noon = earliest.replace(hour=12, minute=0, second=0)
    return int(((noon if noon >= earliest else noon + timedelta(days=1)) - start).total_seconds())


def _repeat(teller: StoryTeller, ends: int) -> None:
    """Alertmanager and Grafana repeat what still fires every four hours, group by group."""
    groups: dict[tuple[int, str, str], list[dict[str, str]]] = {}
    for alarm in teller.alarms:
        if alarm.firing and not alarm.silent and alarm.source in ("alertmanager", "grafana"):
            begun = max(_times(teller, alarm))
            started = {} if alarm.started is None else {"$starts": f"{alarm.started}s"}
            key = (begun, alarm.source, f"{alarm.name}{alarm.team}")
            groups.setdefault(key, []).append({**alarm.labels, **started})
    for (begun, source, group), labels in groups.items():
        for at in range(begun + REPEATED_EVERY, ends, REPEATED_EVERY):
            teller.note(at, **{source: {"firing": labels, "group": group}})


def _times(teller: StoryTeller, alarm: Alarm) -> list[int]:
    return [
        at
        for at, what in teller.events
        if alarm.source in what and f"'{alarm.place}'" in str(what[alarm.source])
    ]


def _canaries(teller: StoryTeller, at: int) -> None:
    """With all windows open, the gateway well and hours of calm behind: these are told at once."""
    for severity in ("critical", "warning"):
        alarm = teller.alarm("alertmanager", severity=severity, team="")
        alarm.name = "Canary"
        teller.tell(at, alarm, True)


def _possible(teller: StoryTeller) -> list[tuple[int, dict[str, object]]]:
    """Nobody acknowledges while the daemon is off, nor what is over."""
    return [
        (at, what)
        for at, what in teller.events
        if not _BY_HAND & what.keys() or not any(gone <= at <= back + 5 for gone, back in teller.off)
    ]
