"""What a gateway texts for us when this whole site falls silent."""

from __future__ import annotations

from datetime import datetime

from sms_notify.wording import gsm
from sms_notify.wording.content import Reader
from sms_notify.wording.languages import words_of
from sms_notify.wording.phrases import since_words
from sms_notify.wording.templates import one_line

_SITE = 40  # characters of its name


def compose_silent_site(site: str, since: datetime, reader: Reader) -> str:
    """`alerts.acme.example: monitoring silent since 14:05. …`, one part; `since` is the last sign of life, told by the reader's
    clock as of `reader.now`, which is when it leaves.
    """
    words = words_of(reader)
    name = gsm.clip(gsm.to_gsm(one_line(site)), _SITE)
    return gsm.fit(gsm.to_gsm(words.silent.format(name, since_words(since, reader, words))), 1)
