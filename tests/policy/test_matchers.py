"""Alertmanager's matchers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.policy.matchers import Matcher, MatcherError, Op, parse_matchers

MODEST = settings(max_examples=80, deadline=None)
TEXTS = st.text(max_size=12)
REGEXES = st.sampled_from(["db|web", "web[0-9]+", ".*", "", "(a|b)?c", r"\d{2,3}"])


# What Alertmanager 0.25 says of a label `a` (`amtool config routes test` with the matcher on a route).
ALERTMANAGER = [
    ('a=~"web(-[0-9]+)*"', "web-1-22", True),
    ('a=~"web(-[0-9]+)*"', "web-", False),
    ('a=~"([a-z0-9]+\\.)+example\\.org.*"', "db1.eu.example.org:9100", True),
    ('a=~"([a-z0-9]+\\.)+example\\.org.*"', "example.org", False),
    ('a=~"(foo|bar)+"', "foobarfoo", True),
    ('a=~"(foo|bar)+"', "foobaz", False),
    ('a=~"[[:alpha:]]+[0-9]"', "web1", True),
    ('a=~"[[:alpha:]]+[0-9]"', ":1", False),
    ('a=~".*(Disk|Mem).*(Full|Low).*(Soon|Now).*"', "NodeDiskFullSoon", True),
    ('a=~".*(Disk|Mem).*(Full|Low).*(Soon|Now).*"', "NodeDiskFull", False),
    ("a=~.+\\.prod\\..+", "web1.prod.example", True),
    ("a=~.+\\.prod\\..+", "web1-prod-example", False),
    ("a=~^(\\w+\\s?)*$", "one two", True),
    ("a=~web[0-9]{2},", "web12", True),
    ("{a=~web[0-9]{2}}", "web12", True),
    ("a=~web[0-9]{2}", "web12", False),  # the last brace is taken for the end of the list
    ("a=~web[0-9]{2}", "web1{2", True),
    ("a=~a)|(?:b", "ax", True),  # the anchors stand around the text, not around what it means
    ('a=~"b.c"', "b\nc", False),
    ('a=~"(?s)b.c"', "b\nc", True),
    ('a=~"\\pL"', "é", True),
    ('a=~"\\w"', "é", False),
    ("a=", "", True),
    ("a=", "b", False),
    ("a=,b=", "", True),
    ("a!=", "b", True),
    ("a=~", "", True),
    ("a='b'", "'b'", True),
    ("a='b'", "b", False),
    ("a=b c", "b c", True),
    ("a=  b  c  ", "b  c", True),
    ("a==b", "=b", True),
    ("a=!b", "!b", True),
    ("a=b={c", "b={c", True),
    ("{a=b", "b", True),
    ("a=b}", "b", True),
    ("a=b\\", "b\\", True),
    (
        'a="\\t"',
        "\\t",
        True,
    ),  # the UTF-8 grammar would read a tab: where both can read, the classic one decides
    ('a="\\t"', "\t", False),
    ('a="b,c}"', "b,c}", True),
    ('a="\\\\",b!="c,\\""', "\\", True),
]


def one(text: str) -> Matcher:
    (matcher,) = parse_matchers(text)
    return matcher


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {"a": "B"}, False),
        ("a!=b", {"a": "c"}, True),
        ("a!=b", {"a": "b"}, False),
        ("a!=b", {}, True),
        ('a=""', {}, True),
        ('a!=""', {}, False),
        ('a=~"b|c"', {"a": "c"}, True),
        ('a=~"b|c"', {"a": "bc"}, False),
        ('a!~"b|c"', {"a": "bc"}, True),
        ('a=~".*"', {}, True),
        ('a=~"web.*"', {"a": "myweb1"}, False),
        ("a=~web.*|db", {"a": "web1"}, True),
        ('a=~"(?i)WEB"', {"a": "web"}, True),
        ('a=~"b"', {"a": "b\n"}, False),
        ('a=~"web\\d+"', {"a": "web12"}, True),
        ('a=~"\\d"', {"a": "\u0663"}, False),
        ('"naam met blanks"="één"', {"naam met blanks": "één"}, True),
        ('a="say \\"x\\"\\n\\\\"', {"a": 'say "x"\n\\'}, True),
    ],
)
def test_a_matcher_decides_as_alertmanager_does(text: str, labels: dict[str, str], expected: bool) -> None:
    assert one(text).matches(labels) is expected


@pytest.mark.parametrize(("text", "value", "expected"), ALERTMANAGER)
def test_what_alertmanager_takes_is_taken_with_the_same_verdict(
    text: str, value: str, expected: bool
) -> None:
    labels = {"a": value} if value else {}
    assert all(matcher.matches(labels) for matcher in parse_matchers(text)) is expected


@pytest.mark.parametrize(
    "text", ['{a="b",c!~"d"}', 'a="b",c!~"d"', ' { a = "b" , c !~ d , } ', "a=b,c!~d,", '{"a"=b,"c"!~d}']
)
def test_a_list_reads_alike_with_and_without_braces_quotes_blanks_and_a_last_comma(text: str) -> None:
    assert parse_matchers(text) == (Matcher("a", "b"), Matcher("c", "d", Op.NOT_MATCH))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"naam"="\\t"', "\t"),
        ('é="\\u00e9\\x41\\U0001F600"', "éA😀"),
        ('"é"=b', "b"),
        ("é\u3000=\u3000b", "b"),
    ],
)
def test_a_name_that_only_the_newer_grammar_knows_brings_its_escapes(text: str, value: str) -> None:
    assert one(text).value == value


@pytest.mark.parametrize("text", ["", "  ", "{}", "{ }", "{", "}"])
def test_nothing_is_no_matchers(text: str) -> None:
    assert parse_matchers(text) == ()


@pytest.mark.parametrize(
    ("text", "what", "column"),
    [
        ('a=="b"', "`==` is written `=`", 2),
        ('a=!"b"', "`=!` is written `!=`", 2),
        ("a~b", "`~` is written `=~`", 2),
        ("a", "an operator is expected after the label name: one of =, !=, =~, !~", 2),
        ("=b", "a label name is expected", 1),
        ("é=", 'a value is missing (for a label that is empty or absent write "")', 3),
        ("é=,b=c", 'a value is missing (for a label that is empty or absent write "")', 3),
        ("a=b,,c=d", "there is a comma too many", 5),
        ("{é=b", "`}` is missing", 5),
        ("é=b}", "there is a `}` without a `{`", 4),
        ("{é=b}c", "something follows the `}`", 6),
        ('a="b', 'the closing `"` is missing', 3),
        ("é='b'", "values are quoted with `\"`, not with `'`", 3),
        ('a=b "c"', 'a comma is expected after `a="b"`', 5),
        ("é=~x{2}", "`{` must stand in double quotes", 5),
        ('é=~"\\d"', "`\\d` in quotes is not an escape; a backslash is written `\\\\`", 5),
        ('a=~"(b"', "the regular expression has a `(` without its `)`", 4),
        ('{b=c, a=~"(b"}', "the regular expression has a `(` without its `)`", 10),
        ("a=~web[0-9{2}", "the regular expression has a `[` without its `]` (its character 4)", 4),
        ('é=~"b**"', "the regular expression has `**`, which repeats a repeat (its character 2)", 4),
    ],
)
def test_a_fault_says_what_and_at_which_column(text: str, what: str, column: int) -> None:
    with pytest.raises(MatcherError) as caught:
        parse_matchers(text)
    assert (caught.value.what, caught.value.column) == (what, column)


def test_a_long_value_is_matched_to_its_end() -> None:
    assert one("a=~a+").matches({"a": "a" * 1_000_000}) is True
    assert one("a=~a+").matches({"a": "a" * 1_000_000 + "b"}) is False


def test_half_a_surrogate_pair_matches_nothing_but_itself() -> None:
    half = "\ud800"
    assert one("a=~web").matches({"a": half}) is False
    assert one(f"a={half}").matches({"a": half}) is True
    assert Matcher("a", half, Op.MATCH).matches({"a": "web"}) is False


@MODEST
@given(name=TEXTS.filter(bool), value=TEXTS, op=st.sampled_from([Op.EQUAL, Op.NOT_EQUAL]))
def test_what_a_matcher_prints_reads_back_as_itself(name: str, value: str, op: Op) -> None:
    matcher = Matcher(name, value, op)
    assert parse_matchers(str(matcher)) == (matcher,)


@MODEST
@given(source=REGEXES, op=st.sampled_from([Op.MATCH, Op.NOT_MATCH]))
def test_what_a_regex_matcher_prints_reads_back_as_itself(source: str, op: Op) -> None:
    matcher = Matcher("host", source, op)
    assert parse_matchers(str(matcher)) == (matcher,)


@MODEST
@given(value=TEXTS, label=TEXTS, source=REGEXES)
def test_a_negated_matcher_is_the_complement(value: str, label: str, source: str) -> None:
    for text, plain, negated in ((value, Op.EQUAL, Op.NOT_EQUAL), (source, Op.MATCH, Op.NOT_MATCH)):
        for labels in ({"a": label}, {"a": text}, {}):
            assert Matcher("a", text, plain).matches(labels) is not Matcher("a", text, negated).matches(
                labels
            )


@MODEST
@given(st.text(alphabet='{}ab=!~,"\\ \n', max_size=14))
def test_any_text_is_matchers_or_a_matcher_error_with_a_column_in_it(text: str) -> None:
    try:
        found = parse_matchers(text)
    except MatcherError as error:
        column = error.column
    else:
        column = 1
        assert parse_matchers(",".join(map(str, found))) == found
    assert 1 <= column <= len(text) + 1
