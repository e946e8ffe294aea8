"""Many things in one text: the numbers are exact whatever the alerts hold, and what can be named is named."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Severity, Status
from sms_notify.wording import gsm
from sms_notify.wording.content import Crowd, Digest, HandOff, Merged, Reader, Silent, TextedIncident
from sms_notify.wording.digest import compose_digest
from sms_notify.wording.handoff_text import compose_handoff
from sms_notify.wording.languages import WORDS
from sms_notify.wording.phrases import counted

DOCS = Path(__file__).parent.parent / "docs" / "reference" / "templates.md"
SINCE = datetime(2026, 11, 22, 13, 9, tzinfo=UTC)
UNTIL = datetime(2026, 11, 22, 13, 20, tzinfo=UTC)
BRUSSELS = Reader("Europe/Brussels")
ACK = "https://sms.example.org/a/x7k2abcdefgh"


def told(name: str, place: str = "", tag: str = "k3f9", ended: bool = False, **labels: str) -> TextedIncident:
    every = {"alertname": name, "severity": "warning", **({"instance": place} if place else {}), **labels}
    return TextedIncident(tag, Alert("am", tag, Status.FIRING, every), ended=ended)


def some(
    number: int, name: str, place: str = "", ended: bool = False, **labels: str
) -> tuple[TextedIncident, ...]:
    """`number` incidents with tags of their own; without `place` they are nowhere."""
    return tuple(
        told(name, place and f"{place}{n}", f"{name[0]}{place[:3]}{ended:d}{n}", ended, **labels)
        for n in range(1, number + 1)
    )


def body(
    why: Merged,
    *held: tuple[TextedIncident, ...],
    over: tuple[TextedIncident, ...] = (),
    since: datetime | None = SINCE,
    until: datetime | None = None,
    reader: Reader = BRUSSELS,
    max_parts: int = 1,
    **more: object,
) -> str:
    digest = Digest(why, sum(held, ()), over, since, until, **more)  # type: ignore[arg-type]
    return compose_digest(digest, reader, max_parts).text.body


def test_what_was_closed_by_hand_is_no_ok() -> None:
    over = (told("HostDown", "web1"), replace(told("DiskFull", "db1"), closed_by="alice"))
    text = body(Merged.STORM, over=over)
    assert "OK HostDown web1" in text
    assert "CLOSED by alice DiskFull db1" in text


def test_of_what_came_late_it_is_said_who_takes_care_of_it() -> None:
    taken = replace(told("HostDown", "web1"), acked_by="bob")
    assert body(Merged.LATE, (taken,)) == ("LATE, 1 since 14:09: HostDown web1, acknowledged by bob #k3f9")
    assert ", acknowledged by bob: web1 #" in body(Merged.LATE, (taken, told("DiskFull", "db1", "a1b2")))
    # Two of one host are told apart by their names, two of one name and host by the tag.
    assert ", acknowledged by bob: HostDown #" in body(Merged.LATE, (taken, told("DiskFull", "web1", "a1b2")))
    assert ", acknowledged by bob: #k3f9 " in body(Merged.LATE, (taken, told("HostDown", "web1", "a1b2")))
    assert "bob" not in body(Merged.STORM, (replace(taken, ended=True), told("DiskFull", "db1", "a1b2")))


DOWN = some(12, "HostDown", severity="critical")
FULL = some(25, "DiskFull")


def test_a_storm_says_how_many_more_there_are_and_until_when() -> None:
    text = body(Merged.STORM, FULL, DOWN, until=UNTIL)
    assert text == "37 more until 14:20: 12 critical HostDown; 25 warning DiskFull #H01"


def test_of_equal_urgency_the_most_numerous_comes_first() -> None:
    text = body(Merged.STORM, some(2, "Slow"), FULL, some(3, "Hot"), until=UNTIL)
    assert text == "30 more until 14:20: 25x DiskFull, 3x Hot, 2x Slow #D01"


def test_places_are_told_where_they_fit_and_the_rest_by_number() -> None:
    text = body(Merged.STORM, some(90, "HostDown", "web-server-"), FULL, until=UNTIL)
    shown = text.count("web-server-")
    assert text.startswith("115 more until 14:20: 90x HostDown web-server-1, web-server-2, ")
    assert text.endswith(f", +{90 - shown}; 25x DiskFull #Hweb01")
    assert 140 < gsm.septets(text) <= 160


def test_places_of_what_is_critical_come_before_any_others() -> None:
    mixed = (*some(40, "Odd", "somewhere-"), told("Odd", "core1", "crit", severity="critical"))
    critical = some(5, "HostDown", "web", severity="critical")
    text = body(Merged.STORM, mixed, critical, until=UNTIL)
    assert (
        "6 critical 5x HostDown web1, web2, web3, web4, web5; Odd core1; 40 warning Odd somewhere-1" in text
    )


def test_what_ended_meanwhile_is_counted_and_no_longer_listed_among_the_open_ones() -> None:
    text = body(Merged.STORM, DOWN, some(5, "Slow", ended=True), until=UNTIL)
    assert text == "17 more until 14:20, 5 resolved, 12 open: 12x HostDown; resolved: 5x Slow #H01"
    text = body(Merged.STORM, some(5, "Slow", ended=True), until=UNTIL)
    assert text == "5 more until 14:20, all resolved: 5x Slow #S11"


def test_ends_of_what_was_told_before_are_told_along() -> None:
    text = body(Merged.STORM, DOWN, over=some(3, "HostDown"), until=UNTIL)
    assert text == "12 more until 14:20: 12x HostDown; OK 3x HostDown #H01"
    assert (
        body(Merged.STORM, over=some(1, "HostDown", "web"), until=UNTIL)
        == "OK HostDown web1, next text 14:20 #Hweb01"
    )


def test_a_small_merge_is_told_like_news() -> None:
    few = (some(12, "HostDown", "web"), some(3, "Slow", "api"))
    assert body(Merged.STORM, few[1], over=some(3, "DiskFull")) == (
        "FIRING 3x Slow: api1, api2, api3; OK 3x DiskFull #Sapi01"
    )
    assert body(Merged.STORM, some(1, "HostDown", "web", severity="critical"), few[1]) == (
        "FIRING 4x: 1 critical HostDown web1; 3 warning Slow api1, api2, api3 #Hweb01"
    )
    assert body(Merged.STORM, some(1, "Slow", "api"), some(2, "Hot", "db", ended=True)) == (
        "FIRING Slow api1; 2 resolved: 2x Hot db1, db2 #Sapi01"
    )
    assert body(Merged.STORM, some(2, "Hot", "db", ended=True)) == "2 resolved: 2x Hot db1, db2 #Hdb11"


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (
            (some(180, "HostDown", ended=True), some(12, "HostDown"), some(18, "DiskFull")),
            "210 more since 14:09: 180 resolved, 30 open: 18x DiskFull, 12x HostDown; resolved: 180x HostDown #D01",
        ),
        ((some(12, "HostDown", ended=True),), "12 more since 14:09, all resolved: 12x HostDown #H11"),
        ((some(1, "HostDown", ended=True),), "1 more since 14:09, resolved: HostDown #H11"),
        ((some(2, "HostDown"),), "2 more since 14:09, all open: 2x HostDown #H01"),
    ],
)
def test_the_end_of_a_storm_says_what_became_of_it(
    held: tuple[tuple[TextedIncident, ...], ...], text: str
) -> None:
    assert body(Merged.CLOSING, *held) == text


@pytest.mark.parametrize(
    ("why", "crowd", "text"),
    [
        (Merged.CROWD, Crowd(), "FIRING critical 2x HostDown: web1, web2, next text 14:20 #Hweb01"),
        (Merged.CROWD, Crowd(34), "FIRING critical 2 of 36: 2x HostDown web1, web2, next text 14:20 #Hweb01"),
        (
            Merged.CROWD,
            Crowd(34, more=True),
            "FIRING critical 2 of 36 left: 2x HostDown web1, web2, next text",
        ),
        (Merged.LATE, Crowd(34), "LATE, 2 of 36 since 14:09: 2x HostDown web1, web2, next text"),
        (Merged.QUIET, Crowd(34), "Held since 14:09: 2 of 36 open: 2x HostDown web1, web2, next text"),
    ],
)
def test_a_crowd_is_told_like_news_with_how_many_of_how_many(why: Merged, crowd: Crowd, text: str) -> None:
    two = some(2, "HostDown", "web", severity="critical")
    assert body(why, two, until=UNTIL, crowd=crowd).startswith(text)


@pytest.mark.parametrize(
    ("silent", "words"),
    [
        (Silent.ALL, "next text 14:20"),
        (Silent.CRITICAL, "next critical text 14:20"),
        (Silent.OTHERS, "other texts 14:20"),
    ],
)
def test_a_silence_is_said_of_what_it_is_true_of(silent: Silent, words: str) -> None:
    text = body(Merged.CLOSING, some(1, "Hot"), until=UNTIL, silent=silent)
    assert f", {words} #" in text


def test_the_end_of_a_storm_that_was_told_in_full_is_told_by_its_ends() -> None:
    over = (*some(20, "HostDown"), *some(10, "DiskFull"))
    assert body(Merged.CLOSING, over=over) == "OK 30x: 20x HostDown, 10x DiskFull #H01"


def test_the_next_silence_is_announced() -> None:
    text = body(Merged.CLOSING, some(2, "HostDown"), until=SINCE + timedelta(minutes=26))
    assert text == "2 more since 14:09, all open: 2x HostDown, next text 14:35 #H01"


def test_a_time_of_another_day_is_told_with_its_day() -> None:
    text = body(Merged.CLOSING, some(2, "Hot"), since=SINCE - timedelta(hours=15), until=UNTIL)
    assert text.startswith("2 more since Sat 23:09, all open: 2x Hot, next text 14:20")


def test_the_end_of_quiet_hours_says_what_is_open() -> None:
    ended = some(2, "Slow", ended=True)
    text = body(Merged.QUIET, some(5, "HostDown", "web"), ended, over=some(2, "DiskFull"))
    assert text == (
        "Held since 14:09: 2 resolved, 5 open: 5x HostDown web1, web2, web3, web4, web5; OK 2x DiskFull; "
        "resolved: 2x Slow #Hweb01"
    )
    assert body(Merged.QUIET, some(1, "Hot", "db")) == "Held since 14:09: 1 open: Hot db1 #Hdb01"
    assert body(Merged.QUIET, over=some(2, "DiskFull"), since=None) == "Held: OK 2x DiskFull #D01"


def test_what_is_told_too_late_says_so() -> None:
    text = body(Merged.LATE, some(2, "HostDown", "web"), some(10, "Slow", ended=True))
    assert text == (
        "LATE, 12 since 14:09: 10 resolved, 2 open: 2x HostDown web1, web2; resolved: 10x Slow #Hweb01"
    )
    assert body(Merged.LATE, over=some(2, "DiskFull")) == "LATE since 14:09: OK 2x DiskFull #D01"


@pytest.mark.parametrize(
    ("language", "storm", "quiet"),
    [
        ("nl", "Nog 2 tot 14:20, 1 opgelost, 1 open: Hot db1", "Bewaard sinds 14:09: 2 open"),
        (
            "fr",
            "2 autres jusqu'\u00e0 14:20, 1 r\u00e9solue, 1 ouverte: Hot db1",
            "En attente depuis 14:09: 2 ouvertes",
        ),
        (
            "de",
            "2 weitere bis 14:20, 1 behoben, 1 offen: Hot db1",
            "Zur\u00fcckgehalten seit 14:09: 2 offen",
        ),
    ],
)
def test_a_digest_speaks_the_readers_language(language: str, storm: str, quiet: str) -> None:
    reader = Reader("Europe/Brussels", language)
    both = some(1, "Hot", "db"), some(1, "Slow", ended=True)
    assert body(Merged.STORM, *both, until=UNTIL, reader=reader).startswith(storm)
    assert body(Merged.QUIET, some(2, "Hot", "db"), reader=reader).startswith(quiet)


def test_every_incident_that_can_be_named_is_named_before_ends_and_tag() -> None:
    critical = some(12, "HostDown", "server-", severity="critical")
    over = some(30, "SomethingElse", "there-")
    digest = Digest(Merged.STORM, critical, over, None, UNTIL)
    composed = compose_digest(digest, BRUSSELS, 2)
    assert {told.tag for told in critical} <= composed.named
    assert all(f"server-{n}" in composed.text.body for n in range(1, 13))
    assert "; OK 30x" in composed.text.body


def test_the_tag_gives_way_to_the_last_name() -> None:
    at = "x" * 36
    held = [told("HostDown", f"web{n}-{at}", f"k3f{n}", severity="critical") for n in (1, 2, 3)]
    composed = compose_digest(Digest(Merged.STORM, tuple(held), (), None, UNTIL), BRUSSELS, 1)
    assert composed.named == {"k3f1", "k3f2", "k3f3"}
    assert "#" not in composed.text.body


def test_what_is_only_counted_is_not_named() -> None:
    held = some(90, "HostDown", "web-server-", severity="critical")
    composed = compose_digest(Digest(Merged.STORM, held, (), None, UNTIL), BRUSSELS, 1)
    shown = composed.text.body.count("web-server-")
    assert composed.named == {told.tag for told in held[:shown]}
    assert 0 < shown < 12


def test_an_incident_without_a_place_is_told_apart_from_those_with_one() -> None:
    digest = Digest(Merged.STORM, (*some(2, "HostDown", "web"), told("HostDown")), (), None, UNTIL)
    composed = compose_digest(digest, BRUSSELS, 1)
    assert composed.text.body == "3 more until 14:20: 2x HostDown web1, web2; HostDown #Hweb01"
    assert len(composed.named) == 3


def test_two_at_one_place_are_told_as_two() -> None:
    held = (told("DiskFull", "db1", "a"), told("DiskFull", "db1", "b"), told("DiskFull", "db2", "c"))
    assert body(Merged.STORM, held) == "FIRING 3x DiskFull: db1 (2), db2 #a"


def test_ports_go_where_that_makes_room_for_all_names() -> None:
    def held(most: int) -> tuple[TextedIncident, ...]:
        return tuple(told("HostDown", f"web{n:02}:9100", f"k{n}") for n in range(most))

    assert "web00:9100, web01:9100" in body(Merged.STORM, held(3), until=UNTIL)
    text = body(Merged.STORM, held(15), until=UNTIL)
    assert "web00, web01" in text
    assert "web14" in text


def test_the_address_to_acknowledge_at_stays_whole_and_places_make_room() -> None:
    text = body(Merged.STORM, some(90, "HostDown", "web"), FULL, until=UNTIL, ack=ACK)
    assert text.endswith(f" ack: {ACK}")
    assert text.startswith("115 more until 14:20: 90x HostDown web1, ")


def test_an_address_that_leaves_no_room_for_a_name_is_left_out_as_a_whole() -> None:
    text = body(Merged.STORM, some(9, "HostDown", "web"), until=UNTIL, ack=f"https://{'x' * 115}.example")
    assert "ack:" not in text
    assert "web9" in text


def test_one_name_too_long_for_any_text_is_cut_rather_than_left_out() -> None:
    text = body(Merged.QUIET, some(3, "{[~]}" * 200), over=some(3, "Hot"), hidden=7, ack=ACK)
    assert text.startswith("Held since 14:09: 3 open: 3x {[~]}")
    assert gsm.parts(text) == 1


def test_a_digest_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one incident"):
        compose_digest(Digest(Merged.STORM, (), hidden=3), BRUSSELS, 1)


def test_the_examples_of_the_documentation_are_what_a_phone_shows() -> None:
    web = some(2, "HostDown", "web", severity="critical")
    next_silence = SINCE + timedelta(minutes=26)
    closing = (some(180, "HostDown", ended=True), some(12, "HostDown"), some(18, "DiskFull"))
    ended = some(2, "Slow", ended=True)
    storm = tuple(
        replace(told, tag="k3f9") for told in (*some(90, "HostDown", "web", severity="critical"), *FULL)
    )
    texts = [
        body(Merged.STORM, FULL, DOWN, until=UNTIL),
        body(Merged.STORM, storm, over=some(3, "Slow"), until=UNTIL),
        body(Merged.STORM, DOWN, some(5, "Slow", ended=True), until=UNTIL),
        body(Merged.STORM, web, over=some(3, "DiskFull")),
        body(Merged.CLOSING, *closing, until=next_silence),
        body(Merged.CLOSING, over=(*some(20, "HostDown"), *some(10, "DiskFull"))),
        body(Merged.QUIET, some(5, "HostDown", "web"), ended, over=some(2, "DiskFull")),
        body(Merged.LATE, some(2, "HostDown", "web"), some(10, "Slow", ended=True)),
    ]
    documented = DOCS.read_text("utf-8")
    shown = [re.sub(r" #\w+", " #k3f9", text) for text in texts]
    assert [text for text in shown if f"\n{text}\n" not in documented] == []


# The numbers, whatever the alerts hold.

hostile = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.sampled_from(
        ["", "\x00", "12x", "+9", "; ", ", +3; OK 9x", "\U0001f525" * 30, "{|}" * 100, "x" * 9000]
    ),
)
names = st.sampled_from(["alertname", "instance", "severity", "job", "summary", "x y"])
hostile_labels = st.dictionaries(names, hostile, max_size=5)
clean_labels = st.fixed_dictionaries(
    {"alertname": st.sampled_from(["HostDown", "DiskFull", "Slow", "A" * 50, "B" * 50, "C" * 50, "D" * 50])},
    optional={
        "instance": st.sampled_from([f"web{n}" for n in range(9)] + ["db1:9100", "node-" + "x" * 58]),
        "severity": st.sampled_from(["critical", "warning", "P1"]),
    },
)
tags = st.text("abcdefghjkmnpqrstuvwxyz23456789", min_size=4, max_size=4)
times = st.none() | st.datetimes(timezones=st.just(UTC))
readers = st.builds(Reader, st.just("Europe/Brussels"), st.sampled_from(sorted(WORDS)))


def digests(labels: st.SearchStrategy[dict[str, str]], most: int) -> st.SearchStrategy[Digest]:
    alerts = st.builds(Alert, st.just("am"), st.just("f"), st.just(Status.FIRING), labels)
    tolds = st.builds(TextedIncident, tags, alerts, ended=st.booleans())
    many = st.lists(tolds, max_size=most, unique_by=lambda told: told.tag).map(tuple)
    return st.builds(
        Digest,
        st.sampled_from(Merged),
        many,
        many,
        times,
        times,
        st.integers(-1, 10**20),
        st.sampled_from(["", ACK]),
    ).filter(lambda digest: bool(digest.held or digest.over))


def head_of(digest: Digest, language: str) -> str:
    """A pattern of how a text must begin, with the numbers of `digest`."""
    words, clock = WORDS[language], r"(?:\S+ )?\d\d:\d\d"
    ended = sum(told.ended for told in digest.held)
    opened = len(digest.held) - ended
    both = [counted(words.resolved, ended)] * bool(ended) + [counted(words.open, opened)] * bool(opened)
    more = counted(words.more, len(digest.held))
    critical = words.rank(Severity.CRITICAL)
    few = rf"{words.firing} ({critical} )?({opened}x|\S)" if opened else counted(words.resolved, ended)
    if not digest.held:
        return rf".*\b{words.ok} (\S|{len(digest.over)}x)"
    if digest.why is Merged.QUIET:
        return rf"{words.held}( {words.since} {clock})?: {', '.join(both)}"
    if digest.why is Merged.LATE:
        return rf"{words.late}, {len(digest.held)}( {words.since} {clock})?(, |: {', '.join(both)}|: )"
    if digest.why is Merged.CROWD:
        return few
    if digest.why is Merged.CLOSING:
        return rf"{more}( {words.since} {clock})?(, |: {', '.join(both)})"
    return rf"{more}{words.until} {clock}(, {', '.join(both)})?|{few}"


@settings(deadline=None, max_examples=120)
@given(digests(hostile_labels, 7), readers, st.integers(1, 3))
def test_a_digest_is_gsm_fits_and_tells_its_numbers_whatever_the_labels_hold(
    digest: Digest, reader: Reader, max_parts: int
) -> None:
    composed = compose_digest(digest, reader, max_parts)
    text = composed.text
    assert gsm.to_gsm(text.body) == text.body
    assert "\n" not in text.body
    assert 1 <= text.parts <= max_parts
    assert (text.parts, text.septets) == (gsm.parts(text.body), gsm.septets(text.body))
    assert re.match(head_of(digest, reader.language), text.body), text.body
    assert (ACK in text.body) or WORDS[reader.language].ack.format("") not in text.body
    if digest.hidden > 0:
        assert f", +{min(digest.hidden, 9999)} {WORDS[reader.language].hidden}" in text.body
    assert composed.named <= {told.tag for told in (*digest.held, *digest.over)}


_KIND = re.compile(r"(?:(\d+)x )?([A-Z]\w*(?:\.\.\.)?)(?::? (.+))?")
_PLACE = re.compile(r"[a-z][\w:-]*(?: \((\d+)\))?")


_RANKS = "|".join(words.rank(severity) for words in WORDS.values() for severity in Severity)


def of_rank(ranked: str) -> int:
    """How many `2 critical HostDown db1, Slow app1` or `7 warning DiskFull db1, +6` tells, by its number and by its items."""
    number, _, *rest = ranked.split(" ", 2)
    items = rest[0] if rest else ""
    pieces = items.split("; ")
    if len(pieces) == 1:
        pieces = re.split(", (?=[A-Z])", items)
    if len(pieces) == 1 and items:  # one kind: its number is the rank's
        pieces = [f"{number}x {items}" if int(number) > 1 else items]
    assert not items or sum(map(reckoned, pieces)) == int(number), ranked
    return int(number)


def reckoned(listing: str) -> int:
    """How many incidents `12x HostDown web1, db1 (2), +9; DiskFull; +5` tells; each kind must add up."""
    if re.match(rf"\d+ ({_RANKS})\b", listing):
        return sum(map(of_rank, re.split(rf"; (?=\d+ (?:{_RANKS})\b)", listing)))
    spread = re.search(r"[A-Z]\w*:? [a-z]", listing) is not None
    total = 0
    for piece in listing.split("; " if spread else ", "):
        if piece.startswith("+"):
            total += int(piece[1:])
            continue
        kind = _KIND.fullmatch(piece)
        assert kind, listing
        total += (count := int(kind[1] or 1))
        if kind[3]:
            assert count == sum(map(_at_place, kind[3].split(", "))), listing
    return total


def _at_place(piece: str) -> int:
    if piece.startswith("+"):
        return int(piece[1:])
    place = _PLACE.fullmatch(piece)
    assert place, piece
    return int(place[1] or 1)


def sections_of(text: str, language: str) -> tuple[str, str, str]:
    """What is listed first, then as over (`OK`), then as resolved; the ending is taken off."""
    words = WORDS[language]
    ack = words.ack.format(r"\S+")
    text = re.sub(rf" {ack}$| #\w{{4}}(?= {ack}|$)|, {words.next_text} \d\d:\d\d", "", text)
    text = re.sub(rf", \+\d+ {words.hidden}.*", "", re.sub(r" #\w{4}$", "", text))
    text, _, ended = text.partition(f"; {words.resolved_are}: ")
    first, ok, over = re.fullmatch(rf"(.*?)(?:(?:; |: |^)({words.ok}) (.*))?", text).groups("")  # type: ignore[union-attr]
    return first, f"{ok} {over}".strip(), ended


def after_status(section: str, language: str) -> int:
    """`OK 5x: 3x HostDown, 2x DiskFull`; `OK 5x`; `OK HostDown web1`."""
    words = WORDS[language]
    critical = words.rank(Severity.CRITICAL)
    listing = re.sub(rf"^({words.firing}|{words.ok}) ({critical} )?", "", section)
    if many := re.fullmatch(r"(\d+)x(?:: (.*))?", listing):
        assert many[2] is None or reckoned(many[2]) == int(many[1]), section
        return int(many[1])
    return reckoned(listing)


@settings(deadline=None, max_examples=200)
@given(digests(clean_labels, 40), readers, st.integers(1, 3))
def test_the_numbers_of_a_digest_add_up_to_what_was_held(
    digest: Digest, reader: Reader, max_parts: int
) -> None:
    text = compose_digest(digest, reader, max_parts).text.body
    first, over, ended = sections_of(text, reader.language)
    opened = [told for told in digest.held if not told.ended]
    gone = len(digest.held) - len(opened)
    assert (after_status(over, reader.language) if over else 0) == len(digest.over), text
    if ended:
        assert reckoned(ended) == gone, text
    if first.startswith(WORDS[reader.language].firing):
        words = counted(WORDS[reader.language].resolved, gone)
        first, _, resolved = first.partition(f"; {words}")
        assert after_status(first, reader.language) == len(opened), text
        assert (reckoned(resolved[2:]) if resolved else gone) == gone, text
    elif listing := re.search(r": ((?:\d+x )?[A-Z]\w.*)", first):
        assert reckoned(listing[1]) == (len(opened) or gone), text


@settings(deadline=None, max_examples=150)
@given(digests(clean_labels, 30), st.integers(1, 3))
def test_an_incident_that_counts_as_named_stands_there_with_name_and_place(
    digest: Digest, parts: int
) -> None:
    composed = compose_digest(digest, BRUSSELS, parts)
    held = {told.tag for told in digest.held}
    for told in (*digest.held, *(told for told in digest.over if told.tag not in held)):
        if told.tag in composed.named and [t.tag for t in digest.over].count(told.tag) <= (
            told.tag not in held
        ):
            assert told.alert.labels["alertname"] in composed.text.body
            assert told.alert.labels.get("instance", "").split(":")[0] in composed.text.body


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.sampled_from(["HostDown", "DiskFull", "Slow"]), min_size=1, max_size=6),
    st.sampled_from(Merged),
)
def test_a_few_incidents_are_all_named(kinds: list[str], why: Merged) -> None:
    held = tuple(told(name, f"web{n}", f"k3f{n}", severity="critical") for n, name in enumerate(kinds))
    composed = compose_digest(Digest(why, held, (), SINCE, UNTIL), BRUSSELS, 1)
    assert composed.named == {told.tag for told in held}


def test_ten_thousand_incidents_are_told_in_one_part() -> None:
    text = body(Merged.STORM, some(9_000, "HostDown", "web"), some(1_001, "DiskFull", "db"), until=UNTIL)
    assert text.startswith("10001 more until 14:20: 9000x HostDown web1, web2, ")
    assert gsm.parts(text) == 1


# Who takes over.

MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "On call for primary until Mon 30 Nov 09:00. 3 open: 2x HostDown web1, web2; Hot db1 #Hweb01"),
        ("nl", "Van wacht voor primary tot ma 30 nov 09:00. 3 open: 2x HostDown web1, web2; Hot db1 #Hweb01"),
        (
            "fr",
            "D'astreinte pour primary jusqu'au lun 30 nov 09:00. 3 ouvertes: 2x HostDown web1, web2; Hot db1 #Hweb01",
        ),
        (
            "de",
            "Bereitschaft f\u00fcr primary bis Mo 30. Nov 09:00. 3 offen: 2x HostDown web1, web2; Hot db1 #Hweb01",
        ),
    ],
)
def test_who_takes_over_hears_until_when_and_what_is_open(language: str, text: str) -> None:
    incidents = (*some(1, "Hot", "db"), *some(2, "HostDown", "web"))
    composed = compose_handoff(HandOff("primary", MONDAY, incidents), Reader("Europe/Brussels", language))
    assert composed.text.body == text
    assert composed.named == {told.tag for told in incidents}


def test_who_takes_over_nothing_hears_that_nothing_is_open() -> None:
    assert compose_handoff(HandOff("primary", MONDAY), BRUSSELS).text.body == (
        "On call for primary until Mon 30 Nov 09:00, nothing open"
    )
    assert compose_handoff(HandOff("primary"), BRUSSELS).text.body == "On call for primary, nothing open"


@settings(deadline=None, max_examples=100)
@given(hostile, times, digests(hostile_labels, 5), readers, st.integers(1, 3))
def test_a_hand_over_is_gsm_fits_and_tells_how_many_are_open(
    schedule: str, until: datetime | None, digest: Digest, reader: Reader, max_parts: int
) -> None:
    text = compose_handoff(HandOff(schedule, until, digest.held), reader, max_parts).text
    words = WORDS[reader.language]
    assert gsm.to_gsm(text.body) == text.body
    assert 1 <= text.parts <= max_parts
    assert text.body.startswith(words.on_call.split("{")[0])
    number = len(digest.held)
    assert (f". {counted(words.open, number)}" if number else words.nothing_open) in text.body


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_every_language_has_its_days_and_months(words: object) -> None:
    assert len(words.weekdays.split()) == 7  # type: ignore[attr-defined]
    assert len(words.months.split()) == 12  # type: ignore[attr-defined]


def test_a_word_that_is_said_of_one_kind_stands_where_it_cannot_be_taken_for_the_next_one() -> None:
    silent = replace(told("DiskFull", "db1"), heard_at=SINCE)
    coming_and_going = replace(told("Link", "sw1"), flapping=True)
    text = body(Merged.QUIET, (silent, coming_and_going, told("HostDown", "web1")), until=None)
    assert "HostDown web1; UNHEARD DiskFull db1; FLAPPING Link sw1" in text, text
