"""Random stories under the oracle: it finds nothing wrong.

By hand: `python tests/oracle.py more 10000` judges so many more stories, beginning with another seed each time.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import yaml
from oracle import RARE, SEEDS, judged, rare_states
from oracle_checks import violations
from oracle_reading import heard_of
from oracle_story import read_story
from oracle_truth import problems_of
from oracle_words import Head, read

CHUNK = 25
SEEDS_LOOKED_AT = 150  # for rare states: enough that each occurs several times
pytestmark = pytest.mark.timeout(400)  # on a machine that others use as well


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_nothing_is_wrong(first: int) -> None:
    wrong = [(seed, str(one)) for seed in range(first, first + CHUNK) for one in judged(seed).wrong]

    assert not wrong, "\n".join(f"seed {seed}: {what}" for seed, what in wrong)


def test_every_rare_state_occurs() -> None:
    seen: Counter[str] = Counter()
    for seed in range(SEEDS_LOOKED_AT):
        seen.update(rare_states(seed))

    assert {name: seen[name] for name in RARE if seen[name] < 5} == {}


# The oracle itself: each of its rules can fail.

CONFIG = """
people: {alice: {number: "+32470000001"}, bob: {number: "+31612345678", quiet: {during: night}}}
route: {receiver: oncall, repeat_interval: 4h, routes: []}
receivers: [{name: oncall, notify: ["person:alice"], escalate: [{after: 5m, notify: ["person:bob"]}]}]
"""
FIRES = {"at": "0s", "nagios": {"type": "PROBLEM", "host": "h01", "service": "Disk", "state": "CRITICAL"}}
WARNS = {"at": "0s", "nagios": {"type": "PROBLEM", "host": "h01", "service": "Disk", "state": "WARNING"}}
WORSE = {"at": "30m", "nagios": {"type": "PROBLEM", "host": "h01", "service": "Disk", "state": "CRITICAL"}}
ENDS = {"at": "1h", "nagios": {"type": "RECOVERY", "host": "h01", "service": "Disk", "state": "OK"}}
ACKED = {"at": "2m", "ack": {"labels": {"instance": "h01"}, "by": "alice"}}
BACK = {"at": "10m", "unack": {"labels": {"instance": "h01"}, "by": "alice"}}
UP_AND_DOWN = [
    {"at": f"{minute}m", "nagios": {"type": kind, "host": "h01", "service": "Disk", "state": "CRITICAL"}}
    for minute, kind in enumerate(
        ("PROBLEM", "RECOVERY", "PROBLEM", "RECOVERY", "PROBLEM", "RECOVERY", "PROBLEM")
    )
]
ALERT = {"alertname": "Disk", "instance": "h01", "severity": "critical", "$starts": "0s"}
HEARD = {"at": "0s", "alertmanager": {"firing": [ALERT]}}
INHIBITED = {"at": "1m", "suppressed": {"labels": {"instance": "h01"}, "by": "op", "for": "1h"}}
CLOSED = {"at": "10m", "close": {"labels": {"instance": "h01"}, "by": "alice"}}
HIDDEN = [HEARD, {"at": "1m", "silence": {"labels": {"instance": "h01"}, "for": "1h", "by": "op"}},
          {"at": "20m", "gone": {"labels": {"instance": "h01"}}}]  # fmt: skip
WORDS = {"at": "0s", "json": {"text": "backup of h01 failed"}}
BEGIN = (0, "alice", "FIRING critical Disk h01 #ab")
MILD = (0, "alice", "FIRING warning Disk h01 #ab")
REMINDER = "STILL FIRING critical Disk h01 #ab"
STEP = (300, "bob", "ESCALATED critical Disk h01 #ab")
LOST = [(86_400, "alice", "UNHEARD critical Disk h01 #ab"), (86_400, "bob", "UNHEARD critical Disk h01 #ab")]
OVER = [(3600, "alice", "OK Disk h01 #ab"), (3600, "bob", "OK Disk h01 #ab")]


def wrong_with(
    events: list[dict[str, object]], texts: list[tuple[int, str, str]], run_for: str = "10h"
) -> set[str]:
    """What the oracle says of a story and the texts that came of it; it begins at noon."""
    story = {"story": "By hand", "start": "2026-11-24T12:00:00Z", "run_for": run_for, "events": events}
    read_as = read_story(yaml.safe_dump({"config": CONFIG, "stories": [story]}))
    rows = [
        {"after_seconds": at, "at": (read_as.start + timedelta(seconds=at)).isoformat(), "to": [to], "text": body,
         "report": "DELIVERED"}
        for at, to, body in texts
    ]  # fmt: skip
    heard = heard_of(read_as, {"stories": [{"texts": rows, "failures": []}]})
    return {violation.rule for violation in violations(heard, problems_of(read_as))}


@pytest.mark.parametrize(
    ("events", "texts", "rules"),
    [
        ([FIRES], [BEGIN, STEP], set()),
        ([FIRES, ENDS], [BEGIN, STEP, *OVER], set()),
        ([FIRES], [], {"untold", "told late", "step missing", "reached nobody and unreported"}),
        ([FIRES], [BEGIN], {"step missing"}),
        ([FIRES, ACKED], [BEGIN], set()),
        ([FIRES, ACKED], [BEGIN, STEP], {"turn after an acknowledgement"}),
        ([FIRES, ACKED, BACK], [BEGIN], {"acknowledgement taken back in silence"}),
        ([FIRES, ENDS], [BEGIN, STEP, OVER[0]], {"end unheard"}),
        ([FIRES, ENDS], [BEGIN, STEP, *OVER, (3700, "alice", REMINDER)], {"firing when over", "end unheard"}),
        ([FIRES], [BEGIN, STEP, (900, "alice", "OK Disk h01 #ab")], {"OK while it fires", "untold", "told late"}),
        ([FIRES], [BEGIN, STEP, (600, "alice", "FIRING critical Disk h01 #ab")], {"told twice"}),
        ([FIRES], [BEGIN, STEP, (600, "bob", "ESCALATED critical Disk h01 #ab")], {"too many steps"}),
        ([FIRES], [BEGIN, STEP, *((600 * n, "alice", REMINDER) for n in range(2, 9))], {"too many reminders"}),
        ([FIRES], [BEGIN, STEP, (60, "carol", "FIRING critical Disk h01 #ab")], {"no duty"}),
        ([FIRES, ENDS], [BEGIN, OVER[0], (3600, "bob", "OK Disk h01 #ab")], {"end of nothing"}),
        ([WARNS], [MILD, (10 * 3600, "bob", "ESCALATED warning Disk h01 #ab")], {"quiet broken"}),
        ([WARNS, WORSE], [MILD, (300, "bob", "ESCALATED warning Disk h01 #ab")],
         {"untold", "told late"}),
        (UP_AND_DOWN, [BEGIN, STEP, (360, "alice", "FLAPPING critical Disk h01 4x #ab")], {"untold", "told late"}),
    ],
)  # fmt: skip
def test_the_oracle_finds(
    events: list[dict[str, object]], texts: list[tuple[int, str, str]], rules: set[str]
) -> None:
    assert wrong_with(events, texts) == rules


@pytest.mark.parametrize(
    ("events", "texts", "rules"),
    [
        ([HEARD], [BEGIN, STEP, *LOST], set()),
        ([HEARD], [BEGIN, STEP, LOST[0]], {"unheard untold"}),
        ([HEARD], [BEGIN, STEP, *LOST, (90_000, "alice", LOST[0][2])], {"UNHEARD told twice"}),
        ([HEARD], [BEGIN, STEP, *LOST, (90_000, "bob", STEP[2])],
         {"turn while it is unheard", "too many steps", "unheard untold"}),
        ([FIRES], [BEGIN, STEP, LOST[0]], {"UNHEARD while it is heard of", "UNHEARD told twice", "untold"}),
        ([HEARD, INHIBITED], [BEGIN, STEP, *LOST], {"turn while its source suppresses it"}),
        (HIDDEN, [BEGIN, (1300, "alice", OVER[0][2])], set()),
        (HIDDEN, [BEGIN], {"end unheard"}),
        ([FIRES, CLOSED], [BEGIN, STEP, (600, "bob", "CLOSED by alice Disk h01 #ab")], set()),
        ([FIRES, CLOSED], [BEGIN, STEP, (600, "bob", "OK Disk h01 #ab")], {"OK for an end that its source explains"}),
        ([FIRES, CLOSED], [BEGIN, STEP, *((600, to, "CLOSED by alice Disk h01 #ab") for to in ("alice", "bob"))],
         {"CLOSED to whoever closed it"}),
        ([FIRES, CLOSED], [BEGIN, STEP], {"end unheard"}),
        ([WORDS], [(0, "alice", "FIRING backup of h01 failed #ab"), (300, "bob", "ESCALATED backup of h01 failed #ab")],
         set()),
        ([WORDS], [(0, "alice", "FIRING backup of h01 failed #ab"), (300, "bob", "ESCALATED backup of h01 failed #ab"),
                   (14_400, "alice", "STILL FIRING backup of h01 failed #ab")], {"reminder of what nothing can end"}),
    ],
)  # fmt: skip
def test_the_oracle_finds_over_a_day(
    events: list[dict[str, object]], texts: list[tuple[int, str, str]], rules: set[str]
) -> None:
    assert wrong_with(events, texts, "34h") == rules


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("FIRING critical DiskFull h07 since 13:00 #abcd", {"h07": Head.FIRING}),
        ("OK 2x DiskFull: h07, h08 #abcd", {"h07": Head.OK, "h08": Head.OK}),
        ("FIRING critical 2x: DiskFull h07; OK Slow h09 #abcd", {"h07": Head.FIRING, "h09": Head.OK}),
        ("OK DiskFull h07: 1 of 2, h08 still firing", {"h07": Head.OK, "h08": Head.LISTED}),
        ("Held since 22:00: 1 resolved, 1 open: Slow h03; resolved: Slow h04", {"h03": Head.LISTED, "h04": Head.RESOLVED}),
        ("Held since 22:00: 2 resolved: 2x Slow h03, h04", {"h03": Head.RESOLVED, "h04": Head.RESOLVED}),
        ("Held since 22:00: 2 open: UNHEARD Slow h03; DiskFull h04 #xy", {"h03": Head.UNHEARD, "h04": Head.LISTED}),
        ("STILL FIRING warning Slow h03 since 12:00 #xy", {"h03": Head.REMINDER}),
        ("ESCALATED critical Db h01; FLAPPING critical Site h02 4x", {"h01": Head.ESCALATED, "h02": Head.FLAPPING}),
        ("NO LONGER WATCHED Slow h03 #xy", {"h03": Head.NOT_WATCHED}),
    ],
)  # fmt: skip
def test_a_text_is_read_as_a_person_reads_it(body: str, said: dict[str, Head]) -> None:
    assert read(body).said == said


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ("FIRING critical 12x Node: h01, +11 #ab", {"firing"}),
        ("37 more until 14:20: HostDown: h01", {"firing"}),
        ("OK 3x #ab", {"over"}),
        ("FIRING 2x Slow: h01, h02 #ab", set()),
        ("FLAPPING critical Site h01 4x since 13:11, told again when calm #ab", set()),
        ("LATE, 5 since 13:00: 3 resolved, 2 open", {"firing", "over"}),
    ],
)
def test_what_a_text_only_counts_may_be_anything(body: str, counted: set[str]) -> None:
    assert read(body).counted == counted
