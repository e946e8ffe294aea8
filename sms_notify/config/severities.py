"""An installation's own words of severity: `severities:`."""

from __future__ import annotations

from sms_notify.alert import Severity, SeverityWords
from sms_notify.config.document import Place
from sms_notify.config.validation import Found, listed, mapping, word


def check_severities(found: Found) -> None:
    """Reads them into `found.severities`. A word means one rank, and the name of a rank means that rank."""
    ranks: dict[str, Severity] = {}
    for rank, place, text in _written(found):
        if text in tuple(Severity) and text != rank:
            what = f"`{text}` is the name of another rank"
            found.wrong(place, what, f"write a word that your systems send and that shall mean {rank}")
        elif ranks.setdefault(text, rank) is not rank:
            what = f"`{text}` means {ranks[text]} already"
            found.wrong(place, what, "keep one of the two; words are read in any case")
    found.severities = SeverityWords(ranks)


def _written(found: Found) -> list[tuple[Severity, Place, str]]:
    """Every word with its rank, in small letters, in the order of the file."""
    section = mapping(found.document.data.get("severities"))
    return [
        (Severity(rank), _place(rank, words, index), word(text).strip().lower())
        for rank, words in section.items()
        if rank in tuple(Severity)
        for index, text in enumerate(listed(words))
        if word(text).strip()
    ]


def _place(rank: str, words: object, index: int) -> Place:
    place: Place = ("severities", rank)
    return place if isinstance(words, str) else (*place, index)
