"""Regular expressions: RE2's verdicts, our sentences, and no value that takes long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.policy.regex import RegexError, compile_regex

FOREIGN = "uses `{}`, which is not in Alertmanager's syntax (RE2)"


@pytest.mark.parametrize(
    ("source", "what", "position"),
    [
        ("b)", "has a `)` without its `(`", None),
        ("a[b", "has a `[` without its `]`", 1),
        ("[b-a]", "has `b-a`, which is not a class or range of characters", 1),
        ("[[:letter:]]", "has `[:letter:]`, which is not a class or range of characters", 1),
        ("a|*", "has `*` with nothing to repeat", 2),
        ("a++", "has `++`, which repeats a repeat", 1),
        ("++|++", "has `+` with nothing to repeat", None),
        (
            "a{1001}",
            "has `{1001}`: at most 1000 repeats, nested ones multiplied, the lower number first",
            1,
        ),
        ("(a)\\1", FOREIGN.format("\\1"), 3),
        ("a\\Z", FOREIGN.format("\\Z"), 1),
        ("(?=a)", FOREIGN.format("(?="), 0),
        ("a(?<!b)", FOREIGN.format("(?<!"), 1),
        ("(?P<a-b>c)", "has a group whose name is wrong: `(?P<a-b>`", 0),
        ("a\\", "ends in a lone `\\`", None),
        ("\\Qa", "has a `\\Q` without its `\\E`", None),
        ("\\pL{1000}", "is too large: it takes more than 8 MiB", None),
    ],
)
def test_a_regex_that_alertmanager_refuses_is_refused_with_its_fault(
    source: str, what: str, position: int | None, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RegexError) as caught:
        compile_regex(source)

    assert (caught.value.what, caught.value.position) == (what, position)
    assert capfd.readouterr() == ("", "")  # RE2 can write to standard error by itself


@pytest.mark.parametrize(
    "source", [r"^(\w+\s?)*!$", "(a|a)*!", "(a*)*!", "(.*a){9}!", "(a?){40}!", "(a?){16}a{16}b", ".*a.*a.*a!"]
)
def test_no_value_makes_a_regex_hang(source: str) -> None:
    regex = compile_regex(source)
    start = time.process_time()
    assert regex.matches("a" * 1_000_000) is False
    assert time.process_time() - start < 5


@settings(max_examples=300, deadline=None)
@given(
    source=st.text(alphabet=r"ab()[]{}*+?|\.^$-,:?P<>=!12dZQEC&~", max_size=10),
    value=st.text("ab12-\n\u00e9", max_size=8),
)
def test_any_regex_is_compiled_or_refused_with_a_fault_within_it(source: str, value: str) -> None:
    fault = None
    try:
        compile_regex(source).matches(value)
    except RegexError as error:
        fault = error
    if fault:
        assert fault.position is None or 0 <= fault.position < len(source)
        assert not fault.what.startswith("is wrong"), "a fault of RE2's that has no sentence"


@settings(max_examples=80, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(["a", "b", ".", "[ab]", "(a|b)", "a*", "b+", "(ab)?", "a{2}", "|"]), max_size=6
    ),
    value=st.text("ab", max_size=8),
)
def test_where_two_engines_know_a_syntax_they_agree(parts: list[str], value: str) -> None:
    source = "".join(parts)
    assert compile_regex(source).matches(value) is (re.fullmatch(source, value) is not None)


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        ("web", "web", True),
        ("web", "web1", False),
        ("web", "myweb", False),
        ("web|db", "web1", False),
        ("", "", True),
        ("", "a", False),
        ("(?i)web", "WEB", True),
        ("b.c", "b\nc", False),
        ("(?s)b.c", "b\nc", True),
        ("é+", "éé", True),
        ("..", "é", False),  # a character, not its bytes
        ("^web$", "web", True),
    ],
)
def test_an_expression_must_match_the_whole_value(source: str, value: str, expected: bool) -> None:
    assert compile_regex(source).matches(value) is expected
