"""What an account is: how much a text may hold, by what names it sends, and whether it is still served."""

from __future__ import annotations

import pytest

from sms_notify.policy.account import Account, TextLimits

GSM = TextLimits(only_part=160, each_part=153, most_parts=6)
UNICODE = TextLimits(only_part=70, each_part=67, most_parts=3)


@pytest.mark.parametrize(
    ("limits", "parts", "room"),
    [
        (GSM, 1, 160),
        (GSM, 2, 306),
        (GSM, 3, 459),
        (GSM, 6, 918),
        (UNICODE, 1, 70),
        (UNICODE, 2, 134),
    ],
)
def test_the_only_part_of_a_text_holds_more_than_each_of_several(
    limits: TextLimits, parts: int, room: int
) -> None:
    assert limits.room(parts) == room


@pytest.mark.parametrize(
    ("name", "gateways", "gone"),
    [
        ("main", (), False),  # an account that knows no others is not compared with them
        ("main", ("main",), False),
        ("main", ("spare", "main"), False),
        ("main", ("spare",), True),
        ("main", ("Main", "main2"), True),
        ("", ("main",), True),
    ],
)
def test_an_account_is_gone_where_others_are_configured_and_it_is_not(
    name: str, gateways: tuple[str, ...], gone: bool
) -> None:
    assert Account(name, limits=GSM, gateways=gateways).gone is gone


@pytest.mark.parametrize(
    ("sender", "other", "expected"),
    [
        ("", "", ("",)),  # the gateway's own
        ("OPS", "", ("OPS",)),
        ("OPS", "+32470000009", ("OPS", "+32470000009")),
        ("", "OPS", ("", "OPS")),
    ],
)
def test_it_sends_by_its_first_name_and_by_the_other_where_it_has_one(
    sender: str, other: str, expected: tuple[str, ...]
) -> None:
    assert Account("main", limits=GSM, sender=sender, other_sender=other).senders == expected


def test_an_account_of_which_nothing_is_said_texts_any_number_and_asks_for_no_report() -> None:
    plain = Account("main", limits=GSM)

    assert (plain.numbers, plain.first_poll) == (None, None)
    assert plain.directory.known_members("dba") == ()
