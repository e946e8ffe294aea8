"""Wording that the administrator writes: jinja2 templates, checked when read, rendered in a sandbox.

A label is data and never template source (promise 7 of the design): it reaches a template as a value only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

import jinja2
from jinja2 import meta, nodes
from jinja2.visitor import NodeTransformer

from sms_notify.alert import Alert, Severity, Status
from sms_notify.errors import SmsNotifyError
from sms_notify.wording.content import Notice, Reader, TextedIncident
from sms_notify.wording.gsm import clip, to_gsm
from sms_notify.wording.sandbox import Sandbox, environment

FREE_TEXT = 500  # characters of an annotation that a template sees: more than any text can hold
LABEL = 300  # and of a label
_SOURCE = 10_000
_OUTPUT = 4_000
_ALERTS = 100  # of one notice that a template can loop over; `count` still tells them all
_LISTED = 2

# Whatever could collect text past the output's limit, or read a file that a text has no business with.
_REFUSED: tuple[type[nodes.Node], ...] = (
    nodes.AssignBlock,
    nodes.Block,
    nodes.CallBlock,
    nodes.Extends,
    nodes.FilterBlock,
    nodes.FromImport,
    nodes.Import,
    nodes.Include,
    nodes.Macro,
    nodes.ScopedEvalContextModifier,
)


class TemplateFault(SmsNotifyError):  # noqa: N818 - a fault of the configuration, as in errors.py
    """A template cannot be used: `what` is wrong in its line `line` (the first is 1)."""

    def __init__(self, what: str, line: int) -> None:
        self.what, self.line = what, line
        super().__init__(f"line {line}: {what}")


class Fallback(StrEnum):
    """Why the built-in wording was taken instead of a template's."""

    FAILED = "failed"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template's text in GSM 03.38, or none and why; `detail` is at most 200 characters."""

    text: str
    fallback: Fallback | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template. `names` are those it speaks of; a blank `source` means the built-in wording."""

    name: str
    source: str
    names: frozenset[str] = field(repr=False, compare=False)
    compiled: jinja2.Template = field(repr=False, compare=False)


def compile_template(name: str, source: str) -> Template:
    """Check `source` once, when the configuration is read. Raises TemplateFault."""
    if len(source) > _SOURCE:
        raise TemplateFault(f"longer than {_SOURCE} characters", 1)
    sandbox = environment()
    try:
        tree = sandbox.parse(source)
        _check(tree, sandbox)
        names = frozenset(meta.find_undeclared_variables(tree))
        return Template(name, source, names, sandbox.from_string(_joined(tree)))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateFault(error.message or "not a template", error.lineno) from None
    except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
        # The interpreter's own limits: brackets nested too deep, a number of 5,000 digits, a lone surrogate.
        raise TemplateFault(f"cannot be compiled ({type(error).__name__}): make it simpler", 1) from None


def _check(tree: nodes.Template, sandbox: Sandbox) -> None:
    for block in tree.find_all(_REFUSED):
        raise TemplateFault(
            "a template takes {{ }}, {% if %}, {% for %} and {% set x = … %} only", block.lineno
        )
    for used in tree.find_all(nodes.Filter):
        if used.name not in sandbox.filters:
            known = ", ".join(sorted(sandbox.filters))
            raise TemplateFault(f"there is no filter '{used.name}' (there are: {known})", used.lineno)
    for loop in tree.find_all(nodes.For):
        if loop.recursive or any(any(inner.find_all(nodes.For)) for inner in loop.find_all(nodes.For)):
            raise TemplateFault("loops cannot be recursive or nested deeper than two", loop.lineno)


def _joined(tree: nodes.Template) -> nodes.Template:
    result = _ConcatAsJoin().visit(tree)
    assert isinstance(result, nodes.Template)  # noqa: S101 - the transformer replaces inner nodes only
    return result.set_environment(environment())  # type: ignore[return-value]


class _ConcatAsJoin(NodeTransformer):
    """`a ~ b` as a join, because jinja2 lets operators be watched but not this one."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the visitor's own naming
        self.generic_visit(node)
        return nodes.Filter(nodes.List(node.nodes), "join", [], [], None, None, lineno=node.lineno)


def render(
    template: Template, notice: Notice, reader: Reader, free_text: int = FREE_TEXT, label: int = LABEL
) -> Rendered:
    """What `template` says, tidied; it sees `free_text` characters of an annotation, `label` of a label."""
    try:
        zone = zone_of(reader.timezone)
        names = _names(notice, zone, free_text, label)
        if "alerts" in template.names:
            names["alerts"] = [_names_of_one(t, zone, free_text, label) for t in notice.incidents[:_ALERTS]]
        text = _generate(template.compiled, names)
    except Exception as error:  # noqa: BLE001 - whatever a template does, somebody must still be paged
        detail = clip(one_line(f"{type(error).__name__}: {error}"), 200)
        return Rendered("", Fallback.FAILED, detail)
    told = tidy(to_gsm(text))
    return Rendered(told) if told else Rendered("", Fallback.EMPTY, "the template renders nothing")


def _generate(compiled: jinja2.Template, names: Mapping[str, object]) -> str:
    pieces, size = [], 0
    for piece in compiled.generate(names):
        pieces.append(piece)
        size += len(piece)
        if size >= _OUTPUT:
            break
    return "".join(pieces)[:_OUTPUT]


# What a template can speak of.


def _names(notice: Notice, zone: tzinfo, free_text: int, label: int) -> dict[str, object]:
    told = notice.incidents
    first = told[0]
    labels = _cleaned(_common([t.alert.labels for t in told]), label)
    annotations = _cleaned(_common([t.alert.annotations for t in told]), free_text)
    return {
        **annotations,
        **labels,
        **_listed([t.alert.labels for t in told[:_ALERTS]], labels, label),
        "labels": labels,
        "annotations": annotations,
        "status": notice.status.value,
        "severity": severity_word(min((t.alert for t in told), key=lambda alert: alert.severity.rank)),
        "tag": first.tag,
        "since": local(min(filter(None, map(since, told)), default=None), zone),
        "count": len(told),
        "hidden": notice.hidden,
        "kind": notice.tone.value if notice.status is Status.FIRING else notice.status.value,
        "times": notice.times,
        "ack": tellable_address(notice.ack),
        "acknowledged_by": ", ".join(sorted({one_line(t.acked_by, LABEL) for t in told if t.acked_by})),
        "silent_until": local(notice.silent_until, zone),
    }


def _names_of_one(told: TextedIncident, zone: tzinfo, free_text: int, label: int) -> dict[str, object]:
    labels = _cleaned(told.alert.labels, label)
    annotations = _cleaned(told.alert.annotations, free_text)
    return {
        **annotations,
        **labels,
        "labels": labels,
        "annotations": annotations,
        "status": told.alert.status.value,
        "severity": severity_word(told.alert),
        "tag": told.tag,
        "since": local(since(told), zone),
        "starts_at": local(told.alert.starts_at, zone),
        "ends_at": local(told.alert.ends_at, zone),
    }


def _cleaned(values: Mapping[str, str], limit: int) -> dict[str, str]:
    """Sorted, so that a template that loops over them says the same whatever the order they came in."""
    return {name: clip(" ".join(value[: 4 * limit].split()), limit) for name, value in sorted(values.items())}


def _common(sets: list[Mapping[str, str]]) -> dict[str, str]:
    first, rest = sets[0], sets[1:]
    return {name: value for name, value in first.items() if all(s.get(name) == value for s in rest)}


def _listed(sets: list[Mapping[str, str]], common: Mapping[str, str], limit: int) -> dict[str, str]:
    """Each label that is not the same in all: its first values, and how many more there are."""
    names = {name for labels in sets for name in labels} - common.keys()
    return {name: _some(list(dict.fromkeys(s[name] for s in sets if s.get(name))), limit) for name in names}


def _some(values: list[str], limit: int) -> str:
    shown = [clip(one_line(value), limit) for value in values[:_LISTED]]
    more = [f"+{len(values) - _LISTED}"] if len(values) > _LISTED else []
    return ", ".join(shown + more)


def severity_word(alert: Alert) -> str:
    """Our word for it where we know the source's, else the source's own in at most 16 characters."""
    if alert.severity is not Severity.OTHER:
        return alert.severity.value
    return clip(one_line(alert.labels.get("severity", "")), 16)


def one_line(text: str, limit: int = 2_000) -> str:
    """The first `limit` characters of `text` in GSM 03.38, with single blanks for blanks and line breaks."""
    return " ".join(to_gsm(text[:limit]).split())


def tellable_address(address: str) -> str:
    """`address`, or nothing where the alphabet would change it into another."""
    return address if one_line(address) == address and " " not in address else ""


def since(told: TextedIncident) -> datetime | None:
    """When it began, in UTC; a time without a zone is taken for UTC."""
    return local(told.since or told.alert.starts_at, UTC)


def zone_of(name: str) -> tzinfo:
    """The zone called `name`, else UTC: `config/` checks the names, and a wrong hour beats no text."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def local(at: datetime | None, zone: tzinfo) -> datetime | None:
    """`at` on the clock of `zone`; None where there is no time, or none that the calendar can hold there."""
    if at is None:
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone)
    except (OverflowError, ValueError):
        return None


# What missing fields leave behind.


_BEFORE_TAG = re.compile(r"[:;,][:;,]*(?= #\w)")
_EMPTY_BRACKETS = re.compile(r"(?<!\S)(?:\(\s*\)|\[\s*\])")
# It begins with the character that is rare: to look behind each character costs.
_DANGLING = re.compile(r"[:;,|#-](?<!\S.)[:;,|#-]*(?!\S)")


def tidy(text: str) -> str:
    """Single blanks, no blank lines, and no punctuation left dangling by a field that is not there."""
    return "\n".join(filter(None, map(_tidy_line, text.split("\n")))) if "\n" in text else _tidy_line(text)


def _tidy_line(line: str) -> str:
    if "(" in line or "[" in line:
        line = _EMPTY_BRACKETS.sub(" ", line)
    words = _without_dangling(line.split()) if _DANGLING.search(line) else line.split()
    told = _BEFORE_TAG.sub("", " ".join(words))
    return told if told.endswith("::") else told.rstrip(":;,")


def _without_dangling(line: Iterable[str]) -> list[str]:
    words: list[str] = []
    for word in line:
        if not _dangles(word):
            words.append(word)
        elif words and words[-1][-1] not in ":;,-|":
            words[-1:] = [words[-1], word] if word[0] in "-|" else [words[-1] + word[0]]
    while words and _dangles(words[-1]):
        words.pop()
    return words


def _dangles(word: str) -> bool:
    return not word.strip(":;,-|#")
