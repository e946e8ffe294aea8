"""What is said of a problem: the summary or the description, whichever is news, without what the text says anyway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from sms_notify.alert import Alert, Severity
from sms_notify.wording.place import Place, place_of, without_port
from sms_notify.wording.templates import FREE_TEXT, one_line

_Texts = Mapping[str, str]
_Pairs = tuple[tuple[str, str], ...]
_TEXTS = ("summary", "description", "message")
_VALUES = ("value", "current_value", "values")  # what a rule measured, where it says so beside its words
_YES_OR_NO = ("0", "1")  # of what is up or down: no news
_STATE = 40  # characters in which a plug-in says its state
_SHORT = 60  # characters of these that are a value, and no report

# `LABELS = map[…]` and `VALUE = 4.2`, as the most copied collections of rules end their descriptions.
_LABELS = re.compile(r"[\s,;]*\bLABELS\s*[=:].*", re.DOTALL)
_VALUE = re.compile(r"[\s,;(]*\bVALUE\s*[=:]\s*([^\s,;)]+)\)?")
# A measured value in a sentence: a share or a number with a fraction, but no limit (`more than 0.05s`, `< 10%`).
_MEASURED = re.compile(r"\d(?<![\w.<>=+-]\d)\d*(?:(?:\.\d+)?%|\.\d+\s?[A-Za-z]{0,5}(?!\w|\.\d))")
_LIMIT = re.compile(
    r"(?:[<>=~]|\b(?:than|below|above|over|under|least|exceeds|threshold|limit|of|by))\W*$", re.IGNORECASE
)
_DIGIT = re.compile(r"\d")
_NOT_WORDS = re.compile(r"[\W_]+")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Words that say nothing of how it is.
_EMPTY_WORDS = (
    "a an the is are was has have been be on at of in for to by and or instance host node server service target pod"
    " alert alarm problem issue firing triggered detected"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())
_LEAD_WORDS = (
    "on at for of in to instance host node server pod target service device mountpoint namespace the drive disk volume"
    " interface job container cluster database queue"
)
_LEADS = frozenset(_LEAD_WORDS.split())
_PREPOSITIONS = frozenset(("on", "at", "for", "of", "in", "to"))
_VERBS = frozenset(("is", "are"))  # whose subject was the place
# Beside these a place is one of two, or who did it: a sentence without it would be wrong.
_PAIRED = frozenset(("and", "between", "from", "or", "by", "with"))
_JOB = "of job "  # as the first rule of most installations goes on
_LIMITS = ("(>", "(<", ">", "<")  # of a summary that says no more than what is too much
_MARKS = "(),.;:'\"[]"


def summary_of(alert: Alert) -> str:
    """The first text that the alert has, on one line and as it was written; empty where it has none."""
    return next(_texts(alert.annotations, alert.labels), "")


def news_of(alert: Alert) -> str:
    """What a reader of its name and its place does not know yet, with the value that was measured; it may be empty."""
    return _news(
        place_of(alert), alert.severity, tuple(alert.labels.items()), tuple(alert.annotations.items())
    )


@lru_cache(512)  # a problem is told to several people, and again: half of what a text costs
def _news(place: Place, severity: Severity, labels: _Pairs, annotations: _Pairs) -> str:
    notes = dict(annotations)
    told = _first_news(dict(labels), notes, place, severity)
    value = one_line(_value_of(notes, told))
    if not value or value in told or (not told and value in _YES_OR_NO):
        return told
    return f"{value}: {told}" if told else value


def _first_news(labels: _Texts, notes: _Texts, place: Place, severity: Severity) -> str:
    name = labels.get("alertname", "")
    for text in _texts(notes, labels):
        told = _without_rank(without_said(_without_name(text, name), place), severity)
        if not told.startswith(_LIMITS) and is_news(told, name, labels):
            return told
    return ""


def _texts(*sources: _Texts) -> Iterator[str]:
    for source in sources:
        for name in _TEXTS:
            raw = source.get(name)
            if raw and (text := _plain(raw)):
                yield text


def _plain(raw: str) -> str:
    """On one line, without the labels and the value at its end."""
    text = raw[: 4 * FREE_TEXT]
    if "LABELS" in text:
        text = _LABELS.sub("", text)
    if "VALUE" in text:
        text = _VALUE.sub("", text)
    return one_line(text)


def _without_rank(text: str, severity: Severity) -> str:
    """`DISK CRITICAL - 3% free` of what is critical is `DISK 3% free`: plug-ins say their state first."""
    word = severity.value.upper()
    if word in text[:_STATE]:
        for mark in (f"{word} - ", f"{word}: "):
            text = text.replace(mark, "", 1)
    return text


def is_news(text: str, name: str, labels: Mapping[str, str]) -> bool:
    """Whether any word of it is not in the name, nor in a label."""
    known, known_labels = _words_of_name(name), ""
    for word in text.lower().replace("-", " ").replace("_", " ").split():
        bare = word.strip(_MARKS)
        if not bare or bare in known:
            continue
        known_labels = known_labels or _values(labels)
        if bare not in known_labels:
            return True
    return False


def _values(labels: Mapping[str, str]) -> str:
    return " ".join([value for name, value in labels.items() if name not in _TEXTS]).lower()


@lru_cache(1024)
def _words_of_name(name: str) -> frozenset[str]:
    words = [word.lower() for word in _HUMPS.findall(name)]
    return frozenset(
        (*_EMPTY, *words, *(f"{word}s" for word in words), *(word.rstrip("s") for word in words))
    )


def _without_name(text: str, name: str) -> str:
    """`HostDown: no answer` is `no answer`."""
    if not name or text[:2].lower() != name[:2].lower():
        return text
    bare, joined, words = _bare(name), "", text.split(" ")
    for at, word in enumerate(words):
        joined += _bare(word)
        if joined == bare:
            return " ".join(words[at + 1 :]).lstrip(":-,; ")
        if not bare.startswith(joined):
            break
    return text


@lru_cache(1024)
def _bare(name: str) -> str:
    return _NOT_WORDS.sub("", name.lower())


def without_said(text: str, place: Place) -> str:
    """`text` without the place, which stands before it: `web1 is down`, `down on web1`, `down (instance web1:9100)`."""
    said = _said_by(place)
    for part in said:
        if part in text:
            return _without(_without_end(text, part), said)
    return text


def _without_end(text: str, part: str) -> str:
    """`31 C in room 2` is `31 C`: of places of several words."""
    if " " not in part or not text.rstrip(_MARKS).endswith(part):
        return text
    lead, _, last = text.rstrip(_MARKS).removesuffix(part).rstrip().rpartition(" ")
    return lead if last in _LEADS else text


@lru_cache(4096)
def _said_by(place: Place) -> frozenset[str]:
    parts = (
        part for whole in place for part in (whole, without_port(whole), *_within(whole), _of_label(whole))
    )
    return frozenset(part for part in parts if len(part) > 1 or part == "/")


def _within(part: str) -> Sequence[str]:
    """Namespace and workload; a word of an address or a path may mean something else in a sentence."""
    return () if part.startswith("/") or "://" in part else part.split("/")


def _of_label(part: str) -> str:
    """The value of `reason=CrashLoopBackOff`; a number, and a plain word, may mean something else in a sentence."""
    value = part.partition("=")[2]
    return value if value.isalpha() and not value.islower() else ""


def _leads(word: str) -> bool:
    """Whether it only led to the place: `on`, `host`, `(instance`, `(reason:`."""
    return word.lstrip("([").lower() in _LEADS or (word[0] == "(" and word[-1] == ":")


def _is_object(kept: Sequence[str], following: str) -> bool:
    """Whether it stands within a sentence that would break without it: `requests reach db1 (404)`."""
    return bool(kept) and following.startswith("(") and not _leads(kept[-1])


def _without(text: str, said: frozenset[str]) -> str:
    kept: list[str] = []
    words = text.split(" ")
    for at, word in enumerate(words):
        bare = word if word in said else word.strip(_MARKS)
        following = words[at + 1] if at + 1 < len(words) else ""
        if (
            bare not in said
            or following in _PAIRED
            or (kept and kept[-1] in _PAIRED)
            or _is_object(kept, following)
        ):
            kept.append(word)
            continue
        while kept and _leads(kept[-1]):
            if kept.pop().lower() in _PREPOSITIONS:  # what stands before that is not a part of it
                break
        if word[-1] == ")" and sum(one.count("(") - one.count(")") for one in kept) > 0:
            kept[-1] += ")"
    while kept and kept[0] in _VERBS:
        del kept[0]
    told = " ".join(kept).strip(" ,;:-")
    return told.removeprefix(_JOB).partition(" ")[2] if told.startswith(_JOB) else told


def _value_of(notes: _Texts, told: str) -> str:
    """What was measured, where the words that are told do not say it."""
    for name in _VALUES:
        if (value := notes.get(name, "")) and len(value) <= _SHORT:
            return "" if _DIGIT.search(told) else _rounded(one_line(value))
    for name in _TEXTS:
        text = notes.get(name, "")
        if "VALUE" in text and (found := _VALUE.search(text)):
            return _rounded(found[1])
    return _measured(notes.get("description", ""), told)


def _measured(text: str, told: str) -> str:
    if not _DIGIT.search(text) or text.startswith(told[:20]):
        return ""
    for found in _MEASURED.finditer(text[:FREE_TEXT]):
        if not _LIMIT.search(text[max(found.start() - 12, 0) : found.start()]):
            return one_line(found[0])
    return ""


def _rounded(value: str) -> str:
    """`4.233333333333333` is `4.233`; what is not a number stays."""
    try:
        number = float(value)
    except ValueError:
        return value
    return f"{number:.0f}" if abs(number) >= 10_000 else f"{number:.4g}"
