"""What the wording finds by looking for the rare character, against walks over every character of the text."""

import re
import unicodedata

import pytest
from anyascii import anyascii
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_gsm import BY_CHARACTER, reference_parts

from sms_notify.wording import gsm
from sms_notify.wording.templates import tidy

THOROUGH = settings(deadline=None, max_examples=300)
TELLABLE = set(BY_CHARACTER) - {"\r", "\f"}
LOOKALIKES = {"\u2026": "...", "\u2192": "->"}
LOOKALIKES |= dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2035\u02bc\u00b4\u0060", "'")
LOOKALIKES |= dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
LOOKALIKES |= dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")

extended = [character for character, codes in BY_CHARACTER.items() if len(codes) == 2]
plain = st.text(st.sampled_from(sorted(TELLABLE)), max_size=200)
anything = st.lists(
    plain
    | st.text(st.characters(exclude_categories=()), max_size=20)
    | st.text(st.characters(min_codepoint=0x10000), max_size=5)
    | st.text(st.sampled_from("e\u00e9\u0301\u030a\r\n\f\x1b\u2028`[")),
    max_size=4,
).map("".join)
gsm_text = st.text(
    st.sampled_from(sorted(BY_CHARACTER)) | st.sampled_from(extended) | st.just("a"), max_size=520
)
untidy = st.text(st.sampled_from("aB1 \n:;,-|#()[]\u00e9{"), max_size=60)


def told(character: str) -> str:
    """The rules of `to_gsm` for one character."""
    if character in TELLABLE or character in LOOKALIKES:
        return LOOKALIKES.get(character, character)
    category = unicodedata.category(character)
    if category == "Cs":
        return "?"
    if category in ("Cc", "Cf", "Zs", "Zl", "Zp"):
        return " " if character.isspace() else ""
    marked = unicodedata.normalize("NFKD", character)
    bare = "".join(c for c in marked if not unicodedata.combining(c))
    for candidate in (unicodedata.normalize("NFKC", character), bare):
        if set(candidate) <= TELLABLE:
            return candidate
    other = "".join(c if c in TELLABLE else LOOKALIKES.get(c, "") for c in anyascii(character))
    return other or ("" if category[0] == "M" else "?")


def composed(text: str) -> str:
    """Each base with its first mark as one character, where there is one."""
    whole, at = "", 0
    while at < len(text):
        taken = 2 if "\u0300" <= text[at + 1 : at + 2] <= "\u036f" else 1
        whole += unicodedata.normalize("NFC", text[at : at + taken]) if taken == 2 else text[at]
        at += taken
    return whole


def cut(text: str, keep: int) -> str:
    """The first `keep` characters and dots; back to a blank where one of the last twelve is one."""
    inside = text[keep : keep + 1] != " "
    borders = [at for at in range(max(keep - 12, 0), keep) if text[at] == " "]
    if inside and (borders or keep < 12):
        keep = max(borders, default=0)
    return text[:keep].rstrip(" \n,;:.-") + "..."


@THOROUGH
@given(anything)
def test_a_text_is_told_as_its_characters_are_one_by_one(text: str) -> None:
    assert gsm.to_gsm(text) == "".join(map(told, composed(text.replace("\r\n", "\n"))))


def test_every_character_of_unicode_is_told_the_same_at_first_and_when_it_comes_again() -> None:
    for character in map(chr, range(0, 0x110000, 7)):
        assert gsm.to_gsm(character) == gsm.to_gsm(character) == told(character)


@THOROUGH
@given(gsm_text)
@example("a" * 152 + "{" + "a" * 152 + "{" + "a" * 152)
def test_septets_and_parts_are_those_of_its_characters_one_by_one(text: str) -> None:
    assert gsm.septets(text) == sum(len(BY_CHARACTER[character]) for character in text)
    assert gsm.parts(text) == len(reference_parts(text))


@THOROUGH
@given(anything)
def test_a_text_has_a_length_only_where_all_its_characters_are_of_the_alphabet(text: str) -> None:
    if set(text) <= set(BY_CHARACTER):
        assert gsm.septets(text) == len(gsm.encode(text))
        return
    for length in (gsm.septets, gsm.parts, gsm.encode):
        with pytest.raises(ValueError, match="not in the GSM 7 bit alphabet"):
            length(text)


@THOROUGH
@given(gsm_text, st.integers(1, 3))
@example("a" * 150 + " " + "{" * 81, 1)
def test_a_text_is_cut_at_the_last_character_that_a_walk_finds_room_for(text: str, most: int) -> None:
    fitting = [end for end in range(len(text) + 1) if len(reference_parts(text[:end] + "...")) <= most]
    expected = text if len(reference_parts(text)) <= most else cut(text, max(fitting))
    assert gsm.fit(text, most) == expected


def dangles(word: str) -> bool:
    return set(word) <= set(":;,-|#")


def tidied(line: str) -> str:
    """The rules of `tidy`, each applied to every word, for one line."""
    words: list[str] = []
    for word in re.sub(r"(?<!\S)(\(\s*\)|\[\s*\])", " ", line).split():
        if not dangles(word):
            words.append(word)
        elif words and words[-1][-1] not in ":;,-|":
            words = [*words, word] if word[0] in "-|" else [*words[:-1], words[-1] + word[0]]
    while words and dangles(words[-1]):
        words.pop()
    for at, word in enumerate(words[1:]):
        if re.match(r"#\w", word):
            words[at] = words[at].rstrip(":;,")
    told = " ".join(words)
    return told if told.endswith("::") else told.rstrip(":;,")


@THOROUGH
@given(untidy)
def test_a_text_is_tidied_as_its_words_are_one_by_one(text: str) -> None:
    assert tidy(text) == "\n".join(filter(None, map(tidied, text.split("\n"))))


@THOROUGH
@given(untidy, st.integers(1, 12))
@example(("a" * 152 + " : {") * 2 + "a" * 150, 1)
def test_a_tidied_text_never_takes_more_parts(text: str, times: int) -> None:
    assert gsm.parts(tidy(text * times)) <= gsm.parts(text * times)
