"""sachet's configuration, as its own reader takes it (messagebird/sachet, cmd/sachet/config.go, December 2022).

Credentials are read for one purpose: to keep them out of what is quoted.
"""

from __future__ import annotations

from dataclasses import dataclass

from sms_notify.config.document import Place, Value
from sms_notify.config.validation import entries, mapping, word
from sms_notify.importing.notes import Weight
from sms_notify.importing.reading import Reading, Source, read, shown, wrong

PROVIDERS = frozenset(
    {
        "aliyun",
        "aspsms",
        "cm",
        "esendex",
        "exotel",
        "freemobile",
        "ghasedak",
        "infobip",
        "kannel",
        "kavenegar",
        "mailruim",
        "mediaburst",
        "melipayamak",
        "messagebird",
        "nexmo",
        "nowsms",
        "otc",
        "ovh",
        "pushbullet",
        "sap",
        "sfr",
        "sipgate",
        "sms77",
        "smsc",
        "telegram",
        "tencentcloud",
        "textmagic",
        "turbosms",
        "twilio",
    }
)
CHATS = frozenset({"mailruim", "pushbullet", "telegram"})
OWNER_ONLY = "freemobile"
_KEYS = frozenset({"providers", "receivers", "templates"})
_RECEIVER_KEYS = frozenset({"name", "provider", "to", "from", "text", "type"})
_TEXT_TYPES = ("", "text")
_LEAST_SECRET = 6  # characters; shorter ones would be found in half of all words


@dataclass(frozen=True, slots=True)
class SachetRecipient:
    """One entry of a receiver's `to`."""

    text: str
    place: Place
    line: int


@dataclass(frozen=True, slots=True)
class SachetReceiver:
    name: str
    place: Place
    provider: str
    to: tuple[SachetRecipient, ...]
    sender: str
    text: str
    long: bool

    @property
    def chats(self) -> bool:
        """Whether its `to` are names of a chat, not telephone numbers."""
        return self.provider in CHATS


@dataclass(frozen=True, slots=True)
class Sachet:
    receivers: tuple[SachetReceiver, ...]
    hidden: tuple[str, ...]
    """What must not be quoted: everything that stands under `providers`, the longest first."""


def read_sachet(source: Source) -> tuple[Reading, Sachet]:
    """Raises ConfigError where the file is not sachet's configuration."""
    reading = read(source, "sachet")
    data = reading.document.data
    _check(reading, data)
    _providers(reading, mapping(data.get("providers")))
    receivers = tuple(_receivers(reading, entries(data["receivers"])))
    if not receivers:
        raise wrong(source, "has no receiver with a name", "give the file that sachet's -config names")
    if data.get("templates"):
        what = "are files of Go templates, which are not read"
        reading.note(
            ("templates",), what, "write your own wording under `templates`, see docs/reference/templates.md"
        )
    reading.unknown((), data, _KEYS, "sachet knows no such key either")
    return reading, Sachet(receivers, _hidden(data.get("providers")))


def _check(reading: Reading, data: dict[str, Value]) -> None:
    source = reading.source
    if "gateways" in data:
        raise wrong(
            source, "is a configuration of sms-notify already", "give the file that sachet's -config names"
        )
    if "route" in data:
        advice = "give sachet's config.yaml, and this file after --alertmanager"
        raise wrong(source, "is Alertmanager's configuration, not sachet's", advice, reading.line(("route",)))
    listed = entries(data.get("receivers"))
    if not any("provider" in mapping(entry) or "to" in mapping(entry) for entry in listed):
        what = "is not a configuration of sachet: it has no `receivers` with a `provider`"
        raise wrong(source, what, "give the file that sachet's -config names", reading.line(("receivers",)))


def _providers(reading: Reading, providers: dict[str, Value]) -> None:
    for name in providers:
        what = "is an account at another provider"
        reading.note(("providers", name), what, "its credentials are of no use here")


def _receivers(reading: Reading, listed: list[Value]) -> list[SachetReceiver]:
    found: dict[str, SachetReceiver] = {}
    for index, value in enumerate(listed):
        place: Place = ("receivers", index)
        name = word(mapping(value).get("name"))
        if not name.strip():
            what = "has no name, so that Alertmanager could not ask for it"
            reading.note(place, what, "give it the name of Alertmanager's receiver, or remove it")
        elif name in found:
            what = "has the name of a receiver above, and sachet looks no further than that"
            reading.note(place, what, "add its numbers to the other one by hand, if they were meant")
        else:
            found[name] = _receiver(reading, place, name, mapping(value))
    return list(found.values())


def _receiver(reading: Reading, place: Place, name: str, entry: dict[str, Value]) -> SachetReceiver:
    reading.unknown(place, entry, _RECEIVER_KEYS, "sachet knows no such key either")
    provider, kind = word(entry.get("provider")).strip(), word(entry.get("type")).strip()
    _judge_provider(reading, place, provider)
    _judge_type(reading, place, kind)
    return SachetReceiver(
        name=name,
        place=place,
        provider=provider,
        to=tuple(_to(reading, (*place, "to"), entry.get("to"))),
        sender=word(entry.get("from")).strip(),
        text=word(entry.get("text")),
        long=kind == "long",
    )


def _judge_provider(reading: Reading, place: Place, provider: str) -> None:
    where: Place = (*place, "provider")
    if provider in CHATS:
        what = f"{provider} is a chat, and its `to` are not telephone numbers: nobody is texted"
        advice = "write under `notify` who is to be texted, or let Alertmanager use the chat"
        reading.note(where, what, advice, Weight.WHO_IS_TOLD)
    elif provider == OWNER_ONLY:
        what = f"{provider} texts its account's owner alone, whatever `to` says"
        reading.note(where, what, "check whose numbers these are: here they are texted", Weight.WHO_IS_TOLD)
    elif provider not in PROVIDERS:
        what = f"`{shown(provider)}` is not a provider that sachet knows" if provider else "is missing"
        advice = "check that these people are to be texted"
        reading.note(where, f"{what}: sachet answered 500", advice, Weight.WHO_IS_TOLD)


def _judge_type(reading: Reading, place: Place, kind: str) -> None:
    where: Place = (*place, "type")
    if kind == "voice":
        reading.note(
            where, "was a call that reads the text out; here it is a text", "check who relies on calls"
        )
    elif kind not in (*_TEXT_TYPES, "long"):
        reading.note(where, f"`{shown(kind)}` is not a type that sachet knows", "it is a text here")


def _to(reading: Reading, place: Place, value: Value) -> list[SachetRecipient]:
    if isinstance(value, str):  # which sachet refuses; what is meant is plain all the same
        return [SachetRecipient(value.strip(), place, reading.line(place))]
    found = []
    for index, text in enumerate(entries(value)):
        here = (*place, index)
        if word(text).strip():
            found.append(SachetRecipient(word(text).strip(), here, reading.line(here)))
        elif not reading.unread(here):
            advice = "write it under `people`, with + and country code"
            reading.note(here, "is not a telephone number", advice, Weight.WHO_IS_TOLD)
    return found


def _hidden(value: Value) -> tuple[str, ...]:
    return tuple(
        sorted({text for text in _words(value) if len(text) >= _LEAST_SECRET}, key=len, reverse=True)
    )


def _words(value: Value) -> list[str]:
    if isinstance(value, dict):
        return [text for below in value.values() for text in _words(below)]
    if isinstance(value, list):
        return [text for below in value for text in _words(below)]
    return [value.strip()] if isinstance(value, str) else []
