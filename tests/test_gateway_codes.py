"""The error table is the seed's, whole, and tells what each code means and what a person can do."""

from __future__ import annotations

import pytest

from sms_notify.gateways.sms1601.error_codes import CODES, explain_code
from sms_notify.policy.outcomes import Refusal

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
    ("refusal", "codes"),
    [
        (Refusal.LOGIN, {100, 101, 104}),
        (Refusal.UNPAID, {115}),
        (Refusal.BLOCKED, {116}),
        (Refusal.NO_CREDITS, {108}),
        (Refusal.SENDER, {109, 110, 111, 113, 117}),
        (Refusal.NO_NUMBER, {103}),
        (Refusal.NUMBER, {106}),
        (Refusal.COUNTRY_CODE, {112}),
        (Refusal.COUNTRY, {107, 114}),
        (Refusal.NO_TEXT, {102}),
        (Refusal.TOO_LONG, {105}),
        (Refusal.TOO_MANY_PARTS, {118}),
        (Refusal.LONG_TEXT, {119}),
        (Refusal.PASSING_FAULT, {120}),
        (Refusal.MAINTENANCE, {150}),
        (Refusal.TIME, {121}),
        (Refusal.NOTHING_SCHEDULED, {122}),
        (Refusal.REPORT, {123, 124}),
        (Refusal.NO_GROUP, {125}),
        (Refusal.EMPTY_GROUP, {126}),
        (Refusal.UNKNOWN, set()),
    ],
)
def test_each_code_is_the_refusal_that_the_provider_describes(refusal: Refusal, codes: set[int]) -> None:
    assert {code.number for code in CODES.values() if code.refusal is refusal} == codes


@pytest.mark.parametrize("number", [0, 1, 99, 127, 149, 151, 404, 999])
def test_a_code_that_nobody_documented_is_an_unknown_refusal_and_names_its_number(number: int) -> None:
    code = explain_code(number)
    assert (code.number, code.refusal) == (number, Refusal.UNKNOWN)
    assert str(number) in code.advice
