"""The random stories of the promises, written out as story files: a world that notes down what is done to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import yaml
from promises import Answer, Key, World
from workbench import NOON

from sms_notify.alert import Alert, Status
from sms_notify.config.durations import spell_duration
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.outcomes import DeliveryStatus, Fate
from sms_notify.policy.rate_limits import NO_CREDIT_LIMITS, Limit, Limits
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.ruleset import Plan

NEVER = timedelta(days=365 * 90)  # a repeat_interval of 0, which a configuration cannot say


@dataclass
class WrittenWorld(World):
    """A world whose story can be told again. `lacks` are the things done to it that no event of a story does."""

    events: list[dict[str, object]] = field(default_factory=list)
    lacks: set[str] = field(default_factory=set)

    def note(self, kind: str, what: object) -> None:
        self.events.append({"at": rfc3339(NOON + self.up), kind: what})

    def _accept(
        self, alerts: Sequence[Alert], keys: Sequence[Key], group: str, hidden: int, send: bool
    ) -> None:
        told: dict[str, object] = {"firing": [], "resolved": [], "group": group, "truncated": str(hidden)}
        if len({alert.status for alert in alerts}) > 1:
            raise AssertionError("one delivery is of one status here")
        for alert in alerts:
            over = alert.status is Status.RESOLVED
            told["resolved" if over else "firing"].append(written_alert(alert, over))  # type: ignore[attr-defined]
        self.note("alertmanager", told)
        super()._accept(alerts, keys, group, hidden, send)
        if not send and self.count("messages where state = 'queued'"):
            self.lacks.add("a sender that is slow to wake")

    def acknowledge(self, nth: int) -> None:
        waiting = self.rows(
            "select labels from incidents where closed_at is null and acked_at is null order by id"
        )
        if waiting:
            labels = yaml.safe_load(waiting[nth % len(waiting)]["labels"])
            named = {name: labels[name] for name in ("alertname", "instance")}
            self.note("ack", {"labels": named, "by": "alice"})
        super().acknowledge(nth)

    def weather(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self.note("gateway", {**written_answer(answer), "count": "1"})
        super().weather(answers)

    def stall(self) -> None:
        self.lacks.add("senders that stall")
        super().stall()

    def balance(self, credits_left: int) -> None:
        self.note("gateway", {"credits": str(credits_left)})
        super().balance(credits_left)

    def begin(self) -> None:
        super().begin()
        if self.under_way:
            self.lacks.add("an answer that takes its time")

    def restart(self, crash_before_request: bool) -> None:
        if crash_before_request and self.count("messages where state = 'queued'"):
            self.lacks.add("a crash before a request")
        self.note("restart", {})
        super().restart(crash_before_request)

    def report(self, nth: int, status: DeliveryStatus, confirm: bool) -> None:
        if any(left.reached for left in self.left):
            self.lacks.add("a report at another time")
        super().report(nth, status, confirm)

    def step_clock(self, seconds: int) -> None:
        sign = "-" if seconds < 0 else "+"
        self.note("clock", f"{sign}{spell_duration(timedelta(seconds=abs(seconds)))}")
        super().step_clock(seconds)

    def story(self) -> str:
        """The whole file, which expects the texts that left here."""
        story = {
            "story": "As the promises had it",
            "start": rfc3339(NOON),
            "run_for": spell_duration(self.up + timedelta(seconds=1)),
            "events": [{"at": "0s", "gateway": {"report": "NONE"}}, *self.events],
            "expect": [{"texts": [self._expected(left) for left in self.left if left.reached]}],
        }
        config = yaml.safe_dump(configuration(self.plan), sort_keys=False, width=10_000)
        return yaml.safe_dump({"config": config, "stories": [story]}, sort_keys=False, width=10_000)

    def _expected(self, left: object) -> dict[str, str]:
        message = left.message  # type: ignore[attr-defined]
        owner = self.plan.directory.owner(message.number)
        return {
            "at": rfc3339(NOON + left.up),  # type: ignore[attr-defined]
            "to": owner.name if owner is not None else message.number,
            "text": message.body.replace("*", r"\*"),
        }


def rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def since_start(moment: datetime) -> str:
    size = moment - NOON
    return f"-{_exact(-size)}" if size < timedelta() else _exact(size)


def _exact(size: timedelta) -> str:
    return spell_duration(timedelta(milliseconds=size // timedelta(milliseconds=1)))


def written_alert(alert: Alert, over: bool) -> dict[str, str]:
    told = {**alert.labels, "$fingerprint": alert.fingerprint}
    if alert.starts_at is not None:
        told["$starts"] = since_start(alert.starts_at)
    if over and alert.ends_at is not None:
        told["$ends"] = since_start(alert.ends_at)
    return told


def written_answer(answer: Answer) -> dict[str, str]:
    outcome = answer.outcome
    if outcome.fate is Fate.SENT:
        return {"ok": "true"}
    if outcome.fate is Fate.REFUSED:
        return {"error": str(outcome.code)}
    if outcome.fate is Fate.NOT_SENT:
        return {"unreachable": "true"}
    return {"drop": "after" if answer.reached else "before"}


# A plan as a configuration.


def configuration(plan: Plan) -> dict[str, object]:
    windows: dict[str, dict[str, str]] = {}
    people = {name: _person(person, windows) for name, person in plan.directory.people.items()}
    # The root of a configuration has no windows: a last child that takes everything stands in for it.
    rest = _route(plan.route, windows)
    written: dict[str, object] = {
        "people": people,
        "teams": {name: list(members) for name, members in plan.directory.teams.items()},
        "route": {
            "receiver": plan.route.receiver,
            "routes": [*(_route(child, windows) for child in plan.route.routes), rest],
        },
        "receivers": [_receiver(receiver, windows) for receiver in plan.receivers.values()],
        "limits": {
            **_limits(plan.limits),
            "expire": {
                "default": spell_duration(plan.timing.expire),
                "critical": spell_duration(plan.timing.expire_critical),
            },
        },
        "time_intervals": [
            {"name": name, "time_intervals": [{"times": [times]}]} for name, times in windows.items()
        ],
    }
    if plan.ack_url:
        written["web"] = {"external_url": plan.ack_url.removesuffix("/a/")}
    return written


def _person(person: Person, windows: dict[str, dict[str, str]]) -> dict[str, object]:
    told: dict[str, object] = {"number": person.number, "timezone": person.timezone}
    return told | _quiet(person.quiet, windows)


def _quiet(quiet: Quiet | None, windows: dict[str, dict[str, str]]) -> dict[str, object]:
    if quiet is None:
        return {}
    told: dict[str, object] = {"during": [_window(window, windows) for window in quiet.during]}
    told["unless"] = [", ".join(map(str, matchers)) for matchers in quiet.unless]  # none: it holds everything
    return {"quiet": told}


def _window(window: Window, windows: dict[str, dict[str, str]]) -> str:
    ((start, end),) = window.intervals[0].times
    name = f"pause-{start}-{end}"
    windows[name] = {"start_time": _clock(start), "end_time": _clock(end)}
    return name


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _route(route: Route, windows: dict[str, dict[str, str]]) -> dict[str, object]:
    told: dict[str, object] = {
        "receiver": route.receiver,
        "continue": str(route.continue_).lower(),
        "group_by": list(route.group_by),
        "group_wait": spell_duration(route.group_wait),
        "group_interval": spell_duration(route.group_interval),
        "repeat_interval": spell_duration(route.repeat_interval or NEVER),
    }
    if route.matchers:
        told["matchers"] = [str(matcher) for matcher in route.matchers]
    if route.mute:
        told["mute_time_intervals"] = [_window(window, windows) for window in route.mute]
    return told


def _receiver(receiver: Receiver, windows: dict[str, dict[str, str]]) -> dict[str, object]:
    told: dict[str, object] = {
        "name": receiver.name,
        "notify": [str(target) for target in receiver.notify],
        "send_resolved": str(receiver.send_resolved).lower(),
        "max_parts": str(receiver.max_parts),
    }
    if receiver.escalate:
        told["escalate"] = [
            {"after": spell_duration(step.after), "notify": [str(target) for target in step.notify]}
            for step in receiver.escalate
        ]
    if receiver.limits:
        told["limits"] = _texts(receiver.limits)
    return told | _quiet(receiver.quiet, windows)


def _limits(limits: Limits) -> dict[str, object]:
    money, flapping = limits.credits, limits.flapping
    return {
        "per_number": _texts(limits.per_number),
        "per_number_critical": _texts(limits.per_number_critical),
        "overall": _texts(limits.overall),
        "credits": "off"
        if money == NO_CREDIT_LIMITS
        else {
            "per_hour": str(money.per_hour or "off"),
            "per_day": str(money.per_day or "off"),
            "reserve_for_critical": str(money.reserve),
            "low_water": str(money.low_water),
        },
        "flapping": "off"
        if flapping is None
        else {
            "episodes": str(flapping.episodes),
            "within": spell_duration(flapping.within),
            "calm": spell_duration(flapping.calm),
            "calm_critical": spell_duration(flapping.calm_critical),
        },
    }


def _texts(limits: Sequence[Limit]) -> object:
    return [str(limit) for limit in limits] or "off"
