"""How Nagios and Icinga hand their macros over: as `--name=value`, as `MACRO=value`, or in the environment.

Nagios pastes macros into a command line as text. An output may hold anything, so an option and its value are one
argument (`--output=--help` is not an option), and words that a missing quote has torn off are put back to where they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sms_notify.errors import ParseError
from sms_notify.sources import input_limits
from sms_notify.sources.host_check import Check

_OPTION = re.compile(r"--([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL)
_MACRO = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)=(.*)", re.DOTALL)
# Nagios leaves a macro that it does not know as it stands; in double quotes the shell then leaves a single dollar.
_UNSET = re.compile(r"\$|\$[A-Za-z_][\w.:]*\$")
_EPOCH = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_LABEL = "SMS_NOTIFY_LABEL_"
_NOT_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
_NOT_AFTER = timedelta(days=1)

# Options that no macro stands for. Every option that is neither here nor in `names` becomes a label of its name.
MORE_OPTIONS = ("monitor", "severity", "problem-id")
_ESSENTIAL = ("type", "host", "service", "state", "output", "comment")
_AS_LABELS = {
    "monitor": "monitor",
    "address": "address",
    "hostgroups": "hostgroup",
    "servicegroups": "servicegroup",
}
_AS_ANNOTATIONS = {"notes-url": "notes_url", "action-url": "action_url"}


@dataclass(frozen=True, slots=True)
class Macros:
    """What was said. `names` tells which macros stand for an option; `{}` in one is HOST or SERVICE."""

    options: Mapping[str, str]
    macros: Mapping[str, str]
    labels: Mapping[str, str]
    names: Mapping[str, Sequence[str]]

    def raw(self, option: str) -> str:
        """As it was sent; empty where it was not said."""
        return self.options.get(option) or next(filter(None, map(self._macro, self._spellings(option))), "")

    def line(self, option: str) -> str:
        return input_limits.one_line(self.raw(option))

    def _spellings(self, option: str) -> Iterable[str]:
        yield option.replace("-", "_").upper()
        about = "" if option == "service" else "SERVICE" if self.raw("service") else "HOST"
        for name in self.names.get(option, ()):
            yield name.format(about)

    def _macro(self, name: str) -> str:
        return self.macros.get(name, "")


def read(
    arguments: Iterable[str], environment: Mapping[str, str], prefix: str, names: Mapping[str, Sequence[str]]
) -> Macros:
    """Sorts out what a hook was started with. Raises ParseError where nothing of it is a notification.

    The first of two values for one name counts: what follows may have been torn out of an output.
    """
    found = _options(arguments) or {}
    macros = {} if found else _named(arguments)
    for name, value in environment.items():
        if name.startswith(prefix):
            macros.setdefault(name.removeprefix(prefix).upper(), value)
    known = {*names, *MORE_OPTIONS}
    labels = {
        name.removeprefix(_LABEL): value for name, value in environment.items() if name.startswith(_LABEL)
    }
    labels |= {name: value for name, value in found.items() if name not in known}
    said = Macros(_set(found), _set(macros), _set(labels), names)
    if not any(said.raw(option) for option in _ESSENTIAL):
        raise ParseError(
            f"nothing of a notification: neither arguments such as --type=PROBLEM --host=web1 nor {prefix}… in the"
            " environment; take the command from integrations/"
        )
    return said


def _options(arguments: Iterable[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for argument in arguments:
        option = _OPTION.fullmatch(argument)
        if option is None:
            words.append(argument)
            continue
        words = [option[2]]
        found.setdefault(option[1].lower().replace("_", "-"), words)
    return {name: " ".join(parts) for name, parts in found.items()}


def _named(arguments: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for argument in arguments:
        if macro := _MACRO.fullmatch(argument):
            found.setdefault(macro[1].upper(), macro[2])
    return found


def _set(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value and not _UNSET.fullmatch(value)}


def check_of(said: Macros, source: str, output: str, at: datetime) -> Check:
    """The notification; `output` is all that the plugin said, with its line ends."""
    return Check(
        source=source,
        at=at,
        identity=_identity(said),
        type=said.line("type").upper(),
        host=said.line("host"),
        service=said.line("service"),
        state=said.line("state").upper(),
        last_state=said.line("last-state").upper(),
        soft=said.line("state-type").upper() == "SOFT",
        severity=said.line("severity").lower(),
        output=input_limits.plain(output, 2 * input_limits.MAX_VALUE),
        author=said.line("author"),
        comment=input_limits.plain(said.raw("comment")),
        notification_id=said.line("notification-id"),
        time=_moment(said.raw("time"), at),
        since=_moment(said.raw("since"), at),
        labels=_labels(said),
        annotations={told: text for name, told in _AS_ANNOTATIONS.items() if (text := said.line(name))},
    )


def _identity(said: Macros) -> dict[str, str]:
    names = {name: said.raw(name) for name in ("monitor", "host", "service")}
    return {name: text for name, text in names.items() if text}


def _labels(said: Macros) -> dict[str, str]:
    labels = {told: said.line(name) for name, told in _AS_LABELS.items()}
    for name, text in said.labels.items():
        labels[input_limits.label_name(name.lower())] = input_limits.one_line(text)
    return {name: text for name, text in labels.items() if name and text}


def _moment(text: str, at: datetime) -> datetime | None:
    """Seconds since 1970; None where it is no such number, or one that no clock shows."""
    if not _EPOCH.fullmatch(text.strip()):
        return None
    moment = datetime.fromtimestamp(min(float(text), 2e11), UTC)
    return moment if _NOT_BEFORE <= moment <= at + _NOT_AFTER else None
