"""Alertmanager's route tree → ours, as far as it decides which of sachet's receivers hears of an alert.

sachet is told a receiver's name with each delivery; we choose by the labels. The same tree makes the same choice, so it
is kept with its order, `continue`, muting and the branches that lead elsewhere: an alert that is delivered because of
one branch must not reach people by another that Alertmanager would not have taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from sms_notify.config.document import Place, Value
from sms_notify.config.durations import DurationError, parse_duration
from sms_notify.config.validation import entries, listed, mapping, word
from sms_notify.importing.notes import Weight
from sms_notify.importing.reading import Reading, Source, read, shown, wrong
from sms_notify.importing.sachet_hooks import judge_webhooks, unended, webhooks_of
from sms_notify.policy.matchers import MatcherError, parse_matchers
from sms_notify.policy.time_interval_parser import interval_faults

_FORGOTTEN = timedelta(days=1)
_INTERVALS = (
    "time_intervals",
    "mute_time_intervals",
)  # at the top; the second is what 0.21 to 0.23 called them
_NO_MATCHERS = "is left out, with what is below it: its matchers cannot be read"


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of the tree. `receiver` is one of sachet's, or None where it leads elsewhere."""

    receiver: str | None
    place: Place = ()
    matchers: tuple[str, ...] = ()
    continue_: bool = False
    repeat: str = ""
    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    routes: tuple[Branch, ...] = ()

    @property
    def texts(self) -> bool:
        """Whether it or anything below it leads to one of sachet's receivers."""
        return self.receiver is not None or any(child.texts for child in self.routes)

    def walk(self) -> Iterator[Branch]:
        """It and all below it, as they stand in the file."""
        yield self
        for child in self.routes:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Routing:
    """`unended`: the receivers whose webhook is not told of ends (`send_resolved: false`)."""

    root: Branch
    intervals: dict[str, Value]
    unended: frozenset[str]


def read_alertmanager(source: Source, names: Collection[str]) -> tuple[Reading, Routing]:
    """`names` are sachet's receivers. Raises ConfigError where it is not a configuration of Alertmanager."""
    reading = read(source, "Alertmanager")
    data = reading.document.data
    root = mapping(data.get("route"))
    if not word(root.get("receiver")).strip():
        what = "is not a configuration of Alertmanager: it has no `route` with a `receiver`"
        raise wrong(source, what, "give the file that Alertmanager's --config.file names")
    hooks = webhooks_of(data)
    judge_webhooks(reading, hooks, names)
    intervals = _intervals(reading, data)
    tree = _Tree(reading, frozenset(names) & {hook.receiver for hook in hooks}, frozenset(intervals))
    branch = tree.root(root)
    used = {name for one in branch.walk() for name in (*one.mute, *one.active)}
    kept = {name: value for name, value in intervals.items() if name in used}
    return reading, Routing(branch, kept, unended(reading, hooks, names))


def _intervals(reading: Reading, data: dict[str, Value]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key in _INTERVALS:
        for index, entry in enumerate(entries(data.get(key))):
            name, times = word(mapping(entry).get("name")), entries(mapping(entry).get("time_intervals"))
            why = next(_interval_faults(times), "" if times else "it has no times")
            if why:
                what = f"is not taken over, so that nothing is muted by it: {why}"
                advice = "correct it under `time_intervals`, and name it in the routes"
                reading.note((key, index), what, advice, Weight.WHO_IS_TOLD)
            elif name.strip():
                found.setdefault(name, times)
    return found


def _interval_faults(times: Iterable[Value]) -> Iterator[str]:
    for value in times:
        if not isinstance(value, dict):
            yield "it is not a mapping"
            continue
        yield from (f"{fault.what}, {fault.advice}" for fault in interval_faults(value))


@dataclass(frozen=True, slots=True)
class _Tree:
    reading: Reading
    ours: frozenset[str]
    intervals: frozenset[str]

    def root(self, node: dict[str, Value]) -> Branch:
        found = self._branch(("route",), node, None, ())
        return replace(found, mute=(), active=(), continue_=False)  # which Alertmanager refuses at the root

    def _branch(
        self, place: Place, node: dict[str, Value], above: str | None, matchers: tuple[str, ...]
    ) -> Branch:
        name = word(node.get("receiver"))
        receiver = (name if name in self.ours else None) if name.strip() else above
        return Branch(
            receiver=receiver,
            place=place,
            matchers=matchers,
            continue_=word(node.get("continue")).strip().lower() in ("true", "yes", "on"),
            repeat=self._repeat(place, node.get("repeat_interval")),
            mute=self._windows((*place, "mute_time_intervals"), node.get("mute_time_intervals")),
            active=self._windows((*place, "active_time_intervals"), node.get("active_time_intervals")),
            routes=_needed(receiver, self._children(place, node, receiver)),
        )

    def _children(self, place: Place, node: dict[str, Value], above: str | None) -> list[Branch]:
        found = []
        for index, value in enumerate(entries(node.get("routes"))):
            here: Place = (*place, "routes", index)
            matchers = self._matchers(here, mapping(value))
            if matchers is not None and isinstance(value, dict):
                found.append(self._branch(here, value, above, matchers))
        return found

    def _matchers(self, place: Place, node: dict[str, Value]) -> tuple[str, ...] | None:
        """None where one of them cannot be read: without it the route would take what is not meant for it."""
        written = [
            *_equal(node.get("match"), "="),
            *_equal(node.get("match_re"), "=~"),
            *listed(node.get("matchers")),
        ]
        lost = [
            key
            for key, kinds in (("match", dict), ("match_re", dict), ("matchers", (str, list)))
            if key in node and not isinstance(node[key], kinds)
        ]
        try:
            if lost or not all(parse_matchers(word(text)) for text in written):
                raise MatcherError(f"`{lost[0]}` holds none" if lost else "one of them is empty", 1)
        except MatcherError as error:
            what, advice = f"{_NO_MATCHERS} ({error.what})", "add it under `route` by hand"
            self.reading.note(place, what, advice, Weight.WHO_IS_TOLD)
            return None
        return tuple(word(text) for text in written)

    def _repeat(self, place: Place, value: Value) -> str:
        text = word(value).strip()
        where: Place = (*place, "repeat_interval")
        try:
            wait = parse_duration(text) if text else timedelta()
        except DurationError as error:
            self.reading.note(where, str(error), error.advice)
            return ""
        if wait >= _FORGOTTEN:
            what = "is a day or more, and an alert not heard of for 24 hours becomes unheard"
            self.reading.note(where, what, "set it below 24h in Alertmanager")
        return text if wait else ""

    def _windows(self, place: Place, value: Value) -> tuple[str, ...]:
        names = [word(name) for name in listed(value)]
        for name in names:
            if name not in self.intervals:
                what = f"`{shown(name)}` is not taken over"
                advice = "add it under `time_intervals`, or do without"
                self.reading.note(place, what, advice, Weight.WHO_IS_TOLD)
        return tuple(name for name in names if name in self.intervals)


def _equal(value: Value, operator: str) -> Iterator[str]:
    """The old keys, of which each pair is one matcher."""
    for name, text in mapping(value).items():
        yield matcher(name, operator, word(text))


def matcher(name: str, operator: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}{operator}"{escaped}"'


def _needed(receiver: str | None, children: Iterable[Branch]) -> tuple[Branch, ...]:
    """Without what changes nothing: where nobody is texted anyway, a branch that leads elsewhere and has none behind it.

    Beside a receiver each one counts: what it takes does not fall to that receiver.
    """
    kept = [
        child if child.texts else replace(child, routes=(), repeat="", mute=(), active=())
        for child in children
        if child.texts or not child.continue_ or receiver is not None
    ]
    while kept and receiver is None and not kept[-1].texts:
        kept.pop()
    return tuple(kept)
