"""Under which sender a text leaves, by what the gateway refuses for the time being."""

from __future__ import annotations

import pytest
from workbench import NOON

from sms_notify.policy.account import Account, TextLimits
from sms_notify.policy.bars import Breaker, is_open, usable_sender
from sms_notify.policy.retry_policy import Scope

LIMITS = TextLimits(160, 153, 3)
BOTH = Account("main", "ACME", "OTHER", limits=LIMITS)
ONE = Account("main", "ACME", limits=LIMITS)


def refuses(subject: str, scope: Scope = Scope.SENDER, gateway: str = "main") -> Breaker:
    return Breaker(gateway, scope, subject, NOON, 112, 0)


@pytest.mark.parametrize(
    ("account", "open_breakers", "expected"),
    [
        (ONE, [], "ACME"),
        (BOTH, [], "ACME"),
        (ONE, [refuses("ACME")], None),
        (BOTH, [refuses("ACME")], "OTHER"),
        (BOTH, [refuses("OTHER")], "ACME"),
        (BOTH, [refuses("ACME"), refuses("OTHER")], None),
        (ONE, [refuses("ACME", gateway="backup")], "ACME"),
        (ONE, [refuses("ACME", Scope.NUMBER)], "ACME"),
        (ONE, [refuses("", Scope.ACCOUNT)], "ACME"),
    ],
)
def test_the_first_sender_that_its_gateway_has_not_refused(
    account: Account, open_breakers: list[Breaker], expected: str | None
) -> None:
    assert usable_sender(open_breakers, account) == expected


@pytest.mark.parametrize(
    ("gateway", "scope", "subject", "expected"),
    [
        ("main", Scope.NO_LONG, "+32", True),
        ("main", Scope.NO_LONG, "+31", False),
        ("main", Scope.COUNTRY, "+32", False),
        ("backup", Scope.NO_LONG, "+32", False),
    ],
)
def test_a_breaker_is_about_one_subject_of_one_scope_at_one_gateway(
    gateway: str, scope: Scope, subject: str, expected: bool
) -> None:
    assert is_open([refuses("+32", Scope.NO_LONG)], gateway, scope, subject) is expected
