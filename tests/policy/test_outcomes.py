"""How a request ended, in words that stand in the ledger and on metrics: none may change or be told apart no more."""

from __future__ import annotations

from enum import StrEnum

import pytest

from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason, Refusal


@pytest.mark.parametrize(
    ("status", "final"),
    [
        ("DELIVERED", True),
        ("NOT DELIVERED", True),
        ("REJECTED", True),
        ("BUFFERED", False),  # the phone is out of reach: the network tries on
        ("SUBMITTED", False),
        ("NONE", False),
    ],
)
def test_a_report_ends_the_wait_only_where_it_says_what_the_phone_got(status: str, final: bool) -> None:
    assert DeliveryStatus(status).final is final


def test_every_word_of_a_report_is_judged() -> None:
    assert {str(one) for one in DeliveryStatus if one.final} == {"DELIVERED", "NOT DELIVERED", "REJECTED"}
    assert len(DeliveryStatus) == 6


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (Fate, "sent refused not_sent unknown"),
        (
            Reason,
            "ok error_code http_client_error dns connect connect_timeout tls local timeout connection_lost redirect"
            " http_server_error too_large unreadable",
        ),
        (
            Refusal,
            "login unpaid blocked no_credits sender no_number number country_code country no_text too_long"
            " too_many_parts long_text passing_fault maintenance time nothing_scheduled report no_group empty_group"
            " unknown",
        ),
    ],
)
def test_the_words_of_the_ledger_and_the_metrics_stay_as_they_are(
    words: type[StrEnum], expected: str
) -> None:
    assert {str(word) for word in words} == set(expected.split())


@pytest.mark.parametrize("word", ["code_40", "Sent", "", "ok "])
@pytest.mark.parametrize("words", [Fate, Reason, Refusal, DeliveryStatus])
def test_a_word_that_is_not_in_the_list_is_none(words: type[StrEnum], word: str) -> None:
    """The list is closed: a gateway that makes up a word would make up a metric."""
    with pytest.raises(ValueError, match="is not a valid"):
        words(word)


def test_an_outcome_says_nothing_that_was_not_said() -> None:
    plain = Outcome(Fate.NOT_SENT, Reason.DNS)

    assert (plain.code, plain.refusal, plain.smsid, plain.detail, plain.seconds) == (
        None,
        None,
        None,
        "",
        0.0,
    )


def test_two_requests_that_ended_alike_are_the_same_outcome() -> None:
    refused = Outcome(Fate.REFUSED, Reason.ERROR_CODE, 40, refusal=Refusal.NO_CREDITS)

    assert refused == Outcome(Fate.REFUSED, Reason.ERROR_CODE, 40, refusal=Refusal.NO_CREDITS)
    assert refused != Outcome(Fate.REFUSED, Reason.ERROR_CODE, 40, refusal=Refusal.UNPAID)
