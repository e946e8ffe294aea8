"""The times that people write on a command line, read as instants."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from sms_notify.config.durations import DurationError, parse_duration
from sms_notify.errors import UsageError

EXAMPLES = "2026-11-22T18:30, 18:30, 'Mon 18:30' or +30m"
PAST_EXAMPLES = "2h, 2026-11-22T18:30, 18:30 or 'Mon 18:30'"
_CLOCK = re.compile(r"(?:([a-z]+) +)?([0-9]{1,2}:[0-9]{2})", re.ASCII)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*", re.ASCII)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_JUST = timedelta(hours=2)  # in which a time that has passed was hardly meant to be the next one
_FAR = timedelta(days=2 * 366)  # what a command may reckon from there on


def read_time(text: str, now: datetime, zone: tzinfo | None = None, option: str = "--at") -> datetime:
    """The instant (aware UTC) that `text` means: ISO 8601, HH:MM or `Mon HH:MM` for this minute or the next time
    it is that, or +30m.

    `now` is aware; a time without an offset is of `zone`, None for this machine's. Raises UsageError, also for a
    time that the clock of that zone has twice or not at all.
    """
    return _checked(text, option, lambda: _written(text.strip(), now, zone))


def read_start(text: str, now: datetime, zone: tzinfo, option: str = "--from") -> datetime:
    """As `read_time`, of what begins. Raises UsageError for a clock's time of the last two hours: whoever writes it may mean
    now, and is not told by a beginning tomorrow.
    """
    at = read_time(text, now, zone, option)
    if not _CLOCK.fullmatch(text.strip().lower()) or at <= now:
        return at
    gone = now - read_past(text, now, zone, option)
    if gone >= _JUST:
        return at
    minutes = int(gone.total_seconds() // 60)
    ago = f"{minutes} minute{'s' if minutes > 1 else ''} ago"
    raise UsageError(
        f"{option} {text}: that was {ago}; leave {option} out to begin now, or write a date, such as"
        f" {at.astimezone(zone):%Y-%m-%dT%H:%M}"
    )


def read_past(text: str, now: datetime, zone: tzinfo | None = None, option: str = "--since") -> datetime:
    """As `read_time`, of what is over: 2h ago, and of HH:MM or `Mon HH:MM` the last time it was that."""

    def back() -> datetime:
        written = text.strip()
        try:
            return now.astimezone(UTC) - parse_duration(written.removesuffix("ago").strip())
        except DurationError:
            return _written(written, now, zone, back=True)

    return _checked(text, option, back)


def _checked(text: str, option: str, read: Callable[[], datetime]) -> datetime:
    try:
        at = read()
        _ = at + _FAR, at - _FAR
    except UsageError as error:
        raise UsageError(f"{option} {error}") from None
    except (OverflowError, ValueError):  # ValueError where the machine's own zone carries it over the edge
        raise UsageError(f"{option} {text}: no calendar goes that far") from None
    return at


def _written(text: str, now: datetime, zone: tzinfo | None, *, back: bool = False) -> datetime:
    if text.startswith("+") and not back:
        try:
            return now.astimezone(UTC) + parse_duration(text[1:])
        except DurationError as error:
            raise UsageError(f"{text}: {error} ({error.advice})") from None
    try:
        if found := _CLOCK.fullmatch(text.lower()):
            return _next(text, found[1], datetime.strptime(found[2], "%H:%M"), now, zone, back=back)  # noqa: DTZ007 - its zone is the next line's matter
        at = datetime.fromisoformat(text) if _ISO.fullmatch(text) else None
    except ValueError:
        at = None
    if at is None:
        raise UsageError(f"{text}: that is not a time (write {PAST_EXAMPLES if back else EXAMPLES})")
    return _instant(at, zone) if at.utcoffset() is None else at.astimezone(UTC)


def _next(
    text: str, day: str | None, clock: datetime, now: datetime, zone: tzinfo | None, *, back: bool
) -> datetime:
    today = now.astimezone(zone).replace(tzinfo=None)
    at = today.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0, fold=0)
    step = timedelta(days=1)
    if day is not None:
        at += timedelta(days=(_weekday(text, day) - at.weekday()) % 7)
        step = timedelta(days=7)
    if back:
        return _instant(at if at <= today else at - step, zone)
    this_minute = today.replace(second=0, microsecond=0)  # 15:14, said at 15:14:10, is not tomorrow
    return _instant(at if at >= this_minute else at + step, zone)


def _weekday(text: str, name: str) -> int:
    found = [number for number, day in enumerate(_DAYS) if len(name) >= 3 and day.startswith(name)]
    if not found:
        raise UsageError(
            f"{text}: {name!r} is not a day of the week (write Mon, Tue, Wed, Thu, Fri, Sat or Sun)"
        )
    return found[0]


def _instant(wall: datetime, zone: tzinfo | None) -> datetime:
    """The one instant of a wall time. Raises UsageError where a change of the clocks makes it two or none."""
    # a naive time is this machine's to astimezone(), which is what `zone` None asks for
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    skipped = first.astimezone(zone).replace(tzinfo=None) != wall
    fault = "clocks skip that time that night" if skipped else "clocks have that time twice that night"
    raise UsageError(f"{wall:%Y-%m-%d %H:%M}: {fault}; add the offset, as in {wall:%Y-%m-%dT%H:%M}+01:00")
