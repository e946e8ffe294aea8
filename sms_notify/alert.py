"""What a monitoring system told us, as one value: the alert.

Every file in `sources/` ends here and everything in `policy/` begins here. Nothing in this room knows
where an alert came from, what time it is or who must hear of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """Whether the problem is there or gone; the value is the word used in metrics, texts and the ledger."""

    FIRING = "firing"
    RESOLVED = "resolved"


class EndReason(StrEnum):
    """Why a problem is over though nobody found it well. The word is a ledger's, `explain`'s and the page's."""

    NONE = ""
    NO_DATA = "no_data"  # its source has lost sight of it
    NO_LONGER_WATCHED = "no_longer_watched"  # somebody paused, changed or removed what watched it


SEVERITY = "severity"
"""The label that says how bad it is; every parser in `sources/` writes there what its system says."""

WATCH = "watch"
"""The source of the alert that a silent watch becomes, and the label that names the watch."""

GRADE_LABELS = frozenset((SEVERITY, "zabbix_severity", "level"))
"""The labels that say how bad something is, and nothing of what it is."""


class Severity(StrEnum):
    """The closed set that metrics, limits and queues know; `of` maps what the sources write onto it."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    OTHER = "other"

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Severity:
        """The severity that a label set claims; a word we do not know is OTHER, never an error."""
        return KNOWN_WORDS.severity_of(labels.get(SEVERITY, ""))

    @property
    def spellings(self) -> tuple[str, ...]:
        """The words, in small letters, that mean it to every installation."""
        return tuple(word for word, severity in _WORDS.items() if severity is self)

    @property
    def rank(self) -> int:
        """0 is the most urgent: the order in which messages leave."""
        return _RANKS[self]


_WORDS = {
    **dict.fromkeys(
        (
            *("critical", "crit", "page", "emergency", "emerg", "fatal", "disaster", "high"),
            *("p1", "sev1", "sev-1", "s1"),
        ),
        Severity.CRITICAL,
    ),
    **dict.fromkeys(
        ("warning", "warn", "average", "error", "major", "minor", "p2", "p3", "sev2", "sev3"),
        Severity.WARNING,
    ),
    **dict.fromkeys(
        ("info", "information", "informational", "notice", "none", "low", "debug", "p4", "p5"), Severity.INFO
    ),
}
_RANKS = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.OTHER: 2, Severity.INFO: 3}


@dataclass(frozen=True, slots=True)
class SeverityWords:
    """What the words of severity mean to one installation: its own (in small letters), beside those known to all."""

    own: Mapping[str, Severity] = field(default_factory=dict)

    def severity_of(self, word: str) -> Severity:
        """In any case; OTHER for a word that nobody knows."""
        known = None if self.own else _WORDS.get(word)
        if known is not None:
            return known
        folded = word.strip().lower()
        return self.own.get(folded) or _WORDS.get(folded, Severity.OTHER)

    def grade(self, alert: Alert) -> Alert:
        """The alert with the severity that its word means here; whoever asks for it later needs no configuration."""
        if not self.own:
            return alert
        return replace(alert, graded=self.severity_of(alert.labels.get(SEVERITY, "")))


KNOWN_WORDS = SeverityWords()


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert in one state, as one source told it.

    `starts_at` and `ends_at` are aware UTC or None where the source gave none (Alertmanager's zero time
    counts as none). `fingerprint` names the alert within its source; the pair is the incident's key. `once`: a notice
    rather than a state, of which nobody will say that it has ended, so that nobody is reminded of it. `graded` is the
    severity where an installation's own words decided it; its labels keep the word that was sent. `start_told` is False
    where `starts_at` is only when the source spoke of it: a repeat has a later one. `end_reason` is said of an end alone.

    `own_id` is the sender's own id, which alone may stand for the alert at its end, and `alike` what the alert would be
    known by without it; both are names like `fingerprint`, and empty where there is none. `before` are the names that
    earlier versions gave it. `status_told` is False where no word says whether it fires, so that its times do.
    `perhaps_over`: a word says that it is over, if its opposite has opened it. `well_at` is when its source last found it
    well: what began before that is another problem.
    """

    source: str
    fingerprint: str
    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    once: bool = False
    graded: Severity | None = field(default=None, compare=False)
    start_told: bool = True
    end_reason: EndReason = EndReason.NONE
    own_id: str = field(default="", compare=False)
    alike: str = field(default="", compare=False)
    before: tuple[str, ...] = field(default=(), compare=False)
    status_told: bool = field(default=True, compare=False)
    perhaps_over: bool = False
    well_at: datetime | None = field(default=None, compare=False)

    @property
    def severity(self) -> Severity:
        return self.graded or Severity.of(self.labels)

    @property
    def tells_severity(self) -> bool:
        """False where it says nothing of how bad it is: no word, or a check that could not find out."""
        return bool(self.labels.get("severity")) and self.labels.get("state") != "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody said in the monitoring system that they take care of the alert of this name.

    `made_at` is when, on the monitor's clock or its hook's (aware UTC); None where nobody said so.
    """

    source: str
    fingerprint: str
    by: str
    comment: str = ""
    made_at: datetime | None = None

    @property
    def ref(self) -> str:
        """What only a word of the same source about the same alert takes back."""
        return f"{self.source} {self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Unacknowledged:
    """The monitoring system said that the alert of this name is not acknowledged there any more.

    It takes back its own acknowledgement alone, and only one that was made before `made_at`; None = whenever it was.
    """

    source: str
    fingerprint: str
    by: str
    made_at: datetime | None = None

    @property
    def ref(self) -> str:
        """As that of the acknowledgement that it takes back."""
        return f"{self.source} {self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a request that is not an alert: why, in words that quote nothing of it, and the bytes of it."""

    why: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The alerts of one request: what a source told at once, and so is worth one text.

    `group` is the source's own name for them (Alertmanager's groupKey; any text, never a token or a label).
    `hidden` counts alerts that the source left out of the request (Alertmanager's truncatedAlerts). `sender` is where it
    says that it runs (externalURL); never a part of what an alert is known by, for a pair of Alertmanagers has two.
    `later` counts those of the same request that are decided in steps of their own, after this one.
    `unread` is what could not be read beside them. `handed_at` is when a hook wrote it down, perhaps long before it is read.
    """

    source: str
    alerts: tuple[Alert, ...]
    group: str = ""
    hidden: int = 0
    acks: tuple[Acknowledged, ...] = ()
    unacks: tuple[Unacknowledged, ...] = ()
    sender: str = field(default="", compare=False)
    unread: tuple[Unread, ...] = ()
    handed_at: datetime | None = field(default=None, compare=False)
    later: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Handed:
    """What a command hook handed over, as it came: which hook, its arguments, the environment it kept, standard input.

    Everything in it is data from outside, in whatever bytes it came (undecodable ones as surrogates); `at` is aware UTC.
    """

    hook: str
    at: datetime
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


MONITOR = "monitor"
"""The label that names the installation which sent an alert."""

INSTALLATION = "@"
"""Between the source's own fingerprint and the name of the installation, where that has one; in neither of them."""


def at_source(fingerprint: str) -> str:
    """The fingerprint as the installation itself knows it."""
    return fingerprint.rpartition(INSTALLATION)[0] or fingerprint


def installation_of(fingerprint: str) -> str:
    """The name of the installation; empty where it has none."""
    before, _, name = fingerprint.rpartition(INSTALLATION)
    return name if before else ""


OPENED_BY = "opened by"
"""The annotation that keeps the word of a status field which has a doubtful opposite: that word is an end then."""


OWN_ID = "own id"
"""The annotation that keeps the id which a sender gave: its labels alone do not tell such an alert from the next one."""

NOT_SAID = frozenset((OPENED_BY, OWN_ID))
"""The annotations that are ours: with a blank, so that none of a source has their names."""

_BESIDE = frozenset((SEVERITY, "team", "source", "cluster"))


def says_what(labels: Mapping[str, str]) -> bool:
    """Whether labels say what an alert is about, and not only how bad it is, who sends it or who is to hear of it."""
    return any(text.strip() and name not in _BESIDE for name, text in labels.items())


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """A name for a label set where the source gave none: 16 hex digits, the same for the same labels.

    Lengths are hashed with the texts, so that no two label sets can be spelled alike.
    """
    parts = [part.encode("utf-8", "surrogatepass") for pair in sorted(labels.items()) for part in pair]
    return hashlib.sha256(b"".join([b"%d:%b" % (len(part), part) for part in parts])).hexdigest()[:16]
