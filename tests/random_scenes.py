"""Scenes of random stories: what one monitoring system, person, gateway or clock does, about problems at places of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import yaml


class _Plain(yaml.CSafeDumper):
    """Writes everything out: a configuration takes no anchors."""

    def ignore_aliases(self, _: object) -> bool:
        return True


def written(value: object) -> str:
    """A whole file."""
    return yaml.dump(value, Dumper=_Plain, sort_keys=False, width=10_000)


NAMES = ("HostDown", "DiskFull", "LoadHigh", "Slow")
SEVERITIES = ("critical", "critical", "warning", "warning", "page", "info")
TEAMS = ("", "", "", "web", "duty", "quiet", "all")
PEOPLE = ("alice", "bob", "carol")
FAULTS = (
    {"error": "108"}, {"error": "120"}, {"error": "150"}, {"error": "999"}, {"drop": "before"}, {"drop": "after"},
    {"error": "106"}, {"error": "112"}, {"error": "105"}, {"error": "117"}, {"error": "104"},
    {"status": "500"}, {"unreachable": "true"}, {"hang": "20s"},
    {"report": "NOT DELIVERED"}, {"report": "NONE"}, {"report": "BUFFERED"},
)  # fmt: skip
MONITORS = (
    "alertmanager",
    "alertmanager",
    "grafana",
    "nagios",
    "icinga",
    "zabbix",
    "json",
    "zabbix_script",
    "pipe",
)
DAY = 24 * 3600
GROUP = "gateway-group:ops"


@dataclass
class Alarm:
    """One alert of one monitoring system, at a place of its own."""

    source: str
    name: str
    place: str
    severity: str
    team: str
    number: int
    firing: bool = False
    started: int | None = None
    """What its source says of its beginning, in seconds since the start of the story; None: the time of its first text."""
    silent: bool = False
    """Its source does not repeat it any more."""

    @property
    def labels(self) -> dict[str, str]:
        """As Alertmanager has them."""
        team = {"team": self.team} if self.team else {}
        return {"alertname": self.name, "instance": self.place, "severity": self.severity, **team}

    def event(self, firing: bool, severity: str = "") -> dict[str, object]:
        """What its source sends."""
        self.firing = firing
        severity = self.severity = severity or self.severity
        team = {"team": self.team} if self.team else {}
        if self.source in ("alertmanager", "grafana"):
            word = "firing" if firing else "resolved"
            return {self.source: {word: [self.labels], "group": f"{self.name}{self.team}"}}
        if self.source in ("nagios", "icinga"):
            state = {"warning": "WARNING", "unknown": "UNKNOWN"}.get(severity, "CRITICAL")
            told = {"type": "PROBLEM" if firing else "RECOVERY", "host": self.place, "service": self.name,
                    "state": state if firing else "OK", "output": "see there", **team}  # fmt: skip
            return {self.source: told}
        if self.source == "zabbix":
            return {"zabbix": self.macros("1" if firing else "0", "0")}
        if self.source == "zabbix_script":
            macros = self.macros("1" if firing else "0", "0")
            name = macros.pop("EVENT.NAME")  # what may have several lines comes last
            lines = [f"{key}: {text}" for key, text in (*macros.items(), ("EVENT.NAME", name))]
            subject = "Problem" if firing else "Resolved"
            return {"zabbix_script": ["ops", f"{subject}: {self.name}", "\n".join(lines)]}
        if self.source == "pipe":
            piped: dict[str, object] = {"text": "see there", "name": self.name, "severity": severity}
            piped |= {"label": {"instance": self.place, **team}, **({} if firing else {"resolved": "true"})}
            return {"pipe": piped}
        return {"json": {"name": self.name, "instance": self.place, "severity": severity, **team,
                         "status": "firing" if firing else "resolved"}}  # fmt: skip

    def macros(self, value: str, update: str, action: str = "", ack: str = "No") -> dict[str, str]:
        """Of Zabbix."""
        words = {"critical": "Disaster", "page": "High", "info": "Information"}
        tags = f'[{{"tag":"team","value":"{self.team}"}}]' if self.team else "[]"
        return {
            "EVENT.ID": str(1000 + self.number), "EVENT.VALUE": value, "EVENT.NAME": self.name,
            "EVENT.SEVERITY": words.get(self.severity, "Warning"), "HOST.NAME": self.place, "EVENT.TAGSJSON": tags,
            "EVENT.UPDATE.STATUS": update, "EVENT.UPDATE.ACTION": action, "EVENT.ACK.STATUS": ack, "USER.FULLNAME": "op",
        }  # fmt: skip


@dataclass
class StoryTeller:
    """Draws one story; times are in seconds since its start."""

    dice: Random
    config: dict[str, object]
    shared: bool
    events: list[tuple[int, dict[str, object]]] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    groups: bool = False
    """Whether the gateway has a group, to which the alerts of one team go."""
    places: int = 0
    off: list[tuple[int, int]] = field(default_factory=list)

    def note(self, at: int, **what: object) -> None:
        self.events.append((at, what))

    def alarm(self, *sources: str, severity: str = "", team: str | None = None, place: str = "") -> Alarm:
        self.places += not place
        dice = self.dice
        made = Alarm(
            dice.choice(sources or MONITORS),
            dice.choice(NAMES),
            place or f"h{self.places:02}",
            severity or dice.choice(SEVERITIES),
            dice.choice((*TEAMS, "group") if self.groups else TEAMS) if team is None else team,
            len(self.alarms),
        )
        if made.source in ("nagios", "icinga") and made.severity == "info":
            made.severity = "warning"
        self.alarms.append(made)
        return made

    def tell(self, at: int, alarm: Alarm, firing: bool, severity: str = "") -> int:
        self.note(at, **alarm.event(firing, severity))
        return at

    def soon(self, *choices: int) -> int:
        return self.dice.choice(choices or (20, 70, 180, 420, 900, 2700)) + self.dice.randint(0, 9)

    # Scenes: each begins at a time and returns when it is over.

    def plain(self, at: int) -> int:
        alarm = self.alarm()
        self.tell(at, alarm, True)
        at = self.maybe_acknowledged(at, alarm)
        at += self.soon()
        if self.dice.random() < 0.7:
            self.tell(at, alarm, False)
            if self.dice.random() < 0.3:
                self.tell(at := at + self.soon(), alarm, True)
        return at

    def maybe_acknowledged(self, at: int, alarm: Alarm) -> int:
        if self.dice.random() < 0.35:
            at += self.soon(60, 240, 400)
            self.acknowledge(at, alarm)
        return at

    def acknowledge(self, at: int, alarm: Alarm) -> None:
        self.note(at, ack={"labels": {"instance": alarm.place}, "by": self.dice.choice(PEOPLE)})

    def flapping(self, at: int) -> int:
        """Up and down, and then it stays, or not."""
        alarm = self.alarm(
            "alertmanager", "nagios", "json", severity=self.dice.choice(("critical", "critical", "warning"))
        )
        for n in range(self.dice.randint(4, 7)):
            if n:
                self.tell(at, alarm, False)
                at += self.soon(20, 60, 90)
            self.tell(at, alarm, True)
            if self.dice.random() < 0.15:
                self.acknowledge(at + 15, alarm)
            at += self.soon(30, 60, 120, 240)
        if self.dice.random() < 0.3:
            self.tell(at, alarm, False)
        return at

    def severities(self, at: int) -> int:
        """Rises and falls, as Nagios and Icinga have them."""
        alarm = self.alarm("nagios", "icinga", severity=self.dice.choice(("critical", "warning")))
        self.tell(at, alarm, True)
        at = self.maybe_acknowledged(at, alarm)
        for _ in range(self.dice.randint(1, 4)):
            at += self.soon(60, 300, 900, 3600)
            self.tell(at, alarm, True, {"critical": "warning"}.get(alarm.severity, "critical"))
        if self.dice.random() < 0.4:
            self.tell(at := at + self.soon(), alarm, False)
        return at

    def crowd(self, at: int) -> int:
        """Forty at once, of one kind or of three."""
        kinds = self.dice.sample(NAMES, self.dice.choice((1, 3)))
        severity = self.dice.choice(("critical", "critical", "warning"))
        alerts = []
        for n in range(self.dice.randint(40, 44)):
            alarm = self.alarm("alertmanager", severity=severity, team="")
            alarm.name, alarm.firing = kinds[n % len(kinds)], True
            alerts.append({"alertname": alarm.name, "instance": alarm.place, "severity": severity})
        self.note(at, alertmanager={"firing": alerts, "group": "crowd"})
        at += self.soon(300, 900, 2700)
        if self.dice.random() < 0.7:
            for alarm in self.alarms[-len(alerts) :]:
                alarm.firing = False
            self.note(at, alertmanager={"resolved": alerts, "group": "crowd"})
        return at

    def taken_back(self, at: int) -> int:
        """Somebody acknowledges in the monitoring system, and takes it back there."""
        source = self.dice.choice(("zabbix", "nagios", "icinga", "alertmanager"))
        alarm = self.alarm(source, severity=self.dice.choice(("critical", "critical", "warning")))
        self.tell(at, alarm, True)
        at += self.soon(60, 240)
        later = at + self.soon(300, 1200, 3600)
        if source == "zabbix":
            self.note(at, zabbix=alarm.macros("1", "1", "acknowledged", "Yes"))
            self.note(later, zabbix=alarm.macros("1", "1", "unacknowledged", "No"))
        elif source == "alertmanager":
            self.note(at, silence={"labels": {"instance": alarm.place}, "for": f"{later - at}s", "by": "op"})
        else:
            (told,) = alarm.event(True).values()
            self.note(at, **{source: {**told, "type": "ACKNOWLEDGEMENT", "author": "op"}})  # type: ignore[dict-item]
            self.tell(later, alarm, True)
        return later

    def hands(self, at: int) -> int:
        """What one place has in common is one incident here: whoever opened it ends, another goes on, and may get worse.

        Both lead to the same receivers, without which they are two incidents.
        """
        first = self.alarm("alertmanager", "zabbix", severity=self.dice.choice(("critical", "warning")))
        severity = self.dice.choice(("critical", "warning"))
        second = self.alarm("nagios", "json", severity=severity, team=first.team, place=first.place)
        second.name = self.dice.choice([name for name in NAMES if name != first.name])
        self.tell(at, first, True)
        self.tell(at := at + self.soon(5, 60, 600), second, True)
        self.tell(at := at + self.soon(60, 600), first, False)
        if severity == "warning" and self.dice.random() < 0.3:
            self.tell(at := at + self.soon(60, 600), second, True, "critical")
        if self.dice.random() < 0.5:
            self.tell(at := at + self.soon(60, 600, 2400), second, False)
        return at

    def resumed(self, at: int) -> int:
        """It timed out at Alertmanager, or came late from the other one of a pair: it goes on with its first start, or not."""
        alarm = self.alarm("alertmanager", severity=self.dice.choice(("critical", "warning")))
        started = at
        self.tell_of_pair(at, alarm, True, started, 1)
        self.tell_of_pair(at + 1, alarm, True, started, 2)
        self.tell_of_pair(at := at + self.soon(60, 300, 1200), alarm, False, started, 2)
        self.tell_of_pair(at := at + self.soon(5, 20, 70, 200), alarm, True, started, 1)
        if self.dice.random() < 0.5:
            self.tell_of_pair(at := at + self.soon(30, 300), alarm, False, started, 1)
        return at

    def tell_of_pair(self, at: int, alarm: Alarm, firing: bool, started: int, sender: int) -> None:
        """One of two Alertmanagers tells of an alert that began then."""
        alarm.firing = firing
        word, alert = "firing" if firing else "resolved", {**alarm.labels, "$starts": f"{started}s"}
        self.note(at, alertmanager={word: [alert], "sender": f"http://am-{sender}:9093", "group": alarm.name})
        alarm.started = started

    def given_back(self, at: int) -> int:
        """Somebody acknowledges by hand, and gives it back."""
        alarm = self.alarm(severity=self.dice.choice(("critical", "critical", "warning")))
        self.tell(at, alarm, True)
        self.acknowledge(at := at + self.soon(60, 240), alarm)
        self.note(at := at + self.soon(60, 900, 3600), unack=self.by_hand(alarm))
        if self.dice.random() < 0.3:
            self.tell(at := at + self.soon(), alarm, False)
        return at

    def by_hand(self, alarm: Alarm) -> dict[str, object]:
        return {"labels": {"instance": alarm.place}, "by": self.dice.choice(PEOPLE)}

    def closed(self, at: int) -> int:
        """Somebody closes it by hand; its source repeats it, perhaps worse, ends it, and finds it anew."""
        alarm = self.alarm(
            "alertmanager", "nagios", "icinga", "json", severity=self.dice.choice(("critical", "warning"))
        )
        started = alarm.started = at if alarm.source == "alertmanager" else None
        self.tell_since(at, alarm, True, started)
        self.note(at := at + self.soon(60, 400, 1200), close=self.by_hand(alarm))
        alarm.firing = False
        for _ in range(self.dice.randint(0, 2)):
            may_rise = (
                alarm.severity != "critical" and alarm.source != "alertmanager"
            )  # there it has another identity
            worse = may_rise and self.dice.random() < 0.4
            at += self.soon(700, 1200, 3600)
            self.tell_since(at, alarm, True, started, "critical" if worse else "")
            alarm.firing = worse
        if self.dice.random() < 0.7:
            self.tell_since(at := at + self.soon(700, 3600), alarm, False, started)
            if self.dice.random() < 0.6:
                at += self.soon(700, 3600)
                alarm.started = at if alarm.source == "alertmanager" else None
                self.tell_since(at, alarm, True, alarm.started)
        return at

    def tell_since(
        self, at: int, alarm: Alarm, firing: bool, started: int | None, severity: str = ""
    ) -> None:
        """What its source sends, with what it says of the beginning."""
        event = alarm.event(firing, severity)
        if started is not None:
            for alert in event[alarm.source]["firing" if firing else "resolved"]:  # type: ignore[index]
                alert["$starts"] = f"{started}s"
        self.note(at, **event)

    def falls_silent(self, at: int) -> int:
        """Its source, which repeats, says nothing for more than a day; then it goes on, begins anew, ends, or nothing comes."""
        alarm = self.alarm("alertmanager", "grafana", severity=self.dice.choice(("critical", "warning")))
        alarm.started, alarm.silent = at, True
        self.tell_since(at, alarm, True, alarm.started)
        if self.dice.random() < 0.3:
            at = self.maybe_acknowledged(at, alarm)
        for _ in range(self.dice.randint(0, 2)):
            self.tell_since(at := at + 4 * 3600, alarm, True, alarm.started)
        at += DAY + self.soon(1200, 3600, 3 * 3600)
        what = self.dice.choice(("nothing", "goes on", "begins anew", "ends"))
        if what == "begins anew":
            alarm.started = at
        if what != "nothing":
            self.tell_since(at, alarm, what != "ends", alarm.started)
            alarm.silent = what == "ends"
        return at

    def silenced_end(self, at: int) -> int:
        """It ends while a silence hides it, of which Alertmanager tells nobody."""
        alarm = self.alarm("alertmanager", severity=self.dice.choice(("critical", "warning")))
        self.tell(at, alarm, True)
        labels = {"labels": {"instance": alarm.place}}
        self.note(at := at + self.soon(60, 400), silence={**labels, "for": "2h", "by": "op"})
        self.note(at := at + self.soon(700, 1800, 3600), gone=labels)
        alarm.firing = False
        return at + 2 * 3600

    def suppressed(self, at: int) -> int:
        """Alertmanager inhibits it for a while, and then not any more."""
        alarm = self.alarm("alertmanager", severity=self.dice.choice(("critical", "warning")))
        self.tell(at, alarm, True)
        lasts = self.soon(900, 3600, 3 * 3600)
        self.note(
            at := at + self.soon(60, 400),
            suppressed={"labels": {"instance": alarm.place}, "by": "op", "for": f"{lasts}s"},
        )
        return at + lasts

    def notice(self, at: int) -> int:
        """Words alone, which nothing can end."""
        self.places += 1
        team = self.dice.choice(("", "", "all"))
        place = f"h{self.places:02}"
        self.note(at, json={"text": f"backup of {place} failed", **({"team": team} if team else {})})
        return at

    def explained(self, at: int) -> int:
        """Grafana ends it and says why: that is not a recovery."""
        alarm = self.alarm("grafana", severity=self.dice.choice(("critical", "warning")))
        self.tell(at, alarm, True)
        at, alarm.firing = at + self.soon(), False
        why = {"grafana_state_reason": self.dice.choice(("MissingSeries", "NoData", "Paused", "RuleDeleted"))}
        self.note(at, grafana={"resolved": [{**alarm.labels, "$annotations": why}], "group": "explained"})
        return at

    def lasting(self, at: int) -> int:
        """A source that never repeats: a day later it still fires, and then it ends."""
        alarm = self.alarm("nagios", "zabbix", "json", severity=self.dice.choice(("critical", "warning")))
        self.tell(at, alarm, True)
        return self.tell(at + 26 * 3600 + self.soon(), alarm, False)

    def weather(self, at: int) -> int:
        told: dict[str, object] = dict(self.dice.choice(FAULTS))
        if self.dice.random() < 0.5:
            told["to"] = self.dice.choice((*PEOPLE, GROUP) if self.groups else PEOPLE)
        if self.dice.random() < 0.6:
            told["count"] = str(self.dice.randint(1, 3))
        else:
            told["for"] = self.dice.choice(("2m", "10m", "45m"))
        self.note(at, gateway=told)
        if self.dice.random() < 0.6:
            self.plain(at + self.soon(1, 20))
        return at

    def restart(self, at: int) -> int:
        down = self.dice.choice((0, 5, 600))
        self.note(at, restart={"down": f"{down}s"})
        self.off.append((at, at + down))
        return at + down

    def clock(self, at: int) -> int:
        self.note(at, clock=self.dice.choice(("+10s", "-10s", "+1h", "-1h", "+90s")))
        return at

    def reload(self, at: int) -> int:
        """A receiver has another name, alice another number, or a step is gone; sometimes while texts wait."""
        config = yaml.load(written(self.config), Loader=yaml.CBaseLoader)  # noqa: S506 - a copy of plain texts
        change = self.dice.choice(("receiver", "number", "step", "notify"))
        oncall = next(one for one in config["receivers"] if one["name"] in ("oncall", "ops"))
        if change == "receiver":
            oncall["name"] = config["route"]["receiver"] = "ops"
        elif change == "number":
            config["people"]["alice"]["number"] = "+32470000009"
        elif change == "notify":
            oncall["notify"] = ["person:alice", "person:carol"]
        else:
            oncall["escalate"] = oncall["escalate"][:1]
        if self.dice.random() < 0.6:
            self.note(at - 30, gateway={"error": "150", "for": "5m"})
            self.plain(at - 20)
        self.note(at, config=written(config))
        self.config = config
        return at

    def override(self, at: int) -> int:
        self.note(
            at, override={"schedule": "primary", "person": self.dice.choice(("bob", "carol")), "for": "8h"}
        )
        return at

    def scene(self) -> Callable[[int], int]:
        often = (self.plain, self.plain, self.flapping, self.severities, self.weather, self.weather, self.taken_back,
                 self.resumed)  # fmt: skip
        seldom = (self.restart, self.clock, self.reload, self.override, self.crowd, self.explained, self.lasting,
                  self.given_back, self.closed, self.falls_silent, self.silenced_end, self.suppressed, self.notice)  # fmt: skip
        chosen = self.dice.choice((*often, *often, *seldom))
        if self.shared and chosen not in (self.weather, self.restart, self.clock):
            return self.dice.choice((self.hands, self.plain))
        return chosen
