"""The folder in which command hooks hand over: whose it is, and what keeps the daemon's user from emptying it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from sms_notify.ownership import owner_of, why_denied

USUAL_SPOOL = Path("/var/spool/sms-notify")


def not_read(usual: Path, user: int) -> str:
    """Why a daemon of `user` does not read the usual folder where the configuration names none; empty where it does, or
    nobody has made it.

    Another user's is another daemon's: whoever tries something out as root must not take its alerts away.
    """
    if not usual.is_dir() or usual.stat().st_uid == user:
        return ""
    return (
        f"what hooks put into {usual} is not read, for the folder belongs to another user ({owner_of(usual)}): give it to the"
        " daemon's user (chown), or name another one in `spool`"
    )


def judged(folder: Path, found: os.stat_result, user: int) -> str:
    """What is wrong with the folder's owner and mode for a daemon of `user`; empty where nothing is."""
    if found.st_uid not in (user, 0) or found.st_mode & stat.S_IWOTH:
        return f"{folder}: must belong to the daemon's user and be closed to others (chmod 3770)"
    if found.st_mode & stat.S_ISVTX and user not in (found.st_uid, 0):
        return f"{folder}: sticky and not ours, so that nothing can be removed from it (chown it to the daemon's user)"
    return ""


def unusable(folder: Path, error: OSError) -> str:
    """What the system said when the folder was to be used."""
    why = why_denied(folder, error)
    return f"{folder}: {why}; hooks cannot hand anything over (docs/how-to/hooks.md says how to make it)"


def foreseen(folder: Path, user: int) -> str:
    """What a daemon of `user` would say of the folder, which is neither made nor changed; empty where nothing is to be seen."""
    try:
        return judged(folder, folder.stat(), user)
    except FileNotFoundError as error:
        if not folder.parent.is_dir():
            return unusable(folder, error)
        return "" if _makes(folder.parent, user) else unusable(folder, _DENIED)
    except PermissionError:
        return ""  # the daemon's user may see more than we do
    except OSError as error:
        return unusable(folder, error)


_DENIED = PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _makes(parent: Path, user: int) -> bool:
    """Whether `user` may make a folder there; of another user the groups are not known, and what they may is believed."""
    if user == os.geteuid():
        return os.access(parent, os.W_OK | os.X_OK, effective_ids=True)
    found = parent.stat()
    return user in (0, found.st_uid) or bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
