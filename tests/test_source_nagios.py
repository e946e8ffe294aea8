"""Notification commands of Nagios Core 4.4.6 as recorded, and what a plugin or a typing error makes of them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Delivery, Handed, Severity, Status
from sms_notify.errors import ParseError
from sms_notify.policy.episodes import Episode, hear
from sms_notify.policy.vocabulary import Heard
from sms_notify.sources import hook_record, input_limits, nagios

PAYLOADS = Path(__file__).parent / "payloads" / "nagios"
AT = datetime(2026, 11, 22, 13, 14, 36, 400_000, UTC)

# name → alertname, status, severity, state, `notification`; what is not named here is not an alert of that recording.
HTTP, FLAPPY, HOST = "HTTP", "Flappy", "HostDown"
TYPES: dict[str, list[tuple[str, str, str, str, str]]] = {
    "01-service-problem": [(HTTP, "firing", "warning", "WARNING", "")],
    "02-service-problem": [(HTTP, "firing", "critical", "CRITICAL", "")],
    "03-service-acknowledgement": [(HTTP, "firing", "critical", "CRITICAL", "")],
    "04-service-custom": [("Custom HTTP", "firing", "critical", "CRITICAL", "custom")],
    "05-service-recovery": [(HTTP, "resolved", "critical", "CRITICAL", "")],
    "06-service-problem": [(HTTP, "firing", "warning", "UNKNOWN", "")],
    "07-service-recovery": [(HTTP, "resolved", "warning", "UNKNOWN", "")],
    "08-service-downtimestart": [("Downtime HTTP", "firing", "info", "OK", "downtime")],
    "09-service-downtimeend": [
        ("Downtime HTTP", "resolved", "info", "OK", "downtime"),
        (HTTP, "resolved", "warning", "UNKNOWN", ""),
    ],
    "10-service-downtimestart": [("Downtime HTTP", "firing", "info", "OK", "downtime")],
    "11-service-downtimecancelled": [
        ("Downtime HTTP", "resolved", "info", "OK", "downtime"),
        (HTTP, "resolved", "warning", "UNKNOWN", ""),
    ],
    "12-host-custom": [("Custom host", "firing", "warning", "UP", "custom")],
    "13-host-problem": [(HOST, "firing", "critical", "DOWN", "")],
    "14-host-acknowledgement": [(HOST, "firing", "critical", "DOWN", "")],
    "15-host-recovery": [(HOST, "resolved", "critical", "DOWN", "")],
    "16-host-problem": [(HOST, "firing", "critical", "DOWN", "")],
    "17-host-problem": [(HOST, "firing", "warning", "UNREACHABLE", "")],
    "18-host-recovery": [(HOST, "resolved", "critical", "DOWN", "")],
    "19-host-recovery": [(HOST, "resolved", "warning", "UNREACHABLE", "")],
    "20-service-problem": [(FLAPPY, "firing", "critical", "CRITICAL", "")],
    "21-service-recovery": [(FLAPPY, "resolved", "critical", "CRITICAL", "")],
    "22-service-flappingstart": [("Flapping Flappy", "firing", "warning", "CRITICAL", "flapping")],
    "23-service-flappingstop": [
        ("Flapping Flappy", "resolved", "warning", "OK", "flapping"),
        (FLAPPY, "resolved", "", "", ""),
    ],
}


def recorded(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return loaded


def told(*arguments: str, at: datetime = AT, **environment: str) -> Delivery:
    return hook_record.parse(Handed("nagios", at, arguments, environment))


def only(*arguments: str, at: datetime = AT, **environment: str) -> Alert:
    (alert,) = told(*arguments, at=at, **environment).alerts
    return alert


def of_type(name: str) -> Delivery:
    one = recorded("types")[name]["arguments"]
    epoch = next(int(word.removeprefix("TIMET=")) for word in one if word.startswith("TIMET="))
    return told(*one, at=datetime.fromtimestamp(epoch + 0.3, UTC))


def service(kind: str, state: str, *more: str, at: datetime = AT) -> Alert:
    return told(f"--type={kind}", "--host=web1", "--service=HTTP", f"--state={state}", *more, at=at).alerts[0]


# The recordings


def test_every_recorded_type_is_in_the_table() -> None:
    assert set(TYPES) == set(recorded("types"))


@pytest.mark.parametrize("name", TYPES)
def test_every_recorded_type_is_told_as_what_it_is(name: str) -> None:
    alerts = of_type(name).alerts
    assert [
        (
            alert.labels["alertname"],
            str(alert.status),
            *(alert.labels.get(label, "") for label in ("severity", "state", "notification")),
        )
        for alert in alerts
    ] == TYPES[name]
    for alert in alerts:
        assert alert.source == "nagios"
        assert (
            alert.labels["host"]
            == alert.labels["instance"]
            == ("router1" if name[:2] in ("16", "18") else "web1")
        )
        assert ("service" in alert.labels) is ("service" in name)


@pytest.mark.parametrize("name", TYPES)
def test_the_times_are_those_of_nagios_and_not_of_a_late_hook(name: str) -> None:
    for alert in of_type(name).alerts:
        moment = alert.starts_at if alert.status is Status.FIRING else alert.ends_at
        assert moment is not None
        assert moment.year == 2026
        assert (alert.starts_at is None) is (alert.status is Status.RESOLVED)
        assert (alert.ends_at is None) is (alert.status is Status.FIRING)


def test_the_environment_tells_the_same_as_arguments_but_raw() -> None:
    problem, ack, host = (told(*one["arguments"], **one["environment"]) for one in recorded("env").values())
    assert problem.alerts[0].annotations["summary"] == "HTTP CRITICAL: $HOME `id` \"dq\" 'sq' <b>&amp:"
    assert problem.alerts[0].annotations["description"] == "second line\nthird"
    assert problem.alerts[0].fingerprint == of_type("01-service-problem").alerts[0].fingerprint
    assert ack.acks[0].comment == "ack 'quoted' $HOME"
    assert host.alerts[0].fingerprint == of_type("13-host-problem").alerts[0].fingerprint


def test_custom_variables_of_the_environment_are_not_told() -> None:
    for one in recorded("env").values():
        for alert in told(**one["environment"], NAGIOS__HOSTSNMPCOMMUNITY="hunter2").alerts:
            assert "hunter2" not in str(alert)
            assert "+15551230001" not in str(alert)
            assert "zrh1" not in alert.labels.values()


def test_arguments_come_before_the_environment() -> None:
    alert = only(
        "--host=web9", NAGIOS_HOSTNAME="web1", NAGIOS_HOSTSTATE="DOWN", NAGIOS_NOTIFICATIONTYPE="PROBLEM"
    )
    assert (alert.labels["host"], alert.labels["state"]) == ("web9", "DOWN")


def test_repeats_are_one_episode_which_the_recovery_ends() -> None:
    calls = [one["arguments"] for one in recorded("repeat").values()]
    alerts = [
        service(
            kind, state, f"--problem-id={problem}", f"--notification-id={number}", "--last-state=CRITICAL"
        )
        for kind, number, _, problem, _, _, state in calls
    ]
    assert len({alert.fingerprint for alert in alerts}) == 1
    assert [str(alert.status) for alert in alerts] == ["firing"] * 4 + ["resolved"]


def test_one_command_for_each_contact_is_one_episode() -> None:
    calls = [one["arguments"] for one in recorded("contacts").values()]
    assert len({call[0] for call in calls}) == 4
    alerts = [
        service("PROBLEM", "CRITICAL", f"--problem-id={call[2]}", "--since=1795353276") for call in calls
    ]
    assert all(alert == alerts[0] for alert in alerts)


@pytest.mark.parametrize("folder", ["timeout", "stdin"])
def test_a_call_without_a_notification_in_it_is_refused_with_what_to_do(folder: str) -> None:
    for one in recorded(folder).values():
        with pytest.raises(ParseError, match="integrations/"):
            told(*one["arguments"])


def texts() -> list[Any]:
    found = recorded("text")
    return [
        pytest.param(name.split(":")[0], call, id=name)
        for name, one in found.items()
        for call in one.get("calls", [])
    ]


@pytest.mark.parametrize(("how", "call"), texts())
def test_every_recorded_output_is_told(how: str, call: list[str]) -> None:
    said, rest = (call[1:-1], ()) if how == "unquoted" else (call[1:2], call[2:3])
    words = (f"--output={said[0]}", *said[1:], *(f"--long-output={text}" for text in rest))
    alert = service("PROBLEM", "CRITICAL", *words)
    clean = " ".join(said).replace("\udce9", "\ufffd").strip()
    assert alert.annotations["summary"] == clean
    assert alert.annotations.get("description", "") == (
        rest[0].replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\") if rest and rest[0] else ""
    )
    str(alert.annotations).encode()


def test_recordings_of_texts_are_all_there() -> None:
    assert len(texts()) >= 60


# The traps of the real system, one by one


def test_the_recovery_of_a_host_has_problem_id_0_and_ends_the_episode_all_the_same() -> None:
    problem, recovery = of_type("13-host-problem"), of_type("15-host-recovery")
    assert problem.alerts[0].fingerprint == recovery.alerts[0].fingerprint


def test_warning_that_becomes_critical_keeps_the_episode_and_raises_the_severity() -> None:
    warning, critical = of_type("01-service-problem").alerts[0], of_type("02-service-problem").alerts[0]
    assert warning.fingerprint == critical.fingerprint
    assert (warning.severity, critical.severity) == (Severity.WARNING, Severity.CRITICAL)


def test_down_that_becomes_unreachable_keeps_the_episode() -> None:
    down = only("--type=PROBLEM", "--host=web1", "--state=DOWN")
    assert down.fingerprint == only("--type=PROBLEM", "--host=web1", "--state=UNREACHABLE").fingerprint


def test_ids_that_restart_with_the_daemon_end_nothing_wrongly() -> None:
    first = service("PROBLEM", "CRITICAL", "--problem-id=7")
    other = told("--type=RECOVERY", "--host=web2", "--service=HTTP", "--state=OK", "--problem-id=7").alerts[0]
    assert first.fingerprint != other.fingerprint


def test_an_unknown_macro_that_stays_as_text_or_dollar_counts_as_not_said() -> None:
    assert "NOTIFICATIONID=$" in recorded("types")["01-service-problem"]["arguments"]
    alert = service("PROBLEM", "CRITICAL", "--team=$_SERVICETEAM$", "--address=$", "--author=$")
    assert not {"team", "address", "author"} & {*alert.labels, *alert.annotations}


def test_a_newline_of_long_output_arrives_as_backslash_n_and_is_one_again() -> None:
    alert = of_type("02-service-problem").alerts[0]
    assert alert.annotations["summary"] == "HTTP CRITICAL: 503 Service Unavailable"
    assert alert.annotations["description"] == "second line\nthird line"


def test_a_doubled_backslash_of_long_output_is_one_again_and_never_a_newline() -> None:
    alert = service("PROBLEM", "CRITICAL", "--output=x", r"--long-output=C:\\new\nC:\\temp")
    assert alert.annotations["description"] == "C:\\new\nC:\\temp"


def test_a_backslash_in_the_output_itself_is_left_alone() -> None:
    assert service("PROBLEM", "CRITICAL", r"--output=C:\new").annotations["summary"] == r"C:\new"


def test_an_output_that_begins_with_dashes_is_no_option() -> None:
    alert = service("PROBLEM", "CRITICAL", "--output=--exit 9 -h --help")
    assert alert.annotations["summary"] == "--exit 9 -h --help"


def test_words_torn_off_by_a_missing_quote_are_put_back() -> None:
    alert = service(
        "PROBLEM", "CRITICAL", "--output=DISK", "CRITICAL", "-", "/var=1%", "--help", "--author=x"
    )
    assert alert.annotations["summary"] == "DISK CRITICAL - /var=1% --help"


def test_what_an_output_tears_loose_does_not_change_host_or_state() -> None:
    alert = service("PROBLEM", "CRITICAL", "--output=a", "--state=OK", "--host=evil", "--type=RECOVERY")
    assert (alert.status, alert.labels["host"], alert.labels["state"]) == (Status.FIRING, "web1", "CRITICAL")


def test_latin_1_bytes_in_the_output_become_characters_that_can_be_stored() -> None:
    alert = service("PROBLEM", "CRITICAL", "--output=caf\udce9", "--team=\udcfc")
    assert alert.annotations["summary"] == "caf\ufffd"
    assert alert.labels["team"] == "\ufffd"


def test_control_characters_colours_and_crlf_are_gone() -> None:
    alert = service("PROBLEM", "CRITICAL", "--output=a\x1b[31mred\x1b[0m\x07\tb\r\nmore\x00")
    assert alert.annotations["summary"] == "ared b"
    assert alert.annotations["description"] == "more\ufffd"


def test_20_kb_of_output_are_cut_to_what_can_be_kept() -> None:
    alert = service("PROBLEM", "CRITICAL", "--output=" + "x" * 20_000, "--long-output=" + "y\\n" * 10_000)
    assert len(alert.annotations["summary"]) == input_limits.MAX_VALUE
    assert all(len(text) <= input_limits.MAX_VALUE for text in alert.annotations.values())


def test_empty_output_is_told_as_nagios_words_it() -> None:
    alert = service("PROBLEM", "CRITICAL", "--output=(No output returned from plugin)")
    assert alert.annotations["summary"] == "(No output returned from plugin)"


def test_a_soft_state_says_so_in_a_label() -> None:
    assert service("PROBLEM", "CRITICAL", "--state-type=SOFT").labels["state_type"] == "SOFT"
    assert "state_type" not in service("PROBLEM", "CRITICAL", "--state-type=HARD").labels


@pytest.mark.parametrize("kind", ["FLAPPINGSTOP", "FLAPPINGEND", "FLAPPINGDISABLED"])
def test_every_end_of_flapping_ends_the_flapping(kind: str) -> None:
    start, end = service("FLAPPINGSTART", "CRITICAL"), service(kind, "CRITICAL")
    assert start.fingerprint == end.fingerprint != service("PROBLEM", "CRITICAL").fingerprint
    assert (start.status, end.status) == (Status.FIRING, Status.RESOLVED)


@pytest.mark.parametrize("kind", ["DOWNTIMEEND", "DOWNTIMECANCELLED", "DOWNTIMEREMOVED"])
def test_every_end_of_a_downtime_ends_the_downtime(kind: str) -> None:
    start, end = service("DOWNTIMESTART", "OK", "--comment=maintenance"), service(kind, "OK")
    assert start.fingerprint == end.fingerprint != service("FLAPPINGSTART", "OK").fingerprint
    assert (start.annotations["summary"], start.severity) == ("maintenance", Severity.INFO)


def test_a_recovery_that_was_held_back_in_a_downtime_is_told_at_its_end() -> None:
    problem = service("PROBLEM", "CRITICAL")
    ends = told("--type=DOWNTIMEEND", "--host=web1", "--service=HTTP", "--state=OK").alerts
    assert (ends[1].fingerprint, ends[1].status) == (problem.fingerprint, Status.RESOLVED)
    assert len(told("--type=DOWNTIMEEND", "--host=web1", "--service=HTTP", "--state=CRITICAL").alerts) == 1


def test_an_acknowledgement_names_who_and_brings_the_trouble_along() -> None:
    delivery = of_type("03-service-acknowledgement")
    (ack,) = delivery.acks
    assert (ack.by, ack.comment, ack.source) == ("Bob Smith", "working on it", "nagios")
    assert (
        ack.fingerprint
        == delivery.alerts[0].fingerprint
        == of_type("02-service-problem").alerts[0].fingerprint
    )


def test_an_acknowledgement_where_all_is_well_opens_nothing() -> None:
    delivery = told("--type=ACKNOWLEDGEMENT", "--host=web1", "--state=UP")
    assert delivery.alerts == ()
    assert delivery.acks[0].by == "nagios"


def test_a_problem_takes_back_what_this_monitor_acknowledged_before() -> None:
    ack = of_type("03-service-acknowledgement").acks[0]
    (unack,) = of_type("02-service-problem").unacks
    assert unack.ref == ack.ref
    assert unack.made_at is not None
    assert ack.made_at is not None
    assert unack.made_at < ack.made_at  # this one came before


def test_a_notification_without_its_own_time_counts_after_a_minute() -> None:
    ack = told("--type=ACKNOWLEDGEMENT", "--host=web1", "--state=DOWN", at=AT).acks[0]
    (unack,) = told("--type=PROBLEM", "--host=web1", "--state=DOWN", at=AT + timedelta(minutes=1)).unacks
    assert unack.made_at == ack.made_at == AT


@pytest.mark.parametrize(
    "kind", ["RECOVERY", "ACKNOWLEDGEMENT", "FLAPPINGSTART", "DOWNTIMEEND", "CUSTOM", "X"]
)
def test_nothing_but_a_problem_takes_an_acknowledgement_back(kind: str) -> None:
    assert told(f"--type={kind}", "--host=web1", "--state=DOWN").unacks == ()


@pytest.mark.parametrize(("since", "known"), [("--since=1795353270", True), ("--since=", False)])
def test_a_start_that_was_not_told_is_not_taken_for_one(since: str, known: bool) -> None:
    assert service("PROBLEM", "CRITICAL", since).start_told is known


def test_custom_notifications_with_other_words_are_other_alerts() -> None:
    one, other = (
        service("CUSTOM", "OK", f"--comment={text}", "--author=Bob") for text in ("call me", "done")
    )
    assert (one.annotations["summary"], one.labels["notification"]) == ("call me", "custom")
    assert one.fingerprint != other.fingerprint != service("PROBLEM", "CRITICAL").fingerprint


def test_a_custom_notification_to_four_contacts_is_one_alert_and_the_same_words_later_another() -> None:
    def name(seconds: float, *more: str) -> str:
        at = AT + timedelta(seconds=seconds)
        return service("CUSTOM", "OK", "--comment=call me", *more, at=at).fingerprint

    assert name(0) == name(2) != name(1_200)
    assert (
        name(0, "--notification-id=4") == name(1_200, "--notification-id=4") != name(0, "--notification-id=5")
    )


def test_a_type_that_nobody_knows_is_told_by_its_state() -> None:
    assert service("SOMETHING", "CRITICAL").status is Status.FIRING
    assert service("SOMETHING", "OK").status is Status.RESOLVED


# Nothing is dropped for a missing field


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--type=PROBLEM",), Status.FIRING),
        (("--output=it burns",), Status.FIRING),
        (("--host=web1",), Status.FIRING),
        (("--type=RECOVERY", "--host=web1"), Status.RESOLVED),
        (("--type=problem", "--host=web1"), Status.FIRING),
        (("--state=DOWN",), Status.FIRING),
        (("HOSTNAME=web1", "NOTIFICATIONTYPE=RECOVERY"), Status.RESOLVED),
    ],
)
def test_an_alert_with_few_fields_is_still_told(arguments: tuple[str, ...], status: Status) -> None:
    assert only(*arguments).status is status


def test_a_problem_without_a_state_is_told_as_the_worst() -> None:
    assert only("--type=PROBLEM", "--host=web1").severity is Severity.CRITICAL


def test_a_severity_that_was_chosen_is_kept() -> None:
    assert service("PROBLEM", "CRITICAL", "--severity=Info").severity is Severity.INFO


def test_any_other_option_is_a_label_and_names_nothing() -> None:
    alert = service("PROBLEM", "CRITICAL", "--team=dba", "--run-book=x")
    assert (alert.labels["team"], alert.labels["run_book"]) == ("dba", "x")
    assert alert.fingerprint == service("PROBLEM", "CRITICAL").fingerprint


def test_labels_may_come_from_the_environment_too() -> None:
    assert only("--host=web1", SMS_NOTIFY_LABEL_team="dba").labels["team"] == "dba"


def test_two_monitors_with_a_host_of_one_name_are_kept_apart_where_they_say_who_they_are() -> None:
    names = {only("--host=localhost", f"--monitor={name}").fingerprint for name in ("ams", "zrh")}
    assert len(names) == 2


def test_a_host_and_its_service_and_likely_spellings_are_all_different() -> None:
    names = [("ab", ""), ("a", "b"), ("b", "a"), ("a", ""), ("ab", "ab")]
    found = {told(f"--host={h}", f"--service={s}", "--state=DOWN").alerts[0].fingerprint for h, s in names}
    assert len(found) == len(names)


# Times


def test_a_new_problem_in_the_very_second_of_a_recovery_is_news() -> None:
    second = "--since=1795353276"
    recovery = service("RECOVERY", "OK", second, at=AT)
    problem = service("PROBLEM", "CRITICAL", second, at=AT + timedelta(milliseconds=300))
    closed = Episode(1, AT, AT, ended_at=recovery.ends_at, closed_at=AT)
    assert hear(problem, closed, problem.severity, AT + timedelta(seconds=1)) is Heard.FIRST


def test_a_late_copy_of_a_problem_that_has_ended_is_held() -> None:
    problem = service("PROBLEM", "CRITICAL", "--since=1795353270", at=AT + timedelta(seconds=5))
    recovery = service("RECOVERY", "OK", "--since=1795353276")
    closed = Episode(1, AT, problem.starts_at, ended_at=recovery.ends_at, closed_at=AT)
    again = service("PROBLEM", "CRITICAL", "--since=1795353270", at=AT + timedelta(seconds=6))
    assert hear(again, closed, again.severity, AT + timedelta(seconds=6)) is Heard.HELD_COPY


@pytest.mark.parametrize("text", ["0", "", "-1", "x", "999999999999", "1e400", "٣" * 9, "17953532760", "nan"])
def test_a_time_that_no_clock_shows_is_the_time_of_the_call(text: str) -> None:
    assert service("PROBLEM", "CRITICAL", f"--since={text}", f"--time={text}").starts_at == AT


# What is hostile


@pytest.mark.parametrize(
    "arguments", [(), ("",), ("service",), ("--team=x",), ("--output=",), ("--host=$HOSTNAME$",)]
)
def test_what_is_no_notification_is_refused_in_one_line_that_quotes_nothing(
    arguments: tuple[str, ...],
) -> None:
    with pytest.raises(ParseError) as refused:
        told(*arguments, NAGIOS__HOSTPASSWORD="hunter2")
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_bomb_of_options_is_cut() -> None:
    alert = service("PROBLEM", "CRITICAL", *(f"--label{n}=x" for n in range(5_000)))
    assert len(alert.labels) == input_limits.MAX_PAIRS
    assert alert.labels["host"] == "web1"


WORDS = st.text(max_size=20) | st.sampled_from(
    ["PROBLEM", "OK", "$", "\udce9", "\0", "--", "1795353276", "{}", "{0}"]
)
KEYS = st.sampled_from(
    ["--type", "--host", "--service", "--state", "--since", "--output", "--x", "HOSTNAME", "", "é"]
)
ARGUMENTS = st.lists(WORDS | st.builds(lambda key, word: f"{key}={word}", KEYS, WORDS), max_size=8)
VARIABLES = st.sampled_from(
    [
        "NAGIOS_HOSTNAME",
        "NAGIOS_NOTIFICATIONTYPE",
        "NAGIOS_TIMET",
        "ICINGA_TYPE",
        "SMS_NOTIFY_LABEL_",
        "NAGIOS_",
    ]
)


@given(
    ARGUMENTS,
    st.dictionaries(VARIABLES | st.text(max_size=5), WORDS, max_size=5),
    st.sampled_from(["nagios", "icinga"]),
)
@settings(max_examples=300, deadline=None)
def test_any_call_gives_alerts_that_can_be_stored_or_a_parse_error(
    arguments: list[str], environment: dict[str, str], hook: str
) -> None:
    try:
        delivery = hook_record.parse(Handed(hook, AT, tuple(arguments), environment))
    except ParseError:
        return
    assert delivery.alerts or delivery.acks
    for alert in delivery.alerts:
        assert len(alert.fingerprint) <= 64
        for text in (*alert.labels, *alert.labels.values(), *alert.annotations.values()):
            assert "\0" not in text
            text.encode()
    for ack in delivery.acks:
        f"{ack.by}{ack.comment}".encode()


def test_the_macros_that_are_read_are_those_of_the_recordings() -> None:
    names = {word.partition("=")[0] for one in recorded("types").values() for word in one["arguments"]}
    known = {
        name.format(about)
        for spellings in nagios.MACROS.values()
        for name in spellings
        for about in ("HOST", "SERVICE")
    }
    of_other_scripts = {"ADDRESS", "SERVICENAME", "MESSAGE", "MSG", "TEXT"}
    of_the_other_kind = {"LASTHOSTOK", "LASTSERVICEUP"}  # a host is UP where a service is OK
    assert known - names <= {"NOTIFICATIONAUTHORNAME"} | of_other_scripts | of_the_other_kind


def test_every_option_is_documented_with_its_macros() -> None:
    told = (Path(__file__).parent.parent / "docs" / "reference" / "sources.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `--([a-z-]+)` \| (.*)$", told.partition("## Zabbix")[0], re.MULTILINE))
    assert set(rows) == {*nagios.MACROS, "severity", "monitor", "problem-id"}
    for option, spellings in nagios.MACROS.items():
        assert f"${spellings[0].format('SERVICE')}$" in rows[option]


def test_no_documented_option_becomes_a_label_by_accident() -> None:
    alert = service("PROBLEM", "CRITICAL", *(f"--{option}=1" for option in nagios.MACROS), "--problem-id=1")
    assert set(alert.labels) == {
        "alertname", "instance", "host", "service", "severity", "state", "address", "hostgroup", "servicegroup",
    }  # fmt: skip
