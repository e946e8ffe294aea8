"""The country code at the start of a number."""

from __future__ import annotations

import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from sms_notify.policy.country_codes import country_of


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+12025550123", "+1"),
        ("+14165550123", "+1"),  # Canada shares a code with the United States
        ("+79161234567", "+7"),
        ("+77011234567", "+7"),
        ("+201001234567", "+20"),
        ("+27821234567", "+27"),
        ("+31612345678", "+31"),
        ("+32470000001", "+32"),
        ("+35799123456", "+357"),
        ("+352621123456", "+352"),
        ("+421903123456", "+421"),
        ("+491701234567", "+49"),
        ("+5491123456789", "+54"),
        ("+59171234567", "+591"),
        ("+6591234567", "+65"),
        ("+6791234567", "+679"),
        ("+819012345678", "+81"),
        ("+8801712345678", "+880"),
        ("+989121234567", "+98"),
        ("+9647901234567", "+964"),
        ("31612345678", "+31"),
    ],
)
def test_a_number_begins_with_a_code_of_one_two_or_three_digits(number: str, country: str) -> None:
    assert country_of(number) == country


@pytest.mark.parametrize("code", sorted(COUNTRY_CODE_TO_REGION_CODE))
def test_every_code_that_is_given_out_is_cut_off_whole(code: int) -> None:
    assert {country_of(f"+{code}{rest:07}") for rest in range(0, 10_000_000, 1_234_567)} == {f"+{code}"}


def test_zones_one_and_seven_are_whole_whatever_follows() -> None:
    for zone in "17":
        assert {country_of(f"+{zone}{rest:02}5550123") for rest in range(100)} == {f"+{zone}"}


def test_the_codes_of_two_digits_are_the_forty_three_of_the_itu() -> None:
    two = {country_of(f"+{code}0000000") for code in range(20, 100)}

    assert sorted(int(code) for code in two if len(code) == 3) == [
        *(20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49),
        *(51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66),
        *(81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98),
    ]
