"""The whole of it: sachet's configuration, and Alertmanager's where it is at hand, → ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sms_notify.config.models import GatewaySection
from sms_notify.config.phone import NumberError, parse_number
from sms_notify.importing.alertmanager import Branch, Routing, matcher, read_alertmanager
from sms_notify.importing.differences import judge_differences
from sms_notify.importing.notes import Weight, in_order
from sms_notify.importing.people import ImportedPerson, people_of
from sms_notify.importing.plan import EVERYBODY, NOWHERE, ImportedReceiver, ImportPlan
from sms_notify.importing.reading import Imported, Reading, Source, shown
from sms_notify.importing.render import render
from sms_notify.importing.sachet import Sachet, SachetReceiver, read_sachet


def convert(config: Source, alertmanager: Source | None = None, storage: str = "") -> Imported:
    """`storage` is the database's file with its whole path, where it is known by now.

    Raises ConfigError, with file, line and advice, where one of the two is not what it should be.
    """
    reading, sachet = read_sachet(config)
    names = [receiver.name for receiver in sachet.receivers]
    people = people_of(reading, sachet.receivers)
    sender = _sender(reading, sachet)
    beside, routing = (
        read_alertmanager(alertmanager, names) if alertmanager else (None, _guess(reading, names))
    )
    if beside:
        judge_differences(beside, routing.root)
    answers = tuple(_answer(reading, receiver, people, routing) for receiver in sachet.receivers)
    notes = in_order(reading.notes, beside.notes if beside else ())
    plan = ImportPlan(
        config=config,
        alertmanager=alertmanager,
        sender=sender,
        people=tuple({person.name: person for person in people.values()}.values()),
        owners={
            entry.place: people[entry.text].name for r in sachet.receivers if not r.chats for entry in r.to
        },
        answers=answers,
        elsewhere=_free(EVERYBODY if alertmanager is None else NOWHERE, names),
        routing=routing,
        hidden=sachet.hidden,
        notes=notes,
        storage=storage,
    )
    return Imported(render(plan), notes, len(names), sum(person.usable for person in plan.people))


def _guess(reading: Reading, names: list[str]) -> Routing:
    """Without Alertmanager's tree: the only receiver, or everybody until somebody says who hears of what."""
    if len(names) == 1:
        return Routing(Branch(names[0]), {}, frozenset())
    what = "were chosen by the name of Alertmanager's receiver; sms-notify chooses by labels"
    advice = "run this again with --alertmanager alertmanager.yml, else everybody hears of everything"
    reading.note(("receivers",), what, advice, Weight.WHO_IS_TOLD)
    routes = tuple(Branch(name, matchers=(matcher("receiver", "=", name),)) for name in names)
    return Routing(Branch(None, routes=routes), {}, frozenset())


def _sender(reading: Reading, sachet: Sachet) -> str:
    """The first `from` that this gateway can take; the others are told of. Empty where there is none."""
    chosen = ""
    for receiver in sachet.receivers:
        if not receiver.sender or receiver.chats:
            continue
        sender, where = _usable(receiver.sender), (*receiver.place, "from")
        if not sender:
            reading.note(
                where, "cannot be the sender here", "choose one: `sender` in docs/reference/configuration.md"
            )
        elif chosen and sender != chosen:
            what = "is another sender than that of a receiver above, and an account has one"
            reading.note(where, what, "choose one under `gateways`")
        chosen = chosen or sender
    return chosen


def _usable(written: str) -> str:
    """As our configuration takes it, or empty."""
    sender = written
    if written.isascii() and written.isdigit():
        try:
            number = parse_number(f"+{written}")
        except NumberError:
            return ""
        sender = number.e164 if number.assigned else written
    account = {"name": "main", "type": "1601sms", "url": "https://gateway.example.org/", "username": "acme"}
    try:
        return GatewaySection.model_validate({**account, "sender": sender}).sender
    except ValueError:
        return ""


def _answer(
    reading: Reading, receiver: SachetReceiver, people: dict[str, ImportedPerson], routing: Routing
) -> ImportedReceiver:
    named = [] if receiver.chats else [people[entry.text] for entry in receiver.to]
    if not receiver.chats and not any(person.usable for person in named):
        advice = "correct the numbers under `people`, then write these people under `notify`"
        what = f"`{shown(receiver.name)}` has no number that can be texted: nobody is told"
        reading.note(receiver.place, what, advice, Weight.NOBODY_TOLD)
    if receiver.text:
        what = "is a Go template and is not translated: the built-in wording is used"
        reading.note(
            (*receiver.place, "text"), what, "docs/reference/templates.md tells how to say it in other words"
        )
    return ImportedReceiver(
        receiver=receiver,
        notify=_each(person.name for person in named if person.usable),
        unusable=_each(person.name for person in named if not person.usable),
        send_resolved=receiver.name not in routing.unended,
    )


def _each(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "-"
    return name
