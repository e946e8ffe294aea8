"""What stops a start beside the configuration itself, as far as it can be seen without one: the database, the certificate."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sms_notify.config.document import Place, read_document
from sms_notify.config.settings import Settings
from sms_notify.errors import ConfigError, Fault, OlderStoreError, StoreError, UsageError
from sms_notify.oncall.roster import obeyed
from sms_notify.ownership import denied
from sms_notify.spool_folder import USUAL_SPOOL, foreseen, not_read
from sms_notify.store import oncall_rows
from sms_notify.store.oncall_rows import Override
from sms_notify.store.sqlite import SqliteStore


def start_faults(settings: Settings) -> list[Fault]:
    """What only the daemon's user may look into is left out, and so is the port: a daemon that runs has it."""
    found = []
    with contextlib.suppress(OSError):
        found += [
            _fault(settings, ("storage",), *told) for told in _of_storage(SqliteStore(settings.storage_url))
        ]
    if settings.web.tls_cert:
        from sms_notify.web.server import check_certificate  # the whole web server, which is a second

        try:
            check_certificate(settings.web)
        except UsageError as error:
            found.append(
                _fault(settings, ("web", "tls_cert"), str(error), "name a certificate and its key in PEM")
            )
    return found


def spool_warnings(settings: Settings, usual: Path = USUAL_SPOOL) -> list[Fault]:
    """What the daemon will say of the folder of the hooks: it starts all the same, and nothing that they hand over is read."""
    user = _daemons_user(settings)
    what = foreseen(Path(settings.spool), user) if settings.spool else not_read(usual, user)
    return [_fault(settings, ("spool",), what, "")] if what else []


def _daemons_user(settings: Settings) -> int:
    """Whose the database is, or the folder for it; ours where neither is to be seen. Mostly root or a person runs the check."""
    path = SqliteStore(settings.storage_url).path
    for place in (path, path.parent):
        with contextlib.suppress(OSError):
            return place.stat().st_uid
    return os.geteuid()


def lost_overrides(settings: Settings, now: datetime) -> list[Fault]:
    """The overrides of somebody whom the configuration does not have any more: they count nowhere. None where the database is
    not there, or another user's.
    """
    store = SqliteStore(settings.storage_url)
    try:
        if not store.path.exists() or denied(store.path):
            return []
        with store.reading() as tx:
            made = oncall_rows.overrides(tx, now)
    except (StoreError, OSError):
        return []
    counting = obeyed(made, settings.directory)
    return [_of_override(settings, override) for override in made if override not in counting]


def _of_override(settings: Settings, override: Override) -> Fault:
    gone = f"{override.person}, who is not in the configuration: it does not count"
    what = f"override {override.id} by {override.created_by} names {gone}"
    return _fault(
        settings, ("schedules", override.schedule), what, f"sms-notify oncall override remove {override.id}"
    )


def _of_storage(store: SqliteStore) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do."""
    path = store.path
    above = next(folder for folder in path.parents if folder.exists())
    if path.is_dir():
        yield f"{path} is a folder", "name a file in it, such as sqlite:///var/lib/sms-notify/sms-notify.db"
    elif not above.is_dir():
        yield f"{above} is not a folder", "name a file in a folder"
    elif path.is_file() and path.stat().st_size and not denied(path):
        try:
            with store.reading():
                pass
        except OlderStoreError:
            pass  # the start converts it
        except StoreError as error:
            yield str(error), "name another file, or put a backup in its place"


def _fault(settings: Settings, place: Place, what: str, advice: str) -> Fault:
    """With its line; a configuration that came by a pipe is not there to be read again."""
    try:
        return read_document(Path(settings.source)).fault(place, what, advice)
    except ConfigError:
        return Fault(settings.source, 0, ".".join(map(str, place)), what, advice)
