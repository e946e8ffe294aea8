"""The GSM 7 bit alphabet: which characters a text may have, what they cost, and how a text is made to fit.

Source: 3GPP TS 23.038, clause 6.2.1 (default alphabet) and 6.2.1.1 (extension table); the lengths are the
gateway's own (160 in one, else 153 a part and 459 in all).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import NoReturn

SINGLE = 160  # septets in a text of one part
PART = 153  # septets in each part of a longer one: a header takes the rest
MAX_PARTS = 3  # what the gateway takes with type=long: 459 = 3 x 153

ESCAPE = 0x1B
CUT = "..."
_REMEMBERED = 4096  # characters, of all that Unicode has
_CHEAP = 12  # characters that a cut may cost more, so that it falls between two words

# One row for each sixteen codes, in the order of the standard. All but ASCII is written by code point, for
# the alphabet is full of look-alikes: 0x09 is the capital cedilla, 0x10 the Greek capital delta.
_DEFAULT = (
    "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\r\u00c5\u00e5"  # @£$¥èéùìòÇ Øø Åå
    "\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e\x1b\u00c6\u00e6\u00df\u00c9"  # ΔΦΓΛΩΠΨΣΘΞ
    " !\"#\u00a4%&'()*+,-./"  # ¤ at 0x24, where ASCII has the dollar
    "0123456789:;<=>?"
    "\u00a1ABCDEFGHIJKLMNO"  # ¡
    "PQRSTUVWXYZ\u00c4\u00d6\u00d1\u00dc\u00a7"  # ÄÖÑÜ§
    "\u00bfabcdefghijklmno"  # ¿
    "pqrstuvwxyz\u00e4\u00f6\u00f1\u00fc\u00e0"  # äöñüà
)
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "\u20ac",  # €
}
# In the alphabet, yet never wanted: what they do on a phone is anybody's guess.
_UNWANTED = frozenset("\r\f")
_TELLABLE = frozenset("".join((*_DEFAULT, *_EXTENSION.values()))) - _UNWANTED - {chr(ESCAPE)}


class _Septets(dict[int, str]):
    """The septets of each character, as characters of the same codes."""

    def __missing__(self, character: int) -> NoReturn:
        raise ValueError(f"not in the GSM 7 bit alphabet: {chr(character)!a}")


_SEPTETS = _Septets(
    {ord(character): chr(code) for code, character in enumerate(_DEFAULT) if code != ESCAPE}
    | {ord(character): chr(ESCAPE) + chr(code) for code, character in _EXTENSION.items()}
)
# To look for what is rare costs a tenth of a walk over all characters.
_NOT_SINGLE = re.compile(f"[^{re.escape(_DEFAULT.replace(chr(ESCAPE), ''))}]")
_NOT_TELLABLE = re.compile(f"[^{re.escape(''.join(sorted(_TELLABLE)))}]")

# What Unicode's own decompositions or the transliteration would tell worse.
_LOOKALIKES = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2035\u02bc\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    "\u2026": "...",
    "\u2192": "->",
}
# A base with its first mark: enough for each character of the table, and linear where normalising a whole
# text is quadratic in the marks it heaps on one letter.
_MARKED = re.compile("(?s).[\u0300-\u036f]")


def encode(text: str) -> bytes:
    """The septets of `text`, one in each byte, not packed. Raises ValueError for what the alphabet lacks."""
    return text.translate(_SEPTETS).encode("ascii")


def decode(septets: bytes) -> str:
    """The text that `septets` (one in each byte) stand for. Raises ValueError for codes that mean nothing."""
    text, codes = [], iter(septets)
    for code in codes:
        character = _EXTENSION.get(next(codes, -1)) if code == ESCAPE else _DEFAULT[code : code + 1]
        if not character:
            raise ValueError(f"no GSM 7 bit character at code 0x{code:02x}")
        text.append(character)
    return "".join(text)


def septets(text: str) -> int:
    """How long `text` is on the air: extension characters count two. Raises ValueError as `encode` does."""
    others = "".join(_NOT_SINGLE.findall(text))
    return len(text) - len(others) + len(encode(others)) if others else len(text)


def parts(text: str) -> int:
    """How many parts, and so credits, `text` takes; an escape pair is never split over two parts.

    Raises ValueError as `encode` does. The answer may be more than the gateway takes (`MAX_PARTS`).
    """
    length = septets(text)
    if length <= SINGLE:
        return 1
    if length == len(text):
        return -(-length // PART)
    codes, begins = encode(text), [0]
    while (end := begins[-1] + PART) < length:
        begins.append(end - (codes[end - 1] == ESCAPE))
    return len(begins)


def to_gsm(text: str) -> str:
    """`text` in characters of the alphabet alone; what cannot be told at all becomes `?`. Never raises.

    Line breaks end as LF; every other control character goes, or is a blank where it parted words.
    """
    if not _NOT_TELLABLE.search(text):
        return text
    text = _MARKED.sub(lambda pair: unicodedata.normalize("NFC", pair[0]), text.replace("\r\n", "\n"))
    return text.translate(_PLAIN)


class _Plain(dict[int, str]):
    """What tells each character; what is not of the alphabet is worked out where it first comes up."""

    def __missing__(self, character: int) -> str:
        told = _plain(chr(character))
        if len(self) < _REMEMBERED:
            self[character] = told
        return told


_PLAIN = _Plain({ord(character): character for character in _TELLABLE})


def _plain(character: str) -> str:
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    category = unicodedata.category(character)
    if category in ("Cc", "Cf") or category.startswith("Z"):
        return " " if character.isspace() else ""
    return _decomposed(character, category) if category != "Cs" else "?"


def _decomposed(character: str, category: str) -> str:
    whole = unicodedata.normalize("NFKC", character)
    bare = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    for candidate in (whole, bare):
        if _TELLABLE.issuperset(candidate):
            return candidate
    return _transliterated(character) or ("" if category.startswith("M") else "?")


def _transliterated(character: str) -> str:
    # Imported where it is needed: most texts never need it, and its tables cost time at the start.
    from anyascii import anyascii

    return "".join(c if c in _TELLABLE else _LOOKALIKES.get(c, "") for c in anyascii(character))


def clip(text: str, width: int, ending: str = CUT) -> str:
    """`text` in at most `width` characters, cut between words where that is cheap and ended by `ending`."""
    if len(text) <= width:
        return text
    if width <= len(ending):
        return text[: max(width, 0)]
    return _cut(text, width - len(ending), ending)


def fit(text: str, max_parts: int, ending: str = CUT) -> str:
    """`text` in at most `max_parts` (1 to 3) parts; one that fits comes back as it is.

    Raises ValueError for a character outside the alphabet, and for more parts than the gateway takes.
    """
    if not 1 <= max_parts <= MAX_PARTS:
        raise ValueError(f"max_parts must be 1 to {MAX_PARTS}, not {max_parts}")
    if parts(text) <= max_parts:
        return text
    text = text[: MAX_PARTS * PART + 1]  # no longer text fits, and trying lengths costs by the length
    keep = bisect_right(range(len(text)), max_parts, key=lambda end: parts(text[:end] + ending)) - 1
    return _cut(text, max(keep, 0), ending)


def _cut(text: str, keep: int, ending: str) -> str:
    kept = text[:keep]
    border = kept.rfind(" ")
    if text[keep : keep + 1] != " " and border >= keep - _CHEAP:
        kept = kept[: max(border, 0)]
    return kept.rstrip(" \n,;:.-") + ending
