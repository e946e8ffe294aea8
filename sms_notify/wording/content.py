"""What one text has to say, before anybody words it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sms_notify.alert import Alert, Status


@dataclass(frozen=True, slots=True)
class TextedIncident:
    """One incident as a text tells it; `tag` is the short name people use to speak of it (`k3f9`).

    `ended` says that it has ended by the time the text is written, though nobody was told that it had begun. `closed_by`
    is who ended it by hand, empty where its source did; `acked_by` who takes care of it, empty where nobody does.
    `again`: its reader may have a text that said so, the answer to which was lost. `flapping`: it comes and goes. `apart`:
    what tells it from others that are open and read alike, as a part of its place.
    """

    tag: str
    alert: Alert
    since: datetime | None = None
    ended: bool = False
    closed_by: str = ""
    acked_by: str = ""
    heard_at: datetime | None = None
    again: bool = False
    flapping: bool = False
    apart: tuple[str, ...] = ()


class Tone(StrEnum):
    """Why a text about firing incidents is written: what its first word says."""

    NEWS = "news"
    ESCALATED = "escalated"  # nobody who was told before has acknowledged it
    RAISED = "raised"  # its reader knows of it, and it has become more severe
    REMINDER = "reminder"  # it has been firing all the while
    UNHEARD = "unheard"  # its source says nothing any more
    UNACKNOWLEDGED = "unacknowledged"  # somebody took care of it, and nobody does any more
    FLAPPING = "flapping"  # it comes and goes, and is told again when it is calm


class Silent(StrEnum):
    """Which texts are not to be expected until a moment."""

    ALL = "all"
    CRITICAL = "critical"  # others may come before
    OTHERS = "others"  # what is critical may come before


@dataclass(frozen=True, slots=True)
class Pause:
    """No text of these comes until then, which is so far off that a reader must know of it."""

    until: datetime
    of: Silent = Silent.ALL


@dataclass(frozen=True, slots=True)
class Crowd:
    """A text tells some of many critical problems: so many are `left` for the next ones. `more`: it is not the first."""

    left: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class StillFiring:
    """An end tells some of the `told` problems that one text told its reader; these `incidents` of them still fire."""

    told: int = 0
    incidents: tuple[TextedIncident, ...] = ()


NOTHING_FIRES = StillFiring()


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told to one person at once: incidents of one status, at least one.

    `hidden` counts alerts that the source did not show, so that the text never sounds like all of it. `times` is
    how often a flapping alert came and went. `ack` is the address where it is acknowledged, empty for none.
    `silent_until` is when the next text of those that `silent` speaks of may leave, where that is so far off that the
    reader must know. `still` is what an end leaves of a text that told more. `late`: it is too old to be told as news.
    """

    status: Status
    incidents: tuple[TextedIncident, ...]
    hidden: int = 0
    tone: Tone = Tone.NEWS
    times: int = 0
    ack: str = ""
    silent_until: datetime | None = None
    silent: Silent = Silent.ALL
    still: StillFiring = NOTHING_FIRES
    late: bool = False


class Merged(StrEnum):
    """Why several things are told in one text."""

    STORM = "storm"  # too many for a text each; nothing more until `silent_until` where that is set
    CROWD = "crowd"  # of the lane of critical texts: told like news, for it must be named
    CLOSING = "closing"  # the silence that a storm's text announced has ended
    QUIET = "quiet"  # quiet hours have ended
    LATE = "late"  # too old to be told as news: nothing could be sent for too long


@dataclass(frozen=True, slots=True)
class Digest:
    """Everything that was held for one person, told in one text.

    `held` are incidents whose beginning was not told yet (some may have `ended` since), `over` are ends of incidents
    whose beginning was told. `since` is when the first of them was held. `tone` is that of all who are open.
    """

    why: Merged
    held: tuple[TextedIncident, ...]
    over: tuple[TextedIncident, ...] = ()
    since: datetime | None = None
    silent_until: datetime | None = None
    hidden: int = 0
    ack: str = ""
    silent: Silent = Silent.ALL
    crowd: Crowd = Crowd()
    tone: Tone = Tone.NEWS
    still: StillFiring = NOTHING_FIRES

    @property
    def promises(self) -> bool:
        """Whether it says that more is held, and when that is told: `37 more until 14:20`."""
        return self.why is Merged.STORM and bool(self.held) and self.silent_until is not None


@dataclass(frozen=True, slots=True)
class HandOff:
    """Somebody takes over a schedule: until when (None = open end), and what is open now."""

    schedule: str
    until: datetime | None = None
    incidents: tuple[TextedIncident, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and `now`, when: the IANA zone that times are told in, and the language of the few words we add.

    Without `now` no time is told with its day.
    """

    timezone: str = "UTC"
    language: str = "en"
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Words that are ready to leave: GSM 03.38 characters only. One credit a part."""

    body: str
    parts: int
    septets: int
