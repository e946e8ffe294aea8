"""The daily text of the self-check: that sms-notify is alive, and how many credits are left."""

from __future__ import annotations

from sms_notify.wording.composed import text_of
from sms_notify.wording.content import Reader, Text
from sms_notify.wording.languages import counted, words_of


def compose_self_check(credits_left: int | None, reader: Reader) -> Text:
    """`sms-notify is alive, 460 credits`; without a number where the balance is not known. One part."""
    words = words_of(reader)
    if credits_left is None:
        return text_of(words.alive)
    return text_of(f"{words.alive}, {counted(words.credits, credits_left)}")
