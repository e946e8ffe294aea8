"""How notification commands are called: options of ours, those of other people's scripts, macros by name, or words.

Nagios pastes macros into a command line as text. An output may hold anything, so an option and its value are best one
argument (`--output=--help` is not an option), and words that a missing quote has torn off are put back to where they were.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sms_notify.sources.sentences import OF_HOSTS, STATES, TYPES

_OPTION = re.compile(r"--?([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL)
_BARE = re.compile(r"--?([A-Za-z][A-Za-z0-9._-]*)")
_SHORT = re.compile(r"-([A-Za-z0-9]|[a-z]{2,12})")
_TYPE, _STATE = re.compile(TYPES), re.compile(STATES)
_DASHED = re.compile(r"-+[^\s-]\S*")
_MACRO = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)=(.*)", re.DOTALL)
_CONTACT = re.compile(r"[+(]?[\d ()./-]{5,}|\S+@\S+\.\S+")
_NO_LETTER = re.compile(r"[._-]")
# Nagios leaves a macro that it does not know as it stands; in double quotes the shell then leaves a single dollar.
_UNFILLED = re.compile(r"\$[A-Za-z_][\w.:]*\$")
_FILLERS = re.compile(r"(?:\W|\b(?:is|on|host|service|alert|nagios|icinga)\b)*", re.IGNORECASE)

# Letters of the scripts that Icinga ships for mail, from which many for texts are made.
_OF_ICINGA = {
    "t": "NOTIFICATIONTYPE",
    "l": "HOSTNAME",
    "n": "HOSTDISPLAYNAME",
    "4": "HOSTADDRESS",
    "e": "SERVICEDESC",
    "u": "SERVICEDISPLAYNAME",
    "b": "NOTIFICATIONAUTHORNAME",
    "c": "NOTIFICATIONCOMMENT",
}
_TEXTS = ("m", "M", "msg", "message", "text", "body")
_CREDENTIALS = ("u", "U", "p", "P", "k", "K", "a", "A")
_SECRET = re.compile(r"pass|secret|token|api-?key|^pw$|^auth|^user$|^login$")
_NUMBERS = ("to", "number", "phone", "mobile", "pager", "contact-pager", "recipient", "contactpager")


@dataclass(frozen=True, slots=True)
class Called:
    """`macros` by their squeezed names, our options among them; `labels` are options that are none; `text` is what is said
    in words that belong to no option.
    """

    macros: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


def squeezed(name: str) -> str:
    """`host-name`, `host_name` and `HOST.NAME` are one macro: HOSTNAME. A custom variable (`_HOSTX`) is none."""
    return "" if name.startswith("_") else _NO_LETTER.sub("", name).upper()


def says(text: str) -> bool:
    """Whether anything is left of it without macros that were not filled."""
    if "$" not in text:
        return text.strip() != ""
    left = _UNFILLED.sub("", text)
    return left == text != "$" or not _FILLERS.fullmatch(left)


def read_arguments(arguments: Sequence[str], known: Collection[str], telling: Collection[str]) -> Called:
    """`known` are the squeezed names of our options and of the macros that are read, `telling` those of them without
    which there is nothing to tell.
    """
    forms = (_long, _named, _short, _loose)
    read = [form(arguments, known) for form in forms]
    found = next((called for called in read if called.text or _tells(called.macros, telling)), read[0])
    return replace(found, labels=read[0].labels)


def _tells(macros: Mapping[str, str], telling: Collection[str]) -> bool:
    return any(name in telling and says(text) for name, text in macros.items())


def _loose(arguments: Sequence[str], _known: Collection[str]) -> Called:
    """Words of no option: better told as they stand than told to nobody."""
    free = itertools.filterfalse(_OPTION.fullmatch, arguments)
    words = itertools.takewhile(lambda word: not _DASHED.fullmatch(word), free)
    return _of_words([word for word in words if " " in word.strip() or not _MACRO.fullmatch(word)])


def _of_words(words: Sequence[str]) -> Called:
    """Macros one behind the other, where type and state are words of their own: then come host, service and output."""
    left = _content(words)
    type_ = next(filter(_TYPE.fullmatch, left), "")
    state = next(filter(_STATE.fullmatch, left), "")
    if not type_ or not state or len(left) < 3:
        return Called(text=_text(words))
    left.remove(type_)
    left.remove(state)
    host, *said = left
    service = said.pop(0) if said and " " not in said[0] and state not in OF_HOSTS else ""
    macros = {"TYPE": type_, "STATE": state, "HOST": host, "SERVICE": service, "OUTPUT": " ".join(said)}
    return Called({name: text for name, text in macros.items() if text})


def _known(word: str, known: Collection[str]) -> bool:
    found = _BARE.fullmatch(word)
    return found is not None and squeezed(found[1]) in known


def _named(arguments: Sequence[str], known: Collection[str]) -> Called:
    """The words after a macro are its value's, where a quote is missing."""
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for argument in arguments:
        if macro := _MACRO.fullmatch(argument):
            words = [macro[2]]
            _put(found, squeezed(macro[1]), words)
        else:
            words.append(argument)
    return Called({name: " ".join(parts) for name, parts in found.items() if name in known})


def _long(arguments: Sequence[str], known: Collection[str]) -> Called:
    """The first of two values for one name counts: what follows may have been torn out of an output. Hence a word such as
    `--help` in a call of `--name=value` is not an option.
    """
    one_argument = any(_OPTION.fullmatch(word) for word in arguments)
    if not one_argument and not any(_known(word, known) for word in arguments):
        return Called()
    found: dict[str, list[str]] = {}
    words = free = list[str]()
    for argument in arguments:
        option, bare = _OPTION.fullmatch(argument), _BARE.fullmatch(argument)
        begins = _known(argument, known) or not (one_argument or (found and not words))
        name = _name((option or bare or [""] * 2)[1])
        if option or (bare and begins and not found.get(name)):
            words = [option[2]] if option else []
            _put(found, name, words)
        else:
            words.append(argument)
    return _sorted_out({name: " ".join(parts) for name, parts in found.items()}, known, free)


def _put(found: dict[str, list[str]], name: str, words: list[str]) -> None:
    """The first that says something counts."""
    if not says(" ".join(found.get(name, ()))):
        found[name] = words


def _name(option: str) -> str:
    return option.lower().replace("_", "-")


def _sorted_out(found: Mapping[str, str], known: Collection[str], free: Sequence[str]) -> Called:
    """Credentials and numbers are nobody's business, and no labels."""
    macros = {squeezed(name): value for name, value in found.items() if squeezed(name) in known}
    labels = {
        name: value
        for name, value in found.items()
        if squeezed(name) not in known
        and not _SECRET.search(name)
        and name not in _NUMBERS
        and value[:1] != "+"
    }
    texts = [labels.pop(name) for name in _TEXTS if name in labels]
    return Called(macros, labels, _text(free) or "".join(texts[:1]))


def _short(arguments: Sequence[str], _known: Collection[str]) -> Called:
    """One dash: as in the scripts of Icinga, or those of a provider, of which the message alone is of use."""
    found: dict[str, list[str]] = {}
    words = free = list[str]()
    for argument in arguments:
        if option := _SHORT.fullmatch(argument):
            words = found.setdefault(option[1], [])
        else:
            words.append(argument)
    texts = {name: " ".join(parts) for name, parts in found.items()}
    if not texts:
        return Called()
    said = [texts[name] for name in _TEXTS if texts.get(name, "").strip()]
    if said:
        return Called(text=said[0])
    if texts.get("l", "").strip():
        about = "SERVICE" if texts.get("e", "").strip() or texts.get("u", "").strip() else "HOST"
        letters = {**_OF_ICINGA, "s": f"{about}STATE", "o": f"{about}OUTPUT"}
        return Called({letters[name]: text for name, text in texts.items() if name in letters})
    return _of_words([text for name, text in texts.items() if name not in _CREDENTIALS] or free)


def _text(words: Sequence[str]) -> str:
    """What is said in words that belong to no option."""
    text = " ".join(_content(words))
    return text if " " in text.strip() or "\n" in text or any(map(_is_said, words[1:])) else ""


def _content(words: Sequence[str]) -> list[str]:
    """Numbers and addresses say to whom; a user's name and a password stand before them."""
    contact = next((at for at, word in enumerate(words) if _CONTACT.fullmatch(word.strip())), 0)
    return list(filter(_is_said, words[contact:])) or list(filter(_is_said, words))


def _is_said(word: str) -> bool:
    return says(word) and _CONTACT.fullmatch(word.strip()) is None
