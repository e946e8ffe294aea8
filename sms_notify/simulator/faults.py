"""Faults on demand, as values: what goes wrong, for which requests, and how often. Deciding only; no I/O."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sms_notify.simulator.codes import Code, ErrorStyle

_MOST_BYTES = 1 << 40
_NO_FIELDS: Mapping[str, object] = {}


class FaultScope(StrEnum):
    """Which requests: `reports` are gatewayrapport.php and action=rapport, `outbox` both removals."""

    ALL = "all"
    SENDS = "sends"
    CREDITS = "credits"
    REPORTS = "reports"
    OUTBOX = "outbox"


class Where(StrEnum):
    """Where in the answer: hang knows the first three, drip and garbage the last two."""

    BEFORE_HEADERS = "before_headers"
    AFTER_HEADERS = "after_headers"
    IN_BODY = "in_body"
    HEAD = "head"
    BODY = "body"


class End(StrEnum):
    """How a connection is dropped: in order (FIN) or by a reset (RST)."""

    CLOSE = "close"
    RESET = "reset"


class FaultKind(StrEnum):
    """What goes wrong. `fields` are those of the kind with their defaults, the main one first.

    `accepts` is whether the gateway takes the request before that: it does where only its answer suffers on
    the way back, and does not where something else answers in its place.
    """

    told: str
    fields: Mapping[str, object]
    accepts: bool

    def __new__(cls, word: str, told: str, fields: Mapping[str, object], accepts: bool) -> FaultKind:
        member = str.__new__(cls, word)
        member._value_ = word
        member.told, member.fields, member.accepts = told, fields, accepts
        return member

    LATENCY = "latency", "late answer", {"seconds": 5.0}, True
    HANG = "hang", "no answer, connection open", {"where": Where.BEFORE_HEADERS}, True
    DRIP = "drip", "answer byte by byte", {"seconds": 1.0, "where": Where.BODY, "size": 0}, True
    DROP_BEFORE = "drop_before", "dropped, not accepted", {"end": End.CLOSE}, False
    DROP_AFTER = "drop_after", "accepted, then dropped", {"end": End.CLOSE}, True
    TRUNCATED = "truncated", "answer cut short", {"keep": -1}, True
    WRONG_LENGTH = "wrong_length", "wrong Content-Length", {"extra": 10}, True
    CALLBACK_FIRST = "callback_first", "call-back before the answer", {"seconds": 10.0}, True
    HTML = "html", "HTML page, status 200", {"body": "Service unavailable"}, False
    EMPTY = "empty", "empty answer, status 200", _NO_FIELDS, False
    GARBAGE = "garbage", "random bytes", {"size": 512, "where": Where.BODY}, False
    STATUS = "status", "an HTTP status", {"status": 500, "body": ""}, False
    REDIRECT = "redirect", "redirect", {"location": "https://gateway.invalid/", "status": 302}, False
    ERROR = "error", "error code", {"code": Code.GATEWAY_FAULT, "style": None}, False
    HUGE = "huge", "endless body", {"size": 1 << 30, "body": ""}, False
    GZIP_BOMB = "gzip_bomb", "gzip bomb", {"size": 1 << 30}, False


_PLACES = {
    FaultKind.HANG: (Where.BEFORE_HEADERS, Where.AFTER_HEADERS, Where.IN_BODY),
    FaultKind.DRIP: (Where.HEAD, Where.BODY),
    FaultKind.GARBAGE: (Where.HEAD, Where.BODY),
}
COMMON = ("scope", "number", "count", "probability", "seed", "accepts")


@dataclass(frozen=True, slots=True)
class SimulatedFault:
    """One fault. Made by `api.fault`, which knows each kind's defaults. Raises ValueError for nonsense.

    `number` narrows it to requests whose `naar` has this number. `count` is how many requests it breaks
    (None: until removed), `probability` is per matching request, from a generator seeded with `seed`.
    `seconds` is the delay, or between two bytes of a drip, or the longest wait for a call-back. `size` is in
    bytes (of a drip: filled up with blanks; of a gzip bomb: unpacked). `keep` is how many bytes of the answer
    are left, -1 for half of them. `extra` is how many bytes Content-Length promises beyond those that come.
    """

    kind: FaultKind
    scope: FaultScope = FaultScope.ALL
    number: str = ""
    count: int | None = None
    probability: float = 1.0
    seed: int = 0
    accepts: bool = False
    seconds: float = 0.0
    where: Where = Where.BODY
    end: End = End.CLOSE
    keep: int = -1
    extra: int = 0
    body: str = ""
    size: int = 0
    status: int = 200
    location: str = ""
    code: Code = Code.GATEWAY_FAULT
    style: ErrorStyle | None = None

    def __post_init__(self) -> None:
        ways = f"one of {', '.join(_PLACES.get(self.kind, ()))}"
        rules = (
            (bool(re.fullmatch(r"[0-9]*", self.number)), "number", "digits without a plus"),
            (self.count is None or self.count > 0, "count", "above 0, or null for 'until removed'"),
            (0 < self.probability <= 1, "probability", "above 0 and at most 1"),
            (0 <= self.seconds <= 86400, "seconds", "0 to 86400"),
            (0 <= self.size <= _MOST_BYTES, "size", f"0 to {_MOST_BYTES} bytes"),
            (200 <= self.status <= 999, "status", "200 to 999"),
            (bool(re.fullmatch(r"[!-~]*", self.location)), "location", "an address, without blanks"),
            (self.where in _PLACES.get(self.kind, Where), "where", ways),
        )
        for sound, name, wanted in rules:
            if not sound:
                raise ValueError(f"{name} must be {wanted}")
        if self.accepts and self.kind in (FaultKind.DROP_BEFORE, FaultKind.ERROR):
            raise ValueError(f"accepts must be false: {self.kind} means that nothing was accepted")
        if not self.accepts and self.kind in (
            FaultKind.DROP_AFTER,
            FaultKind.LATENCY,
            FaultKind.CALLBACK_FIRST,
        ):
            raise ValueError(f"accepts must be true: {self.kind} answers what was accepted")

    @property
    def summary(self) -> str:
        """Kind and main value, such as `latency 5` or `hang in_body`."""
        if not self.kind.fields:
            return self.kind.value
        main = getattr(self, next(iter(self.kind.fields)))
        shown = main.value if isinstance(main, Code) else f"{main:g}" if isinstance(main, float) else main
        return f"{self.kind.value} {shown}"


@dataclass(slots=True)
class Armed:
    """A fault that waits for requests: `left` to break (None: no end), `hits` so far."""

    id: str
    fault: SimulatedFault
    left: int | None
    hits: int = 0
    dice: random.Random = field(default_factory=random.Random)


class Faults:
    """Those that are armed. Not safe for threads by itself: `Simulator` holds a lock around it."""

    def __init__(self) -> None:
        self._armed: list[Armed] = []
        self._ids = itertools.count(1)

    def add(self, fault: SimulatedFault) -> Armed:
        dice = random.Random(fault.seed)  # noqa: S311 - must repeat, need not be unguessable
        armed = Armed(str(next(self._ids)), fault, fault.count, dice=dice)
        self._armed.append(armed)
        return armed

    def remove(self, fault_id: str) -> bool:
        """Whether there was such a fault."""
        kept = [armed for armed in self._armed if armed.id != fault_id]
        found, self._armed = len(kept) < len(self._armed), kept
        return found

    def clear(self) -> None:
        self._armed = []

    def listed(self) -> list[Armed]:
        """Oldest first, which is the order in which they are tried."""
        return list(self._armed)

    def take(self, script: str, params: Mapping[str, str]) -> SimulatedFault | None:
        """The fault for this request, counted; one that the dice spare leaves it to the next."""
        for armed in self._armed:
            if _fits(armed.fault, script, params) and armed.dice.random() < armed.fault.probability:
                armed.hits += 1
                if armed.left is not None:
                    armed.left -= 1
                    self._armed = [other for other in self._armed if other.left != 0]
                return armed.fault
        return None


def scope_of(script: str, params: Mapping[str, str]) -> FaultScope:
    """What a request is for."""
    if script == "gatewayrapport.php":
        return FaultScope.REPORTS
    actions = {
        "credits": FaultScope.CREDITS,
        "rapport": FaultScope.REPORTS,
        "verwijderbericht": FaultScope.OUTBOX,
        "verwijderoutbox": FaultScope.OUTBOX,
    }
    return actions.get(params.get("action", ""), FaultScope.SENDS)


def kind_of(word: object) -> FaultKind:
    """Raises ValueError for a word that is none."""
    for kind in FaultKind:
        if kind.value == word:
            return kind
    raise ValueError(f"kind {word!r} is not known; known are {', '.join(FaultKind)}")


def main_field(kind: FaultKind) -> str:
    """The field that a bare value means. Raises ValueError where the kind takes no value."""
    for name in kind.fields:
        return name
    raise ValueError(f"{kind.value} takes no value")


def written(text: str) -> dict[str, str]:
    """`KIND[:value][,name=value…]` as fields; `value` is the kind's main field. Raises ValueError."""
    first, *more = re.split(r",(?=[a-z]+=)", text)
    word, _, value = first.partition(":")
    fields = {"kind": word.strip()}
    if value:
        fields[main_field(kind_of(word.strip()))] = value
    return fields | dict(pair.split("=", 1) for pair in more)


def _fits(fault: SimulatedFault, script: str, params: Mapping[str, str]) -> bool:
    in_scope = fault.scope is FaultScope.ALL or fault.scope is scope_of(script, params)
    numbers = [number.strip() for number in params.get("naar", "").split(",")]
    return in_scope and (not fault.number or fault.number in numbers)
