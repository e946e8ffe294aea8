"""Two weeks of a small company's alerts, always the same, and what a configuration makes of them.

An Alertmanager posts groups and repeats them every four hours; a Nagios calls for each check and repeats every hour until
somebody acknowledges. There are warnings at night, lines that flap, and one bad day, the 10th, when a switch fails.

    two_weeks.py record              writes two_weeks.jsonl
    two_weeks.py before              writes two_weeks_before.json: the texts of this tree
    two_weeks.py compare             what is more and less than before, text by text
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from sms_notify.backtest.recording import Recording
from sms_notify.backtest.replay import Replay, Setup
from sms_notify.backtest.statistics import ReplayedText, Tally
from sms_notify.cli.options import plan_at
from sms_notify.config.load import load
from sms_notify.daemon.wiring import account_of

HERE = Path(__file__).parent
RECORDING, BEFORE = HERE / "two_weeks.jsonl", HERE / "two_weeks_before.json"
CONFIGURATION, THRIFTY = HERE / "two_weeks.yml", HERE / "two_weeks_thrifty.yml"
SEED = 1601
BEGINS = datetime(2026, 11, 1, 23, tzinfo=UTC)  # a Monday begins in Brussels and in Amsterdam
DAYS = 14
SWITCH_FAILS = BEGINS + timedelta(days=8, hours=10, minutes=12)
ENVIRON = {"SMS_PASSWORD": "none"}

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_GROUP_WAIT, _GROUP_INTERVAL, _REPEAT = timedelta(seconds=30), 5 * _MINUTE, 4 * _HOUR
_CRITICAL, _WARNING, _INFO = "critical", "warning", "info"


@dataclass(frozen=True)
class Outage:
    """One alert from its beginning to its end, as one monitoring system sees it."""

    name: str
    host: str
    severity: str
    begins: datetime
    ends: datetime
    summary: str
    source: str = "alertmanager"
    acknowledged: datetime | None = None
    by: str = ""

    @property
    def labels(self) -> dict[str, str]:
        team = "dba" if self.host.startswith("db") else "ops"
        return {"alertname": self.name, "instance": self.host, "severity": self.severity, "team": team}

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.source} {self.name} {self.host}".encode()).hexdigest()[:16]

    def alert(self, now: datetime) -> dict[str, object]:
        over = self.ends <= now
        return {
            "status": "resolved" if over else "firing",
            "labels": self.labels,
            "annotations": {"summary": self.summary},
            "startsAt": _written(self.begins),
            **({"endsAt": _written(self.ends)} if over else {}),
            "fingerprint": self.fingerprint,
        }


# What goes wrong.

_ORDINARY = (
    # name, hosts, severity, how long (minutes), words, source
    ("DiskFull", ("db1", "db2", "web1", "files"), _WARNING, (40, 700), "/ is 91 % full", "alertmanager"),
    ("LoadHigh", ("web1", "web2", "app1"), _WARNING, (8, 45), "load is 23 for 10 minutes", "alertmanager"),
    ("QueueLong", ("mq1",), _WARNING, (10, 90), "4100 messages wait", "alertmanager"),
    ("CertificateExpires", ("www", "mail"), _INFO, (300, 600), "in 20 days", "alertmanager"),
    ("ReplicaLags", ("db2",), _WARNING, (6, 50), "600 s behind db1", "alertmanager"),
    ("SiteDown", ("www", "shop"), _CRITICAL, (7, 55), "HTTP 502 for 2 minutes", "alertmanager"),
    ("ssh", ("app1", "app2", "files"), _CRITICAL, (6, 40), "connection refused", "nagios"),
    ("memory", ("app1", "app2", "mail"), _WARNING, (15, 200), "swap is 80 % used", "nagios"),
    ("backup", ("db1", "files"), _WARNING, (300, 500), "no backup for 26 hours", "nagios"),
)
_RACK = tuple(f"node{n:02}" for n in range(1, 31))


def recorded() -> list[str]:
    """The lines of the recording."""
    return lines(outages(Random(SEED)))  # noqa: S311


def outages(dice: Random) -> list[Outage]:
    """Everything that goes wrong in the two weeks."""
    found = [outage for day in range(DAYS) for outage in _day(dice, BEGINS + timedelta(days=day))]
    found += _nights(dice)
    found += _flapping(dice, "uplink", "rtr1", BEGINS + timedelta(days=1, hours=15), 7, _CRITICAL)
    found += _flapping(dice, "LoadHigh", "app2", BEGINS + timedelta(days=11, hours=9), 9, _WARNING)
    return _apart([*found, *_switch(dice)])


def _day(dice: Random, midnight: datetime) -> Iterator[Outage]:
    weekend = midnight.astimezone(ZoneInfo("Europe/Brussels")).weekday() >= 5
    for _ in range(dice.randint(1, 3) if weekend else dice.randint(2, 5)):
        name, hosts, severity, lasts, words, source = dice.choice(_ORDINARY)
        begins = midnight + dice.randint(7 * 60, 21 * 60) * _MINUTE + _seconds(dice, 60)
        yield _outage(dice, name, dice.choice(hosts), severity, begins, lasts, words, source)


def _nights(dice: Random) -> Iterator[Outage]:
    """Warnings that may wait until the morning, and two pages that may not."""
    for day in (2, 4, 5, 9, 12):
        begins = BEGINS + timedelta(days=day, hours=dice.randint(1, 4)) + _seconds(dice, 3600)
        yield _outage(dice, "backup", "db1", _WARNING, begins, (200, 400), "pg_dump exits with 1", "nagios")
    for day in (3, 10):
        begins = BEGINS + timedelta(days=day, hours=3) + _seconds(dice, 3600)
        yield _outage(
            dice, "SiteDown", "shop", _CRITICAL, begins, (20, 50), "HTTP 504 for 2 minutes", "alertmanager"
        )


def _flapping(
    dice: Random, name: str, host: str, begins: datetime, times: int, severity: str
) -> Iterator[Outage]:
    for _ in range(times):
        ends = begins + dice.randint(40, 150) * timedelta(seconds=1)
        yield Outage(
            name, host, severity, begins, ends, "down" if name == "uplink" else "load is 31", "nagios"
        )
        begins = ends + dice.randint(60, 240) * timedelta(seconds=1)


def _switch(dice: Random) -> Iterator[Outage]:
    """A switch fails at 10:12 and is replaced within the hour; a few hosts stay down until the afternoon."""
    for host in (*_RACK, "sw2"):
        begins = SWITCH_FAILS + _seconds(dice, 150)
        ends = SWITCH_FAILS + (52 + dice.randint(0, 6)) * _MINUTE
        if host in ("node07", "node19", "node23"):
            ends += 4 * _HOUR
        yield Outage("HostDown", host, _CRITICAL, begins, ends, "no answer to ping for 1 minute")
    for host in _RACK[:14]:
        begins = SWITCH_FAILS + 2 * _MINUTE + _seconds(dice, 240)
        ends = SWITCH_FAILS + 58 * _MINUTE + _seconds(dice, 300)
        yield Outage("ping", host, _CRITICAL, begins, ends, "100 % packet loss", "nagios")
    for host in ("app1", "app2", "mq1", "web1", "web2", "mail"):
        begins = SWITCH_FAILS + 3 * _MINUTE + _seconds(dice, 200)
        yield Outage("Slow", host, _WARNING, begins, begins + 54 * _MINUTE, "p99 is 9 s")
    yield Outage(
        "SiteDown", "www", _CRITICAL, SWITCH_FAILS + _MINUTE, SWITCH_FAILS + 56 * _MINUTE, "HTTP 502",
        acknowledged=SWITCH_FAILS + 9 * _MINUTE, by="alice",
    )  # fmt: skip


def _outage(
    dice: Random,
    name: str,
    host: str,
    severity: str,
    begins: datetime,
    lasts: tuple[int, int],
    words: str,
    source: str,
) -> Outage:
    """Somebody acknowledges most of what is critical, and half of the rest that lasts."""
    ends = begins + dice.randint(*lasts) * _MINUTE + _seconds(dice, 60)
    likely = 0.75 if severity == _CRITICAL else 0.4
    at = begins + dice.randint(3, 14) * _MINUTE + _seconds(dice, 60)
    taken = at if dice.random() < likely and at < ends and severity != _INFO else None
    by = "carol" if host.startswith("db") else dice.choice(("alice", "bob"))
    return Outage(name, host, severity, begins, ends, words, source, taken, by if taken else "")


def _apart(found: Sequence[Outage]) -> list[Outage]:
    """No alert begins before its last outage is well over: of two that would, the later one is left out."""
    kept: dict[str, Outage] = {}
    result = []
    for outage in sorted(found, key=lambda one: (one.begins, one.fingerprint)):
        before = kept.get(outage.fingerprint)
        if before is None or before.ends + timedelta(seconds=30) < outage.begins:
            kept[outage.fingerprint] = outage
            result.append(outage)
    return result


def _seconds(dice: Random, most: int) -> timedelta:
    return timedelta(seconds=dice.randint(0, most - 1))


# What the monitoring systems say of it.


def lines(found: Sequence[Outage]) -> list[str]:
    """The recording, in the order of time."""
    said: list[tuple[datetime, dict[str, object]]] = []
    for name in sorted({one.name for one in found if one.source == "alertmanager"}):
        said += _of_group(name, [one for one in found if (one.source, one.name) == ("alertmanager", name)])
    for one in found:
        said += _of_nagios(one) if one.source == "nagios" else []
        if one.acknowledged is not None:
            labels = {"alertname": one.name, "instance": one.host}
            said.append((one.acknowledged, {"ack": {"labels": labels, "by": one.by}}))
    ordered = sorted(said, key=lambda pair: pair[0])
    return [json.dumps({"at": _written(at), **what}, separators=(",", ":")) for at, what in ordered]


def _of_group(name: str, members: Sequence[Outage]) -> Iterator[tuple[datetime, dict[str, object]]]:
    """As Alertmanager's group of one alert name: after `group_wait`, then as often as `group_interval` where anything
    changed, and once in `repeat_interval`.
    """
    waiting = sorted(members, key=lambda one: one.begins)
    while waiting:
        now, told, notified = (
            waiting[0].begins + _GROUP_WAIT,
            frozenset[Outage](),
            datetime.min.replace(tzinfo=UTC),
        )
        while True:
            firing = [one for one in waiting if one.begins <= now < one.ends]
            over = [one for one in waiting if one.ends <= now]
            if over or not told.issuperset(firing) or now - notified >= _REPEAT:
                yield now, _webhook(name, [*firing, *over], now)
                told, notified = frozenset(firing), now
                waiting = [one for one in waiting if one.ends > now]
            if not firing:
                break
            now += _GROUP_INTERVAL


def _webhook(name: str, members: Sequence[Outage], now: datetime) -> dict[str, object]:
    return {
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "externalURL": "http://alertmanager.example:9093",
        "alerts": [one.alert(now) for one in members],
    }


def _of_nagios(outage: Outage) -> Iterator[tuple[datetime, dict[str, object]]]:
    now = outage.begins
    while now < outage.ends:
        if now == outage.begins or outage.acknowledged is None or outage.acknowledged > now:
            yield now, {**outage.alert(now), "source": "nagios"}
        now += _HOUR
    yield outage.ends, {**outage.alert(outage.ends), "source": "nagios"}


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


# What it costs.


class _Weekly(Tally):
    """Adds up by person and week, too, and keeps the texts."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__(zone)
        self.weeks: Counter[tuple[str, str]] = Counter()
        self._clock = zone

    def text(self, text: ReplayedText) -> None:
        super().text(text)
        week = text.at.astimezone(self._clock).isocalendar().week
        self.weeks[text.person, f"week {week}"] += 1


def cost(configuration: Path = CONFIGURATION, recording: Path = RECORDING) -> dict[str, object]:
    """Texts, parts and credits in all, by person and by week, and every text with its time, as this tree has them."""
    settings = load(configuration, {**os.environ, **ENVIRON})
    plan, zone = plan_at(settings, BEGINS), ZoneInfo(settings.gateways[0].timezone)
    account = account_of(settings.gateways[0], plan)
    with recording.open("rb") as file, Replay(Setup(configuration.name, plan, account), zone) as replay:
        tally = replay.tally = _Weekly(zone)
        for event in Recording(recording.name, file):
            replay.feed(event)
        replay.finish()
        texts = [[_written(at), to, body] for at, to, body, _ in replay.messages()]
    return {
        "texts": tally.total.texts,
        "parts": tally.total.parts,
        "credits": tally.total.credits,
        "by_person": {
            name: {"texts": one.texts, "parts": one.parts, "credits": one.credits}
            for name, one in sorted(tally.people.items())
        },
        "by_week": _by_week(tally.weeks),
        "never_told_critical": tally.untold_critical,
        "said": texts,
    }


def _by_week(weeks: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (person, week), texts in sorted(weeks.items()):
        found.setdefault(person, {})[week] = texts
    return found


def _compared(before: dict[str, object], now: dict[str, object]) -> Iterator[str]:
    """Texts that only one of the two has, by reader and words; tags and times of the day do not count."""
    for key in ("texts", "parts", "credits", "by_week", "never_told_critical"):
        yield f"{key}: {before[key]} -> {now[key]}"
    for sign, one, other in (("-", before, now), ("+", now, before)):
        has = Counter((to, _gist(body)) for _, to, body in _said(other))
        for at, to, body in _said(one):
            has[to, _gist(body)] -= 1
            if has[to, _gist(body)] < 0:
                yield f"{sign} {at} {to}: {body}"


def _gist(body: str) -> str:
    return re.sub(r"#\w+|\d\d:\d\d", "", body)


def _said(result: dict[str, object]) -> list[list[str]]:
    said = result["said"]
    assert isinstance(said, list)
    return said


def main() -> None:
    action = sys.argv[1] if len(sys.argv) > 1 else ""
    if action == "record":
        RECORDING.write_text("\n".join(recorded()) + "\n", "utf-8")
    elif action == "before":
        BEFORE.write_text(json.dumps(cost(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    elif action == "compare":
        for line in _compared(json.loads(BEFORE.read_text("utf-8")), cost()):
            print(line)
    else:
        sys.exit("usage: two_weeks.py record|before|compare")


if __name__ == "__main__":
    main()
