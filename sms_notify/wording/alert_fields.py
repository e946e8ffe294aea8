"""What an alert is about: its name, and what is said of it. All in GSM 03.38, on one line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sms_notify.alert import OWN_ID, Alert, fingerprint_of
from sms_notify.wording import gsm
from sms_notify.wording.content import TextedIncident
from sms_notify.wording.languages import Words
from sms_notify.wording.news import news_of, summary_of, without_said
from sms_notify.wording.place import Place, place_of, where_of
from sms_notify.wording.templates import FREE_TEXT, one_line

__all__ = [
    "briefly",
    "reads_as",
    "speaks_of",
    "title_of",
    "told_place",
    "unless_said",
    "what_and_news",
    "where_of",
]


def what_and_news(alert: Alert, words: Words) -> tuple[str, str]:
    """What it is and how it is. An alert without a name is told by its text, else by its labels."""
    name = one_line(alert.labels.get("alertname", ""))
    news = news_of(alert)
    if name or (news := news or summary_of(alert)):
        return name, news
    return words.nameless, _labels(alert)


def briefly(alert: Alert, words: Words) -> tuple[str, str]:
    """As `what_and_news`, where nobody needs to hear how it is: what is resolved, or comes and goes."""
    name = one_line(alert.labels.get("alertname", "")) or _summary(alert)
    return (name, "") if name else (words.nameless, _labels(alert))


def title_of(alert: Alert, words: Words) -> str:
    """What it is in at most 60 characters; never empty."""
    what, labels = briefly(alert, words)
    return gsm.clip(f"{what} {labels}".strip(), 60)


def reads_as(alert: Alert) -> str:
    """Equal for alerts of which texts say the same, but for severity, times and tag: 16 hex digits. What a text may leave out
    counts for nothing.
    """
    name = one_line(alert.labels.get("alertname", ""))
    words = "" if name and OWN_ID not in alert.annotations else _summary(alert)[:_SURE]
    (where,) = unless_said(news_of(alert), (place_of(alert),))
    said = {"name": name, "words": words, "where": "\n".join(where)}
    return fingerprint_of(said if name or words else {**said, "labels": _labels(alert)})


def speaks_of(body: str, word: str) -> bool:
    """Whether `word` stands in `body` as a whole: `web1` does not in `web10` or `web1.example.org`."""
    whole = rf"(?<![\w.-]){re.escape(word)}(?![\w-]|\.\w|:\d)"
    return bool(word) and re.search(whole, body) is not None


_SURE = 60  # characters of a summary that most texts have room for
_NAMED = re.compile(r"[\w.:-]+=(.{3,})")  # shorter values may mean something else in a sentence


def unless_said(text: str, places: Sequence[Place]) -> Sequence[Place]:
    """Places without the labels told by name (`code=401`) whose values `text` says."""

    def is_said(part: str) -> bool:
        named = _NAMED.fullmatch(part)
        return named is not None and speaks_of(text, named[1])

    return [tuple(part for part in place if not is_said(part)) for place in places]


def told_place(told: TextedIncident) -> Place:
    """Its place without what tells it apart; empty where an alert has neither name nor text: then its labels are told."""
    named = told.alert.labels.get("alertname") or summary_of(told.alert)
    return tuple(part for part in place_of(told.alert) if part not in told.apart) if named else ()


def _summary(alert: Alert) -> str:
    summary = summary_of(alert)
    return without_said(summary, place_of(alert)) or summary


def _labels(alert: Alert) -> str:
    pairs = (f"{name}={value}" for name, value in sorted(alert.labels.items()) if name != "severity")
    return one_line(" ".join(pair[:FREE_TEXT] for pair in pairs))
