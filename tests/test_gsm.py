"""The alphabet against the standard, and the parts against a second way of counting them."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sms_notify.wording import gsm

MODEST = settings(deadline=None, max_examples=150)

# 3GPP TS 23.038, clause 6.2.1, typed by the names that the standard's table gives: code, then Unicode name.
# Digits and letters stand where ASCII has them (0x30-0x39, 0x41-0x5A, 0x61-0x7A).
NAMES = {
    0x00: "COMMERCIAL AT",
    0x01: "POUND SIGN",
    0x02: "DOLLAR SIGN",
    0x03: "YEN SIGN",
    0x04: "LATIN SMALL LETTER E WITH GRAVE",
    0x05: "LATIN SMALL LETTER E WITH ACUTE",
    0x06: "LATIN SMALL LETTER U WITH GRAVE",
    0x07: "LATIN SMALL LETTER I WITH GRAVE",
    0x08: "LATIN SMALL LETTER O WITH GRAVE",
    0x09: "LATIN CAPITAL LETTER C WITH CEDILLA",
    0x0A: "LINE FEED",
    0x0B: "LATIN CAPITAL LETTER O WITH STROKE",
    0x0C: "LATIN SMALL LETTER O WITH STROKE",
    0x0D: "CARRIAGE RETURN",
    0x0E: "LATIN CAPITAL LETTER A WITH RING ABOVE",
    0x0F: "LATIN SMALL LETTER A WITH RING ABOVE",
    0x10: "GREEK CAPITAL LETTER DELTA",
    0x11: "LOW LINE",
    0x12: "GREEK CAPITAL LETTER PHI",
    0x13: "GREEK CAPITAL LETTER GAMMA",
    0x14: "GREEK CAPITAL LETTER LAMDA",
    0x15: "GREEK CAPITAL LETTER OMEGA",
    0x16: "GREEK CAPITAL LETTER PI",
    0x17: "GREEK CAPITAL LETTER PSI",
    0x18: "GREEK CAPITAL LETTER SIGMA",
    0x19: "GREEK CAPITAL LETTER THETA",
    0x1A: "GREEK CAPITAL LETTER XI",
    0x1C: "LATIN CAPITAL LETTER AE",
    0x1D: "LATIN SMALL LETTER AE",
    0x1E: "LATIN SMALL LETTER SHARP S",
    0x1F: "LATIN CAPITAL LETTER E WITH ACUTE",
    0x20: "SPACE",
    0x21: "EXCLAMATION MARK",
    0x22: "QUOTATION MARK",
    0x23: "NUMBER SIGN",
    0x24: "CURRENCY SIGN",
    0x25: "PERCENT SIGN",
    0x26: "AMPERSAND",
    0x27: "APOSTROPHE",
    0x28: "LEFT PARENTHESIS",
    0x29: "RIGHT PARENTHESIS",
    0x2A: "ASTERISK",
    0x2B: "PLUS SIGN",
    0x2C: "COMMA",
    0x2D: "HYPHEN-MINUS",
    0x2E: "FULL STOP",
    0x2F: "SOLIDUS",
    0x3A: "COLON",
    0x3B: "SEMICOLON",
    0x3C: "LESS-THAN SIGN",
    0x3D: "EQUALS SIGN",
    0x3E: "GREATER-THAN SIGN",
    0x3F: "QUESTION MARK",
    0x40: "INVERTED EXCLAMATION MARK",
    0x5B: "LATIN CAPITAL LETTER A WITH DIAERESIS",
    0x5C: "LATIN CAPITAL LETTER O WITH DIAERESIS",
    0x5D: "LATIN CAPITAL LETTER N WITH TILDE",
    0x5E: "LATIN CAPITAL LETTER U WITH DIAERESIS",
    0x5F: "SECTION SIGN",
    0x60: "INVERTED QUESTION MARK",
    0x7B: "LATIN SMALL LETTER A WITH DIAERESIS",
    0x7C: "LATIN SMALL LETTER O WITH DIAERESIS",
    0x7D: "LATIN SMALL LETTER N WITH TILDE",
    0x7E: "LATIN SMALL LETTER U WITH DIAERESIS",
    0x7F: "LATIN SMALL LETTER A WITH GRAVE",
}
CONTROLS = {"LINE FEED": "\u000a", "CARRIAGE RETURN": "\u000d", "FORM FEED": "\u000c"}
# 3GPP TS 23.038, clause 6.2.1.1.
EXTENSION_NAMES = {
    0x0A: "FORM FEED",
    0x14: "CIRCUMFLEX ACCENT",
    0x28: "LEFT CURLY BRACKET",
    0x29: "RIGHT CURLY BRACKET",
    0x2F: "REVERSE SOLIDUS",
    0x3C: "LEFT SQUARE BRACKET",
    0x3D: "TILDE",
    0x3E: "RIGHT SQUARE BRACKET",
    0x40: "VERTICAL LINE",
    0x65: "EURO SIGN",
}


def named(name: str) -> str:
    return CONTROLS.get(name) or unicodedata.lookup(name)


AS_ASCII = [*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B)]
STANDARD = {bytes([code]): named(name) for code, name in NAMES.items()}
STANDARD |= {bytes([code]): chr(code) for code in AS_ASCII}
STANDARD |= {bytes([0x1B, code]): named(name) for code, name in EXTENSION_NAMES.items()}
BY_CHARACTER = {character: codes for codes, character in STANDARD.items()}

gsm_text = st.text(st.sampled_from(sorted(BY_CHARACTER)), max_size=520)
any_text = st.text(st.characters(exclude_categories=()), max_size=400)


def reference_parts(text: str) -> list[list[int]]:
    """The septets of each part, filled the way a phone's own encoder does it: character by character."""
    whole = [septet for character in text for septet in BY_CHARACTER[character]]
    if len(whole) <= 160:
        return [whole]
    split: list[list[int]] = [[]]
    for character in text:
        codes = list(BY_CHARACTER[character])
        if len(split[-1]) + len(codes) > 153:
            split.append([])
        split[-1] += codes
    return split


def test_the_reference_table_has_each_of_the_128_codes_and_the_ten_extensions_once() -> None:
    one = {codes[0] for codes in STANDARD if len(codes) == 1}
    assert one | {0x1B} == set(range(128))
    assert len([codes for codes in STANDARD if len(codes) == 2]) == 10
    assert len(BY_CHARACTER) == len(STANDARD) == 137


@pytest.mark.parametrize("codes", sorted(STANDARD), ids=bytes.hex)
def test_each_code_means_the_code_point_of_the_standard_both_ways(codes: bytes) -> None:
    assert f"U+{ord(gsm.decode(codes)):04X}" == f"U+{ord(STANDARD[codes]):04X}"
    assert gsm.encode(STANDARD[codes]) == codes


def test_every_other_code_point_of_the_basic_plane_is_refused_and_counted_nowhere() -> None:
    for character in map(chr, range(0x10000)):
        if character not in BY_CHARACTER:
            with pytest.raises(ValueError, match="not in the GSM 7 bit alphabet"):
                gsm.septets(character)


@pytest.mark.parametrize("codes", [b"\x1b", b"\x80", b"\xff", b"\x1b\x1b", b"\x1bA", b"A\x1b"])
def test_septets_that_mean_nothing_are_refused(codes: bytes) -> None:
    with pytest.raises(ValueError, match="no GSM 7 bit character at code 0x"):
        gsm.decode(codes)


@MODEST
@given(gsm_text)
def test_what_is_encoded_is_decoded_to_itself(text: str) -> None:
    assert gsm.decode(gsm.encode(text)) == text


@pytest.mark.parametrize(
    ("text", "septets", "parts"),
    [
        ("", 0, 1),
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("\u20ac" * 80, 160, 1),
        ("\u20ac" * 81, 162, 2),
        ("a" * 306, 306, 2),
        ("a" * 307, 307, 3),
        ("a" * 459, 459, 3),
        ("a" * 460, 460, 4),
        ("a" * 152 + "{" + "a" * 152, 306, 3),  # the pair moves to the second part, which then overflows
        ("a" * 151 + "{" + "a" * 153, 306, 2),
    ],
)
def test_lengths_at_the_borders_of_the_parts(text: str, septets: int, parts: int) -> None:
    assert (gsm.septets(text), gsm.parts(text)) == (septets, parts)


@MODEST
@given(st.text(st.sampled_from("a{\u20ac\u00e9 "), min_size=70, max_size=520))
@example("a" * 152 + "{" + "a" * 152 + "{" + "a" * 152)
def test_the_parts_counted_are_the_parts_that_another_splitter_makes(text: str) -> None:
    assert gsm.parts(text) == len(reference_parts(text))


@MODEST
@given(any_text)
@example("\ud800\udfff\x00\x1b\u202e\u200d\r\t\u2028")
def test_any_text_becomes_gsm_and_stays_as_it_then_is(text: str) -> None:
    plain = gsm.to_gsm(text)
    assert set(plain) <= set(BY_CHARACTER) - {"\r", "\f"}
    assert gsm.to_gsm(plain) == plain


def test_all_that_the_alphabet_has_stays_but_carriage_return_and_form_feed() -> None:
    kept = "".join(sorted(set(BY_CHARACTER) - {"\r", "\f"}))
    assert gsm.to_gsm(kept) == kept


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\u00e9 \u00f6 \u20ac \u00e8 \u00fc", "\u00e9 \u00f6 \u20ac \u00e8 \u00fc"),
        ("\u00eb \u00ea \u00e1 \u00c0 \u00e7", "e e a A c"),
        ("e\u0301 A\u030a n\u0303 e\u0302", "\u00e9 \u00c5 \u00f1 e"),  # written with separate marks
        ("\u201cweb\u201d \u2018x\u2019 `y` \u00abz\u00bb", "\"web\" 'x' 'y' \"z\""),
        ("a \u2013 b \u2014 c\u2212d\u2026", "a - b - c-d..."),
        ("a\u00a0b\u202fc", "a b c"),
        ("\u2126 \u212b", "\u03a9 \u00c5"),  # the ohm and angstrom signs
        ("\u03b1\u03ac", "aa"),
        ("\u041c\u043e\u0441\u043a\u0432\u0430", "Moskva"),
        ("\u0142\u0111\u0131", "ldi"),
        ("20 \u00b5s 5 \u00b0C \ufb01x", "20 us 5 degC fix"),
        ("a\r\nb\nc\rd\te\u2028f", "a\nb\nc d e f"),
        ("a\x00\x07\x1bb\u200f\u202e\u200d\ufeff\u00adc", "abc"),
        ("\ud83d \ue000", "? ?"),
        ("\U0001f525", ":fire:"),
    ],
)
def test_what_the_alphabet_lacks_is_told_by_what_it_has(text: str, told: str) -> None:
    assert gsm.to_gsm(text) == told


def test_marks_heaped_on_one_letter_leave_the_letter() -> None:
    assert gsm.to_gsm("e" + "\u0301\u0323\u0334" * 20_000) == "\u00e9"


def test_the_backtick_is_the_only_printable_ascii_character_outside_the_alphabet() -> None:
    assert [c for c in map(chr, range(0x20, 0x7F)) if gsm.to_gsm(c) != c] == ["`"]


@MODEST
@given(gsm_text, st.integers(1, 3))
@example("a" * 100 + "{" * 31, 1)  # the dots cost less than what they stand for
@example("{" * 81, 1)
@example(" " * 500, 3)
def test_a_text_made_to_fit_takes_no_more_parts_than_allowed(text: str, max_parts: int) -> None:
    fitted = gsm.fit(text, max_parts)
    assert len(reference_parts(fitted)) <= max_parts
    if len(reference_parts(text)) <= max_parts:
        assert fitted == text
    else:
        assert fitted.endswith("...")
        assert text.startswith(fitted.removesuffix("..."))


@MODEST
@given(st.text(st.sampled_from("ab{"), min_size=461, max_size=520), st.integers(1, 3))
def test_a_text_without_blanks_is_cut_no_shorter_than_it_must(text: str, max_parts: int) -> None:
    kept = gsm.fit(text, max_parts).removesuffix("...")
    assert len(reference_parts(text[: len(kept) + 1] + "...")) > max_parts


def test_a_cut_falls_between_words_where_that_is_cheap() -> None:
    fitted = gsm.fit("disk /var is nearly full, " * 20, 1)
    words = fitted.removesuffix("...").split()
    assert len(fitted) > 140
    assert set(words) <= {"disk", "/var", "is", "nearly", "full,", "full"}


def test_a_cut_falls_inside_a_word_where_the_border_is_far() -> None:
    assert gsm.fit("host " + "x" * 300, 1) == "host " + "x" * 152 + "..."


def test_an_ending_of_the_callers_own_stands_at_the_end_of_a_cut() -> None:
    fitted = gsm.fit("word " * 100, 1, "... #k3f9")
    assert fitted.endswith("word... #k3f9")
    assert gsm.parts(fitted) == 1


@pytest.mark.parametrize("max_parts", [0, 4])
def test_more_parts_than_the_gateway_takes_are_refused(max_parts: int) -> None:
    with pytest.raises(ValueError, match="max_parts must be 1 to 3"):
        gsm.fit("x", max_parts)


@pytest.mark.parametrize(
    ("width", "clipped"),
    [
        (40, "web1 is unreachable"),
        (19, "web1 is unreachable"),
        (18, "web1 is..."),
        (10, "web1 is..."),
        (3, "web"),
        (0, ""),
    ],
)
def test_a_clipped_text_keeps_to_its_width(width: int, clipped: str) -> None:
    assert gsm.clip("web1 is unreachable", width) == clipped


def test_the_transliteration_tables_are_loaded_only_when_a_text_needs_them() -> None:
    program = (
        "import sys; from sms_notify.wording import gsm; gsm.to_gsm('caf\\u00e9 \\u00eb'); "
        "print('anyascii' in sys.modules); gsm.to_gsm('\\u0142'); print('anyascii' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
