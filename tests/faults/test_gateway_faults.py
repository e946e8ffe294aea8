"""The gateway hangs, lies, breaks off or refuses; the answers of its single codes are in `test_gateway_codes.py`."""

from __future__ import annotations

import random
import signal
import time

import pytest
from handsets import Phones, Way
from scenes import Stage, Verdict, eventually

TEXTS = 6

UNANSWERED = {
    "26 gateway hangs": Way(how="hang"),
    "27 answer drips": Way(how="drip"),
    "28 gateway takes it and hangs up": Way(how="drop"),
    "28 gateway takes it and resets": Way(how="reset"),
    "29 garbage": Way(body="\x00\x01OK?"),
    "29 OK in a page of HTML": Way(body="<html>OK</html>", reaches=False),
    "29 empty answer": Way(body=""),
    "30 status 500 though the phone has it": Way(body="oops", status=500),
    "30 status 502, nothing sent": Way(body="bad gateway", status=502, reaches=False),
    "31 redirect": Way(status=302, head="Location: http://127.0.0.1:9/\r\n", reaches=False),
    "32 endless answer": Way(body="x" * 10_000_000, reaches=False),
}


@pytest.mark.parametrize("fault", UNANSWERED)
def test_an_answer_that_says_nothing(stage: Stage, verdict: Verdict, fault: str) -> None:
    """Half of the texts are warnings, which are not sent again where nobody knows: they are complained about."""
    scene = stage()
    scene.phones.next.extend([UNANSWERED[fault]] * TEXTS)
    scene.start()
    for n in range(TEXTS):
        scene.tries += 1
        scene.tell(("critical", "warning")[n % 2])
    assert eventually(lambda: not scene.phones.next, timeout=90)
    scene.mended()
    found = scene.judge(within=200, complained="gave up")
    requests = [one.reference for one in scene.phones.requests()]
    assert len(requests) == len(set(requests)), "a request was made twice"
    verdict(scene, fault, found)


@pytest.mark.parametrize("code", [108, 120, 150, 104, 115])
def test_a_gateway_that_refuses_everything_and_is_well_again(
    stage: Stage, verdict: Verdict, code: int
) -> None:
    scene = stage()
    scene.phones.way = Way(body=f"ERROR {code}", reaches=False)
    scene.start()
    for n in range(TEXTS):
        scene.tries += 1
        scene.tell(("critical", "warning")[n % 2])
    loud_at_once = code not in (
        120,
        150,
    )  # these pass by themselves: told when they last for 5 and 10 minutes
    assert eventually(lambda: scene.complaints() != "" or not loud_at_once, timeout=60)
    asked = len(scene.phones.requests())
    scene.phones.way = Way()
    if code in (
        104,
        115,
    ):  # asked about every quarter of an hour, so that nobody is locked out: whoever has paid says so
        scene.daemon.process.send_signal(signal.SIGHUP)
    scene.mended()
    found = scene.judge(within=240)
    assert asked <= 3 * TEXTS
    verdict(scene, f"35 ERROR {code} for a while", found)


def test_credits_that_run_out_in_the_middle_and_are_topped_up(stage: Stage, verdict: Verdict) -> None:
    scene = stage(limits="{credits: off, per_number: off, per_number_critical: off}")
    scene.phones.credits = 4
    scene.start()
    for n in range(2 * TEXTS):
        scene.tries += 1
        scene.tell(("critical", "warning")[n % 2])
    assert eventually(lambda: scene.complaints() != "", timeout=60)
    scene.phones.credits = 500
    scene.mended()
    verdict(scene, "36 credits run out", scene.judge(within=240))


def test_a_gateway_that_refuses_every_second_request(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    dice = random.Random(4)
    refusal = Way(body="ERROR 120", reaches=False)
    scene.phones.next.extend(refusal if dice.random() < 0.5 else Way() for _ in range(40))
    scene.start()
    for n in range(20):
        scene.tries += 1
        scene.tell(("critical", "warning")[n % 2])
        time.sleep(0.3)
    found = scene.judge(within=240)
    assert len(scene.complaints().splitlines()) <= 8, "a storm of notes"
    verdict(scene, "38 gateway that flaps", found)


def test_a_gateway_that_is_away_for_two_minutes(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.phones.way = Way(how="drop", reaches=False)
    scene.start()
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        scene.tries += 1
        scene.tell(("critical", "warning")[scene.tries % 2])
        time.sleep(1.5)
    scene.phones.way = Way()
    scene.mended()
    found = scene.judge(within=300)
    assert scene.complaints() != ""
    verdict(scene, "39 gateway away for two minutes", found)


def test_a_critical_text_goes_by_the_second_gateway_in_seconds(stage: Stage, verdict: Verdict) -> None:
    """The first takes requests and never answers; each is given up after its `timeout`, here 5 s."""
    second = Phones()
    login = "username: acme, password_file: password, sender: ACME, timeout: 5s"
    scene = stage()
    gateways = ", ".join(
        f"{{name: {name}, type: 1601sms, url: '{phones.url}', {login}}}"
        for name, phones in (("main", scene.phones), ("second", second))
    )
    scene.config = scene.configure(gateways=f"[{gateways}]", operator="[person:bob]")
    scene.phones.way = Way(how="hang", reaches=False)
    scene.start()
    try:
        for _ in range(5):
            scene.tries += 1
            name, before = scene.tell(), time.monotonic()
            assert eventually(lambda: any(name in text.text for text in second.texts()), timeout=10)  # noqa: B023
            assert time.monotonic() - before < 8
        scene.mended()
        scene.phones.arrivals += second.texts()  # the judge looks at every phone
        verdict(scene, "26 first gateway hangs, second is well", scene.judge())
    finally:
        second.stop()
