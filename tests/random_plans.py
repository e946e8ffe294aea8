"""Random configurations of a seed, as the text of a file, each with an alert and a moment: everything that decides who is
told what and when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import yaml

from sms_notify.alert import Alert, Status, fingerprint_of
from sms_notify.policy.rotations import Shift

PEOPLE = ("alice", "bob", "carol", "dave")
SCHEDULES = ("primary", "backup", "office")
ZONES = ("Europe/Brussels", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "UTC")
SEVERITIES = ("critical", "critical", "critical", "warning", "warning", "warning", "info", "page", "weird")
LABELS = {"team": ("web", "dba", "ops"), "instance": ("db1", "web1.example.org:9100"), "site": ("ams",)}
SUMMARIES = (
    "{{ is down }}", "is bad", "Disk /var/lib/postgresql is 97 % full, and fills up in 2 hours", "café ünïcödé ✓ 日本",
    "word " * 80, "",
)  # fmt: skip
# A quiet Sunday, a working day, nights, and around both changes of the clocks in Europe and one in New York.
DAYS = (
    "2026-11-22",
    "2026-11-25",
    "2026-11-27",
    "2026-10-25",
    "2027-03-28",
    "2026-03-29",
    "2026-11-01",
    "2028-02-29",
)
HOURS = (
    "00:30:00",
    "01:59:30",
    "05:58:00",
    "07:59:00",
    "08:57:00",
    "12:00:00",
    "16:28:00",
    "21:59:45",
    "23:15:10.25",
)
INTERVALS = {
    "night": [{"times": [{"start_time": "22:00", "end_time": "07:00"}], "location": "Europe/Brussels"}],
    "morning": [{"times": [{"start_time": "06:00", "end_time": "10:00"}]}],
    "office": [
        {
            "weekdays": ["monday:friday"],
            "times": [{"start_time": "09:00", "end_time": "17:30"}],
            "location": "Europe/Brussels",
        }
    ],
    "weekend": [{"weekdays": ["saturday", "sunday"]}],
    "minutes": [{"times": [{"start_time": "12:02", "end_time": "12:20"}]}],
}
TEMPLATES = (
    "{{ status }} {{ severity }} {{ name }} {{ summary }}",
    "{{ labels.team }}: {{ tag }}",
    "{{ 1 / 0 }}",
)


class _Plain(yaml.SafeDumper):
    """Writes everything out: a configuration takes no anchors."""

    def ignore_aliases(self, _: object) -> bool:
        return True


@dataclass(frozen=True)
class Case:
    """One alert at a moment, under one configuration. An empty `group`: its source does not group."""

    config: str
    alert: Alert
    at: datetime
    group: str
    overrides: dict[str, list[Shift]] = field(default_factory=dict)


def random_case(seed: int) -> Case:
    """Always the same for a seed."""
    dice = Random(seed)
    day, hour = dice.choice(DAYS), dice.choice(HOURS)
    at = datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=UTC)
    config = _Writer(dice).configuration()
    source = dice.choice(("alertmanager", "alertmanager", "grafana", "nagios", "zabbix", "text"))
    group = '{}:{alertname="x"}' if source in ("alertmanager", "grafana") and dice.random() < 0.9 else ""
    return Case(config, _alert(dice, source, at), at, group, _overrides(dice, at))


def _alert(dice: Random, source: str, at: datetime) -> Alert:
    labels = {
        "alertname": dice.choice(("HostDown", "DiskFull", "A" * 60)),
        "severity": dice.choice(SEVERITIES),
    }
    labels |= {name: dice.choice(values) for name, values in LABELS.items() if dice.random() < 0.7}
    if dice.random() < 0.1:
        del labels["severity"]
    told = {"summary": dice.choice(SUMMARIES)} if dice.random() < 0.8 else {}
    began = dice.choice((at, at, None, at - timedelta(minutes=3), at - timedelta(days=2)))
    once = source == "text" and dice.random() < 0.7
    return Alert(source, fingerprint_of(labels), Status.FIRING, labels, told, began, once=once)


def _overrides(dice: Random, at: datetime) -> dict[str, list[Shift]]:
    made: dict[str, list[Shift]] = {}
    for _ in range(dice.choice((0, 0, 0, 1, 3))):
        begin = at + timedelta(minutes=dice.choice((-600, -5, 4, 12, 300)))
        shift = Shift(dice.choice(PEOPLE), begin, begin + timedelta(minutes=dice.choice((6, 30, 900))))
        made.setdefault(dice.choice(SCHEDULES), []).append(shift)
    return made


class _Writer:
    """Draws one configuration. What stands twice in a list of choices is drawn more often."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice

    def some(self, *choices: object) -> object:
        return self.dice.choice(choices)

    def maybe(self, share: float, **keys: object) -> dict[str, object]:
        return keys if self.dice.random() < share else {}

    def configuration(self) -> str:
        config: dict[str, object] = {
            "storage": "sqlite:///tmp/never-opened.db",
            "gateways": [
                {"name": name, "type": "1601sms", "url": "https://sms.example.org/module/", "username": "acme",
                 "password": "${PASSWORD}", "sender": "ACME", "groups": ["ops"]}
                for name in ("main", "backup")[: self.dice.choice((1, 1, 2))]
            ],
            "people": {name: self.person(number) for number, name in enumerate(PEOPLE)},
            "teams": {"dba": ["bob", "carol"], "all": list(PEOPLE), "ops": ["alice", "dave"]},
            "schedules": {name: self.schedule() for name in SCHEDULES},
            "route": self.root(),
            "receivers": [{"name": "nobody"}, *(self.receiver(f"r{n}") for n in range(4))],
            "time_intervals": [{"name": name, "time_intervals": told} for name, told in INTERVALS.items()],
            "templates": {f"t{n}": text for n, text in enumerate(TEMPLATES)},
            **self.maybe(0.5, web={"external_url": "https://sms.example.org"}),
            **self.limits(),
        }  # fmt: skip
        return yaml.dump(config, Dumper=_Plain, sort_keys=False, width=10_000, allow_unicode=True)

    def person(self, number: int) -> dict[str, object]:
        return {
            "number": f"+3247000000{number}",
            "timezone": self.some(*ZONES),
            "language": self.some("en", "nl", "en"),
            **self.maybe(0.4, quiet=self.quiet()),
        }

    def quiet(self) -> dict[str, object]:
        during = self.some("night", "night", "morning", "office", ["night", "weekend"], "minutes")
        return {"during": during, **self.maybe(0.5, unless=[self.some('severity="critical"', 'team="dba"')])}

    def schedule(self) -> dict[str, object]:
        zone = {"timezone": self.some(*ZONES), **self.maybe(0.2, handoff_text="true")}
        if self.dice.random() < 0.5:
            return {**zone, "rotation": self.rotation()}
        during = self.some("office", "night", "weekend", "minutes")
        layers = [
            {**self.rotation(), **({"during": during} if n or self.dice.random() < 0.7 else {})}
            for n in range(2)
        ]
        return {**zone, "layers": layers[: self.dice.choice((1, 2))]}

    def rotation(self) -> dict[str, object]:
        members = self.dice.sample(PEOPLE, self.dice.randint(1, 3))
        every, handover = self.dice.choice(
            (("1d", "09:00"), ("1w", "Mon 09:00"), ("1d", "00:00"), ("1d", "12:05"))
        )
        return {"members": members, "every": every, "handover": handover, "start": "2026-01-05"}

    def root(self) -> dict[str, object]:
        return {
            "receiver": self.some("r0", "r1", "r2", "nobody"),
            **self.node(),
            "routes": [self.route() for _ in range(self.dice.randint(0, 4))],
        }

    def route(self, depth: int = 0) -> dict[str, object]:
        below = self.dice.randint(0, 2) if depth < 2 and self.dice.random() < 0.3 else 0
        matcher = self.some(
            'severity=~"critical|page"', 'team="dba"', 'team!="ops"', 'site="ams"', 'instance=~".+"'
        )
        return {
            "matchers": [matcher],
            **self.maybe(0.8, receiver=self.some("r0", "r1", "r2", "r3", "r3", "nobody")),
            **self.maybe(0.6, **{"continue": "true"}),
            **self.maybe(0.25, mute_time_intervals=[self.some("night", "weekend", "minutes", "office")]),
            **self.maybe(0.15, active_time_intervals=[self.some("office", "morning", "night")]),
            **self.node(),
            **self.maybe(1.0 if below else 0.0, routes=[self.route(depth + 1) for _ in range(below)]),
        }

    def node(self) -> dict[str, object]:
        return {
            **self.maybe(0.4, group_by=self.some(["alertname"], ["..."], [], ["team", "site"])),
            **self.maybe(0.4, group_wait=self.some("0s", "10s", "90s", "10m")),
            **self.maybe(0.3, group_interval=self.some("1m", "30m")),
            **self.maybe(0.5, repeat_interval=self.some("40m", "1h", "4h", "12h")),
            **self.maybe(0.2, dedup_labels=self.some(["instance"], ["team"], ["instance", "site"])),
        }

    def receiver(self, name: str) -> dict[str, object]:
        return {
            "name": name,
            "notify": self.targets(),
            **self.maybe(0.6, escalate=self.steps()),
            **self.maybe(0.25, quiet=self.quiet()),
            **self.maybe(0.15, limits=[self.some("2/1h", "2/10m", "1/1m")]),
            "send_resolved": self.some("true", "false"),
            "max_parts": self.some("1", "2", "3"),
            **self.maybe(0.2, template=self.some("t0", "t1", "t2")),
        }

    def targets(self) -> list[str]:
        every = [*(f"person:{name}" for name in PEOPLE), *(f"schedule:{name}" for name in SCHEDULES), "schedule:office",
                 "schedule:primary", "team:dba", "team:all", "+32470000009", "+32470000001", "gateway-group:ops"]  # fmt: skip
        return self.dice.sample(list(dict.fromkeys(every)), self.dice.choice((1, 1, 1, 2, 3)))

    def steps(self) -> list[dict[str, object]]:
        afters = ("20s", "1m", "5m", "6m", "15m", "40m", "3h", "11h")
        chosen = sorted(self.dice.sample(range(len(afters)), self.dice.choice((1, 2, 2, 3))))
        return [{"after": afters[n], "notify": self.targets()} for n in chosen]

    def limits(self) -> dict[str, object]:
        custom = {
            **self.maybe(0.6, per_number=self.some(["1/10m"], ["2/1m", "3/1h"], "off")),
            **self.maybe(0.6, per_number_critical=self.some(["1/5m"], ["1/30m", "3/1h"], "off")),
            **self.maybe(0.4, overall=self.some(["1/1m"], ["3/10m"])),
            **self.maybe(0.4, credits=self.some("off", {"per_hour": "3"}, {"per_day": "40", "reserve_for_critical": "2"})),
            **self.maybe(0.2, flapping="off"),
        }  # fmt: skip
        return self.dice.choice(({}, {}, {"limits": "off"}, {"limits": "off"}, {"limits": custom}))
