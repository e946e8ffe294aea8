"""Alertmanager's matchers."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sms_notify.decide.matchers import Matcher, MatcherError, Op, parse_matchers
from sms_notify.decide.regex import MAX_LENGTH, RegexError, compile_regex

MODEST = settings(max_examples=80, deadline=None)
TEXTS = st.text(max_size=12)
REGEXES = st.sampled_from(["db|web", "web[0-9]+", ".*", "", "(a|b)?c", r"\d{2,3}"])


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


@pytest.mark.parametrize(
    "text", ['{a="b",c!~"d"}', 'a="b",c!~"d"', ' { a = "b" , c !~ d , } ', "a=b,c!~d,", '{"a"=b,"c"!~d}']
)
def test_a_list_reads_alike_with_and_without_braces_quotes_blanks_and_a_last_comma(text: str) -> None:
    assert parse_matchers(text) == (Matcher("a", "b"), Matcher("c", "d", Op.NOT_MATCH))


@pytest.mark.parametrize("text", ["", "  ", "{}", "{ }"])
def test_nothing_is_no_matchers(text: str) -> None:
    assert parse_matchers(text) == ()


@pytest.mark.parametrize(
    ("text", "what", "column"),
    [
        ("a==b", "`==` is written `=`", 2),
        ("a=!b", "`=!` is written `!=`", 2),
        ("a~b", "`~` is written `=~`", 2),
        ("a", "an operator is expected after the label name: one of =, !=, =~, !~", 2),
        ("=b", "a label name is expected", 1),
        ("a=", 'a value is missing (for a label that is empty or absent write "")', 3),
        ("a=,b=c", 'a value is missing (for a label that is empty or absent write "")', 3),
        ("a=b,,c=d", "there is a comma too many", 5),
        ("{a=b", "`}` is missing", 5),
        ("a=b}", "there is a `}` without a `{`", 4),
        ("{a=b}c", "something follows the `}`", 6),
        ('a="b', 'the closing `"` is missing', 3),
        ("a='b'", "values are quoted with `\"`, not with `'`", 3),
        ("a=b c", 'a comma is expected after `a="b"`', 5),
        ("a=~x{2}", "`{` must stand in double quotes", 5),
        ('a=~"(b"', "the regular expression has a `(` without its `)` (its character 1)", 4),
        ('a=~"b**"', "the regular expression repeats a repeat (its character 3)", 4),
        ('a=~"[b-a]"', "the regular expression is wrong: bad character range b-a (its character 2)", 4),
    ],
)
def test_a_fault_says_what_and_at_which_column(text: str, what: str, column: int) -> None:
    with pytest.raises(MatcherError) as caught:
        parse_matchers(text)
    assert (caught.value.what, caught.value.column) == (what, column)


@pytest.mark.parametrize(
    "source",
    [
        r"^(\w+\s?)*$",
        "(a|a)*",
        "(a*)*",
        "(a?)+",
        "(.*a){9}",
        "(a?){40}",
        ".*a.*b.*c.*d.*e.*",
        "((){1000}){1000}",
    ],
)
def test_a_regex_that_can_hang_is_refused(source: str) -> None:
    with pytest.raises(RegexError):
        compile_regex(source)


@pytest.mark.parametrize(
    "source", ["(?=a)", "(?<!a)b", r"(a)\1", "(?P<x>a)(?P=x)", "(?>a)", "a++", "[[:alpha:]]"]
)
def test_what_alertmanagers_engine_does_not_know_or_reads_otherwise_is_refused(source: str) -> None:
    with pytest.raises(RegexError):
        compile_regex(source)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("a*a*a*b", "a" * 5000),
        ("a*a*a*a*b", "a" * 5000),
        (".*a.*a.*ab", "a" * 5000),
        ("(a|b|c).*(a|b|c).*x", "abc" * 1700),
        ("(a?){16}a{16}b", "a" * 5000),
    ],
)
def test_the_worst_value_costs_a_regex_that_is_taken_under_five_seconds(source: str, value: str) -> None:
    regex = compile_regex(source)
    start = time.process_time()
    assert regex.matches(value) is False
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "source",
    [
        "web[0-9]+(:[0-9]+)?",
        r"([0-9]{1,3}\.){3}[0-9]{1,3}",
        ".*(prod|staging).*",
        "(?:db|web)-.+",
        ".*foo.*bar.*",
    ],
)
def test_the_usual_regexes_are_taken(source: str) -> None:
    assert compile_regex(source).limit >= 200


def test_only_the_beginning_of_a_very_long_value_is_matched() -> None:
    long = "a" * MAX_LENGTH
    assert one("a=~a+").matches({"a": long + "b"}) is True
    assert one("a=~a+").matches({"a": long[:-1] + "b"}) is False


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


@settings(max_examples=300, deadline=None)
@given(
    source=st.text(alphabet=r"ab()[]{}*+?|\.^$-,:?P<>=!12dZ&~", max_size=10),
    value=st.text("ab12-", max_size=8),
)
def test_any_regex_is_compiled_without_a_warning_or_refused(source: str, value: str) -> None:
    try:
        regex = compile_regex(source)
    except RegexError:
        assume(False)
    assert regex.matches(value) in (True, False)
