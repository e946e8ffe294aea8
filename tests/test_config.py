"""The configuration: what it comes to, every fault at once, and secrets that stay secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from sms_notify.channels.settings import (
    AppriseSettings,
    CommandSettings,
    EmailSettings,
    MailTls,
    OperatorKind,
    OperatorTarget,
    WebhookSettings,
)
from sms_notify.cli.config import check_config, config_group, hash_password
from sms_notify.config import Settings, config_schema, find_config, load
from sms_notify.config.alertmanagers import Alertmanager
from sms_notify.config.coverage_gaps import gap_faults
from sms_notify.config.document import parse_document
from sms_notify.config.durations import DurationError, parse_duration, spell_duration
from sms_notify.config.limits import CreditsSection, Expire, FlappingSection, LimitsSection
from sms_notify.config.models import (
    GATEWAY_MODELS,
    Config,
    PersonSection,
    ReceiverSection,
    Root,
    RouteSection,
    StepSection,
    Web,
)
from sms_notify.config.phone import NumberError, parse_number
from sms_notify.config.schedules import LayerSection, RotationSection, ScheduleSection
from sms_notify.config.settings import EXPIRE, CalendarSource
from sms_notify.config.time_intervals import Interval, NamedInterval, QuietSection, TimeRange
from sms_notify.errors import ConfigError
from sms_notify.policy import rate_limits as limiting
from sms_notify.policy import rotations
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.holds import Window
from sms_notify.policy.rate_limits import STANDARD, parse_limit
from sms_notify.policy.rotations import Shift
from sms_notify.policy.routing import Step
from sms_notify.policy.ruleset import Timing
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.secret import Secret
from sms_notify.silences.settings import AlertmanagerSettings
from sms_notify.web import passwords
from sms_notify.web.roles import Token, User

HERE = Path(__file__).parent
CONFIGS = HERE.parent / "configs"
BAD = HERE / "bad_configs"
CANARY = "canary-canary-canary"
HASH = passwords.hash_password("open sesame", bytes(16))
ENVIRON = {
    "SMS_PASSWORD": CANARY,
    "WEBHOOK_TOKEN": f"{CANARY}-token",
    "OPS_PASSWORD_HASH": HASH,
    "SMTP_PASSWORD": f"{CANARY}-smtp",
    "CHAT_URL": f"https://chat.example.org/hooks/{CANARY}?x=y",
    "CHAT_TOKEN": f"{CANARY}-chat",
    "ALERTMANAGER_TOKEN": f"{CANARY}-alertmanager",
    "BACKUP_WATCH": f"{CANARY}-watch",
    "APPRISE_URL": f"json://user:{CANARY}@chat.example.org/",
}
MINIMAL = (CONFIGS / "minimal.yml").read_text()
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "sms-notify.yml"
        path.write_text(text)
        return path

    return written


@pytest.fixture
def secret_file(tmp_path: Path) -> Callable[[str, int], Path]:
    def written(text: str, mode: int) -> Path:
        path = tmp_path / "secret"
        path.write_text(text)
        path.chmod(mode)
        return path

    return written


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, ENVIRON)
    return [str(fault).removeprefix(str(path)) for fault in caught.value.faults]


# --- every mistake, one file each


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yml")), ids=lambda path: path.stem)
def test_a_mistake_is_told_with_line_place_and_advice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    head = "# expect: "
    expected = [line.removeprefix(head) for line in path.read_text().splitlines() if line.startswith(head)]
    with pytest.raises(ConfigError) as caught:
        load(Path(path.name), {"SMS_PASSWORD": CANARY})
    assert expected
    assert [str(fault) for fault in caught.value.faults] == expected
    assert "canary" not in str(caught.value) + repr(caught.value)
    assert all(fault.advice for fault in caught.value.faults)


def test_faults_come_in_the_order_of_the_file(write: Write) -> None:
    text = (
        MINIMAL.replace("acme\n", "acme\n    timeout: 5\n").replace("+31 6 12345678", "06") + "nonsense: 1\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(write(text), ENVIRON)
    lines = [fault.line for fault in caught.value.faults]
    assert len(lines) == 3
    assert lines == sorted(lines)


# --- what a good one comes to


def test_the_smallest_configuration_loads_without_a_warning() -> None:
    found = load(CONFIGS / "minimal.yml", ENVIRON)
    assert found.warnings == ()
    assert found.storage_url == "sqlite:///var/lib/sms-notify/sms-notify.db"
    assert (found.web.host, found.web.port, found.web.open) == ("127.0.0.1", 9601, True)
    assert found.directory.people["alice"].number == "+31612345678"
    assert found.receivers["oncall"].notify == (Target(TargetKind.PERSON, "alice"),)
    assert found.gateways[0].password.reveal() == CANARY
    assert found.source == str(CONFIGS / "minimal.yml")


def test_the_full_configuration_loads_and_says_what_it_writes() -> None:
    found = load(CONFIGS / "full.yml", ENVIRON)
    assert found.warnings == ()
    assert found.web.users == {"ops": User(Secret(HASH))}
    assert found.web.tokens == (Token(Secret(f"{CANARY}-token")),)
    gateway = found.gateways[0]
    assert (gateway.url, gateway.timeout, gateway.concurrency) == (
        "https://gateway.example.org/module/",
        15.0,
        4,
    )
    assert found.directory.teams == {"dba": ("alice", "bob")}
    hq = found.receivers["hq"]
    assert (hq.max_parts, hq.send_resolved, hq.template) == (2, False, "short")
    assert hq.notify[1] == Target(TargetKind.NUMBER, "+32470000002")
    assert found.receivers["nobody"].notify == ()


@pytest.mark.parametrize(
    ("top", "own", "hours"),
    [
        ("", "", None),
        ("ack_expires: 4h", "", 4),
        ("ack_expires: 4h", "ack_expires: 2h", 2),
        ("ack_expires: 4h", "ack_expires: off", None),
        ("ack_expires: off", "ack_expires: 2h", 2),
        ("", "ack_expires: 2h", 2),
    ],
)
def test_a_receivers_own_word_about_the_lapse_goes_before_the_top_levels(
    write: Write, top: str, own: str, hours: int | None
) -> None:
    named = f"    {own}\n" if own else ""
    oncall = load(write(f"{MINIMAL}{named}{top}\n"), ENVIRON).receivers["oncall"]

    assert oncall.ack_expires == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize(
    ("written", "armed", "warnings"),
    [
        ("", False, []),
        ("gateway_armed: false", False, []),
        ("gateway_armed: true", True, ["has no step to arm: there is no `escalate`"]),
        ("gateway_armed: true\n    escalate: [{after: 5m, notify: ['+32470000009']}]", True, []),
    ],
)
def test_a_receiver_has_its_steps_armed_where_it_says_so_and_a_warning_where_it_has_none(
    write: Write, written: str, armed: bool, warnings: list[str]
) -> None:
    found = load(write(f"{MINIMAL}    {written}\n"), ENVIRON)

    assert found.receivers["oncall"].gateway_armed is armed
    assert [one.what for one in found.warnings if "arm" in one.what] == warnings


def test_every_channel_of_the_full_configuration_comes_out_as_it_is_written() -> None:
    found = load(CONFIGS / "full.yml", ENVIRON)
    assert [gateway.name for gateway in found.gateways] == ["main"]
    mail, chat, journal, phone = found.channels.values()
    assert isinstance(mail, EmailSettings)
    assert (mail.host, mail.port, mail.tls, mail.username) == (
        "mail.example.org",
        587,
        MailTls.STARTTLS,
        "sms-notify",
    )
    assert (mail.sender, mail.to) == ("sms-notify@example.org", ("ops@example.org", "boss@example.org"))
    assert mail.password.reveal() == ENVIRON["SMTP_PASSWORD"]
    assert isinstance(chat, WebhookSettings)
    assert (chat.url.reveal(), chat.token.reveal()) == (ENVIRON["CHAT_URL"], ENVIRON["CHAT_TOKEN"])
    assert journal == CommandSettings(
        "journal", ("/usr/bin/logger", "--priority", "daemon.crit", "--tag", "sms-notify")
    )
    assert isinstance(phone, AppriseSettings)
    assert [url.reveal() for url in phone.urls] == [ENVIRON["APPRISE_URL"]]


def test_the_operator_is_people_and_channels_in_the_order_of_the_file(write: Write) -> None:
    targets = load(CONFIGS / "full.yml", ENVIRON).operator
    assert [str(target) for target in targets] == [
        "person:alice",
        "gateway:mail",
        "gateway:chat",
        "gateway:journal",
        "gateway:phone",
    ]
    assert targets[1] == OperatorTarget(OperatorKind.GATEWAY, "mail")
    found = load(write(MINIMAL + "teams: {all: [alice]}\noperator: [team:all, +32 470 00 00 01]\n"), ENVIRON)
    assert [str(target) for target in found.operator] == ["team:all", "+32470000001"]


def test_an_operator_who_hears_by_texts_alone_is_a_warning(write: Write) -> None:
    (warning,) = load(write(MINIMAL + "operator: [person:alice]\n"), ENVIRON).warnings
    assert (warning.path, "no channel but texts" in warning.what) == ("operator", True)


def with_channel(text: str) -> str:
    return (
        MINIMAL.replace("people:\n", f"  - name: channel\n    {text}\npeople:\n", 1)
        + "operator: [gateway:channel]\n"
    )


def test_a_channel_that_the_operator_does_not_name_is_a_warning(write: Write) -> None:
    text = with_channel("type: command\n    command: [/bin/sh]").replace("operator: [gateway:channel]\n", "")
    (warning,) = load(write(text), ENVIRON).warnings
    assert (warning.path, warning.advice) == (
        "gateways[1].name",
        "add gateway:channel to it, or remove this entry",
    )


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_of_a_mail_server_follows_from_its_tls(write: Write, tls: str, port: int) -> None:
    mail = f"type: email\n    host: mx\n    tls: {tls}\n    from: a@b.example\n    to: [c@b.example, c@b.example]"
    channel = load(write(with_channel(mail)), ENVIRON).channels["channel"]
    assert isinstance(channel, EmailSettings)
    assert (channel.port, channel.to, bool(channel.password)) == (port, ("c@b.example",), False)


def test_the_secrets_of_channels_come_from_files_of_their_own(
    write: Write, secret_file: Callable[[str, int], Path]
) -> None:
    secret_file(f"# how we are reached\ntgram://{CANARY}\n\nmailtos://{CANARY}\n", 0o600)
    channel = load(write(with_channel("type: apprise\n    urls_file: secret")), ENVIRON).channels["channel"]
    assert isinstance(channel, AppriseSettings)
    assert [url.reveal() for url in channel.urls] == [f"tgram://{CANARY}", f"mailtos://{CANARY}"]
    secret_file(f"https://chat.example.org/{CANARY}\n", 0o600)
    hook = load(write(with_channel("type: webhook\n    url_file: secret")), ENVIRON).channels["channel"]
    assert isinstance(hook, WebhookSettings)
    assert hook.url.reveal() == f"https://chat.example.org/{CANARY}"
    assert CANARY not in repr((channel, hook))


def test_a_command_beside_the_configuration_gets_its_whole_path(write: Write, tmp_path: Path) -> None:
    (tmp_path / "tell").write_text("#!/bin/sh\n")
    (tmp_path / "tell").chmod(0o755)
    channel = load(
        write(with_channel("type: command\n    command: [./tell, '$HOME; --x']")), ENVIRON
    ).channels["channel"]
    assert isinstance(channel, CommandSettings)
    assert channel.argv == (str(tmp_path / "tell"), "$HOME; --x")


def test_a_webhook_by_plain_http_can_be_accepted(write: Write) -> None:
    plain = "type: webhook\n    url: ${CHAT}\n    allow_insecure_http: true"
    path = write(with_channel(plain))
    (warning,) = load(path, {**ENVIRON, "CHAT": "http://chat.example.org/x"}).warnings
    assert warning.path == "gateways[1].url"
    assert load(path, {**ENVIRON, "CHAT": "http://127.0.0.1:8000/x"}).warnings == ()


def test_a_route_inherits_what_it_does_not_say() -> None:
    root = load(CONFIGS / "full.yml", ENVIRON).route
    watch, *routes = root.routes
    critical = routes[2]
    hq = critical.routes[0]
    assert (root.group_wait, root.path) == (timedelta(seconds=10), "route")
    assert (critical.receiver, critical.group_wait) == ("oncall", timedelta(0))
    assert (hq.receiver, hq.path) == ("hq", "route.routes[2].routes[0]")
    assert (watch.path, watch.receiver) == ("watch[0]", "watch prometheus")
    assert hq.repeat_interval == timedelta(hours=1, minutes=30)
    assert hq.group_interval == timedelta(minutes=5)
    assert hq.group_by == ("alertname", "cluster")
    assert [child.continue_ for child in routes] == [False, True, False]
    assert [str(matcher) for matcher in routes[1].matchers] == ['team=~"dba|storage"', 'env!="test"']


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    return (field.alias or name for name, field in model.model_fields.items())


OF_DECIDING = (
    StepSection,
    QuietSection,
    TimeRange,
    Interval,
    NamedInterval,
    RotationSection,
    LayerSection,
    ScheduleSection,
)
OF_LIMITS = (CreditsSection, Expire, FlappingSection, LimitsSection)


@pytest.mark.parametrize(
    "model",
    [
        *(Config, Web, *GATEWAY_MODELS.values(), PersonSection, Root, RouteSection, ReceiverSection),
        *(*OF_DECIDING, *OF_LIMITS, Alertmanager),
    ],
)
def test_the_full_configuration_shows_every_key(model: type[BaseModel]) -> None:
    text = (CONFIGS / "full.yml").read_text()
    assert [key for key in keys_of(model) if f"{key}:" not in text] == []


@pytest.mark.parametrize(
    "text",
    [
        "22:00",
        "07:00",
        "+31612345678",
        "0031612345670",
        "NO",
        "on",
        "0x10",
        "2026-11-22",
        "1_000",
        "=",
        "1e3",
        ".5",
    ],
)
def test_an_unquoted_value_arrives_as_it_was_written(text: str) -> None:
    assert parse_document(f"key: {text}", "f").data == {"key": text}
    assert parse_document(f"x:\n- {text}\n- a", "f").data == {"x": [text, "a"]}


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("~", None), ("null", None), ("''", ""), ("'null'", "null")]
)
def test_only_an_unquoted_nothing_is_nothing(text: str, value: str | None) -> None:
    assert parse_document(f"key: {text}", "f").data == {"key": value}


def test_every_key_and_entry_has_its_line() -> None:
    lines = parse_document("a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n", "f").lines
    assert lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1): 5,
        ("a", "c", 1, "d"): 5,
    }


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "bom.yml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert load(path, ENVIRON).receivers


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", ": is empty (start from configs/minimal.yml)"),
        (b"a: 1\nb: \0\n", ":2: holds a NUL character (save it as UTF-8 text)"),
        (b"a: 1\nb: \xff\n", ":2: is not UTF-8 (save it as UTF-8 text)"),
        (b"a: 1\n\nb: \x07", ":3: holds a control character (remove it; only tabs and line ends are text)"),
        (b"#" * (1024 * 1024 + 1), ": is larger than 1 MiB (this does not look like a configuration)"),
        (b"a: " + b"[" * 90_000, ":1: is nested deeper than 32 levels (check brackets and indentation)"),
        (b"- " * 200_000, ":1: is nested deeper than 32 levels (check brackets and indentation)"),
    ],
)
def test_a_file_that_is_no_text_or_far_too_much_is_refused(tmp_path: Path, raw: bytes, expected: str) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes(raw)
    assert faults(path) == [expected]


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    advice = "check the path and who may read it"
    assert faults(tmp_path / "none.yml") == [f": cannot be read: No such file or directory ({advice})"]
    assert faults(tmp_path) == [f": cannot be read: Is a directory ({advice})"]


# --- secrets


def with_password_file(path: Path) -> str:
    return MINIMAL.replace("password: ${SMS_PASSWORD}", f"password_file: {path.name}")


@pytest.mark.parametrize(
    ("text", "value"), [("s3cret\n", "s3cret"), ("s3cret", "s3cret"), ("s3 cret \r\n", "s3 cret ")]
)
def test_a_password_file_gives_its_line_without_the_line_end(
    write: Write, secret_file: Callable[[str, int], Path], text: str, value: str
) -> None:
    found = load(write(with_password_file(secret_file(text, 0o600))), {})
    assert found.gateways[0].password.reveal() == value
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("text", "mode", "what"),
    [
        (CANARY, 0o604, "is open to every user of this machine"),
        (CANARY, 0o602, "is open to every user of this machine"),
        ("\n", 0o600, "is empty"),
        (f"{CANARY}\nmore\n", 0o600, "has more than one line"),
    ],
)
def test_a_password_file_that_cannot_be_trusted_is_refused(
    write: Write, secret_file: Callable[[str, int], Path], text: str, mode: int, what: str
) -> None:
    (fault,) = faults(write(with_password_file(secret_file(text, mode))))
    assert what in fault
    assert "canary" not in fault


def test_a_password_file_that_is_a_pipe_does_not_block(write: Write, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (fault,) = faults(write(with_password_file(tmp_path / "pipe")))
    assert "is not a regular file" in fault


def test_a_password_file_that_its_group_reads_is_a_warning(
    write: Write, secret_file: Callable[[str, int], Path]
) -> None:
    (warning,) = load(write(with_password_file(secret_file(CANARY, 0o640))), {}).warnings
    assert "can be read by its group" in warning.what


def test_a_password_written_in_a_file_that_all_can_read_is_a_warning(write: Write) -> None:
    path = write(MINIMAL.replace("${SMS_PASSWORD}", CANARY))
    path.chmod(0o644)
    (warning,) = load(path, {}).warnings
    assert (warning.path, warning.what) == (
        "gateways[0].password",
        "is a secret in a file that every user of this machine can read",
    )
    path.chmod(0o640)
    assert load(path, {}).warnings == ()


def test_a_tokens_file_holds_one_token_a_line(write: Write, secret_file: Callable[[str, int], Path]) -> None:
    old, new = "o" * 20, "n" * 20
    secret_file(f"# rotated in November\n{new}\n\n  {old}\n", 0o600)
    web = load(write(MINIMAL + "web: {listen: '0.0.0.0:80', webhook_tokens_file: secret}\n"), ENVIRON).web
    assert [token.secret.reveal() for token in web.tokens] == [new, old]


def test_no_secret_is_in_any_text_of_settings() -> None:
    found = load(CONFIGS / "full.yml", ENVIRON)
    told = f"{found} {found!r} {found.web} {found.gateways} {found.channels} {found.warnings} {found.alertmanagers}"
    assert "alice" in told
    assert [secret for secret in ENVIRON.values() if secret in told] == []


@pytest.mark.parametrize(
    "shape", ["{x: %s}", "[%s]", "!%s", "*%s", "&%s", "{%s", "'%s", "%%%s", "@%s", "a: %s", "x${%s}"]
)
def test_a_password_that_yaml_reads_as_something_else_is_not_printed(write: Write, shape: str) -> None:
    text = MINIMAL.replace("${SMS_PASSWORD}", shape % "hunter2")
    with pytest.raises(ConfigError) as caught:
        load(write(text), {})
    assert caught.value.faults
    assert "hunter2" not in str(caught.value) + repr(caught.value) + repr(caught.value.faults)


# --- single rules


@pytest.mark.parametrize(
    ("extra", "ok"),
    [
        ("listen: 127.0.0.5:80", True),
        ("listen: '[::1]:80'", True),
        ("listen: localhost:0", True),
        ("listen: '[::]:80'", False),
        ("listen: myhost:80", False),
        ("listen: 127.0.0.1:70000", False),
        ("listen: '::1:80'", False),
        ("external_url: http://x/sub/", True),
        ("external_url: 'ftp://x'", False),
        ("external_url: 'https://x/?a=b'", False),
    ],
)
def test_the_web_addresses_are_checked(write: Write, extra: str, ok: bool) -> None:
    path = write(f"{MINIMAL}web:\n  {extra}\n")
    assert bool(load(path, ENVIRON)) if ok else faults(path)


def test_both_parts_of_tls_are_relative_to_the_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "pem").write_text("x")
    web = load(write(MINIMAL + "web: {tls_cert: pem, tls_key: pem}\n"), ENVIRON).web
    assert (web.tls_cert, web.tls_key) == (str(tmp_path / "pem"), str(tmp_path / "pem"))


@pytest.mark.parametrize(
    ("sender", "ok"),
    [
        ("ABCDEFGHIJKL", True),
        ("ABCDEFGHIJKLM", False),
        ("+32470000000", True),
        ("+123456789012345", True),
        ("+1234567890123456", False),
        ("A.b-c_d 1", True),
        ("Café", False),
        ("+32 470", False),
    ],
)
def test_the_sender_is_what_the_gateway_takes(write: Write, sender: str, ok: bool) -> None:
    path = write(MINIMAL.replace("ACME-Ops", sender))
    if ok:
        assert load(path, ENVIRON).gateways[0].sender == sender
    else:
        assert len(faults(path)) == 1


def test_plain_http_is_for_loopback_or_a_warning(write: Write) -> None:
    local = write(MINIMAL.replace("https://gateway.example.org", "http://127.0.0.1:8000"))
    assert load(local, ENVIRON).warnings == ()
    accepted = "http://gateway.example.org/module\n    allow_insecure_http: true"
    found = load(write(MINIMAL.replace("https://gateway.example.org/module/", accepted)), ENVIRON)
    assert [warning.path for warning in found.warnings] == ["gateways[0].url"]
    assert found.gateways[0].url == "http://gateway.example.org/module/"


def test_what_is_odd_but_usable_is_a_warning(write: Write) -> None:
    text = MINIMAL.replace("+31 6 12345678", "+31 6 00000000").replace(
        "route:\n", "route:\n  routes:\n    - receiver: oncall\n    - matchers: a=b\n"
    )
    warnings = load(write(f"{text}  - name: spare\nweb: {{webhook_tokens: ['short']}}\n"), ENVIRON).warnings
    assert {warning.path for warning in warnings} >= {
        "people.alice.number",
        "route.routes[0]",
        "receivers[1].name",
        "web.webhook_tokens",
    }


def test_no_gateway_is_needed_where_nobody_is_notified(write: Write) -> None:
    found = load(write("route: {receiver: quiet}\nreceivers: [{name: quiet}]\n"), {})
    assert (found.gateways, found.receivers["quiet"].notify) == ((), ())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("1w", 604800),
        ("250ms", 0.25),
        ("0", 0),
        ("1y", 31536000),
    ],
)
def test_durations_are_alertmanagers(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "1.5", "5 m", "5M", "30m1h", "1h1h", "-5m", "m", "999999999y", "1.5h", "٥m"]
)
def test_what_is_no_duration_is_refused_with_advice(text: str) -> None:
    with pytest.raises(DurationError) as caught:
        parse_duration(text)
    assert "write" in caught.value.advice


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("+32 470 00 00 01", "+32470000001"),
        ("0032470000001", "+32470000001"),
        ("+31 (0)6-12.34.56/78", "+31612345678"),
    ],
)
def test_numbers_become_e164(text: str, e164: str) -> None:
    assert parse_number(text).e164 == e164


@pytest.mark.parametrize(
    "text", ["", "+", "00", "alice", "+1800FLOWERS", "+31 6 1", "+999123456", "+32470000001;ext=5"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NumberError):
        parse_number(text)


# --- who is held, until when, and how often


NIGHT = """
time_intervals:
  - name: night
    time_intervals: [{times: [{start_time: 22:00, end_time: 24:00}], location: Europe/Brussels}]
"""
NIGHT_WINDOW = Window("night", (TimeInterval(times=((1320, 1440),), location="Europe/Brussels"),))
WEEKLY = "{members: [alice], every: 1w, handover: Mon 09:00, start: 2026-01-05}"


def test_time_intervals_of_a_route_are_its_own_and_not_those_of_its_children(write: Write) -> None:
    text = MINIMAL.replace(
        "route:\n",
        "route:\n  routes:\n"
        "    - {matchers: a=b, mute_time_intervals: night, active_time_intervals: [night, night],"
        " routes: [{matchers: c=d}]}\n",
    )
    root = load(write(text + NIGHT), ENVIRON).route
    muted = root.routes[0]
    assert (muted.mute, muted.active) == ((NIGHT_WINDOW,), (NIGHT_WINDOW,))
    assert (muted.routes[0].mute, muted.routes[0].active) == ((), ())


@pytest.mark.parametrize(
    "use",
    [
        "people: {alice: {number: +31 6 12345678, quiet: {during: night}}}",
        "receivers: [{name: oncall, notify: [person:alice], quiet: {during: [night]}}]",
        "route: {receiver: oncall, routes: [{matchers: a=b, mute_time_intervals: [night]}]}",
        "route: {receiver: oncall, routes: [{matchers: a=b, active_time_intervals: night}]}",
        f"schedules: {{x: {{layers: [{WEEKLY[:-1]}, during: night}}]}}}}",
    ],
)
def test_a_time_interval_is_a_warning_until_something_names_it(write: Write, use: str) -> None:
    (warning,) = load(write(MINIMAL + NIGHT), ENVIRON).warnings
    assert (warning.path, warning.what) == ("time_intervals[0].name", "nothing uses `night`")
    parts = {part.split(":")[0]: part for part in MINIMAL.split("\n\n")}
    parts[use.split(":", maxsplit=1)[0]] = use
    assert load(write("\n\n".join(parts.values()) + "\n" + NIGHT), ENVIRON).warnings == ()


def test_each_entry_of_unless_is_one_exception(write: Write) -> None:
    entries = """[severity="critical", '{severity="warning", tier="1"}']"""
    text = MINIMAL.replace(
        "[person:alice]", f"[person:alice]\n    quiet: {{during: night, unless: {entries}}}"
    )
    quiet = load(write(text + NIGHT), ENVIRON).receivers["oncall"].quiet
    assert quiet is not None
    assert quiet.during == (NIGHT_WINDOW,)
    told = [{"severity": "critical"}, {"severity": "warning", "tier": "1"}]
    assert [quiet.concerns(labels) for labels in told] == [False, False]
    assert quiet.concerns({"severity": "warning"})
    assert quiet.concerns({"tier": "1"})


@pytest.mark.parametrize(("unless", "critical_waits"), [("", False), (", unless: []", True)])
def test_quiet_hours_let_critical_through_unless_the_file_says_that_nothing_passes(
    write: Write, unless: str, critical_waits: bool
) -> None:
    text = MINIMAL.replace("678}", f"678, quiet: {{during: [night]{unless}}}}}") + NIGHT
    quiet = load(write(text), ENVIRON).directory.people["alice"].quiet
    assert quiet is not None
    assert quiet.during == (NIGHT_WINDOW,)
    assert [quiet.concerns({"severity": word}) for word in ("warning", "page")] == [True, critical_waits]


def test_steps_name_targets_like_notify(write: Write) -> None:
    steps = "[{after: 5m, notify: [schedule:x]}, {after: 1h, notify: [+32 470 00 00 01, person:alice]}]"
    text = MINIMAL.replace("[person:alice]", f"[schedule:x]\n    escalate: {steps}\n    limits: 20/1h")
    found = load(write(f"{text}schedules: {{x: {{rotation: {WEEKLY}}}}}\n"), ENVIRON).receivers["oncall"]
    on_call = Target(TargetKind.SCHEDULE, "x")
    number = Target(TargetKind.NUMBER, "+32470000001")
    assert found.notify == (on_call,)
    assert found.escalate == (
        Step(timedelta(minutes=5), (on_call,)),
        Step(timedelta(hours=1), (number, Target(TargetKind.PERSON, "alice"))),
    )
    assert found.limits == (parse_limit("20/1h"),)


def test_somebody_who_is_told_by_a_step_alone_needs_a_gateway(write: Write) -> None:
    text = "route: {receiver: x}\nreceivers: [{name: x, escalate: [{after: 5m, notify: [+31 6 12345678]}]}]\n"
    assert "`gateways` is missing" in " ".join(faults(write(text)))


def test_a_configuration_that_says_nothing_of_limits_has_the_standard_ones(write: Write) -> None:
    found = load(write(MINIMAL), ENVIRON)
    assert (found.limits, found.expire) == (STANDARD, (timedelta(hours=1), timedelta(hours=4)))
    assert (Timing().expire, Timing().expire_critical) == EXPIRE
    assert load(write(MINIMAL + "limits: {}\n"), ENVIRON).limits == STANDARD


def test_limits_that_are_written_leave_the_others_standard(write: Write) -> None:
    text = "limits: {per_number: 2/1m, overall: [60/1h, 9/30s], credits: {per_hour: off, low_water: 7}, expire: {critical: 2h}}\n"
    found = load(write(MINIMAL + text), ENVIRON)
    assert found.limits == limiting.Limits(
        per_number=(parse_limit("2/1m"),),
        per_number_critical=STANDARD.per_number_critical,
        overall=(parse_limit("60/1h"), parse_limit("9/30s")),
        credits=limiting.Credits(None, 200, 50, 7),
        flapping=limiting.Flapping(),
    )
    assert found.expire == (timedelta(hours=1), timedelta(hours=2))


@pytest.mark.parametrize("off", ["off", "Off", "no", "false"])
def test_every_limit_can_be_off(write: Write, off: str) -> None:
    text = f"limits: {{per_number: {off}, per_number_critical: [], credits: {off}, flapping: {off}}}\n"
    found = load(write(MINIMAL + text), ENVIRON)
    assert found.limits == limiting.Limits()
    found = load(write(MINIMAL + f"limits: {off}\n"), ENVIRON)
    assert (found.limits, found.expire) == (limiting.Limits(), EXPIRE)


# --- who is on call


def with_schedule(text: str) -> str:
    return f"{MINIMAL}schedules:\n  x: {text}\n"


def test_a_rotation_is_one_layer_that_begins_on_its_weekday(write: Write) -> None:
    zone = "timezone: Europe/Brussels, handoff_text: true"
    late = WEEKLY.replace("2026-01-05", "2026-01-06").replace("1w", "2w")
    found = load(write(with_schedule(f"{{{zone}, rotation: {late}}}")), ENVIRON)
    rotation = rotations.Rotation(("alice",), 14, date(2026, 1, 12), 540)
    assert found.schedules == {
        "x": rotations.Schedule("x", "Europe/Brussels", (rotations.Layer(rotation),), handoff_text=True)
    }
    assert found.calendars == ()


def test_layers_stay_in_their_order_with_the_times_they_count(write: Write) -> None:
    daily = "{members: [alice], every: 1d, handover: 8:30, start: 2026-01-06, during: [night]}"
    found = load(write(with_schedule(f"{{layers: [{WEEKLY}, {daily}]}}") + NIGHT), ENVIRON)
    assert found.schedules["x"].layers == (
        rotations.Layer(rotations.Rotation(("alice",), 7, date(2026, 1, 5), 540)),
        rotations.Layer(rotations.Rotation(("alice",), 1, date(2026, 1, 6), 510), NIGHT_WINDOW.intervals),
    )


def test_a_calendar_stands_beside_a_rotation_or_alone(write: Write, tmp_path: Path) -> None:
    (tmp_path / "oncall.ics").write_text("")
    file = str(tmp_path / "oncall.ics")
    zone = "timezone: Europe/Brussels"
    both = f"{{{zone}, ical_file: oncall.ics, rotation: {WEEKLY}}}"
    found = load(write(with_schedule(both)), ENVIRON)
    assert found.calendars == (CalendarSource("x", "Europe/Brussels", file),)
    assert len(found.schedules["x"].layers) == 1
    found = load(write(with_schedule("{ical_file: oncall.ics}")), ENVIRON)
    assert (found.calendars, found.schedules) == (
        (CalendarSource("x", "UTC", file),),
        {"x": rotations.Schedule("x")},
    )


def test_the_address_of_a_calendar_is_a_secret(write: Write, secret_file: Callable[[str, int], Path]) -> None:
    url = f"https://calendar.example.org/{CANARY}.ics?key=value"
    secret_file(f"{url}\n", 0o600)
    for text in ("ical_url_file: secret", "ical_url: '${CALENDAR}'"):
        found = load(write(with_schedule(f"{{{text}}}")), {**ENVIRON, "CALENDAR": f" {url} "})
        assert found.calendars == (CalendarSource("x", url=Secret(url)),)
        assert CANARY not in repr(found)


def test_a_calendar_by_plain_http_is_a_warning(write: Write) -> None:
    found = load(write(with_schedule("{ical_url: http://intranet/x.ics}")), ENVIRON)
    (warning,) = found.warnings
    assert (warning.path, "change who is on call" in warning.what) == ("schedules.x.ical_url", True)
    assert load(write(with_schedule("{ical_url: http://127.0.0.1/x.ics}")), ENVIRON).warnings == ()


def test_the_operator_can_be_whoever_is_on_call(write: Write) -> None:
    text = with_schedule(f"{{rotation: {WEEKLY}}}")
    found = load(write(text + "operator: [schedule:x]\n"), ENVIRON)
    assert found.operator == (OperatorTarget(OperatorKind.SCHEDULE, "x"),)


# 2026-03-02 is a Monday; clocks in Brussels change on 2026-03-29
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BRUSSELS = "timezone: Europe/Brussels"


def gaps_of(path: Path, overrides: dict[str, list[Shift]] | None = None) -> list[str]:
    return [
        str(fault).removeprefix(str(path)) for fault in gap_faults(load(path, ENVIRON), NOW, overrides or {})
    ]


def test_a_schedule_that_is_always_held_has_no_gap(write: Write) -> None:
    assert gaps_of(write(with_schedule(f"{{{BRUSSELS}, rotation: {WEEKLY}}}"))) == []
    assert gap_faults(load(CONFIGS / "full.yml", ENVIRON), NOW) == []
    assert gap_faults(load(CONFIGS / "minimal.yml", ENVIRON), NOW) == []


def test_a_gap_is_told_with_line_local_time_and_advice(write: Write) -> None:
    late = WEEKLY.replace("2026-01-05", "2026-03-09")
    path = write(with_schedule(f"{{{BRUSSELS}, rotation: {late}}}"))
    assert gaps_of(path) == [
        ":22: schedules.x: nobody is on call from now to Mon 2026-03-09 09:00 (Europe/Brussels) (let it start"
        " earlier, or name somebody for that time with `sms-notify oncall override add`)"
    ]


def test_many_gaps_are_told_by_the_first_ones_and_their_number(write: Write) -> None:
    daily = "{members: [alice], every: 1d, handover: 00:00, start: 2026-01-05, during: night}"
    (told,) = gaps_of(write(with_schedule(f"{{{BRUSSELS}, layers: [{daily}]}}") + NIGHT))
    assert told == (
        ":22: schedules.x: nobody is on call from now to Mon 2026-03-02 22:00, from Tue 2026-03-03 00:00 to"
        " 22:00, from Wed 2026-03-04 00:00 to 22:00, and 26 more times in 28 days"
        " (Europe/Brussels) (put a layer without `during` first, or name somebody for that time with"
        " `sms-notify oncall override add`)"
    )


def test_a_gap_that_does_not_end_is_told_so(write: Write) -> None:
    far = WEEKLY.replace("2026-01-05", "2027-01-04")
    (told,) = gaps_of(write(with_schedule(f"{{rotation: {far}}}")))
    assert "nobody is on call from now on (UTC)" in told


def test_an_override_fills_a_gap_of_its_own_schedule_alone(write: Write) -> None:
    late = WEEKLY.replace("2026-01-05", "2026-03-09")
    path = write(with_schedule(f"{{rotation: {late}}}\n  y: {{rotation: {late}}}"))
    filled = {"x": [Shift("alice", NOW - timedelta(days=1), NOW + timedelta(days=8))]}
    (told,) = gaps_of(path, filled)
    assert told.startswith(":23: schedules.y: ")


def test_a_calendar_is_judged_once_it_was_read(write: Write) -> None:
    found = load(write(with_schedule("{ical_url: https://calendar.example.org/x.ics}")), ENVIRON)
    week = Shift("alice", NOW - timedelta(days=1), NOW + timedelta(days=7))
    assert gap_faults(found, NOW) == []
    (empty,) = gap_faults(found, NOW, calendars={"x": []})
    assert empty.what == "nobody is on call from now on (UTC)"
    (short,) = gap_faults(found, NOW, calendars={"x": [week]})
    assert short.what == "nobody is on call from Mon 2026-03-09 12:00 on (UTC)"
    assert short.advice.startswith("add a rotation")
    whole = [
        Shift("alice", start, end)
        for start, end in pairwise(NOW + timedelta(days=n) for n in range(0, 29, 7))
    ]
    assert gap_faults(found, NOW, calendars={"x": whole}) == []


# --- whose silences count


def test_an_alertmanager_comes_out_as_it_is_written(
    write: Write, secret_file: Callable[[str, int], Path], tmp_path: Path
) -> None:
    secret_file(f"{CANARY}\n", 0o600)
    (tmp_path / "ca.pem").write_text("x")
    text = """
alertmanagers:
  - {url: https://am.example.org/prefix/, username: ops, password_file: secret, ca_file: ca.pem, timeout: 3s}
  - {url: http://localhost:9093, token: "${ALERTMANAGER_TOKEN}", create_silences: yes, silence_for: 1h30m}
"""
    found = load(write(MINIMAL + text), ENVIRON)
    assert found.warnings == ()
    assert found.alertmanagers == (
        AlertmanagerSettings(
            "https://am.example.org/prefix",
            username="ops",
            password=Secret(CANARY),
            ca_file=str(tmp_path / "ca.pem"),
            timeout=3.0,
        ),
        AlertmanagerSettings(
            "http://localhost:9093",
            token=Secret(ENVIRON["ALERTMANAGER_TOKEN"]),
            create_silences=True,
            silence_for=timedelta(minutes=90),
        ),
    )
    assert CANARY not in repr(found.alertmanagers)


def test_an_alertmanager_says_no_more_than_its_address(write: Write) -> None:
    found = load(write(MINIMAL + "alertmanagers: [{url: http://am.example.org:9093}]\n"), ENVIRON)
    assert found.alertmanagers == (AlertmanagerSettings("http://am.example.org:9093"),)
    assert found.warnings == ()


def test_a_login_by_plain_http_can_be_accepted(write: Write) -> None:
    entry = "{url: http://am.example.org:9093, token: '${ALERTMANAGER_TOKEN}', allow_insecure_http: true}"
    (warning,) = load(write(f"{MINIMAL}alertmanagers: [{entry}]\n"), ENVIRON).warnings
    assert (warning.path, "reads the token" in warning.what) == ("alertmanagers[0].url", True)


# --- the hints


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("people: {quiet: {numbr: 1}}", "did you mean `number`?"),
        ("schedules: {layers: {rotaton: {}}}", "did you mean `rotation`?"),
        ("schedules: {x: {layers: [{membres: [a]}]}}", "did you mean `members`?"),
        ("limits: {credits: {low_watr: 1}}", "did you mean `low_water`?"),
        ("receivers: [{escalate: [{aftr: 5m}]}]", "did you mean `after`?"),
        ("receivers: [{match: {a: b}}]", "known here: name,"),
        ("route: {routes: [{match: {a: b}}]}", "write it as matchers:"),
    ],
)
def test_the_nearest_known_key_is_that_of_its_place(write: Write, text: str, hint: str) -> None:
    assert hint in " ".join(faults(write(f"{text}\n")))


@given(st.integers(0, 10**7))
def test_a_duration_that_is_spelled_is_read_as_the_same(milliseconds: int) -> None:
    wait = timedelta(milliseconds=milliseconds)
    assert parse_duration(spell_duration(wait)) == wait


# --- where it is looked for


def test_the_configuration_is_looked_for_in_the_documented_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sms-notify.yml").write_text(MINIMAL)
    environ = {"SMS_NOTIFY_CONFIG": "by-variable.yml"}
    assert find_config("named.yml", environ) == Path("named.yml")
    assert find_config(None, environ) == Path("by-variable.yml")
    assert find_config(None, {}) == Path("sms-notify.yml")


def test_a_working_folder_that_may_not_be_looked_into_has_no_configuration(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from sms_notify.config.load import find_config;"
        " os.chdir(sys.argv[2]); os.chmod('.', 0); os.geteuid() or os.setuid(65534)\n"
        "try: print(find_config(None, {}))\n"
        "except Exception as error: print(type(error).__name__)"
    )
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    line = [sys.executable, "-c", code, str(Path(__file__).parents[1]), str(closed)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.stdout.strip() in ("ConfigError", "/etc/sms-notify/sms-notify.yml"), done.stderr


# --- never another exception

LINES = st.sampled_from(
    [line for name in ("minimal", "full") for line in (CONFIGS / f"{name}.yml").read_text().split("\n")]
)
NOISE = st.text(alphabet="ab:-[]{}'\"#&*!|>%@`~, \n\t0é", max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.one_of(LINES, NOISE, st.text(max_size=8)), max_size=25))
def test_any_text_loads_or_is_a_configuration_error(tmp_path: Path, parts: list[str]) -> None:
    path = tmp_path / "fuzz.yml"
    path.write_bytes("\n".join(parts).encode("utf-8", "surrogatepass"))
    try:
        found: Settings | ConfigError = load(path, ENVIRON)
    except ConfigError as error:
        found = error
    assert CANARY not in repr(found)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_good_file_with_one_value_changed_loads_or_is_a_configuration_error(
    tmp_path: Path, data: st.DataObject
) -> None:
    lines = (CONFIGS / "full.yml").read_text().split("\n")
    index = data.draw(st.integers(0, len(lines) - 1))
    key = lines[index].split(":")[0]
    value = data.draw(
        st.sampled_from(["", "{a: b}", "[x, {}]", "null", "'\\0'", '"\\0"', "-1", "9" * 30, "~", "é/../x"])
    )
    path = tmp_path / "changed.yml"
    path.write_text("\n".join([*lines[:index], f"{key}: {value}", *lines[index + 1 :]]))
    try:
        found: Settings | ConfigError = load(path, ENVIRON)
    except ConfigError as error:
        found = error
    assert CANARY not in repr(found)


# --- the commands


def run(*args: str, **extra: object) -> Result:
    return CliRunner().invoke(check_config, list(args), env=ENVIRON, **extra)  # type: ignore[arg-type]


def test_check_config_tells_what_a_good_file_holds() -> None:
    file = str(CONFIGS / "full.yml")
    result = run(file)
    first, *rest = result.stdout.splitlines()
    assert (result.exit_code, first) == (
        0,
        f"{file}: OK (people: 2, receivers: 4, routes: 5, watches: 2, gateways: 1, channels: 4)",
    )
    assert all(
        ": spool: " in line for line in rest
    )  # whether its folder can be made is this machine's matter


def test_check_config_prints_every_fault_on_stderr() -> None:
    file = BAD / "many_faults_at_once.yml"
    result = run(str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 4
    assert all(line.startswith(f"{file}:") for line in result.stderr.splitlines())


def test_check_config_finds_the_file_by_the_variable() -> None:
    file = str(CONFIGS / "minimal.yml")
    result = CliRunner().invoke(check_config, [], env={**ENVIRON, "SMS_NOTIFY_CONFIG": file})
    assert (result.exit_code, result.stdout.split(":")[0]) == (0, file)


def test_check_config_prints_warnings_and_is_content(write: Write) -> None:
    result = run(str(write(MINIMAL + "  - name: spare\n")))
    assert result.exit_code == 0
    assert "receivers[1].name: no route leads to `spare`" in result.stdout


def test_check_config_answers_in_json() -> None:
    good = json.loads(run("--json", str(CONFIGS / "minimal.yml")).stdout)
    assert (good["ok"], good["gateways"], good["warnings"]) == (True, 1, [])
    bad = run("--json", str(BAD / "duplicate_key.yml"))
    assert bad.exit_code == 1
    (fault,) = json.loads(bad.stdout)["faults"]
    assert (fault["line"], fault["path"]) == (9, "gateways[0].sender")


def test_the_schema_is_printed_and_knows_every_top_level_key() -> None:
    result = CliRunner().invoke(config_group, ["schema"])
    assert json.loads(result.stdout) == config_schema()
    assert list(config_schema()["properties"]) == list(keys_of(Config))
    assert config_schema()["additionalProperties"] is False


def test_the_schema_describes_what_is_read_by_rules_of_its_own() -> None:
    schema = config_schema()
    known = schema["$defs"]
    below = {"$ref": "#/$defs/LimitsSection"}
    assert schema["properties"]["limits"]["anyOf"] == [below, {"const": "off"}]
    assert known["CreditsSection"]["properties"]["per_hour"]["anyOf"][1] == {"const": "off"}
    assert known["NamedInterval"]["properties"]["time_intervals"]["items"] == {"$ref": "#/$defs/Interval"}
    assert known["LimitsSection"]["properties"]["per_number"]["default"] == list(
        map(str, STANDARD.per_number)
    )
    assert "LayerSection" in known
    assert known["Expire"]["properties"]["critical"]["default"] == "4h"
    json.dumps(schema, allow_nan=False)


@pytest.mark.parametrize("typed", ["open sesame\n", "open sesame"])
def test_hash_password_prints_a_hash_that_verifies(typed: str) -> None:
    first, second = (CliRunner().invoke(hash_password, [], input=typed).stdout.strip() for _ in range(2))
    assert first != second
    assert passwords.is_hash(first)
    assert passwords.verify(first, "open sesame")
    assert not passwords.verify(first, "open sesamE")


def test_hash_password_refuses_an_empty_stdin() -> None:
    assert CliRunner().invoke(hash_password, [], input="").exit_code == 2


@pytest.mark.parametrize(
    "command", [check_config, config_group, config_group.commands["schema"], hash_password]
)
def test_every_help_has_an_example(command: object) -> None:
    assert "Example:" in CliRunner().invoke(command, ["--help"]).stdout  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "scrypt:",
        HASH.replace("16384", "16383"),
        HASH.replace("16384", "99999999"),
        HASH.replace("$8$", "$0$"),
        HASH[:-1],
        HASH.rsplit("$", 1)[0] + "$eA==",
    ],
)
def test_what_is_no_hash_verifies_nothing(text: str) -> None:
    assert not passwords.is_hash(text)
    assert not passwords.verify(text, "open sesame")


def test_a_file_that_others_may_change_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sms-notify.yml"
    path.write_text(MINIMAL, "utf-8")
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="chmod o-w"):
        load(path, ENVIRON)


@pytest.mark.parametrize("network", ["0.0.0.0/0", "0.0.0.0/1", "::/0", "203.0.113.0/24", "10.0.0.0/7", "a.b"])
def test_a_network_of_strangers_is_no_trusted_proxy(write: Callable[[str], Path], network: str) -> None:
    with pytest.raises(ConfigError, match="trusted_proxies"):
        load(write(MINIMAL + f"web: {{trusted_proxies: ['{network}']}}\n"), ENVIRON)


@pytest.mark.parametrize("network", ["10.1.0.0/16", "203.0.113.7", "::1", "fd00::/8", "172.16.0.0/12"])
def test_a_private_network_and_any_single_address_may_be_trusted(
    write: Callable[[str], Path], network: str
) -> None:
    assert len(load(write(MINIMAL + f"web: {{trusted_proxies: ['{network}']}}\n"), ENVIRON).web.proxies) == 1


@pytest.mark.parametrize("networks", ["10.0.0.0/8", "[10.0.0.1, 'fd00::/8']"])
def test_proxies_that_log_people_in_are_addresses_and_networks(
    write: Callable[[str], Path], networks: str
) -> None:
    if networks.startswith("["):
        assert len(load(write(MINIMAL + f"web: {{trusted_proxies: {networks}}}\n"), ENVIRON).web.proxies) == 2
    else:
        with pytest.raises(ConfigError, match="trusted_proxies"):
            load(write(MINIMAL + f"web: {{trusted_proxies: {networks}}}\n"), ENVIRON)


@pytest.mark.parametrize(
    ("steps", "warnings"),
    [
        ("", ["has no step to arm: there is no `escalate`"]),
        (", escalate: [{after: 5m, notify: ['+32470000009']}]", []),
    ],
)
def test_a_watch_has_its_steps_armed_as_a_receiver_has(write: Write, steps: str, warnings: list[str]) -> None:
    told = (
        f"watch: [{{name: told, matchers: ['a=\"b\"'], notify: [person:alice], gateway_armed: true{steps}}}]"
    )
    found = load(write(f"{MINIMAL}\n{told}\n"), ENVIRON)

    assert found.receivers["watch told"].gateway_armed
    assert [one.what for one in found.warnings if "arm" in one.what] == warnings


def test_a_watch_whose_page_leads_to_nobody_is_warned_of(write: Write) -> None:
    told = "watch: [{name: told, matchers: ['a=\"b\"'], notify: [person:alice]}, {name: lost, matchers: ['a=\"b\"']}]"
    text = MINIMAL.replace("notify: [person:alice]", "notify: []") + f"\n{told}\n"

    warnings = [one for one in load(write(text), ENVIRON).warnings if one.path.startswith("watch")]

    assert [(one.path, one.what) for one in warnings] == [
        ("watch[1]", "has no `notify`, and the routes lead its page to nobody")
    ]


def test_a_value_that_begins_with_an_equals_sign_is_meant_in_quotes(write: Write) -> None:
    text = MINIMAL.replace("route:\n", "route:\n  routes:\n    - matchers: ['x = \"=y\"', 'z=~=y']\n")

    assert [str(one) for one in load(write(text), ENVIRON).route.routes[0].matchers] == [
        'x="=y"',
        'z=~"=y"',
    ]
