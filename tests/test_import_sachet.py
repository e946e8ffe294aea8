"""`sms-notify import-sachet`: what comes of a configuration of sachet, and that it loads as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sms_notify.cli import COMMANDS
from sms_notify.cli.importing import import_sachet
from sms_notify.config import Settings, load
from sms_notify.errors import ConfigError, UsageError
from sms_notify.importing import Imported, Source, convert
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.routing import Route
from sms_notify.policy.routing import route as routed

SHIPPED = Path(__file__).parent.parent / "integrations" / "sachet"
ONE = """
providers: {messagebird: {access_key: live_key_of_messagebird}}
receivers:
  - {name: ops, provider: messagebird, from: ACME, to: ['+31612345678', '+32470000001']}
"""
TWO = """
receivers:
  - {name: ops, provider: twilio, to: ['+31612345678']}
  - {name: dba, provider: twilio, to: ['+32470000001']}
"""


def imported(config: str, alertmanager: str | None = None) -> Imported:
    beside = Source("alertmanager.yml", alertmanager) if alertmanager is not None else None
    return convert(Source("config.yaml", config), beside)


def loaded(folder: Path, text: str) -> Settings:
    """Raises ConfigError where it is not fit to run but for its password, which is put there."""
    password = folder / "password"
    password.touch(0o600)
    password.write_text("secret\n", "utf-8")
    file = folder / "sms-notify.yml"
    file.write_text(text, "utf-8")
    return load(file, {})


def came_of(folder: Path, config: str, alertmanager: str | None = None) -> Settings:
    return loaded(folder, imported(config, alertmanager).text)


def notes(made: Imported) -> dict[int, str]:
    return {note.line: f"{note.path} {note.what}" for note in made.notes}


def unwrapped(text: str) -> str:
    return re.sub(r"\n *# ", " ", text)


def told(found: Settings, name: str) -> list[str]:
    receiver = found.receivers[name]
    return [found.directory.people[target.name].number for target in receiver.notify]


def goes_to(found: Settings, **labels: str) -> list[str]:
    return list(routed(found.route, labels).receivers)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(import_sachet, [str(word) for word in arguments])


def test_a_receiver_keeps_its_name_and_its_numbers(tmp_path: Path) -> None:
    found = came_of(tmp_path, ONE)

    assert told(found, "ops") == ["+31612345678", "+32470000001"]
    assert goes_to(found, alertname="HostDown") == ["ops"]
    assert found.gateways[0].sender == "ACME"
    assert found.warnings == ()


def test_the_only_fault_of_what_is_printed_is_the_password_that_nobody_knows_yet(tmp_path: Path) -> None:
    file = tmp_path / "sms-notify.yml"
    file.write_text(imported(ONE).text, "utf-8")

    with pytest.raises(ConfigError) as caught:
        load(file, {})

    assert [fault.path for fault in caught.value.faults] == ["gateways[0].password_file"]


def test_a_comment_beside_a_number_gives_the_person_a_name(tmp_path: Path) -> None:
    found = came_of(
        tmp_path,
        """
receivers:
  - name: ops
    provider: twilio
    to:
      - '+31612345678'   # Zoë (first)
      - "+32470000001"   # https://example.org/wiki/who/has/this/telephone
      - +32470000002     # old phone of the night shift
      - '+32470000003'   # zoe
""",
    )

    assert list(found.directory.people) == ["zoe", "person1", "person2", "zoe-2"]


def test_one_number_is_one_person_whoever_writes_it_how(tmp_path: Path) -> None:
    found = came_of(
        tmp_path,
        """
receivers:
  - {name: a, provider: twilio, to: ['+31612345678', '+31 6 1234 5678']}
  - {name: b, provider: twilio, to: ['0031612345678']}
""",
    )

    assert [person.number for person in found.directory.people.values()] == ["+31612345678"]
    assert told(found, "a") == told(found, "b") == ["+31612345678"]


def test_a_number_without_plus_is_read_with_one_where_that_number_exists(tmp_path: Path) -> None:
    made = imported("receivers:\n  - {name: a, provider: messagebird, to: [31612345678, 332432432]}\n")

    assert told(loaded(tmp_path, made.text), "a") == ["+31612345678"]
    assert [(note.path, note.what) for note in made.notes] == [
        ("receivers[0].to[1]", "has no +: it is not texted"),
        ("receivers[0].to[0]", "has no +: its first digits are taken for the country code"),
    ]


def test_a_number_that_cannot_be_texted_is_kept_as_a_line_to_change(tmp_path: Path) -> None:
    made = imported("receivers:\n  - {name: a, provider: nexmo, to: ['0612345678']}\n")

    assert re.search(r"^  # person1: \{number: \+…\} +# was 0612345678  CHANGE$", made.text, re.MULTILINE)
    assert re.search(
        r"^    # notify: \[person:person1\] +# NOBODY IS TOLD until this counts  CHANGE$",
        made.text,
        re.MULTILINE,
    )
    assert loaded(tmp_path, made.text).receivers["a"].notify == ()
    assert {note.what for note in made.notes} == {
        "has no country code: it is not texted",
        "`a` has no number that can be texted: nobody is told",
    }
    assert made.people == 0


def test_a_corrected_number_is_texted_once_the_comments_before_it_and_before_notify_are_gone(
    tmp_path: Path,
) -> None:
    made = imported("receivers:\n  - {name: a, provider: nexmo, to: ['0612345678', '0612345679']}\n")

    text = re.sub(r"# (person)(.): \{number: \+…\}", r"\1\2: {number: +3161234567\2}", made.text)
    text = text.replace("# people:", "people:").replace("    # notify:", "    notify:")

    assert told(loaded(tmp_path, text), "a") == ["+31612345671", "+31612345672"]


@pytest.mark.parametrize("chat", ["telegram", "pushbullet", "mailruim"])
def test_nobody_is_texted_the_names_of_a_chat(tmp_path: Path, chat: str) -> None:
    made = imported(f"receivers:\n  - {{name: a, provider: {chat}, to: ['32470000001']}}\n")

    assert loaded(tmp_path, made.text).receivers["a"].notify == ()
    assert "32470000001" not in made.text
    assert f"{chat} is a chat" in made.notes[0].what


def test_the_text_of_a_receiver_stands_in_a_comment_and_the_built_in_wording_is_used(tmp_path: Path) -> None:
    made = imported(
        """
receivers:
  - name: ops
    provider: twilio
    to: ['+31612345678']
    text: |
      {{ range .Alerts }}{{ .Labels.alertname }}
      {{ end }}
"""
    )

    assert "    #     {{ range .Alerts }}{{ .Labels.alertname }}\n    #     {{ end }}\n" in made.text
    assert loaded(tmp_path, made.text).receivers["ops"].template == "default"
    assert "is a Go template" in notes(made)[6]


def test_no_credential_is_printed_wherever_it_stands() -> None:
    made = imported(
        """
providers:
  sap: {url: 'https://user:in-the-url@example.org/', auth_hash: c2VjcmV0OnNlY3JldA}
  kannel: {username: tester, password: [nested-password]}
receivers:
  - name: ops
    provider: sap
    to: ['+31612345678', c2VjcmV0OnNlY3JldA]
    password: under-the-wrong-key
    text: 'call https://x/?key=c2VjcmV0OnNlY3JldA and nested-password'
"""
    )
    everything = made.text + "".join(map(str, made.notes))

    assert "call https://x/?key=*** and ***" in made.text
    for secret in ("c2VjcmV0", "in-the-url", "nested-password", "under-the-wrong-key", "tester"):
        assert secret not in everything
    assert "receivers[0].password is not taken over" in notes(made)[9]


def test_notes_hold_no_telephone_number() -> None:
    made = imported(
        """
receivers:
  - {name: a, provider: twilio, from: '0612345678', to: ['0612345678', '+336xxxxxxxx', '31612345678', '+99912']}
"""
    )

    assert len(made.notes) >= 5
    assert not re.search(r"[0-9]{4,}", re.sub(r"like \+31 6 12345678", "", "".join(map(str, made.notes))))


def test_one_sender_is_taken_and_the_others_are_told_of(tmp_path: Path) -> None:
    made = imported(
        """
receivers:
  - {name: a, provider: twilio, to: ['+31612345678'], from: '08039591643'}
  - {name: b, provider: twilio, to: ['+31612345678'], from: '31612345678'}
  - {name: c, provider: twilio, to: ['+31612345678'], from: ACME}
"""
    )

    assert loaded(tmp_path, made.text).gateways[0].sender == "+31612345678"
    assert notes(made)[3] == "receivers[0].from cannot be the sender here"
    assert notes(made)[5].startswith("receivers[2].from is another sender")


def test_calls_become_texts_and_long_ones_have_parts(tmp_path: Path) -> None:
    made = imported(
        """
receivers:
  - {name: a, provider: messagebird, to: ['+31612345678'], type: voice}
  - {name: b, provider: messagebird, to: ['+31612345678'], type: long}
  - {name: c, provider: messagebird, to: ['+31612345678'], type: text}
"""
    )
    found = loaded(tmp_path, made.text)

    assert [found.receivers[name].max_parts for name in "abc"] == [1, 3, 1]
    assert "was a call" in notes(made)[3]
    assert not {4, 5} & notes(made).keys()


def test_of_two_receivers_with_one_name_the_first_counts_as_with_sachet(tmp_path: Path) -> None:
    made = imported(
        """
receivers:
  - {name: a, provider: twilio, to: ['+31612345678']}
  - {name: a, provider: twilio, to: ['+32470000001']}
  - {provider: twilio, to: ['+32470000001']}
"""
    )

    assert told(loaded(tmp_path, made.text), "a") == ["+31612345678"]
    assert notes(made)[4].startswith("receivers[1] has the name of a receiver above")
    assert notes(made)[5].startswith("receivers[2] has no name")


def test_an_alias_stands_for_what_it_repeats(tmp_path: Path) -> None:
    made = imported(
        """
receivers:
  - {name: a, provider: twilio, to: &ops ['+31612345678']}
  - {name: b, provider: twilio, to: *ops}
"""
    )

    assert [told(loaded(tmp_path, made.text), name) for name in "ab"] == [["+31612345678"]] * 2
    assert not any("anchor" in note.what for note in made.notes)


def test_without_alertmanagers_routes_everybody_hears_of_everything_until_they_are_there(
    tmp_path: Path,
) -> None:
    made = imported(TWO)
    found = loaded(tmp_path, made.text)

    assert goes_to(found, alertname="HostDown", team="dba") == ["everybody"]
    assert told(found, "everybody") == ["+31612345678", "+32470000001"]
    assert "--alertmanager" in str(made.notes[0])
    assert len(re.findall(r"matchers: .*CHANGE$", made.text, re.MULTILINE)) == 2


ROUTES = """
route:
  receiver: mail
  repeat_interval: 3h
  group_by: [alertname]
  routes:
    - match: {severity: critical}
      receiver: ops
      continue: true
      mute_time_intervals: [night]
    - matchers: ['team="net"', 'env!="test"']
      receiver: mail
    - match_re: {team: "db|sto\\"rage"}
      receiver: dba
      routes:
        - matchers: severity="info"
          receiver: mail
        - matchers: [tier="1"]
          repeat_interval: 26h
    - receiver: mail
      continue: true
receivers:
  - {name: mail, email_configs: [{to: a@example.org}]}
  - {name: ops, webhook_configs: [{url: 'http://localhost:9876/alert'}]}
  - {name: dba, webhook_configs: [{url: 'http://localhost:9876/alert', send_resolved: false}]}
mute_time_intervals:
  - {name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}], weekdays: ['monday:friday']}]}
  - {name: unused, time_intervals: [{months: [december]}]}
"""


def test_the_routes_of_alertmanager_lead_to_the_same_receivers(tmp_path: Path) -> None:
    found = came_of(tmp_path, TWO, ROUTES)

    assert goes_to(found, severity="critical") == ["ops"]
    assert goes_to(found, severity="critical", team="db") == ["ops", "dba"]
    assert goes_to(found, team='sto"rage') == ["dba"]
    assert goes_to(found, severity="critical", team="net") == ["ops", "not-by-text"]
    assert goes_to(found, team="db", severity="info") == ["not-by-text"]
    assert goes_to(found, team="web") == ["not-by-text"]
    assert found.receivers["not-by-text"].notify == ()
    assert found.warnings == ()


def test_muting_and_repeating_come_along(tmp_path: Path) -> None:
    text = imported(TWO, ROUTES).text
    plain = yaml.safe_load(text)

    assert plain["route"]["repeat_interval"] == "3h"
    assert plain["route"]["routes"][0]["mute_time_intervals"] == ["night"]
    assert [interval["name"] for interval in plain["time_intervals"]] == ["night"]
    assert "group_by" not in plain["route"]
    loaded(tmp_path, text)


def test_ends_that_alertmanager_keeps_to_itself_are_asked_for(tmp_path: Path) -> None:
    made = imported(TWO, ROUTES)

    found = loaded(tmp_path, made.text)
    assert [found.receivers[name].send_resolved for name in ("ops", "dba")] == [True, False]
    assert any(note.path.endswith("send_resolved") and "leave it out" in note.advice for note in made.notes)
    assert any(note.path.endswith("repeat_interval") and "a day or more" in note.what for note in made.notes)


def test_a_route_whose_matchers_cannot_be_read_takes_nothing(tmp_path: Path) -> None:
    made = imported(
        TWO,
        """
route:
  receiver: ops
  routes:
    - {receiver: dba, matchers: ['team=~"(?=x)"']}
    - {receiver: dba, matchers: [{team: x}]}
    - {receiver: dba, matchers: *gone}
receivers:
  - {name: ops, webhook_configs: []}
  - {name: dba, webhook_configs: []}
""",
    )

    assert goes_to(loaded(tmp_path, made.text), team="x") == ["ops"]
    assert {5, 6, 7} <= notes(made).keys()


def test_a_time_interval_that_we_refuse_mutes_nothing_and_is_told_of(tmp_path: Path) -> None:
    made = imported(
        ONE,
        """
route: {receiver: ops, routes: [{receiver: ops, matchers: ['a="b"'], mute_time_intervals: [here, gone]}]}
receivers: [{name: ops, webhook_configs: [{url: http://x/alert}]}]
time_intervals:
  - {name: here, time_intervals: [{location: Local}]}
""",
    )

    loaded(tmp_path, made.text)
    assert "nothing is muted by it" in notes(made)[5]
    assert sum("is not taken over" in note.what for note in made.notes if note.line == 2) == 2


CRITICAL_ROUTES = """
route:
  receiver: ops
  routes:
    - {receiver: dba, matchers: ['severity="critical"']}
    - {receiver: dba, match_re: {severity: critical|warning}}
    - {receiver: dba, matchers: ['severity!="critical"', 'team="x"']}
    - {receiver: dba, matchers: ['severity="warning"']}
    - {receiver: dba, matchers: ['severity=~".+"']}
    - {receiver: dba, matchers: ['level="critical"']}
receivers:
  - {name: ops, webhook_configs: []}
  - {name: dba, webhook_configs: []}
"""


def test_routes_that_take_other_spellings_of_critical_here_are_told_of(tmp_path: Path) -> None:
    made = imported(TWO, CRITICAL_ROUTES)

    found = [note for note in made.notes if "count as `critical`" in note.what]
    assert [note.line for note in found] == [5, 6, 7]
    assert all("page" in note.what and note.marked for note in found)
    assert goes_to(loaded(tmp_path, made.text), severity="page") == ["dba"]


def test_what_changes_who_is_told_comes_first_and_is_marked(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        """
providers: {twilio: {a: b}, nexmo: {a: b}}
receivers:
  - {name: a, provider: twilio, to: ['+31612345678'], type: voice}
  - {name: b, provider: telegram, to: [x]}
  - {name: c, provider: nexmo, to: ['0612345678']}
""",
        "utf-8",
    )

    *lines, total = run(config).stderr.splitlines()

    assert [line.startswith("! ") for line in lines] == [True] * 4 + [False] * 2
    assert "`c` has no number that can be texted" in lines[0]
    assert "6 notes above" in total
    assert "4 marked ! change who is told" in total


def test_notes_that_say_the_same_are_one_with_each_line(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("providers:\n  twilio: {a: b}\n  nexmo: {a: b}\n" + TWO, "utf-8")

    assert f"{config}:2, 3: providers.twilio, providers.nexmo: is an account" in run(config).stderr


def test_mute_times_that_keep_ends_from_us_are_told_of_and_alertmanager_is_asked(tmp_path: Path) -> None:
    made = imported(TWO, ROUTES)

    assert any("mutes by time" in note.what and note.line == 7 for note in made.notes)
    assert [each.url for each in loaded(tmp_path, made.text).alertmanagers] == ["http://127.0.0.1:9093"]
    assert re.search(r"^  - url: http://127.0.0.1:9093 .*CHANGE$", made.text, re.MULTILINE)


def test_the_database_lies_beside_the_file_that_is_written(tmp_path: Path) -> None:
    config, output = tmp_path / "config.yaml", tmp_path / "sms-notify.yml"
    config.write_text(ONE, "utf-8")

    assert run(config, "--output", output).exit_code == 0
    assert loaded(tmp_path, output.read_text("utf-8")).storage_url == f"sqlite://{tmp_path}/sms-notify.db"


def test_what_a_comment_says_beside_the_name_is_kept(tmp_path: Path) -> None:
    made = imported(
        """
receivers:
  - name: ops
    provider: twilio
    to:
      - '+31612345678'   # Marieke (until 1 Dec)
      - '+32470000001'   # Bob
      - '+32470000002'   # https://example.org/wiki/who/has/this/telephone
"""
    )

    assert "\n  # Marieke (until 1 Dec)\n  marieke: " in made.text
    assert "\n  # https://example.org/wiki/who/has/this/telephone\n  person1: " in made.text
    assert "# Bob" not in made.text
    loaded(tmp_path, made.text)


def test_names_behind_a_list_on_one_line_are_shared_out(tmp_path: Path) -> None:
    found = came_of(
        tmp_path,
        """
receivers:
  - {name: a, provider: twilio, to: ['+31612345678', '+32470000001']}   # Priya, Tom
  - {name: b, provider: twilio, to: ['+32470000002', '+32470000003']}   # the two of the night
""",
    )

    assert list(found.directory.people) == ["priya", "tom", "person1", "person2"]


def test_a_webhook_to_sachet_for_a_receiver_that_sachet_does_not_have_is_told_of() -> None:
    made = imported(
        ONE,
        """
route: {receiver: ops}
receivers:
  - {name: ops, webhook_configs: [{url: 'http://localhost:9876/alert'}]}
  - {name: opps, webhook_configs: [{url: 'http://localhost:9876/alert'}]}
  - {name: chat, webhook_configs: [{url: 'http://localhost:8080/chat'}]}
""",
    )

    found = [note for note in made.notes if "calls sachet" in note.what]
    assert [(note.line, "`opps`" in note.what) for note in found] == [(5, True)]


def test_a_receiver_that_alertmanager_never_calls_is_told_of() -> None:
    made = imported(TWO, "route: {receiver: ops}\nreceivers: [{name: ops, webhook_configs: []}]\n")

    assert [note.what for note in made.notes if "`dba`" in note.what] != []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("- a\n", "is not a mapping"),
        ("a: [\n", "is not YAML"),
        ("a: b\n", "is not a configuration of sachet"),
        ("receivers: [{name: a}]\n", "is not a configuration of sachet"),
        ("route: {receiver: a}\nreceivers: [{name: a}]\n", "is Alertmanager's configuration"),
        ("gateways: []\nreceivers: [{name: a, to: x}]\n", "is a configuration of sms-notify already"),
        ("receivers: [{provider: twilio}]\n", "has no receiver with a name"),
    ],
)
def test_what_is_no_configuration_of_sachet_is_refused_with_advice(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        imported(text)

    fault = caught.value.faults[0]
    assert fault.file == "config.yaml"
    assert words in fault.what
    assert fault.advice
    assert "configs/minimal.yml" not in fault.advice


def test_what_is_no_configuration_of_alertmanager_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"alertmanager\.yml.* is not a configuration of Alertmanager"):
        imported(ONE, ONE)


def test_every_note_is_a_comment_in_the_text_too() -> None:
    made = imported(
        (SHIPPED / "config.yaml").read_text("utf-8"), (SHIPPED / "alertmanager.yml").read_text("utf-8")
    )

    flat = unwrapped(made.text)
    assert len(made.notes) > 5
    for note in made.notes:
        assert f"{note.what} ({note.advice})" in flat
        assert re.search(rf"{note.file}:[\d, ]*\b{note.line}\b", flat)


def test_the_shipped_example_is_what_the_command_makes_of_it(tmp_path: Path) -> None:
    outcome = run(SHIPPED / "config.yaml", "--alertmanager", SHIPPED / "alertmanager.yml")

    assert outcome.exit_code == 0
    assert outcome.stdout == (SHIPPED / "sms-notify.yml").read_text("utf-8")
    found = loaded(tmp_path, outcome.stdout)
    assert told(found, "team-sms") == ["+31612345678", "+32470000001"]


def test_notes_go_to_standard_error_with_file_and_line_and_exit_is_0(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(TWO, "utf-8")

    outcome = run(config)

    assert outcome.exit_code == 0
    assert outcome.stderr.startswith(f"! {config}:2: receivers: were chosen by the name")
    assert outcome.stdout == imported(TWO).text


def test_it_writes_to_a_file_and_never_over_one(tmp_path: Path) -> None:
    config, output = tmp_path / "config.yaml", tmp_path / "sms-notify.yml"
    config.write_text(ONE, "utf-8")

    assert run(config, "--output", output).exit_code == 0
    made = convert(Source("config.yaml", ONE), storage=str(tmp_path / "sms-notify.db"))
    assert output.read_text("utf-8") == made.text
    output.write_text("an evening's work\n", "utf-8")
    assert isinstance(run(config, "--output", output).exception, UsageError)
    assert output.read_text("utf-8") == "an evening's work\n"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * 1_048_577, None])
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path: Path, content: bytes | None) -> None:
    config = tmp_path / "config.yaml"
    if content is not None:
        config.write_bytes(content)

    error = run(config).exception

    assert isinstance(error, ConfigError)
    assert error.faults[0].advice


WORDS = st.text(max_size=30) | st.sampled_from(
    ["+31612345678", "0612345678", "31612345678", "voice", "null", "~", "person1", "a: b", "x #y", "- z"]
)
LONG = st.text(max_size=400)
RECEIVER = st.fixed_dictionaries(
    {
        "name": WORDS,
        "provider": st.sampled_from(["twilio", "telegram", "?"]),
        "to": st.lists(WORDS, max_size=4),
    },
    optional={"from": WORDS, "text": LONG, "type": WORDS, "other": LONG},
)
PAIRS = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]), max_size=2)
NODE = st.fixed_dictionaries(
    {"receiver": st.sampled_from(["ops", "dba", "mail"]), "continue": st.booleans(), "match": PAIRS}
)
TREE = st.recursive(
    NODE,
    lambda below: st.builds(lambda node, rest: {**node, "routes": rest}, NODE, st.lists(below, max_size=4)),
)


def alertmanagers_own(node: dict[str, Any], labels: dict[str, str]) -> list[str]:
    """Whom Alertmanager's `Route.Match` finds (dispatch/route.go), told from its description."""
    found: list[str] = []
    for child in node.get("routes", []):
        if all(labels.get(name) == value for name, value in child["match"].items()):
            found += alertmanagers_own(child, labels)
            if not child["continue"]:
                break
    return found or [node["receiver"]]


@settings(max_examples=200, deadline=None)
@given(TREE, PAIRS)
def test_whoever_alertmanager_would_have_sachet_text_is_texted_and_nobody_else(
    tree: dict[str, Any], labels: dict[str, str]
) -> None:
    hooks = [{"name": name, "webhook_configs": []} for name in ("ops", "dba")]
    root = {key: value for key, value in tree.items() if key in ("receiver", "routes")}
    text = imported(TWO, yaml.safe_dump({"route": root, "receivers": hooks})).text
    ours = yaml.safe_load(text)["route"]

    def as_route(node: dict[str, Any], above: str) -> Route:
        receiver = node.get("receiver", above)
        matchers = tuple(found for one in node.get("matchers", []) for found in parse_matchers(one))
        below = tuple(as_route(child, receiver) for child in node.get("routes", []))
        return Route(receiver, matchers=matchers, continue_=node.get("continue", False), routes=below)

    found = set(routed(as_route(ours, ""), labels).receivers) - {"not-by-text"}
    assert found == set(alertmanagers_own(root, labels)) - {"mail"}


MATCHERS = st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True) | WORDS, WORDS, max_size=2)


def tree_of(names: list[str]) -> st.SearchStrategy[dict[str, object]]:
    node = st.fixed_dictionaries(
        {"receiver": st.sampled_from([*names, "elsewhere"])},
        optional={"match": MATCHERS, "continue": st.booleans(), "repeat_interval": WORDS | st.just("2h")},
    )
    return st.builds(lambda top, below: {**top, "routes": below}, node, st.lists(node, max_size=4))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_sachet_was_told_what_comes_out_loads(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    receivers = data.draw(st.lists(RECEIVER, min_size=1, max_size=4))
    names = [entry["name"] for entry in receivers]
    hooks = [{"name": name, "webhook_configs": []} for name in names]
    tree = data.draw(st.none() | tree_of(names))
    beside = None if tree is None else yaml.safe_dump({"route": tree, "receivers": hooks})
    try:
        made = imported(yaml.safe_dump({"receivers": receivers}), beside)
    except ConfigError:
        assume(False)

    assert all(len(line) <= 110 for line in made.text.split("\n") if line.lstrip().startswith("#"))
    found = loaded(tmp_path_factory.mktemp("made"), made.text)
    assert {name for name in names if name.strip()} <= found.receivers.keys()


def test_the_guide_names_commands_and_names_that_exist() -> None:
    guide = (SHIPPED / "README.md").read_text("utf-8")
    files = {path.name for path in SHIPPED.iterdir()}

    named = set(re.findall(r"(?:^ *|`|\()sms-notify (?:--config \S+ )?([a-z-]+)", guide, re.MULTILINE))
    assert named >= {"check-config", "simulator", "serve", "messages", "incidents", "ack", "routes"}
    assert named - {"import-sachet"} <= COMMANDS.keys()
    assert {"config.yaml", "alertmanager.yml", "sms-notify.yml"} <= files
    receivers = re.search(r"^ *receivers:\n(?: .*\n)+?(?= *```)", guide, re.MULTILINE)
    assert receivers is not None
    urls = [hook["url"] for hook in yaml.safe_load(receivers[0])["receivers"][0]["webhook_configs"]]
    assert urls == ["http://localhost:9876/alert", "http://localhost:9601/alert"]
