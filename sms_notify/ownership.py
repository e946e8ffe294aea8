"""Why a file is not to be had, in words: of a permission also whose it is, and who asked."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path

_OF_PERMISSION = (errno.EACCES, errno.EPERM)


def why_denied(path: Path, error: OSError | ValueError) -> str:
    """What the system says of `path`; of a permission as `Permission denied: /etc/x is owned by root:adm, mode 0640; you are
    alice`. The folder on the way there that lets nobody in is named in its place.
    """
    said = getattr(error, "strerror", None) or "its name cannot be used"
    if getattr(error, "errno", None) not in _OF_PERMISSION:
        return str(said)
    place = _closed(path)
    return (
        f"{said}: {owner_of(place)}; you are {_name_of(os.geteuid(), _user)}"
        if place is not None
        else str(said)
    )


def denied(path: Path) -> str:
    """Why we may not read and write a file; empty where we may, or it is not there.

    It is not opened for that: to close it again would take away the locks that this process has on it, which are SQLite's.
    """
    try:
        path.stat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return why_denied(path, error)
    may = os.access(path, os.R_OK | os.W_OK, effective_ids=True)
    return "" if may else why_denied(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def owner_of(path: Path) -> str:
    """`/etc/x is owned by root:adm, mode 0640`."""
    found = path.stat()
    owner, group = _name_of(found.st_uid, _user), _name_of(found.st_gid, _group)
    return f"{path} is owned by {owner}:{group}, mode {stat.S_IMODE(found.st_mode):04o}"


def _closed(path: Path) -> Path | None:
    """The first folder on the way to it that we may not enter; else the file, or the folder in which it cannot be made."""
    whole = path.absolute()
    for folder in reversed(whole.parents):
        if folder.is_dir() and not os.access(folder, os.X_OK):
            return folder
    return next((place for place in (whole, *whole.parents) if place.exists()), None)


def _user(number: int) -> str:
    return pwd.getpwuid(number).pw_name


def _group(number: int) -> str:
    return grp.getgrgid(number).gr_name


def _name_of(number: int, name: Callable[[int], str]) -> str:
    """The number where the machine has no name for it, as in a container."""
    try:
        return name(number)
    except KeyError:
        return str(number)
