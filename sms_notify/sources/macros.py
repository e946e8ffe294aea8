"""What a notification command of Nagios and its kin was told: by arguments, by macros in the environment, or in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, sentences
from sms_notify.sources.check_output import SERVICE_STATES
from sms_notify.sources.hook_arguments import read_arguments, says, squeezed
from sms_notify.sources.host_check import Check

_ESCAPED = re.compile(r"\\([n\\])")
_WRITTEN = re.compile(r"(?:(?<![A-Za-z0-9])|(?<=\\n))[A-Za-z]:\\\S*|\\\\\S*|((?:\\r)?\\n)")
_EPOCH = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_LABEL = "SMS_NOTIFY_LABEL_"
_NOT_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
_NOT_AFTER = timedelta(days=1)

# Options that no macro stands for. Every option that is neither here nor in `names` becomes a label of its name.
MORE_OPTIONS = ("monitor", "severity", "problem-id")
_ESSENTIAL = ("type", "host", "service", "state", "output", "comment")
_ABOUT = ("HOST", "SERVICE")
_HOST_STATES = ("UP", "DOWN", "UNREACHABLE", "UNREACHABLE")
_AS_LABELS = {
    "monitor": "monitor",
    "address": "address",
    "hostgroups": "hostgroup",
    "servicegroups": "servicegroup",
}
_AS_ANNOTATIONS = {"notes-url": "notes_url", "action-url": "action_url"}


@dataclass(frozen=True, slots=True)
class Macros:
    """What was said, by squeezed names. `names` tells which macros stand for an option; `{}` in one is HOST or SERVICE.
    `spoken`: a sentence names the host.
    """

    macros: Mapping[str, str]
    labels: Mapping[str, str]
    names: Mapping[str, Sequence[str]]
    spoken: bool = False

    def raw(self, option: str) -> str:
        """As it was sent; empty where it was not said."""
        return next(filter(None, map(self._macro, self._spellings(option))), "")

    def line(self, option: str) -> str:
        return input_limits.one_line(self.raw(option))

    def output(self) -> str:
        """All that the check said; `long-output` is escaped as Nagios does it."""
        return "\n".join(
            filter(None, (unescaped(self.raw("output")), unescaped(self.raw("long-output"), doubled=True)))
        )

    def _spellings(self, option: str) -> Iterable[str]:
        yield option
        several = ("",) if option == "service" else ("SERVICE",) if self.raw("service") else _ABOUT
        for about in several:
            yield from (name.format(about) for name in self.names.get(option, ()))

    def _macro(self, name: str) -> str:
        return self.macros.get(squeezed(name), "")


def read(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    prefixes: Sequence[str],
    names: Mapping[str, Sequence[str]],
) -> Macros:
    """Sorts out what a hook was started with. Arguments count before the environment, and what is said by name before
    what a sentence says. Raises ParseError where nothing of it is a notification.
    """
    called = read_arguments(arguments, known_names(names), _telling(names))
    labels = {
        name.removeprefix(_LABEL): text for name, text in environment.items() if name.startswith(_LABEL)
    }
    told = {**_of_environment(environment, prefixes), **_set(called.macros)}
    said = Macros(told, _set({**labels, **called.labels}), names)
    text = called.text or said.raw("output")
    if text and not said.raw("host"):
        spoken = _set(sentences.read(unescaped(text)))
        said = Macros({**spoken, **told}, said.labels, names, "HOST" in spoken)
    if not any(said.raw(option) for option in _ESSENTIAL):
        raise ParseError(
            f"nothing of a notification: neither arguments such as --type=PROBLEM --host=web1 nor {prefixes[0]}… in the"
            " environment; take the command from integrations/"
        )
    return said


def known_names(names: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The squeezed names of all options, and of all macros that stand for one."""
    return _names(names, names) | frozenset(map(squeezed, MORE_OPTIONS))


def _telling(names: Mapping[str, Sequence[str]]) -> frozenset[str]:
    return _names(names, _ESSENTIAL)


def _names(names: Mapping[str, Sequence[str]], options: Iterable[str]) -> frozenset[str]:
    macros = {
        option: [name.format(about) for name in names[option] for about in _ABOUT] for option in options
    }
    return frozenset(squeezed(name) for option in macros for name in (option, *macros[option]))


def _of_environment(environment: Mapping[str, str], prefixes: Sequence[str]) -> dict[str, str]:
    """The first prefix counts. Without one it may be the machine's own (HOSTNAME): then it must be a notification's."""
    found: dict[str, str] = {}
    for prefix in (*prefixes, "") if environment.get("NOTIFICATIONTYPE") else prefixes:
        for name, value in environment.items():
            if name.startswith(prefix) and says(value):
                found.setdefault(squeezed(name.removeprefix(prefix)), value)
    return found


def _set(values: Mapping[str, str]) -> dict[str, str]:
    """Without what says nothing: macros that were not filled."""
    return {name: value for name, value in values.items() if name and says(value)}


def unescaped(text: str, doubled: bool = False) -> str:
    """Nagios writes a line end as the two characters \\n, and in long output doubles backslashes; people write \\n between
    macros. Where there are line ends, and in the path of a file, it is not a line end.
    """
    text = text[: 4 * input_limits.MAX_VALUE]
    if doubled:
        return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else "\\", text)
    if "\n" in text.strip() or "\\" not in text:
        return text
    return _WRITTEN.sub(lambda found: "\n" if found[1] else found[0], text)


def check_of(said: Macros, source: str, at: datetime) -> Check:
    """The notification."""
    type_, state = _type_and_state(said)
    return Check(
        source=source,
        at=at,
        identity=_identity(said),
        type=type_,
        host=said.line("host"),
        service=said.line("service"),
        state=state,
        last_state=_state(said, "last-state"),
        soft=said.line("state-type").upper() == "SOFT",
        spoken=said.spoken,
        severity=said.line("severity").lower(),
        output=input_limits.plain(said.output(), 2 * input_limits.MAX_VALUE),
        author=said.line("author"),
        comment=input_limits.plain(unescaped(said.raw("comment"))),
        notification_id=said.line("notification-id"),
        time=_moment(said.raw("time"), at),
        since=_moment(said.raw("since"), at),
        last_ok=_moment(said.raw("last-ok"), at),
        labels=_labels(said),
        annotations={told: text for name, told in _AS_ANNOTATIONS.items() if (text := said.line(name))},
    )


def _type_and_state(said: Macros) -> tuple[str, str]:
    """Scripts mix them up: a state in place of the type must not make a problem of a recovery."""
    type_, state = said.line("type").upper().partition(" ")[0], _state(said, "state")
    in_its_place = sentences.state_of(type_)
    if in_its_place in sentences.STATES.split("|") and (not state or state in sentences.TYPES.split("|")):
        return state, in_its_place
    return type_, state


def _state(said: Macros, option: str) -> str:
    """In full; some send its number."""
    word = said.line(option)
    numbers = SERVICE_STATES if said.raw("service") else _HOST_STATES
    return numbers[int(word)] if word in ("0", "1", "2", "3") else sentences.state_of(word)


def _identity(said: Macros) -> dict[str, str]:
    names = {name: said.raw(name) for name in ("monitor", "host", "service")}
    return {name: text for name, text in names.items() if text}


def _labels(said: Macros) -> dict[str, str]:
    labels = {told: said.line(name) for name, told in _AS_LABELS.items()}
    for name, text in said.labels.items():
        labels[input_limits.label_name(name.lower())] = input_limits.one_line(text)
    return {name: text for name, text in labels.items() if name and text}


def _moment(text: str, at: datetime) -> datetime | None:
    """Seconds since 1970; None where it is not such a number, or one that no clock shows."""
    if not _EPOCH.fullmatch(text.strip()):
        return None
    moment = datetime.fromtimestamp(min(float(text), 2e11), UTC)
    return moment if _NOT_BEFORE <= moment <= at + _NOT_AFTER else None
