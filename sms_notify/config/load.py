"""Finding and loading the configuration: all its faults at once, or settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sms_notify.config.build import build
from sms_notify.config.cross_checks import check_names
from sms_notify.config.document import Document, Place, read_document, spell
from sms_notify.config.models import Config
from sms_notify.config.schema_errors import shape_faults
from sms_notify.config.security_checks import check_access
from sms_notify.config.settings import Settings
from sms_notify.config.unsupported import not_built
from sms_notify.config.validation import Found
from sms_notify.config.watches import warn_of_watches
from sms_notify.errors import ConfigError, Fault

VARIABLE = "SMS_NOTIFY_CONFIG"
_PLACES = (Path("sms-notify.yml"), Path("/etc/sms-notify/sms-notify.yml"))


def find_config(explicit: str | None, environ: Mapping[str, str]) -> Path:
    """`--config`, else $SMS_NOTIFY_CONFIG, else ./sms-notify.yml, else /etc/sms-notify/sms-notify.yml.

    Raises ConfigError where none of them is there; a file that was named is not looked for elsewhere. A working folder
    that may not be looked into, root's home for one, has none.
    """
    named = explicit or environ.get(VARIABLE)
    if named:
        return Path(named)
    hidden = ""
    for place in _PLACES:
        try:
            if place.is_file():
                return place
        except PermissionError:
            hidden = str(place) if place.is_absolute() else hidden
    if hidden:
        advice = (
            "run it as the daemon's user, `sudo -u sms-notify sms-notify ...`, or name one with --config FILE"
        )
        raise ConfigError([Fault(hidden, 0, "", "may not be read by this user", advice)])
    what = f"no configuration: neither ./{_PLACES[0]} nor {_PLACES[1]} is there"
    raise ConfigError([Fault("sms-notify", 0, "", what, f"name one with --config FILE or ${VARIABLE}")])


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Reads `path` and the secret files it names. Raises ConfigError with every fault that was found."""
    return settings_of(read_document(path), environ, path.parent)


def settings_of(document: Document, environ: Mapping[str, str], base: Path) -> Settings:
    """What a document that was read says; relative paths in it start from `base`. Raises ConfigError as `load`."""
    unbuilt, covered = not_built(document)
    config, faults = shape_faults(document)
    found = Found(document, environ, base)
    check_access(found)
    check_names(found)
    judged = _outside(covered | document.unread, [*faults, *found.faults])
    everything = [*document.faults, *unbuilt, *judged]
    if everything or config is None:
        raise ConfigError(_in_order(everything))
    settings = build(config, found)
    told = frozenset(name for name, receiver in settings.receivers.items() if receiver.notify)
    warn_of_watches(found, config.watch, settings.route, told)
    return replace(settings, warnings=tuple(_in_order(found.warnings)))


def config_schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors."""
    schema = Config.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "sms-notify"}


def _outside(covered: set[Place], faults: Iterable[Fault]) -> list[Fault]:
    spelled = [spell(place) for place in covered]
    inside = tuple(f"{path}{mark}" for path in spelled for mark in ".[")
    return [fault for fault in faults if fault.path not in spelled and not fault.path.startswith(inside)]


def _in_order(faults: Iterable[Fault]) -> list[Fault]:
    """In the order of the file, each once: two checks may come to the same fault."""
    return sorted(dict.fromkeys(faults), key=lambda fault: fault.line)
