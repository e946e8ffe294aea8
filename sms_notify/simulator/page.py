"""The page that shows the phones: state in, escaped HTML out. Page and live updates share the fragments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sms_notify.simulator.alphabet import is_foreign
from sms_notify.simulator.faults import FaultKind, Faults, FaultScope
from sms_notify.simulator.gateway import GatewayState
from sms_notify.simulator.records import SimulatedText
from sms_notify.simulator.settings import SimulatedStatus

ROOM = Path(__file__).parent
_PHONES_SHOWN = 60
_TEXTS_SHOWN = 40  # a phone; what is older is counted
_SIDE_LINES = 6
_HUES = 8  # colour classes in the style sheet, as the content policy allows no style attributes

_TICKS = {
    SimulatedStatus.SUBMITTED: ("✓", "submitted to the phone network"),
    SimulatedStatus.BUFFERED: ("✓", "buffered by the phone network, not yet delivered"),
    SimulatedStatus.DELIVERED: ("✓✓", "delivered"),
    SimulatedStatus.NOT_DELIVERED: ("✗", "not delivered"),
    SimulatedStatus.REJECTED: ("✗", "rejected by the phone network"),
    SimulatedStatus.NONE: ("–", "no delivery report exists"),
}
_PARTS = ("board", "side", "armed")  # the lists on the page; not the form, as somebody may be writing in it


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters; `foreign` ones are not in GSM 03.38 and reach the phone as a question mark."""

    text: str
    foreign: bool


@dataclass(frozen=True, slots=True)
class Phone:
    number: str
    name: str
    initial: str
    hue: int
    texts: tuple[SimulatedText, ...]
    earlier: int


class SimulatorPage:
    """Renders the state. Callers hold the state's lock."""

    def __init__(self, state: GatewayState, faults: Faults, base_url: str, token: str) -> None:
        self._state = state
        self._faults = faults
        self._base_url = base_url
        self._environment = Environment(
            loader=FileSystemLoader(ROOM),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            ticks=_TICKS, kinds=list(FaultKind), scopes=list(FaultScope), main_of=_main_of, token=token
        )
        self._environment.filters.update(pieces=pieces, clock=self._clock, pretty=pretty_number)

    def whole(self, problem: str = "") -> str:
        """The page; `problem` is what was wrong with the form that was sent."""
        return self._render("page.html", phones=phones(self._state), problem=problem)

    def board(self) -> dict[str, str]:
        """What is not a phone, by the id of its place on the page."""
        return {part: self._render(f"{part}.html") for part in _PARTS}

    def bubble(self, text: SimulatedText) -> str:
        return self._render("bubble.html", text=text)

    def _render(self, template: str, **more: object) -> str:
        state = self._state
        return self._environment.get_template(template).render(
            state=state,
            refusals=list(state.refusals)[-_SIDE_LINES:][::-1],
            outbox=sorted(state.outbox.values(), key=lambda entry: entry.due)[:_SIDE_LINES],
            failed_callbacks=[c for c in list(state.callbacks)[-500:] if not c.ok][-_SIDE_LINES:][::-1],
            faults=self._faults.listed(),
            base_url=self._base_url,
            example=curl_example(state, self._base_url),
            **more,
        )

    def _clock(self, at: datetime, form: str = "%H:%M:%S") -> str:
        return at.astimezone(self._state.settings.zone).strftime(form)


def _main_of(kind: FaultKind) -> str:
    """What the form's one value means for `kind`, with the default."""
    for name, default in kind.fields.items():
        return f"{name}, usually {default:g}" if isinstance(default, float) else f"{name}, usually {default}"
    return "no value"


def phones(state: GatewayState) -> Sequence[Phone]:
    """Named phones first, in the order given, then the others in the order of their first text."""
    by_number: dict[str, list[SimulatedText]] = {number: [] for number in state.settings.phones}
    for text in state.sent.values():
        by_number.setdefault(text.number, []).append(text)
    names = state.settings.phones
    shown = list(by_number.items())[:_PHONES_SHOWN]
    return [_phone(number, names.get(number, ""), texts) for number, texts in shown]


def _phone(number: str, name: str, texts: Sequence[SimulatedText]) -> Phone:
    # A colour that stays with the number across restarts; hash() would not.
    hue = int.from_bytes(hashlib.sha256(number.encode()).digest()[:2], "big") % _HUES
    earlier = max(0, len(texts) - _TEXTS_SHOWN)
    return Phone(number, name, (name or "#")[0].upper(), hue, tuple(texts[earlier:]), earlier)


def pieces(text: str) -> list[Piece]:
    """`text` cut where characters stop or start to be foreign, so that the page can mark those."""
    cut: list[Piece] = []
    for character in text:
        foreign = is_foreign(character)
        if cut and cut[-1].foreign == foreign:
            cut[-1] = Piece(cut[-1].text + character, foreign)
        else:
            cut.append(Piece(character, foreign))
    return cut


def pretty_number(number: str) -> str:
    """`+32 470 00 00 01`: digits in groups that can be read aloud (after the likes of ITU-T E.123)."""
    country, rest = number[:2], number[2:]
    head, tail = (rest[:3], rest[3:]) if len(rest) % 2 else (rest[:2], rest[2:])
    pairs = [tail[i : i + 2] for i in range(0, len(tail), 2)]
    return " ".join(filter(None, [f"+{country}", head, *pairs]))


def curl_example(state: GatewayState, base_url: str) -> str:
    """A command that sends a first text; it shows the password only where that is the default."""
    number = next(iter(state.settings.phones), "32470000001")
    is_default = state.settings.password.reveal() == "demo"
    query = urlencode(
        {
            "klantuser": state.settings.username,
            "klantpwd": "demo" if is_default else "PASSWORD",
            "naar": number,
            "afzender": "Hello",
            "bericht": "disk full on db1",
            "delivery": "ja",
        }
    )
    return f"curl '{base_url}/module/gateway.php?{query}'"
