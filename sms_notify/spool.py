"""What the command hooks handed over: read from the spool folder, committed, and only then removed.

A crash between commit and removal hands a record over again; what is told twice is known by its fingerprint.
Whoever can write into the folder can put anything there, so that nothing in it is believed: not a name, not a kind of
file, not a size, not a byte. What cannot be a record is moved aside into `quarantine/`, and never stops the others; nor
does a part of standard input that is not an alert, which is put there alone.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sms_notify.alert import Delivery, Handed, Unread
from sms_notify.errors import ParseError, StoreError
from sms_notify.hook import END, HOOKS, MAGIC, MOST_WORDS, RECORD_LIMIT, TEMPORARY
from sms_notify.spool_folder import judged, unusable

QUARANTINE = "quarantine"
MOST_IN_QUARANTINE = 1_000
MOST_PARTS = 20
"""Files that the faulty parts of one record are put aside in; the last has the rest of them."""
FOLDER_MODE = 0o3770  # setgid: files belong to the folder's group; sticky: nobody removes another's
_BATCH = 50  # records in one commit: a few tens of ms in which no urgent page waits for it
_AT_ONCE = 1_000  # records in one sweep, so that a stop is heard
_PAUSE = 5  # sweeps that are left out after one that could not commit: a second
_SWEEPS_TO_RETRY = 300  # sweeps after which what could not be read or removed is tried again: a minute
_ABANDONED = timedelta(hours=1)  # a hook needs milliseconds
_MOST_FIELDS = MOST_WORDS + 3  # and the hook, the time, the body
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_FILE = (errno.ELOOP, errno.ENXIO)  # what opening a symbolic link or a socket says
_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # the file cannot help it


@dataclass(frozen=True, slots=True)
class Taken:
    """One record that is a delivery. `id` is the name of its file: the same when it is handed over again."""

    id: str
    at: datetime
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was not taken, and why; `kept` is where it lies now, or empty where it was left in its place."""

    name: str
    why: str
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did. `left` files are tried again; `more` says that there is work for another sweep at once.

    `problem` is what keeps the whole folder from being emptied, in words for the operator. Each refused file is told
    once, `problem` with each sweep that meets it. `looked` is False for a sweep that only waited.
    """

    taken: int = 0
    refused: tuple[Refused, ...] = ()
    left: int = 0
    more: bool = False
    problem: str = ""
    looked: bool = True


def read(record: bytes) -> Handed:
    """A record as a hook wrote it. Raises ParseError for anything else, torn ones included."""
    if len(record) > RECORD_LIMIT:
        raise ParseError(f"longer than {RECORD_LIMIT} bytes")
    if not record.startswith(MAGIC):
        raise ParseError("not a hand-over of this version" if record else "empty")
    if not record.endswith(END):
        raise ParseError("torn: its end is missing")
    fields = list(_fields(record))
    if [kind for kind, _ in fields] != sorted((kind for kind, _ in fields), key=b"htaeb".index):
        raise ParseError("its fields are not in order")
    return _handed(fields)


def _fields(record: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, end = len(MAGIC), len(record) - len(END)
    for _ in range(_MOST_FIELDS):
        colon = record.find(b":", at, at + 12)
        kind, digits = record[at : at + 1], record[at + 1 : colon]
        if colon < 0 or kind not in (b"h", b"t", b"a", b"e", b"b") or not digits.isdigit():
            raise ParseError(f"no field at byte {at}")
        after = colon + 1 + int(digits)
        if after >= end or record[after : after + 1] != b"\n":
            raise ParseError(f"torn: the field at byte {at} does not end where it says")
        yield kind, record[colon + 1 : after]
        at = after + 1
        if at == end:
            return
    raise ParseError(f"more than {_MOST_FIELDS} fields")


def _handed(fields: Sequence[tuple[bytes, bytes]]) -> Handed:
    def all_of(wanted: bytes) -> list[bytes]:
        return [value for kind, value in fields if kind == wanted]

    hooks, times, bodies = all_of(b"h"), all_of(b"t"), all_of(b"b")
    if len(hooks) != 1 or len(times) != 1 or len(bodies) != 1:
        raise ParseError("hook, time and body must be there once")
    hook = hooks[0].decode("ascii", "replace")
    if hook not in HOOKS:
        raise ParseError("of no hook that we have")
    variables = [_text(variable).partition("=") for variable in all_of(b"e")]
    return Handed(
        hook=hook,
        at=_time(times[0]),
        arguments=tuple(_text(argument) for argument in all_of(b"a")),
        environment={name: value for name, _, value in variables},
        body=bodies[0],
    )


def _time(digits: bytes) -> datetime:
    if not digits.isdigit() or len(digits) > 19:
        raise ParseError("its time is not a time")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(digits) // 1000)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class Spool:
    """The folder, emptied in the order of names, which is the order of time.

    `parse` makes a delivery of a record and raises ParseError for what is none. `accept` returns when all that it got is
    committed, in one transaction; it raises StoreError when the store does not obey, and then everything stays. Any other
    error of either is one record's own fault: that one goes into quarantine. `now` is aware UTC.
    """

    def __init__(
        self,
        folder: Path,
        parse: Callable[[Handed], Delivery],
        accept: Callable[[Sequence[Taken]], object],
        now: Callable[[], datetime],
    ) -> None:
        self._folder = folder
        self._parse = parse
        self._accept = accept
        self._now = now
        self._pause = 0
        self._sweeps = 0
        self._waiting: set[str] = set()  # could not be read or moved; not looked at before `_SWEEPS_TO_RETRY`
        self._committed: set[str] = set()  # could not be removed; must not be handed over again
        self._told: set[tuple[str, str]] = set()
        self._refused: list[Refused] = []

    def prepare(self) -> str:
        """Makes the folder where it is missing and may be made; returns what is wrong with it, or an empty text."""
        try:
            if not self._folder.exists():
                self._folder.mkdir()
                self._folder.chmod(FOLDER_MODE)
            with _opened(self._folder) as folder:
                os.close(_quarantine(folder))
                return judged(self._folder, os.fstat(folder), os.geteuid())
        except OSError as error:
            return unusable(self._folder, error)

    def sweep_once(self) -> Swept:
        """Takes what lies there, a thousand files at most. Raises nothing that a folder or a file can bring about."""
        if self._pause > 0:
            self._pause -= 1
            return Swept(looked=False)
        try:
            with _opened(self._folder) as folder:
                return self._sweep(folder)
        except OSError as error:
            self._pause = _PAUSE
            return Swept(refused=self._tell(), problem=unusable(self._folder, error))

    def _sweep(self, folder: int) -> Swept:
        names = sorted(os.listdir(folder))
        if self._sweeps % _SWEEPS_TO_RETRY == 0:
            self._tidy(folder, names)
        self._sweeps += 1
        passed_over = self._waiting | self._committed | {QUARANTINE}
        ready = [name for name in names if not name.startswith(".") and name not in passed_over]
        taken, begun, problem = 0, 0, ""
        while begun < min(len(ready), _AT_ONCE) and not problem:
            records = [found for name in ready[begun : begun + _BATCH] if (found := self._read(folder, name))]
            done, problem = self._commit(folder, records)
            begun += _BATCH if not problem else 0
            taken += done
        refused = self._tell()
        if taken or refused:
            os.fsync(folder)
        left = len(self._waiting) + (len(ready) - begun if problem else 0)
        return Swept(taken, refused, left, more=not problem and len(ready) > begun, problem=problem)

    def _read(self, folder: int, name: str) -> Taken | None:
        """None where the file is not a record, is gone, or cannot be read now."""
        try:
            handed = read(_content(folder, name))
            return Taken(name, handed.at, self._parse(handed))
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in _OUT_OF_RESOURCES:
                raise
            if error.errno in _NO_FILE:
                self._set_aside(folder, name, "not a file")
            else:
                self._leave(name, f"cannot be read: {error.strerror}")
        except ParseError as error:
            self._set_aside(folder, name, str(error))
        except Exception as error:  # noqa: BLE001 - whatever one record brings about is that record's own
            self._set_aside(folder, name, f"cannot be understood: {type(error).__name__}")
        return None

    def _commit(self, folder: int, records: Sequence[Taken]) -> tuple[int, str]:
        """How many are committed and removed, and what keeps the rest from it."""
        if not records:
            return 0, ""
        try:
            self._accept(records)
        except StoreError as error:
            self._pause = _PAUSE
            return 0, f"{self._folder}: what hooks handed over cannot be committed: {error}"
        except Exception as error:  # noqa: BLE001 - one of them broke the batch; which, shows when each is alone
            if len(records) == 1:
                self._set_aside(folder, records[0].id, f"cannot be taken: {type(error).__name__}")
                return 0, ""
            return self._commit_each(folder, records)
        for record in records:
            self._keep_unread(folder, record)
            self._remove(folder, record.id)
        return len(records), ""

    def _commit_each(self, folder: int, records: Sequence[Taken]) -> tuple[int, str]:
        taken = 0
        for record in records:
            done, problem = self._commit(folder, [record])
            taken += done
            if problem:
                return taken, problem
        return taken, ""

    def _remove(self, folder: int, name: str) -> None:
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._committed.add(name)
            self._refuse(name, f"is taken, and cannot be removed: {error.strerror}")

    def _keep_unread(self, folder: int, record: Taken) -> None:
        """After the commit: a crash before the record is removed puts its parts aside twice, and loses none."""
        for number, part in enumerate(_few(record.delivery.unread), 1):
            kept = f"{self._aside_name(record.id)}.part{number}"
            try:
                _write_aside(folder, kept, part.body)
            except OSError:  # the disk is full: moving the whole record takes no room
                self._set_aside(folder, record.id, part.why)
                return
            self._refused.append(Refused(record.id, part.why, str(self._folder / QUARANTINE / kept)))

    def _aside_name(self, name: str) -> str:
        """Under the time of now: the order in which the oldest make room."""
        return f"{self._now():%Y%m%dT%H%M%S.%f}-{os.fsdecode(os.fsencode(name)[:200])}"

    def _set_aside(self, folder: int, name: str, why: str) -> None:
        """Into quarantine."""
        kept = self._aside_name(name)
        try:
            aside = _quarantine(folder)
            try:
                os.rename(name, kept, src_dir_fd=folder, dst_dir_fd=aside)
                _make_room(aside)
            finally:
                os.close(aside)
        except OSError as error:
            self._leave(name, f"{why}; and cannot be moved aside: {error.strerror}")
        else:
            self._refused.append(Refused(name, why, str(self._folder / QUARANTINE / kept)))

    def _leave(self, name: str, why: str) -> None:
        self._waiting.add(name)
        self._refuse(name, why)

    def _refuse(self, name: str, why: str) -> None:
        if (name, why) not in self._told:
            self._told.add((name, why))
            self._refused.append(Refused(name, why))

    def _tell(self) -> tuple[Refused, ...]:
        told, self._refused = tuple(self._refused), []
        return told

    def _tidy(self, folder: int, names: Sequence[str]) -> None:
        """Once a minute: another try for what could not be read or removed, and an end of what hooks left half done."""
        present = set(names)
        self._waiting.clear()
        self._told = {told for told in self._told if told[0] in present}
        still_there, self._committed = self._committed & present, set()
        for name in still_there:
            self._remove(folder, name)
        oldest = (self._now() - _ABANDONED).timestamp()
        for name in names:
            if name.startswith(TEMPORARY):
                with suppress(OSError):  # the hook has finished meanwhile, or it is not a file
                    if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < oldest:
                        os.unlink(name, dir_fd=folder)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, _OPEN_FOLDER)
    try:
        yield handle
    finally:
        os.close(handle)


def _content(folder: int, name: str) -> bytes:
    """At most one byte more than a record may have. Raises OSError, ParseError for what is not a plain file."""
    handle = os.open(name, _OPEN, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ParseError("not a file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(RECORD_LIMIT + 1)
    finally:
        os.close(handle)


def _quarantine(folder: int) -> int:
    """A handle on the folder in the folder. Raises OSError where somebody else made it."""
    with suppress(FileExistsError):
        os.mkdir(QUARANTINE, 0o700, dir_fd=folder)
    handle = os.open(QUARANTINE, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    found = os.fstat(handle)
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        os.close(handle)
        raise OSError(errno.EPERM, f"{QUARANTINE}/ in it is not the daemon's own (remove it)")
    return handle


def _few(unread: Sequence[Unread]) -> list[Unread]:
    if len(unread) <= MOST_PARTS:
        return list(unread)
    first, rest = unread[: MOST_PARTS - 1], unread[MOST_PARTS - 1 :]
    return [
        *first,
        Unread(f"{rest[0].why}; and {len(rest) - 1} more", b"\n".join(part.body for part in rest)),
    ]


def _write_aside(folder: int, name: str, body: bytes) -> None:
    aside = _quarantine(folder)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, 0o600, dir_fd=aside), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        _make_room(aside)
    finally:
        os.close(aside)


def _make_room(aside: int) -> None:
    for name in sorted(os.listdir(aside))[:-MOST_IN_QUARANTINE]:
        with suppress(OSError):  # a folder that is not empty stays
            if stat.S_ISDIR(os.stat(name, dir_fd=aside, follow_symlinks=False).st_mode):
                os.rmdir(name, dir_fd=aside)
            else:
                os.unlink(name, dir_fd=aside)
