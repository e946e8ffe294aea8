"""Random story files of a seed: what monitoring systems, people, gateways and clocks do to a daemon, as text alone, so that
no name of the program's own stands in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import yaml


class _Plain(yaml.SafeDumper):
    """Writes everything out: a configuration takes no anchors."""

    def ignore_aliases(self, _: object) -> bool:
        return True


HOSTS = ("db1", "db2", "web1", "web2", "mq1")
NAMES = ("HostDown", "DiskFull", "LoadHigh", "Slow")
SEVERITIES = ("critical", "critical", "warning", "warning", "info", "page")
TEAMS = ("", "", "web", "duty", "quiet", "all")
WEATHER = (
    {"error": "106"}, {"error": "108"}, {"error": "120"}, {"error": "150"}, {"error": "105"}, {"error": "999"},
    {"drop": "before"}, {"drop": "after"}, {"status": "500"}, {"unreachable": "true"}, {"hang": "20s"},
    {"report": "NOT DELIVERED"}, {"report": "NONE"}, {"report": "BUFFERED"},
)  # fmt: skip
SECONDS = (0, 1, 10, 30, 70, 180, 360, 720, 2400, 7200)


@dataclass
class _Teller:
    """Draws one story; `now` is in seconds since the start, `fires` what has begun and not ended."""

    dice: Random
    silences: bool
    now: int = 0
    fires: dict[tuple[str, str], str] = field(default_factory=dict)
    events: list[dict[str, object]] = field(default_factory=list)

    def note(self, **what: object) -> None:
        self.events.append({"at": f"{self.now}s", **what})

    def step(self) -> None:
        self.now += self.dice.choice(SECONDS)
        kinds = (self.fire, self.fire, self.fire, self.end, self.end, self.monitor, self.monitor, self.storm,
                 self.weather, self.weather, self.restart, self.clock)  # fmt: skip
        self.dice.choice((*kinds, self.silence) if self.silences else kinds)()

    def fire(self) -> None:
        chosen = {(self.dice.choice(NAMES), self.dice.choice(HOSTS)) for _ in range(self.dice.randint(1, 3))}
        self.note(
            alertmanager={"firing": [self.labels(key) for key in sorted(chosen)], "group": self.group()}
        )

    def labels(self, key: tuple[str, str]) -> dict[str, str]:
        """The same for the same alert, but for a severity that may have risen."""
        name, host = key
        severity = self.fires.setdefault(key, self.dice.choice(SEVERITIES))
        team = TEAMS[(len(name) + 7 * len(host) + ord(host[0])) % len(TEAMS)]
        return {"alertname": name, "instance": host, "severity": severity, **({"team": team} if team else {})}

    def group(self) -> str:
        return self.dice.choice(("{}", "{}", '{alertname="x"}', ""))

    def end(self) -> None:
        if self.fires:
            key = self.dice.choice(sorted(self.fires))
            labels = self.labels(key)
            del self.fires[key]
            self.note(alertmanager={"resolved": [labels], "group": self.group()})

    def storm(self) -> None:
        severity = self.dice.choice(("critical", "warning"))
        alerts = [
            {"alertname": "Node", "instance": f"node{n:02}", "severity": severity}
            for n in range(self.dice.randint(5, 45))
        ]
        self.note(alertmanager={self.dice.choice(("firing", "firing", "resolved")): alerts, "group": "storm"})

    def monitor(self) -> None:
        kind = self.dice.choice(("PROBLEM", "PROBLEM", "RECOVERY", "ACKNOWLEDGEMENT", "FLAPPINGSTART"))
        state = "OK" if kind == "RECOVERY" else self.dice.choice(("CRITICAL", "WARNING", "UNKNOWN"))
        host, service = self.dice.choice(HOSTS), self.dice.choice(("disk", "load"))
        told = {
            "type": kind,
            "host": host,
            "service": service,
            "state": state,
            "output": f"{service} is {state}",
        }
        self.note(**{self.dice.choice(("nagios", "icinga")): told})

    def silence(self) -> None:
        labels = {"instance": self.dice.choice(HOSTS)}
        self.note(silence={"labels": labels, "for": self.dice.choice(("10m", "1h")), "by": "op"})

    def weather(self) -> None:
        told: dict[str, object] = dict(self.dice.choice(WEATHER))
        if self.dice.random() < 0.5:
            told["to"] = self.dice.choice(("alice", "bob", "carol"))
        if self.dice.random() < 0.7:
            told["count"] = str(self.dice.randint(1, 3))
        else:
            told["for"] = self.dice.choice(("2m", "20m"))
        self.note(gateway=told)

    def restart(self) -> None:
        self.note(restart={"down": self.dice.choice(("0s", "5s", "10m"))})

    def clock(self) -> None:
        self.note(clock=self.dice.choice(("+10s", "-10s", "+1h", "-1h", "+90s")))


def _configuration(dice: Random) -> str:
    def some(*choices: object) -> object:
        return dice.choice(choices)

    quiet = {"during": "night", "unless": ['severity="critical"']}
    steps = [
        {"after": "5m", "notify": ["person:bob"]},
        {"after": "15m", "notify": ["team:all", "+31612345678"]},
    ]
    config: dict[str, object] = {
        "people": {
            "alice": {"number": "+32470000001", "timezone": "Europe/Brussels", "language": "nl"},
            "bob": {"number": "+31612345679", "timezone": "Europe/Amsterdam", **some({}, {"quiet": quiet})},  # type: ignore[dict-item]
            "carol": {"number": "+32470000003", "timezone": "Europe/Brussels"},
        },
        "teams": {"all": ["alice", "bob", "carol"]},
        "schedules": {
            "primary": {
                "timezone": "Europe/Brussels",
                "rotation": {
                    "members": ["bob", "carol"],
                    "every": "1d",
                    "handover": "09:00",
                    "start": "2026-11-01",
                },
            }
        },
        "route": {
            "receiver": "oncall",
            "group_by": some(["alertname"], ["..."], []),
            "group_wait": some("0s", "10s", "30s"),
            "group_interval": some("1m", "5m"),
            "repeat_interval": some("1h", "4h"),
            **some({}, {}, {"dedup_labels": ["instance"]}),  # type: ignore[dict-item]
            "routes": [
                {"matchers": ['severity="info"'], "receiver": "nobody"},
                {
                    "matchers": ['team="web"'],
                    "receiver": "web",
                    **some({}, {"mute_time_intervals": ["night"]}),
                },  # type: ignore[dict-item]
                {"matchers": ['team="duty"'], "receiver": "duty", "continue": some("true", "false")},
                {"matchers": ['team="quiet"'], "receiver": "quiet"},
                {"matchers": ['team="all"'], "receiver": "all"},
            ],
        },
        "receivers": [
            {"name": "nobody"},
            {"name": "oncall", "notify": ["person:alice"], "escalate": steps[: dice.randint(1, 2)]},
            {"name": "web", "notify": ["person:carol"], "send_resolved": some("true", "false")},
            {"name": "duty", "notify": ["schedule:primary"], "max_parts": some("1", "3")},
            {"name": "quiet", "notify": ["person:bob", "person:carol"], "quiet": quiet},
            {"name": "all", "notify": ["team:all"], **some({}, {"limits": ["2/1h"]})},  # type: ignore[dict-item]
        ],
        "time_intervals": [
            {
                "name": "night",
                "time_intervals": [
                    {"times": [{"start_time": "22:00", "end_time": "07:00"}], "location": "Europe/Brussels"}
                ],
            }
        ],
        **some(
            {},
            {},
            {"limits": "off"},
            {"limits": {"per_number": ["1/1m", "3/1h"], "credits": {"per_hour": "6"}}},
        ),  # type: ignore[dict-item]
        **some({}, {"web": {"external_url": "https://sms.example.org"}}),  # type: ignore[dict-item]
    }
    return _written(config)


def random_story(seed: int) -> str:
    """A whole story file; always the same for a seed."""
    dice = Random(seed)
    config = _configuration(dice)
    teller = _Teller(dice, silences=seed % 20 == 0)
    for _ in range(dice.randint(5, 25)):
        teller.step()
    start = f"2026-11-24T{dice.choice(('06', '12', '20', '23'))}:{dice.choice(('00', '30'))}:00Z"
    story = {
        "story": f"Seed {seed}",
        "start": start,
        "run_for": f"{teller.now + 6 * 3600}s",
        "events": teller.events,
        "expect": [{"credits": "100000"}],
    }
    return _written({"config": config, "stories": [story]})


def _written(value: object) -> str:
    return yaml.dump(value, Dumper=_Plain, sort_keys=False, width=10_000)
