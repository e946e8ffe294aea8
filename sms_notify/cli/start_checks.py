"""What stops a start beside the configuration itself, as far as it can be seen without one: the database, the certificate."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path

from sms_notify.config.document import Place, read_document
from sms_notify.config.settings import Settings
from sms_notify.errors import ConfigError, Fault, StoreError, UsageError
from sms_notify.oncall.roster import obeyed
from sms_notify.spool_folder import USUAL_SPOOL, foreseen, not_read
from sms_notify.store import oncall_rows
from sms_notify.store.database import open_store
from sms_notify.store.oncall_rows import Override


def start_faults(settings: Settings) -> list[Fault]:
    """What only the daemon's user may look into is left out, and so is the port: a daemon that runs has it."""
    found = []
    with contextlib.suppress(OSError):
        found += [
            _fault(settings, ("storage",), *told) for told in open_store(settings.storage_url).start_faults()
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


def unreached(settings: Settings) -> list[Fault]:
    """A PostgreSQL that does not let this user of this machine in. It is asked only where the check is made where the daemon
    will run.
    """
    store = open_store(settings.storage_url)
    try:
        if store.shared:
            store.is_there()
    except StoreError as error:
        return [_fault(settings, ("storage",), str(error), "")]
    return []


def spool_warnings(settings: Settings, usual: Path = USUAL_SPOOL) -> list[Fault]:
    """What the daemon will say of the folder of the hooks: it starts all the same, and nothing that they hand over is read."""
    user = _daemons_user(settings)
    what = foreseen(Path(settings.spool), user) if settings.spool else not_read(usual, user)
    return [_fault(settings, ("spool",), what, "")] if what else []


def _daemons_user(settings: Settings) -> int:
    """Whose the database is, or the folder for it; ours where neither is to be seen. Mostly root or a person runs the check."""
    path = open_store(settings.storage_url).path
    for place in (path, path.parent) if path else ():
        with contextlib.suppress(OSError):
            return place.stat().st_uid
    return os.geteuid()


def lost_overrides(settings: Settings, now: datetime) -> list[Fault]:
    """The overrides of somebody whom the configuration does not have any more: they count nowhere. None where the database is
    not there, or another user's.
    """
    store = open_store(settings.storage_url)
    try:
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


def _fault(settings: Settings, place: Place, what: str, advice: str) -> Fault:
    """With its line; a configuration that came by a pipe is not there to be read again."""
    try:
        return read_document(Path(settings.source)).fault(place, what, advice)
    except ConfigError:
        return Fault(settings.source, 0, ".".join(map(str, place)), what, advice)
