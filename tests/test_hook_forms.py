"""How notification commands of all kinds call the hooks: what is handed over becomes a text, all else exits 2."""

from __future__ import annotations

import posix
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify import hook
from sms_notify.alert import Alert, Delivery, Severity, Status
from sms_notify.sources import checkmk, hook_record, icinga, macros, nagios
from sms_notify.spool import read

NUMBER = "+32470000001"
MSG = "PROBLEM: web1/disk is CRITICAL (DISK CRITICAL - 3% left)"
SERVICE = {
    "NOTIFICATIONTYPE": "PROBLEM",
    "HOSTNAME": "web1",
    "HOSTADDRESS": "10.0.0.1",
    "HOSTSTATE": "UP",
    "HOSTOUTPUT": "PING OK",
    "SERVICEDESC": "disk",
    "SERVICESTATE": "CRITICAL",
    "SERVICEOUTPUT": "DISK CRITICAL - 3% left",
    "LONGDATETIME": "Sun Nov 22 13:36:12 CET 2026",
}
ICINGA = (
    "-d", "2026-11-22 13:36:12", "-e", "disk", "-l", "web1", "-n", "Web 1", "-o", "DISK CRITICAL - 3% left",
    "-r", NUMBER, "-s", "CRITICAL", "-t", "PROBLEM", "-u", "Disk",
)  # fmt: skip
TWO_WORDS = ("--type", "PROBLEM", "--host", "web1", "--service", "disk", "--state", "CRITICAL")


@dataclass(frozen=True)
class Form:
    """A call, and the host, service and output that are read of it; it is critical and fires."""

    hook: str
    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    host: str = "web1"
    service: str = "disk"
    output: str = "DISK CRITICAL - 3% left"


def prefixed(prefix: str, macros: Mapping[str, str]) -> dict[str, str]:
    return {prefix + name: text for name, text in macros.items()}


FORMS = {
    "number and sentence": Form("nagios", (NUMBER, MSG)),
    "number and sentence with a name": Form("nagios", (NUMBER, f"Nagios - {MSG}")),
    "a contact's name": Form("nagios", ("ops", MSG)),
    "user, password, number": Form("nagios", ("me", "secret", NUMBER, MSG)),
    "a number with blanks": Form("nagios", ("+32 470 00 00 01", MSG)),
    "-u -p -m -t": Form("nagios", ("-u", "me", "-p", "pw", "-m", MSG, "-t", NUMBER)),
    "-k -t -f -m": Form("nagios", ("-k", "KEY", "-t", NUMBER, "-f", "Nagios", "-m", MSG)),
    "-H -u -p -n -m": Form("nagios", ("-H", "isms", "-u", "nagios", "-p", "secret", "-n", NUMBER, "-m", MSG)),
    "-s -a -dstaddr -t": Form("nagios", ("-s", "https://sms.example", "-a", "TOKEN", "-dstaddr", NUMBER, "-t", MSG)),
    "--message": Form("nagios", ("--user", "me", "--password", "pw", "--to", NUMBER, "--message", MSG)),
    "--message=": Form("nagios", (f"--to={NUMBER}", f"--message={MSG}")),
    "two words an option": Form("nagios", (*TWO_WORDS, "--output", "DISK CRITICAL - 3% left")),
    "two words an option, quotes lost": Form("nagios", (*TWO_WORDS, "--output", *["DISK", "CRITICAL", "-", "3%", "left"])),
    "one option in one word": Form("icinga", ("--type=PROBLEM", *TWO_WORDS[2:], "--output=DISK CRITICAL - 3% left")),
    "an empty value lost": Form("nagios", ("--author", *TWO_WORDS, "--output", "DISK CRITICAL - 3% left")),
    "one dash": Form("icinga", ("-host", "web1", "-service", "disk", "-state", "CRITICAL", "-output", "DISK CRITICAL - 3% left")),
    "letters of an own script": Form("nagios", ("-H", "web1", "-s", "disk", "-S", "CRITICAL", "-o", "DISK CRITICAL - 3% left",
                                                "-T", "PROBLEM", "-n", NUMBER)),
    "a message in a letter": Form("nagios", (f"-m={MSG}",)),
    "macros one behind the other": Form("nagios", (NUMBER, "PROBLEM", "web1", "disk", "CRITICAL", "DISK CRITICAL - 3% left")),
    "macros one behind the other, mixed": Form("nagios", ("CRITICAL", "PROBLEM", "web1", "disk", "DISK CRITICAL - 3% left",
                                                                   NUMBER)),
    "a host by macros one behind the other": Form("nagios", (NUMBER, "PROBLEM", "web1", "DOWN", "no", "answer"), service="",
                                                  output="no answer"),
    "macros as words": Form("nagios", [f"{name}={text}" for name, text in SERVICE.items()]),
    "macros as words, quotes lost": Form("nagios", " ".join(f"{name}={text}" for name, text in SERVICE.items()).split()),
    "macros as options": Form("icinga", [f"--{name.lower()}={text}" for name, text in SERVICE.items()]),
    "NAGIOS_": Form("nagios", (), prefixed("NAGIOS_", SERVICE)),
    "NAGIOS_ for icinga": Form("icinga", (), prefixed("NAGIOS_", SERVICE)),
    "ICINGA_": Form("icinga", (), prefixed("ICINGA_", SERVICE)),
    "ICINGA_ for nagios": Form("nagios", (), prefixed("ICINGA_", SERVICE)),
    "no prefix, nagios": Form("nagios", (), SERVICE),
    "no prefix, icinga": Form("icinga", (), SERVICE),
    "no prefix, and a number": Form("icinga", (NUMBER,), SERVICE),
    "no prefix, and a sentence": Form("nagios", (NUMBER, "Nagios says: look"), SERVICE),
    "no prefix, an alias": Form("icinga", (), {n.replace("NAME", "ALIAS"): text for n, text in SERVICE.items()}),
    "Icinga's mail script": Form("icinga", ICINGA),
    "Icinga's mail script, all of it": Form("icinga", (*ICINGA, "-4", "10.0.0.1", "-6", "", "-b", "", "-c", "", "-v", "true")),
    "Icinga's mail script, quotes lost": Form("icinga", " ".join(ICINGA).split()),
    "Icinga's mail script for nagios": Form("nagios", ICINGA),
    "alerta": Form("icinga", ("--alerttype", "service", "--hostname", "web1", "--servicedesc", "disk", "--servicestate",
                              "CRITICAL", "--text", "DISK CRITICAL - 3% left")),
    "a mail's subject of Nagios": Form("nagios", (NUMBER, "** PROBLEM Service Alert: web1/disk is CRITICAL **"), output=""),
    "a mail's subject of Icinga": Form("icinga", (NUMBER, "[PROBLEM] disk on web1 is CRITICAL!"), output=""),
    "an old mail's subject of Icinga": Form("icinga", (NUMBER, "PROBLEM - web1 - disk is CRITICAL"), output=""),
    "a pager's lines": Form("nagios", (NUMBER, "Service: disk\nHost: web1\nAddress: 10.0.0.1\nState: CRITICAL\n"
                                               "Info: DISK CRITICAL - 3% left\nDate: 11-22-2026")),
    "a pager's lines as written": Form("nagios", (NUMBER, r"Service: disk\nHost: web1\nState: CRITICAL\n"
                                                          r"Info: DISK CRITICAL - 3% left\nDate: 11-22-2026")),
    "a mail's lines": Form("nagios", (NUMBER, "***** Nagios *****\n\nNotification Type: PROBLEM\n\nService: disk\nHost: web1\n"
                                              "State: CRITICAL\n\nAdditional Info:\n\nDISK CRITICAL - 3% left\n")),
    "a line of keys": Form("nagios", (NUMBER, "PROBLEM Host: web1 Service: disk State: CRITICAL Info: DISK CRITICAL - 3% left")),
    "a mail's subject without a type": Form("nagios", (NUMBER, "** Service Alert: web1/disk is CRITICAL **"), output=""),
    "a sentence in quotes too many": Form("nagios", (NUMBER, f"'{MSG}'")),
    "an address in the output": Form("nagios", (NUMBER, "PROBLEM: web1/disk is CRITICAL (mail to ops@example.org)"),
                                     output="mail to ops@example.org"),
    "a sentence without a type": Form("nagios", (NUMBER, "web1/disk is CRITICAL: DISK CRITICAL - 3% left")),
    "a state's number": Form("nagios", ("--type=PROBLEM", "--host=web1", "--service=disk", "--state=2",
                                        "--output=DISK CRITICAL - 3% left")),
    "type and state in each other's place": Form("nagios", ("--type=CRITICAL", "--host=web1", "--service=disk",
                                                            "--state=PROBLEM", "--output=DISK CRITICAL - 3% left")),
    "a state in place of the type": Form("nagios", ("--type=CRITICAL", "--host=web1", "--service=disk",
                                                    "--output=DISK CRITICAL - 3% left")),
    "macros in one argument": Form("nagios", (NUMBER, "PROBLEM web1 disk CRITICAL DISK CRITICAL - 3% left")),
    "macros with marks between": Form("nagios", (NUMBER, "Nagios: PROBLEM web1;disk;CRITICAL;DISK CRITICAL - 3% left")),
    "macros and a verb": Form("nagios", (NUMBER, "PROBLEM web1 disk is CRITICAL"), output=""),
    "a host by macros in one argument": Form("nagios", (NUMBER, "PROBLEM web1 DOWN PING CRITICAL"), service="",
                                             output="PING CRITICAL"),
    "a host by a sentence": Form("nagios", (NUMBER, "** PROBLEM Host Alert: web1 is DOWN **"), service="", output=""),
    "a host by an old pager": Form("nagios", (NUMBER, "Host 'web1' is DOWN\nInfo: PING CRITICAL\nTime: x"), service="",
                                   output="PING CRITICAL"),
    "a host by Icinga's script": Form("icinga", ("-d", "x", "-l", "web1", "-n", "Web 1", "-o", "PING CRITICAL", "-r", NUMBER,
                                                 "-s", "DOWN", "-t", "PROBLEM"), service="", output="PING CRITICAL"),
    "a host by alerta": Form("icinga", ("--alerttype", "host", "--hostname", "web1", "--hoststate", "DOWN", "--text", "x y"),
                             service="", output="x y"),
    "type and host": Form("nagios", ("--type", "PROBLEM", "--host", "web1"), service="", output=""),
    "NOTIFY_": Form("checkmk", (), prefixed("NOTIFY_", {"WHAT": "SERVICE", **SERVICE})),
}  # fmt: skip

WELL = {"PROBLEM": "RECOVERY", "CRITICAL": "OK", "DOWN": "UP"}


def well(text: str) -> str:
    """The call of the recovery, where a type or a state stands alone."""
    for word, instead in WELL.items():
        text = (
            text.replace(f"DISK {word}", "DISK WELL")
            .replace(f"PING {word}", "PING WELL")
            .replace(word, instead)
        )
    return text.replace("--state=2", "--state=0")


class Called:
    """Runs a hook in this process, with an environment of its own, and reads what it left."""

    def __init__(self, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._spool = spool
        self._monkeypatch = monkeypatch

    def __call__(self, name: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
        encoded = {key.encode(): text.encode("utf-8", "surrogateescape") for key, text in environment.items()}
        with self._monkeypatch.context() as patched:
            patched.setattr(posix, "environ", {**encoded, b"SMS_NOTIFY_SPOOL": bytes(self._spool)})
            return hook.main([name, *words])

    def told(self) -> Delivery:
        (path,) = self._spool.iterdir()
        record = path.read_bytes()
        path.unlink()
        return hook_record.parse(read(record))

    def alert(self, name: str, words: Sequence[str], environment: Mapping[str, str]) -> Alert:
        assert self(name, words, environment) == 0
        return self.told().alerts[0]


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Called:
    return Called(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read(called: Called, name: str) -> None:
    form = FORMS[name]
    alert = called.alert(form.hook, form.words, form.environment)
    assert (alert.status, alert.severity) == (Status.FIRING, Severity.CRITICAL)
    assert (alert.labels["host"], alert.labels.get("service", "")) == (form.host, form.service)
    assert alert.annotations.get("summary", "") == form.output
    assert not alert.once
    assert NUMBER not in str(alert)
    assert not {"secret", "pw", "TOKEN", "KEY"} & {*alert.labels.values(), *alert.annotations.values()}


@pytest.mark.parametrize("name", FORMS)
def test_the_recovery_in_every_form_ends_the_same_trouble(called: Called, name: str) -> None:
    form = FORMS[name]
    problem = called.alert(form.hook, form.words, form.environment)
    words = [well(word) for word in form.words]
    recovery = called.alert(form.hook, words, {key: well(text) for key, text in form.environment.items()})
    assert (recovery.fingerprint, recovery.status) == (problem.fingerprint, Status.RESOLVED)


def test_all_forms_of_one_hook_are_one_trouble(called: Called) -> None:
    forms = [form for form in FORMS.values() if form.service]
    names = {
        hook_: {called.alert(f.hook, f.words, f.environment).fingerprint for f in forms if f.hook == hook_}
        for hook_ in ("nagios", "icinga")
    }
    assert {len(found) for found in names.values()} == {1}


@pytest.mark.parametrize("kind", ["ACKNOWLEDGEMENT", "CUSTOM", "FLAPPINGSTART", "DOWNTIMEEND"])
def test_the_other_types_are_read_in_sentences_and_in_letters_too(called: Called, kind: str) -> None:
    for words in (
        (NUMBER, MSG.replace("PROBLEM", kind)),
        [kind if word == "PROBLEM" else word for word in ICINGA],
    ):
        assert called("icinga", words, {}) == 0
        told = called.told()
        assert bool(told.acks) is (kind == "ACKNOWLEDGEMENT")
        assert told.alerts[0].labels["host"] == "web1"


# What cannot be read

REFUSED: dict[str, tuple[str, Sequence[str], Mapping[str, str]]] = {
    "nothing": ("nagios", (), {}),
    "a number": ("nagios", (NUMBER,), {}),
    "a number with blanks": ("nagios", ("+32 470 00 00 01",), {}),
    "a number and nothing": ("nagios", (NUMBER, ""), {}),
    "two numbers": ("nagios", (NUMBER, NUMBER), {}),
    "a word": ("icinga", ("svc",), {}),
    "a word and a number": ("nagios", ("svc", NUMBER), {}),
    "an address": ("nagios", ("ops@example.org",), {}),
    "a label": ("nagios", ("--team=dba",), {}),
    "a label in two words": ("nagios", ("--team", "dba"), {}),
    "empty values": ("icinga", ("--type=", "--host=", "--state=", "--output="), {}),
    "macros that were not filled": ("nagios", ("--type=$NOTIFICATIONTYPE$", "--host=$HOSTNAME$", "--state=$HOSTSTATE$"), {}),
    "macros of Icinga that were not filled": ("icinga", ("--host=$host.name$", "--output=$service.output$"), {}),
    "a shell's dollars": ("nagios", ("--host=$", "--output=$"), {}),
    "a sentence of macros": ("nagios", (NUMBER, "$NOTIFICATIONTYPE$: $HOSTNAME$ is $HOSTSTATE$"), {}),
    "a sentence of macros in an option": ("nagios", ("-m", "$NOTIFICATIONTYPE$: $HOSTNAME$/$SERVICEDESC$ is $SERVICESTATE$"), {}),
    "credentials": ("nagios", ("-u", "me", "-p", "a pass phrase", "-t", NUMBER), {}),
    "letters without values": ("icinga", ("-d", "-e", "-l", "-n"), {}),
    "the machine's environment": ("icinga", (), {"HOSTNAME": "monitor1", "HOSTADDRESS": "10.0.0.1", "SERVICE": "x"}),
    "other macros": ("nagios", (), {"NAGIOS_CONTACTNAME": "ops", "NAGIOS_TIMET": "1795353276"}),
    "labels alone": ("nagios", (), {"SMS_NOTIFY_LABEL_team": "dba"}),
    "custom variables": ("nagios", (), {"NAGIOS__HOSTNAME": "secret"}),
    "Checkmk without its environment": ("checkmk", (), {}),
    "Checkmk's bulk": ("checkmk", ("--bulk",), {"NOTIFY_CONTACTNAME": "ops"}),
    "a recipient of Zabbix": ("zabbix", (NUMBER,), {}),
    "empty texts of Zabbix": ("zabbix", (NUMBER, "", ""), {}),
    "macros of Zabbix": ("zabbix", ("{ALERT.SENDTO}", "{ALERT.SUBJECT}", "{ALERT.MESSAGE}"), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_text_can_come_of_exits_2_with_the_line_to_use(
    called: Called, capfd: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    kind, words, environment = REFUSED[name]
    assert called(kind, words, environment) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert f"use: {kind}" in said
    assert "nothing was handed over" in said
    assert list(tmp_path.iterdir()) == []


LOOSE = st.sampled_from(
    [
        "", " ", "svc", "down", NUMBER, "+32 470 00 00 01", "me@example.org", MSG, "it burns", "$HOSTNAME$", "$", "-", "--",
        "-t", "-m", "-l", "-o", "-s", "-e", "-p", "-u", "-dstaddr", "--type", "--host", "--output", "--message", "--team",
        "--weird", "--host=web1", "--team=x", "--output=", "--host=$HOSTNAME$", "--message=it burns", "HOSTNAME=web1",
        "HOSTNAME=", "TIMET=1", "X=1", "PROBLEM", "$A$: $B$ is $C$", "a=b c", "is on", "-5", "--address=10.0.0.1",
    ]
)  # fmt: skip
MACROS = st.sampled_from(
    ["HOSTNAME", "NOTIFICATIONTYPE", "SERVICEOUTPUT", "CONTACTNAME", "_HOSTX", "HOSTADDRESS"]
)
PREFIXES = st.sampled_from(["NAGIOS_", "ICINGA_", "NOTIFY_", ""])
VALUES = LOOSE.filter(lambda text: not text.startswith("-"))
ENVIRONMENTS = st.dictionaries(st.builds(str.__add__, PREFIXES, MACROS), VALUES, max_size=3)


@given(st.sampled_from(["nagios", "icinga", "checkmk", "zabbix"]), st.lists(LOOSE, max_size=5), ENVIRONMENTS)
@settings(max_examples=400, deadline=None)
def test_whatever_exits_0_becomes_a_text(
    tmp_path_factory: pytest.TempPathFactory, name: str, words: list[str], environment: dict[str, str]
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        called = Called(tmp_path_factory.mktemp("spool"), monkeypatch)
        if called(name, words, environment) == 0:
            delivery = called.told()
            assert delivery.alerts or delivery.acks


def test_every_macro_and_option_that_tells_something_is_one_that_is_read() -> None:
    readers = (nagios.MACROS, icinga.MACROS, checkmk.MACROS)
    known = {name.lower() for names in readers for name in macros.known_names(names)}
    letters = {"m", "l", "body"}
    assert {word.decode() for word in hook.TELLING} - letters <= known
    assert {name.decode().replace("_", "").lower() for name in hook.MACROS} - {
        "what",
        "microtime",
        "omdsite",
    } <= known


# Two troubles never become one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((NUMBER, "it burns"), (NUMBER, "it floods")),
        (("--type=PROBLEM", "--host=$HOSTNAME$", "--output=disk"), ("--type=PROBLEM", "--host=$HOSTNAME$", "--output=fan")),
        (("--service=disk", "--output=on web1"), ("--service=disk", "--output=on web2")),
        (("--type=PROBLEM", "--address=10.0.0.1"), ("--type=PROBLEM", "--address=10.0.0.2")),
        (("--type=PROBLEM", "--state=DOWN"), ("--type=PROBLEM", "--state=CRITICAL")),
        ((NUMBER, MSG), (NUMBER, MSG.replace("web1", "web2"))),
        (("PROBLEM", "web1", "disk", "CRITICAL", "3% left"), ("PROBLEM", "web2", "disk", "CRITICAL", "3% left")),
        (("-H", "web1", "-S", "CRITICAL", "-o", "3% left"), ("-H", "web2", "-S", "CRITICAL", "-o", "3% left")),
        (("web1", "3% left"), ("web2", "3% left")),
        ((NUMBER, MSG), (NUMBER, MSG.replace("disk", "load"))),
        ((NUMBER, "PROBLEM: $HOSTNAME$/disk is CRITICAL (a)"), (NUMBER, "PROBLEM: $HOSTNAME$/disk is CRITICAL (b)")),
    ],
)  # fmt: skip
def test_two_troubles_without_a_host_are_kept_apart(
    called: Called, one: Sequence[str], other: Sequence[str]
) -> None:
    first, second = (called.alert("nagios", words, {}) for words in (one, other))
    assert first.fingerprint != second.fingerprint


def test_what_has_no_host_is_a_notice_known_by_its_words(called: Called) -> None:
    alert = called.alert("nagios", (NUMBER, "it burns"), {})
    again = called.alert("nagios", (NUMBER, "it burns"), {})
    assert alert.once
    assert (alert.annotations["summary"], alert.severity) == ("it burns", Severity.CRITICAL)
    assert alert.fingerprint == again.fingerprint


@pytest.mark.parametrize(
    "words", [("--type=RECOVERY", "--service=disk", "--state=OK"), ("--type=DOWNTIMEEND", "--output=x")]
)
def test_an_end_without_a_host_begins_nothing(called: Called, words: Sequence[str]) -> None:
    assert called.alert("nagios", words, {}).status is Status.RESOLVED


def test_a_container_that_icinga_runs_in_is_no_host(called: Called) -> None:
    own = posix.uname().nodename
    environment = {"NOTIFICATIONTYPE": "PROBLEM", "HOSTNAME": own, "HOSTALIAS": "web1", "HOSTSTATE": "DOWN"}
    assert called.alert("icinga", (), environment).labels["host"] == "web1"
    environment = {**environment, "HOSTNAME": "web2"}
    assert called.alert("icinga", (), environment).labels["host"] == "web2"
