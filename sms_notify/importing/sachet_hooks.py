"""Which of Alertmanager's receivers call sachet, and what of it sachet or we never hear of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sms_notify.config.document import Place, Value
from sms_notify.config.validation import entries, mapping, word
from sms_notify.importing.notes import Weight
from sms_notify.importing.reading import Reading, shown

_PATH = "/alert"


@dataclass(frozen=True, slots=True)
class ReceiverWebhooks:
    """One of Alertmanager's receivers that calls a webhook."""

    receiver: str
    place: Place
    hooks: tuple[dict[str, Value], ...]

    def of_sachet(self) -> Iterable[tuple[Place, dict[str, Value]]]:
        """The hooks whose address has sachet's path, each with its place."""
        for index, hook in enumerate(self.hooks):
            if _path(word(hook.get("url"))).endswith(_PATH):
                yield (*self.place, "webhook_configs", index), hook


def webhooks_of(data: dict[str, Value]) -> tuple[ReceiverWebhooks, ...]:
    named = enumerate(mapping(entry) for entry in entries(data.get("receivers")))
    return tuple(
        ReceiverWebhooks(
            word(entry.get("name")),
            ("receivers", index),
            tuple(mapping(hook) for hook in entries(entry.get("webhook_configs"))),
        )
        for index, entry in named
        if "webhook_configs" in entry
    )


def judge_webhooks(reading: Reading, found: Iterable[ReceiverWebhooks], names: Collection[str]) -> None:
    """Notes what never worked: a receiver of sachet's that nobody calls, and one that sachet does not have."""
    called = set()
    for one in found:
        called.add(one.receiver)
        for place, _ in one.of_sachet():
            if one.receiver not in names:
                what = f"calls sachet, which has no receiver `{shown(one.receiver)}`: nobody is told, with sachet or here"
                advice = "give both the same name, or add a receiver and a route in sms-notify.yml"
                reading.note(place, what, advice, Weight.WHO_IS_TOLD)
    for name in names:
        if name not in called:
            what = f"has no receiver `{shown(name)}` with a webhook, so that sachet's was never asked for"
            reading.note(("receivers",), what, "add a route to it in sms-notify.yml, or remove it there")


def unended(reading: Reading, found: Iterable[ReceiverWebhooks], names: Collection[str]) -> frozenset[str]:
    """sachet's receivers that Alertmanager tells of no ends."""
    silent = set()
    for one in found:
        for place, hook in one.of_sachet():
            if one.receiver in names and word(hook.get("send_resolved")).strip().lower() in ("false", "no"):
                what = "is false on sachet's webhook; so set, that of sms-notify would not be told of ends"
                advice = (
                    "leave it out there, for true is its default: "
                    "`send_resolved: false` in sms-notify.yml keeps ends from people"
                )
                reading.note((*place, "send_resolved"), what, advice)
                silent.add(one.receiver)
    return frozenset(silent)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""
