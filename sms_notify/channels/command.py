"""Telling by a program of this machine: the note as JSON on its stdin, the subject in its environment.

Nothing of a note is an argument or passes a shell, so that no subject can be read as an option or a command.
"""

from __future__ import annotations

import errno

from sms_notify.channels.base import ChannelResult, Ended, Note, as_json, result_of, subject_of
from sms_notify.channels.process import Finished, kept_environment, run
from sms_notify.channels.settings import CommandSettings
from sms_notify.net.bounded import Bound, Leash
from sms_notify.net.details import quoted, words

_GRACE = 1.0  # seconds beyond the time limit for what not even a kill ends: a program on a dead network disk
_WRONG = frozenset(
    {errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.E2BIG}
)


class CommandChannel:
    """Runs the command; exit 0 means that somebody was told."""

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings
        self._bound = Bound(settings.timeout + _GRACE)

    @property
    def name(self) -> str:
        return self._settings.name

    def tell(self, note: Note) -> ChannelResult:
        """TOLD for exit 0, REFUSED for any other. A command that was killed may have told: UNKNOWN."""
        return result_of(self._bound.run(lambda leash: self._tell(note, leash)))

    def _tell(self, note: Note, leash: Leash) -> ChannelResult:
        settings = self._settings
        environment = {**kept_environment(), "SMS_NOTIFY_SUBJECT": subject_of(note)}
        leash.leaves()
        try:
            return _meaning(run(settings.argv, as_json(note) + b"\n", environment, settings.timeout))
        except OSError as error:
            return not_started(error)
        except ValueError:
            return ChannelResult(Ended.MISCONFIGURED, "an argument of the command holds NUL")


def not_started(error: OSError) -> ChannelResult:
    """A program that could not be started told nobody."""
    ended = Ended.MISCONFIGURED if error.errno in _WRONG else Ended.UNREACHABLE
    return ChannelResult(ended, quoted(f"cannot be started: {words(error)}"))


def _meaning(finished: Finished) -> ChannelResult:
    said = finished.output.decode("utf-8", "replace").strip()
    said = f": {said}" if said else ""
    if finished.code is None:
        return ChannelResult(Ended.UNKNOWN, quoted(f"killed at its time limit{said}"))
    if finished.code < 0:
        return ChannelResult(Ended.REFUSED, quoted(f"ended by signal {-finished.code}{said}"))
    return (
        ChannelResult(Ended.TOLD)
        if finished.code == 0
        else ChannelResult(Ended.REFUSED, quoted(f"exit {finished.code}{said}"))
    )
