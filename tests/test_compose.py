"""The texts themselves: what a person reads at three in the morning, and that it always fits."""

import re
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Severity, Status
from sms_notify.wording import gsm
from sms_notify.wording.compose import WORDS, compose, compose_reported
from sms_notify.wording.content import Notice, Reader, TextedIncident, Tone
from sms_notify.wording.templates import Fallback, Template, compile_template

STARTED = datetime(2026, 1, 5, 13, 5, tzinfo=UTC)
BRUSSELS = Reader("Europe/Brussels")
FOX = "the quick brown fox jumps over the lazy dog " * 20


def alert(
    summary: str = "", lasted: timedelta | None = None, start: datetime | None = STARTED, **labels: str
) -> Alert:
    status = Status.FIRING if lasted is None else Status.RESOLVED
    ends = None if lasted is None or start is None else start + lasted
    return Alert("am", "f1", status, labels, {"summary": summary} if summary else {}, start, ends)


def notice(*alerts: Alert, hidden: int = 0) -> Notice:
    return Notice(alerts[0].status, tuple(TextedIncident("k3f9", one) for one in alerts), hidden)


def body(
    *alerts: Alert, reader: Reader = BRUSSELS, hidden: int = 0, template: str = "", max_parts: int = 1
) -> str:
    compiled = compile_template("t", template) if template else None
    return compose(notice(*alerts, hidden=hidden), reader, compiled, max_parts).body


def host_down(number: int = 1, **more: str) -> Alert:
    return alert(**{"alertname": "HostDown", "instance": f"web{number}", "severity": "critical"} | more)


def test_one_alert_is_told_with_status_severity_what_where_summary_since_and_tag() -> None:
    text = body(host_down(summary="web1 is unreachable"))
    assert text == "FIRING critical HostDown web1: unreachable since 14:05 #k3f9"


@pytest.mark.parametrize(
    ("lasted", "told"),
    [
        (timedelta(seconds=45), " after 45s"),
        (timedelta(minutes=12), " after 12m"),
        (timedelta(hours=2, minutes=5), " after 2h05m"),
        (timedelta(days=3, hours=4), " after 3d4h"),
        (timedelta(days=2), " after 2d"),
        (timedelta(seconds=-5), ""),
    ],
)
def test_a_resolved_alert_says_how_long_it_lasted(lasted: timedelta, told: str) -> None:
    gone = alert(alertname="HostDown", instance="web1", severity="critical", lasted=lasted)
    assert body(gone) == f"OK HostDown web1{told} #k3f9"


@pytest.mark.parametrize(
    ("minutes", "told"), [((5, 5, 5), "after 5m"), ((3, 12, 5), "after 3m-12m"), ((5, -1, 5), "")]
)
def test_ends_of_several_say_the_shortest_and_the_longest_of_their_own_lengths(
    minutes: Sequence[int], told: str
) -> None:
    gone = [
        alert(alertname="HostDown", instance=f"web{n}", lasted=timedelta(minutes=lasted))
        for n, lasted in enumerate(minutes, start=1)
    ]
    assert body(*gone) == " ".join(filter(None, ["OK 3x HostDown: web1, web2, web3", told, "#k3f9"]))


def test_a_resolved_alert_without_times_says_no_length() -> None:
    assert body(alert(alertname="HostDown", start=None, lasted=timedelta(1))) == "OK HostDown #k3f9"


def test_the_start_of_the_incident_wins_over_the_start_of_the_alert() -> None:
    one = TextedIncident("k3f9", host_down(), since=STARTED - timedelta(hours=1))
    text = compose(Notice(Status.FIRING, (one,)), BRUSSELS, None, 1).body
    assert text == "FIRING critical HostDown web1 since 13:05 #k3f9"


def test_several_alerts_of_one_name_are_told_by_number_and_place() -> None:
    text = body(*map(host_down, (1, 2, 3)))
    assert text == "FIRING critical 3x HostDown: web1, web2, web3 since 14:05 #k3f9"


def test_places_that_do_not_fit_are_told_by_their_number() -> None:
    text = body(*map(host_down, range(100, 130)))
    assert text.startswith("FIRING critical 30x HostDown: web100, web101, ")
    named = text.count("web")
    assert f", +{30 - named} since 14:05 #k3f9" in text
    assert gsm.parts(text) == 1


def test_several_alerts_of_several_names_are_told_name_by_name() -> None:
    full = [host_down(number, alertname="DiskFull", instance=f"db{number}") for number in (1, 2)]
    text = body(*map(host_down, (1, 2, 3)), *full)
    assert text == "FIRING critical 5x: 3x HostDown web1, web2, web3; 2x DiskFull db1, db2 since 14:05 #k3f9"


def test_the_most_urgent_name_comes_first() -> None:
    text = body(host_down(1, alertname="Slow", severity="info"), host_down(2))
    assert text == "FIRING 1 critical HostDown web2; 1 info Slow web1 since 14:05 #k3f9"


def test_each_rank_is_told_with_its_number_and_its_items() -> None:
    critical = [host_down(1, alertname="Slow"), host_down(2)]
    full = [host_down(number, alertname="DiskFull", severity="warning") for number in (3, 4)]
    hot = [host_down(5, alertname="Hot", severity="warning")]

    text = body(*full, *critical)
    assert text == (
        "FIRING 2 critical Slow web1, HostDown web2; 2 warning DiskFull web3, web4 since 14:05 #k3f9"
    )
    text = body(*full, *hot, *critical)
    assert "FIRING 2 critical Slow web1, HostDown web2; 3 warning 2x DiskFull web3, web4; Hot web5" in text
    resolved = [alert(**one.labels, lasted=timedelta(minutes=5)) for one in (full[0], critical[1])]
    assert body(*resolved) == "OK 1 critical HostDown web2; 1 warning DiskFull web3 after 5m #k3f9"


def test_of_many_in_several_ranks_every_number_stands() -> None:
    critical = [host_down(number, alertname=f"Alert{number}") for number in range(90)]
    text = body(*critical, host_down(1, alertname="Slow", severity="warning"))
    named = text.count("Alert")
    assert text.startswith("FIRING 90 critical Alert0; Alert1; ")
    assert f"; +{90 - named}; 1 warning" in text


def test_many_names_are_told_until_the_text_is_full_and_the_rest_by_number() -> None:
    text = body(*(host_down(number, alertname=f"Alert{number}") for number in range(200)))
    named = text.count("Alert")
    assert text.startswith("FIRING critical 200x: Alert0; ")
    assert f"; +{200 - named} since 14:05 #k3f9" in text
    assert gsm.parts(text) == 1


@pytest.mark.parametrize("template", ["", "{{ status|short }} {{ alertname }}"])
def test_alerts_that_the_source_hid_are_counted_in_the_text(template: str) -> None:
    assert "+3 not shown" in body(host_down(), hidden=3, template=template)


def test_a_port_may_be_all_that_tells_two_apart_and_gives_way_after_the_summary() -> None:
    assert " web1:9100 since" in body(host_down(instance="web1:9100"))
    assert " web1:9100: the quick" in body(host_down(instance="web1:9100", summary=FOX))
    assert " web1 since" in body(host_down(alertname="A" * 112, instance="web1:9100", summary=FOX))


@pytest.mark.parametrize("instance", ["[2001:db8::1]:9100", "[2001:db8::1]"])
def test_the_port_of_an_ipv6_address_goes_without_its_digits(instance: str) -> None:
    text = body(host_down(alertname="A" * 102, instance=instance, summary=FOX))
    assert " [2001:db8::1] since" in text


def test_a_long_summary_is_cut_between_words_and_all_else_stays() -> None:
    text = body(host_down(summary=FOX))
    assert text.startswith("FIRING critical HostDown web1: the quick brown fox")
    assert text.endswith("... since 14:05 #k3f9")
    assert 140 < gsm.septets(text) <= 160


@pytest.mark.parametrize("length", range(20, 400, 7))
def test_fields_give_way_in_the_order_of_their_value(length: int) -> None:
    text = body(host_down(alertname="A" * length, instance="web1", summary="down again and again"))
    kept = ["A" * 8 in text, " web1" in text, " since 14:05" in text, ": down" in text]
    assert kept == sorted(kept, reverse=True), text
    assert text.startswith("FIRING critical AAAAAAAA")
    assert text.endswith("#k3f9")
    assert gsm.parts(text) == 1


def test_more_parts_make_room_for_more_words() -> None:
    texts = [compose(notice(host_down(summary=FOX)), BRUSSELS, None, most) for most in (1, 2, 3)]
    assert [text.parts for text in texts] == [1, 2, 3]
    assert texts[2].septets > 430


@pytest.mark.parametrize(("asked", "given"), [(-1, 1), (0, 1), (9, 3)])
def test_a_number_of_parts_that_the_gateway_never_takes_is_the_nearest_it_does(
    asked: int, given: int
) -> None:
    assert compose(notice(host_down(summary=FOX)), BRUSSELS, None, asked).parts == given


def test_an_alert_without_name_or_text_is_told_by_its_labels() -> None:
    assert body(alert(zone="b", rack="7")) == "FIRING alert (no name): rack=7 zone=b since 14:05 #k3f9"
    gone = alert(zone="b", lasted=timedelta(minutes=1))
    assert body(gone) == "OK alert (no name): zone=b after 1m #k3f9"


def test_an_alert_without_anything_still_says_that_something_fires() -> None:
    assert body(alert(start=None)) == "FIRING alert (no name) #k3f9"


def test_an_alert_without_a_name_is_told_by_its_text() -> None:
    assert body(alert(summary="UPS on battery", severity="warning")) == (
        "FIRING warning UPS on battery since 14:05 #k3f9"
    )
    assert body(alert(summary="UPS on battery", lasted=timedelta(0))) == "OK UPS on battery after 0s #k3f9"


@pytest.mark.parametrize("place", ["instance", "host", "node", "pod", "job", "service"])
def test_where_is_the_first_label_that_names_a_place(place: str) -> None:
    assert body(alert(**{"alertname": "X", place: "here"})) == "FIRING X here since 14:05 #k3f9"


def test_a_description_stands_in_for_a_summary() -> None:
    told = Alert("am", "f", Status.FIRING, {"alertname": "X"}, {"summary": " ", "description": "it broke"})
    assert body(told) == "FIRING X: it broke #k3f9"


def test_line_breaks_in_a_summary_are_blanks() -> None:
    assert "down\u0020for good" in body(host_down(summary="down\r\n\tfor\n\n good"))


def test_a_severity_that_we_do_not_know_is_told_in_the_sources_own_word() -> None:
    assert body(host_down(severity="Urgent")).startswith("FIRING Urgent HostDown")
    assert body(host_down(severity="disaster")).startswith("FIRING critical HostDown")


@pytest.mark.parametrize(
    ("language", "since", "after"),
    [("en", "since", "after"), ("nl", "sinds", "na"), ("fr", "depuis", "apr\u00e8s"), ("de", "seit", "nach")],
)
def test_our_own_words_are_in_the_readers_language(language: str, since: str, after: str) -> None:
    reader = Reader("Europe/Brussels", language)
    assert f" {since} 14:05 " in body(host_down(), reader=reader)
    gone = alert(alertname="X", lasted=timedelta(minutes=3))
    assert f" {after} 3m " in body(gone, reader=reader)


def test_a_regional_language_is_its_language_and_an_unknown_one_is_english() -> None:
    assert "sinds" in body(host_down(), reader=Reader(language="nl-BE"))
    assert "since" in body(host_down(), reader=Reader(language="tlh"))


def test_all_our_own_words_are_in_the_alphabet() -> None:
    for words in WORDS.values():
        for text in astuple(words):
            assert gsm.to_gsm(text) == text


def test_times_that_no_calendar_can_hold_are_left_out() -> None:
    assert body(alert(alertname="X", start=datetime.max.replace(tzinfo=UTC))) == "FIRING X #k3f9"


def test_a_notice_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one incident"):
        compose(Notice(Status.FIRING, ()), BRUSSELS, None, 1)


# Why it is told, where to acknowledge it, and when the next text comes.

ACK = "https://sms.example.org/a/x7k2abcd"
LATER = STARTED + timedelta(minutes=15)


def toned(
    tone: Tone, *alerts: Alert, times: int = 0, reader: Reader = BRUSSELS, max_parts: int = 1, **more: object
) -> str:
    tolds = tuple(TextedIncident("k3f9", one) for one in alerts or (host_down(summary="does not answer"),))
    told = Notice(tolds[0].alert.status, tolds, tone=tone, times=times, **more)  # type: ignore[arg-type]
    return compose(told, reader, None, max_parts).body


@pytest.mark.parametrize(
    ("tone", "language", "head"),
    [
        (Tone.ESCALATED, "en", "ESCALATED"),
        (Tone.ESCALATED, "nl", "GEESCALEERD"),
        (Tone.ESCALATED, "fr", "ESCALADE"),
        (Tone.ESCALATED, "de", "ESKALIERT"),
        (Tone.REMINDER, "en", "STILL FIRING"),
        (Tone.REMINDER, "nl", "NOG STEEDS"),
        (Tone.REMINDER, "fr", "TOUJOURS"),
        (Tone.REMINDER, "de", "WEITERHIN"),
    ],
)
def test_the_first_word_says_why_it_is_told(tone: Tone, language: str, head: str) -> None:
    text = toned(tone, reader=Reader("Europe/Brussels", language))
    critical = WORDS[language].rank(Severity.CRITICAL)
    assert text == f"{head} {critical} HostDown web1: does not answer {WORDS[language].since} 14:05 #k3f9"


@pytest.mark.parametrize(
    ("language", "head", "when"),
    [
        ("en", "UNHEARD", "last heard Mon 5 Jan 14:05"),
        ("nl", "NIETS GEHOORD", "laatst gehoord ma 5 jan 14:05"),
        ("fr", "SANS NOUVELLES", "dernière nouvelle lun 5 janv 14:05"),
        ("de", "NICHTS GEHÖRT", "zuletzt gehört Mo 5. Jan 14:05"),
    ],
)
def test_what_nothing_is_heard_of_says_when_it_was_last_heard_of(language: str, head: str, when: str) -> None:
    told = TextedIncident("k3f9", host_down(summary="does not answer"), heard_at=STARTED)
    notice = Notice(Status.FIRING, (told,), tone=Tone.UNHEARD)
    text = compose(notice, Reader("Europe/Brussels", language), None, 1).body
    critical = WORDS[language].rank(Severity.CRITICAL)
    assert text == f"{head} {critical} HostDown web1: does not answer {when} #k3f9"


def test_what_is_over_is_ok_whatever_the_tone() -> None:
    gone = alert(alertname="HostDown", lasted=timedelta(minutes=3))
    assert toned(Tone.FLAPPING, gone, times=5) == "OK HostDown after 3m #k3f9"


def taken(by: str, *alerts: Alert, closed: bool = False) -> Notice:
    told = ({"closed_by": by} if closed else {"acked_by": by}) if by else {}
    return Notice(alerts[0].status, tuple(TextedIncident("k3f9", one, **told) for one in alerts))


@pytest.mark.parametrize(
    ("language", "head"),
    [("en", "CLOSED by"), ("nl", "GESLOTEN door"), ("fr", "CLOS par"), ("de", "GESCHLOSSEN von")],
)
def test_what_somebody_closed_says_so_and_never_ok(language: str, head: str) -> None:
    gone = alert(alertname="HostDown", instance="web1", severity="critical", lasted=timedelta(minutes=5))
    text = compose(taken("alice", gone, closed=True), Reader("UTC", language), None, 1).body
    assert text.startswith(f"{head} alice HostDown web1")
    assert "OK" not in text


def test_no_template_makes_an_ok_of_what_somebody_closed() -> None:
    gone = alert(alertname="HostDown", lasted=timedelta(minutes=5))
    text = compose(taken("alice", gone, closed=True), BRUSSELS, compile_template("t", "OK {{ tag }}"), 1).body
    assert text.startswith("CLOSED by alice HostDown")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "acknowledged by bob"),
        ("nl", "bevestigd door bob"),
        ("fr", "pris en charge par bob"),
        ("de", "quittiert von bob"),
    ],
)
def test_what_somebody_takes_care_of_already_says_by_whom(language: str, words: str) -> None:
    text = compose(taken("bob", host_down()), Reader("UTC", language), None, 1).body
    assert f"HostDown web1, {words} " in text


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (("bob", "bob"), ", acknowledged by bob since"),
        (("bob", ""), ", acknowledged by bob: web1 since"),
        (("bob", "eve"), ", acknowledged by bob: web1, acknowledged by eve: web2 since"),
        (("bob", "", "bob", "bob", "bob"), ", acknowledged by bob: 4 of 5 since"),
    ],
)
def test_of_several_it_is_said_who_takes_care_of_which(by: tuple[str, ...], words: str) -> None:
    every = taken("bob", *(host_down(nth + 1) for nth in range(len(by))))
    told = tuple(replace(one, acked_by=name) for one, name in zip(every.incidents, by, strict=True))
    assert words in compose(replace(every, incidents=told), BRUSSELS, None, 1).body


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ alertname }}", "HostDown, acknowledged by bob #k3f9"),
        ("{{ alertname }} {{ acknowledged_by }}", "HostDown bob #k3f9"),
    ],
)
def test_a_template_says_it_too(template: str, text: str) -> None:
    compiled = compile_template("t", template)
    assert compose(taken("bob", host_down()), BRUSSELS, compiled, 1).body == text


def test_a_name_as_long_as_a_text_is_cut() -> None:
    text = compose(taken("x" * 500, host_down()), BRUSSELS, None, 1).body
    assert f"acknowledged by {'x' * 30} " in text
    assert gsm.parts(text) == 1


def test_a_flapping_alert_says_how_often_and_that_it_is_told_again() -> None:
    assert toned(Tone.FLAPPING, times=5) == (
        "FLAPPING critical HostDown web1 5x since 14:05, told again when calm #k3f9"
    )
    assert toned(Tone.FLAPPING) == "FLAPPING critical HostDown web1 since 14:05, told again when calm #k3f9"
    assert toned(Tone.FLAPPING, *map(host_down, (1, 2)), times=7) == (
        "FLAPPING critical 2x HostDown: web1, web2 (7x) since 14:05, told again when calm #k3f9"
    )


def test_the_address_to_acknowledge_at_and_the_next_text_come_last() -> None:
    assert toned(Tone.NEWS, ack=ACK, silent_until=LATER) == (
        "FIRING critical HostDown web1: does not answer since 14:05, next text 14:20 #k3f9 "
        "ack: https://sms.example.org/a/x7k2abcd"
    )
    several = toned(Tone.NEWS, *map(host_down, (1, 2)), ack=ACK, silent_until=LATER)
    assert several == (
        f"FIRING critical 2x HostDown: web1, web2 since 14:05, next text 14:20 #k3f9 ack: {ACK}"
    )


@pytest.mark.parametrize("length", range(20, 400, 7))
def test_all_else_shrinks_before_the_address_and_the_next_text_goes_after_the_summary(length: int) -> None:
    one = host_down(alertname="A" * length, instance="web1", summary="down again and again")
    text = toned(Tone.FLAPPING if length % 2 else Tone.NEWS, one, ack=ACK, silent_until=LATER)
    kept = [
        "A" * 13 in text,
        f" #k3f9 ack: {ACK}" in text,
        ", next text 14:20" in text,
        " since 14:05" in text,
    ]
    kept += [": down" in text or "told again" in text]
    assert kept == sorted(kept, reverse=True), text
    assert kept[:2] == [True, True]
    assert gsm.parts(text) == 1


def test_an_address_goes_as_a_whole_where_the_essentials_have_no_room_beside_it() -> None:
    text = toned(Tone.NEWS, ack=f"https://{'x' * 140}.example/a")
    assert text == "FIRING critical HostDown web1: does not answer since 14:05 #k3f9"
    several = toned(Tone.NEWS, *map(host_down, range(40)), ack=f"https://{'x' * 100}.example/a")
    assert "ack" not in several
    assert several.endswith("since 14:05 #k3f9")


@pytest.mark.parametrize("address", ["https://sms.example.org/\u010d", "https://x.example/a b", "a\nb"])
def test_an_address_that_a_text_cannot_carry_is_left_out(address: str) -> None:
    assert "ack" not in toned(Tone.NEWS, ack=address)


# Who is named.


def named(*alerts: Alert, template: str = "", max_parts: int = 1) -> set[str]:
    compiled = compile_template("t", template) if template else None
    tolds = tuple(TextedIncident(f"tag{number}", one) for number, one in enumerate(alerts))
    told = Notice(alerts[0].status, tolds)
    return {int(tag[3:]) for tag in compose_reported(told, BRUSSELS, compiled, max_parts).named}


@pytest.mark.parametrize("template", ["", "{{ status|short }} something"])
def test_one_incident_is_always_named(template: str) -> None:
    assert named(host_down(summary=FOX), template=template) == {0}


def test_of_several_those_are_named_whose_places_are_told() -> None:
    alerts = [*map(host_down, range(100, 130)), alert(alertname="DiskFull")]
    shown = body(*alerts).count(" web")
    assert 0 < shown < 30
    assert named(*alerts) == {*range(shown), 30}


def test_different_things_at_one_place_are_told_place_first() -> None:
    several = [host_down(number, alertname=f"Disk {number:02}", instance="db-1") for number in range(40)]
    text = body(*several)
    assert text.startswith("FIRING critical 40x db-1: Disk 00, Disk 01, Disk 02, ")
    shown = text.count("Disk ")
    assert f", +{40 - shown}" in text
    assert named(*several) == {*range(shown)}


def test_what_is_told_by_its_number_alone_is_not_named() -> None:
    many = [
        host_down(number, alertname=f"Alert{number}", instance=f"{number}" + "w" * 50) for number in range(9)
    ]
    assert named(*many) == set()
    long = {"alertname": "A" * 70, "room": "r" * 90, "unit": "u" * 90}
    assert named(*(host_down(n, instance=f"w{n}" * 90, **long) for n in (1, 2))) == set()


def test_an_alert_without_a_place_is_named_by_its_name() -> None:
    assert named(alert(alertname="DiskFull"), alert(alertname="Slow")) == {0, 1}
    assert named(host_down(3, instance=""), host_down(1), host_down(2)) == {1, 2}
    assert named(alert(alertname="HostDown"), host_down(1), host_down(2)) == {0, 1, 2}  # of another severity


@pytest.mark.parametrize(
    ("template", "tags"),
    [
        ("{{ alertname }}", [0, 1, 2]),
        ("{{ alertname }} {{ alerts|map(attribute='instance')|join(' ') }}", []),
        ("{{ alerts|map(attribute='instance')|join(' ') }}", [0, 1, 2]),  # where, but not what
        ("{{ alertname }} {{ instance }}", [2]),
        ("{{ summary }} {{ instance }}", [2]),
        ("{{ tag }}", [1, 2]),  # of the first
        ("HostDown web10 web2.example.org web3x", [0, 1, 2]),
        ("HostDown web2: gone, web3.", [0]),
    ],
)
def test_a_template_gets_the_tags_of_the_critical_problems_of_which_it_does_not_tell_what_and_where(
    template: str, tags: list[int]
) -> None:
    three = [host_down(n, instance=f"web{n}:9100", summary="no answer") for n in (1, 2, 3)]
    told = Notice(Status.FIRING, tuple(TextedIncident(f"tag{n}", one) for n, one in enumerate(three)))
    composed = compose_reported(told, BRUSSELS, compile_template("t", template), 1)

    assert re.findall(r"#tag(\d)", composed.text.body) == list(map(str, tags))
    assert len(composed.named) == 3


def test_tags_that_do_not_fit_name_nobody() -> None:
    assert named(*map(host_down, range(60)), template="{{ alertname }} " + "x" * 60) == set()


@pytest.mark.parametrize(
    ("template", "counted"),
    [("{{ alertname }}", True), ("{{ count }} {{ alertname }}", True), ("{{ instance }} {{ count }}", False)],
)
def test_a_template_that_tells_name_and_number_counts_all_of_one_kind(template: str, counted: bool) -> None:
    told = Notice(
        Status.FIRING, tuple(TextedIncident(f"tag{n}", host_down(n, summary="")) for n in range(60))
    )
    composed = compose_reported(told, BRUSSELS, compile_template("t", template), 1)

    assert len(composed.counted) == (60 if counted else 0)


@pytest.mark.parametrize(("severity", "text"), [("critical", "Look #tag0 #tag1"), ("warning", "Look #tag0")])
def test_a_template_that_names_nothing_gets_a_tag(severity: str, text: str) -> None:
    two = [host_down(n, severity=severity) for n in (1, 2)]
    told = Notice(Status.FIRING, tuple(TextedIncident(f"tag{n}", one) for n, one in enumerate(two)))

    assert compose(told, BRUSSELS, compile_template("t", "Look{{ count and '' }}"), 1).body == text


# Templates.

SHORT = "{{ status|short }} {{ alertname }} {{ instance }}: {{ summary }} #{{ tag }}"


def test_a_template_words_the_text() -> None:
    assert body(host_down(summary="gone"), template=SHORT) == "FIRING HostDown web1: gone #k3f9"


def test_a_template_without_source_is_the_built_in_wording() -> None:
    empty = compile_template("default", "  ")
    composed = compose_reported(notice(host_down()), BRUSSELS, empty, 1)
    assert composed.text == compose(notice(host_down()), BRUSSELS, None, 1)
    assert composed.fallback is None


@pytest.mark.parametrize(("source", "reason"), [("{{ 1/0 }}", Fallback.FAILED), ("{{ no }}", Fallback.EMPTY)])
def test_a_template_that_lets_us_down_is_reported_and_the_built_in_wording_taken(
    source: str, reason: Fallback
) -> None:
    composed = compose_reported(notice(host_down()), BRUSSELS, compile_template("t", source), 1)
    assert composed.fallback is reason
    assert composed.detail
    assert composed.text == compose(notice(host_down()), BRUSSELS, None, 1)


def test_free_text_is_shortened_before_a_template_is_cut() -> None:
    text = body(host_down(summary=FOX), template=SHORT)
    assert text.startswith("FIRING HostDown web1: the quick")
    assert text.endswith("... #k3f9")
    assert 140 < gsm.septets(text) <= 160


def test_long_labels_are_shortened_before_a_template_loses_its_status() -> None:
    text = body(
        host_down(instance="w" * 400, summary=FOX), template="{{ instance }} {{ status|short }} #{{ tag }}"
    )
    assert text.startswith("wwwwwwww")
    assert text.endswith("... FIRING #k3f9")
    assert gsm.parts(text) == 1


def test_a_template_that_must_be_cut_keeps_its_tag() -> None:
    text = body(host_down(), template="{{ status|short }} " + "words of its own " * 20 + "#{{ tag }}")
    assert text.startswith("FIRING words")
    assert text.endswith("... #k3f9")
    assert gsm.parts(text) == 1


def test_a_template_for_one_alert_still_says_how_many_there_are() -> None:
    text = body(*map(host_down, (1, 2, 3)), template=SHORT)
    assert text == "3x FIRING HostDown web1, web2, +1 #k3f9"
    text = body(*map(host_down, (1, 2)), template="{{ count }} of {{ alertname }}")
    assert text == "2 of HostDown #k3f9"


def test_a_template_speaks_of_what_is_new_by_name() -> None:
    told = Notice(
        Status.FIRING,
        (TextedIncident("k3f9", host_down()),),
        0,
        Tone.FLAPPING,
        times=5,
        ack=ACK,
        silent_until=LATER,
    )
    template = compile_template("t", "{{ kind }} {{ times }}x {{ silent_until }} {{ ack }}")
    assert compose(told, BRUSSELS, template, 1).body == f"flapping 5x 14:20 {ACK} #k3f9"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (SHORT, "FIRING HostDown web1: gone #k3f9, next text 14:20 ack: " + ACK),
        ("{{ alertname }} {{ ack }}", f"HostDown {ACK}, next text 14:20 #k3f9"),
        ("{{ alertname }} {{ silent_until }}", f"HostDown 14:20 #k3f9 ack: {ACK}"),
    ],
)
def test_what_a_template_is_silent_about_is_appended(template: str, text: str) -> None:
    told = Notice(
        Status.FIRING, (TextedIncident("k3f9", host_down(summary="gone")),), ack=ACK, silent_until=LATER
    )
    assert compose(told, BRUSSELS, compile_template("t", template), 1).body == text


def test_the_next_text_gives_way_before_the_address_and_free_text_before_both() -> None:
    told = Notice(
        Status.FIRING, (TextedIncident("k3f9", host_down(summary=FOX)),), ack=ACK, silent_until=LATER
    )
    text = compose(told, BRUSSELS, compile_template("t", SHORT), 1).body
    assert text.startswith("FIRING HostDown web1: the quick")
    assert text.endswith(f"... #k3f9, next text 14:20 ack: {ACK}")
    long = compile_template("t", "{{ status|short }} " + "x" * 105)
    assert compose(told, BRUSSELS, long, 1).body.endswith(f"xx #k3f9 ack: {ACK}")
    longer = compile_template("t", "{{ status|short }} " + "x" * 140)
    assert compose(told, BRUSSELS, longer, 1).body == "FIRING " + "x" * 140 + " #k3f9"


def test_a_template_that_must_be_cut_loses_the_address_rather_than_half_of_it() -> None:
    told = Notice(Status.FIRING, (TextedIncident("k3f9", host_down()),), ack=ACK)
    text = compose(told, BRUSSELS, compile_template("t", "{{ ack }} " + "words " * 40 + "#{{ tag }}"), 1).body
    assert text.startswith("words words")
    assert text.endswith("... #k3f9")
    only = compose(
        Notice(Status.FIRING, (TextedIncident("k3f9", host_down()),), ack=f"https://{'x' * 160}.example"),
        BRUSSELS,
        compile_template("t", "{{ ack }}"),
        1,
    )
    assert only.body == "FIRING critical HostDown web1 since 14:05 #k3f9"


# Whatever the alerts hold.

hostile = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.sampled_from(
        [
            "",
            "\x00",
            "\n\n",
            "\u202eevil",
            "\U0001f525" * 30,
            "\ud83d",
            "{|}" * 100,
            "x" * 20_000,
            "\u0301" * 900,
        ]
    ),
)
names = st.sampled_from(
    ["alertname", "instance", "severity", "job", "summary", "items", "count", "\ud800", "x y"]
)
mappings = st.dictionaries(names, hostile, max_size=5)
times = st.none() | st.datetimes(timezones=st.just(UTC)) | st.datetimes()
alerts = st.builds(
    Alert, st.just("am"), st.just("f"), st.just(Status.FIRING), mappings, mappings, times, times
)
tolds = st.builds(TextedIncident, st.just("k3f9"), alerts, times)
notices = st.builds(
    Notice,
    st.sampled_from(Status),
    st.lists(tolds, min_size=1, max_size=6).map(tuple),
    st.integers(-1, 10**30),
)
TEMPLATES = [
    None,
    compile_template("t", SHORT),
    compile_template("u", "{{ alerts }} {{ summary }} {{ count }}"),
]


@settings(deadline=None, max_examples=200)
@given(
    notices,
    st.sampled_from(TEMPLATES),
    st.integers(1, 3),
    st.sampled_from(["en", "nl", "fr", "de", "\ud800"]),
)
def test_every_text_is_gsm_fits_its_parts_and_counts_them_right(
    notice: Notice, template: Template | None, max_parts: int, language: str
) -> None:
    text = compose(notice, Reader("Asia/Kolkata", language), template, max_parts)
    assert gsm.to_gsm(text.body) == text.body
    assert text.body.strip()
    assert 1 <= text.parts <= max_parts
    assert (text.parts, text.septets) == (gsm.parts(text.body), gsm.septets(text.body))


@settings(deadline=None, max_examples=150)
@given(notices, st.integers(1, 3))
def test_our_own_wording_always_keeps_status_and_tag_on_one_line(notice: Notice, max_parts: int) -> None:
    text = compose(notice, Reader(), None, max_parts).body
    assert text.startswith("FIRING " if notice.status is Status.FIRING else "OK ")
    assert text.endswith(" #k3f9")
    assert "\n" not in text


def backwards(one: TextedIncident) -> TextedIncident:
    turned = [dict(reversed(list(values.items()))) for values in (one.alert.labels, one.alert.annotations)]
    changed = Alert("am", "f", one.alert.status, *turned, one.alert.starts_at, one.alert.ends_at)
    return TextedIncident(one.tag, changed, one.since)


@settings(deadline=None, max_examples=100)
@given(notices, st.sampled_from(TEMPLATES))
def test_the_text_is_the_same_whatever_the_order_of_labels(notice: Notice, template: Template | None) -> None:
    turned = Notice(notice.status, tuple(map(backwards, notice.incidents)), notice.hidden)
    assert compose(turned, Reader(), template, 2) == compose(notice, Reader(), template, 2)


addressed = st.builds(
    Notice,
    st.sampled_from(Status),
    st.lists(tolds, min_size=1, max_size=6).map(tuple),
    st.integers(-1, 10**30),
    st.sampled_from(Tone),
    st.integers(-1, 10**30),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-_~", max_size=150).map(
        lambda path: f"https://x.example/{path}"
    ),
    times,
)
ADDRESSING = [
    *TEMPLATES,
    compile_template("v", "{{ ack }} {{ summary }} {{ job }} {{ silent_until }} {{ kind }}"),
]


@settings(deadline=None, max_examples=150)
@given(addressed, st.sampled_from(ADDRESSING), st.integers(1, 3))
def test_an_address_is_told_whole_or_not_at_all_and_the_text_fits(
    notice: Notice, template: Template | None, max_parts: int
) -> None:
    composed = compose_reported(notice, BRUSSELS, template, max_parts)
    assert gsm.to_gsm(composed.text.body) == composed.text.body
    assert composed.text.parts == gsm.parts(composed.text.body) <= max_parts
    assert composed.named <= {told.tag for told in notice.incidents}
    assert notice.ack in composed.text.body or "https://x" not in composed.text.body
    if template is None:
        assert "#k3f9" in composed.text.body
