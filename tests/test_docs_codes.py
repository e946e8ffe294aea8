"""The table of error codes and the waits that pages name are those of the program."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from docs_pages import DOCS, read, section

from sms_notify.gateways.sms1601.error_codes import CODES, ErrorCode
from sms_notify.policy.retry_policy import BY_REFUSAL, Break, Reaction, Scope, Then, Urgency
from sms_notify.policy.ruleset import Timing


def test_the_waits_that_are_told_are_those_of_the_program() -> None:
    timing, readme, gateway = (
        Timing(),
        (read(DOCS / "explanation" / "promises.md") + read(DOCS / "reference" / "words.md")),
        read(DOCS / "reference" / "gateway.md"),
    )

    assert f"after waiting {told_wait(timing.reconcile_wait)} for a report" in readme
    assert f"It waits {told_wait(timing.reconcile_wait)} for a delivery report" in gateway
    assert f"no report came within {timing.report_timeout.seconds // 60} minutes" in readme
    hours = [wait // timedelta(hours=1) for wait in (timing.expire, timing.expire_critical)]
    assert f"older than {hours[0]} hour (critical: {hours[1]} hours)" in readme
    assert f"of for {timing.stale_after // timedelta(hours=1)} hours" in " ".join(
        read(DOCS / "reference" / "words.md").split()
    )
    assert "at most one resend" in " ".join(readme.split())
    assert timing.failover_after == timedelta(minutes=5)
    assert "after it has been closed for **5 minutes**" in gateway


def told_wait(wait: timedelta) -> str:
    seconds = int(wait.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


# The words of the table of codes; a reaction that has none here cannot be documented.
TEXT = {
    Then.WAIT: "waits",
    Then.RECUT: "cut shorter, sent again at once",
    Then.REWORD: "replaced by its tag alone, sent again at once",
    Then.ELSEWHERE: "another gateway, else given up",
    Then.FAIL: "given up",
}
KEPT = {
    Scope.ACCOUNT: "the account",
    Scope.CREDITS: "the account",
    Scope.SENDER: "this sender",
    Scope.NUMBER: "this number",
    Scope.COUNTRY: "this country",
    Scope.NO_LONG: "long texts to this country",
}


def told_text(reaction: Reaction) -> str:
    if reaction.then is Then.RETRY:
        return f"tried again after {told_wait(reaction.base)} to {told_wait(reaction.cap)}"
    if reaction.breaks is not None and reaction.breaks.scope is Scope.SENDER:
        return "leaves under `fallback_sender`, else waits"
    return TEXT[reaction.then]


def told_break(rule: Break | None) -> str:
    if rule is None:
        return "–"
    kept = KEPT[rule.scope] + (f" (after {rule.count} in a minute)" if rule.count > 1 else "")
    asked, first = "balance" if rule.scope is Scope.CREDITS else "probe", told_wait(rule.probe)
    often = f"every {first}" if rule.probe == rule.cap else f"after {first}, up to {told_wait(rule.cap)}"
    return f"{kept}; {asked} {often}"


def told_urgency(urgency: Urgency | None) -> str:
    assert urgency is not None
    return f"{urgency.level} after {told_wait(urgency.after)}" if urgency.after else urgency.level


@pytest.mark.parametrize("code", list(CODES.values()), ids=lambda code: str(code.number))
def test_every_error_code_is_documented_with_what_follows_from_it(code: ErrorCode) -> None:
    told = section(read(DOCS / "reference" / "gateway.md"), "Error codes")
    [line] = re.findall(rf"^\| {code.number} \|(.*)\|$", told, re.MULTILINE)
    reaction = BY_REFUSAL[code.refusal]

    assert [cell.strip() for cell in line.split("|")] == [
        code.meaning,
        code.refusal,
        told_text(reaction),
        told_break(reaction.breaks),
        told_urgency(reaction.self_alert),
        code.advice,
    ]


def test_no_error_code_is_made_up() -> None:
    told = section(read(DOCS / "reference" / "gateway.md"), "Error codes")

    assert {int(number) for number in re.findall(r"^\| (\d+) \|", told, re.MULTILINE)} == set(CODES)
