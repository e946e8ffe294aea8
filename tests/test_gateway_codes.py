"""The error table is the seed's, whole, and tells what each code means and what a person can do."""

from __future__ import annotations

import pytest

from sms_notify.gateways.sms1601.error_codes import CODES, Concern, explain_code

SEED = {*range(100, 127), 150}  # the provider's table 'Errorcode / Explanation'


def test_the_table_holds_every_code_of_the_provider_and_no_other() -> None:
    assert set(CODES) == SEED
    assert all(code.number == number for number, code in CODES.items())


def test_every_code_tells_what_it_means_and_what_to_do_in_one_sentence_of_its_own() -> None:
    assert len({code.meaning for code in CODES.values()}) == len(SEED)
    assert len({code.advice for code in CODES.values()}) == len(SEED)
    for code in CODES.values():
        assert code.advice.endswith(".")
        assert code.advice[0].isupper()
        assert 20 < len(code.advice) < 120


@pytest.mark.parametrize(
    ("concern", "codes"),
    [
        (Concern.CREDENTIALS, {100, 101, 104}),
        (Concern.CREDITS, {108}),
        (Concern.ACCOUNT, {115, 116}),
        (Concern.SENDER, {109, 110, 111, 113, 117}),
        (Concern.NUMBER, {103, 106}),
        (Concern.COUNTRY, {107, 112, 114}),
        (Concern.MESSAGE, {102, 105}),
        (Concern.LONG_TEXT, {118, 119}),
        (Concern.GATEWAY, {120, 150}),
        (Concern.SCHEDULE, {121}),
        (Concern.OUTBOX, {122}),
        (Concern.REPORT, {123, 124}),
        (Concern.GROUP, {125, 126}),
    ],
)
def test_each_code_concerns_what_the_provider_says_it_is_about(concern: Concern, codes: set[int]) -> None:
    assert {code.number for code in CODES.values() if code.concerns is concern} == codes


@pytest.mark.parametrize("number", [0, 1, 99, 127, 149, 151, 404, 999])
def test_a_code_that_nobody_documented_is_the_gateways_and_names_its_number(number: int) -> None:
    code = explain_code(number)
    assert (code.number, code.concerns) == (number, Concern.GATEWAY)
    assert str(number) in code.advice
