"""Stories: the acceptance cases of this product, and the tool that plays them."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from sms_notify.cli import group
from sms_notify.config.load import load
from sms_notify.errors import ConfigError
from sms_notify.stories.judging import StoryVerdict, fits, judge, unmet
from sms_notify.stories.models import EventText, ExpectText, Weather
from sms_notify.stories.playing import NOT_BUILT, Player
from sms_notify.stories.reading import Story, read_stories

STORIES = Path(__file__).parent / "stories"
DOCS = Path(__file__).parent.parent / "docs"
FILES = sorted(STORIES.glob("*.yml"))


def name_of(story: Story) -> str:
    return f"{Path(story.file).name}: {story.name}"


EVERY = {name_of(story): story for file in FILES for story in read_stories(file)}


def run(*words: object) -> Result:
    return CliRunner().invoke(group, ["test", *map(str, words)])


# The acceptance cases. What is asked of one story is asked one after the other, so that it is played once for all of it.


@pytest.fixture(scope="module")
def ended(request: pytest.FixtureRequest) -> Iterator[Player]:
    """A story, when it has ended."""
    with Player(EVERY[request.param], os.environ) as player:
        player.play()
        yield player


@pytest.mark.parametrize("ended", EVERY, ids=str, indirect=True)
def test_a_story_holds(ended: Player) -> None:
    failures = unmet(ended, ended.played.story.expect)

    assert not failures, "\n".join(map(str, failures))


# What is due stays due until a tick does it, and a tick that comes late does it at another second: so one every few seconds
# shows what the leaps miss. Longer stories take too long; the shorter ones have every event.
TICKS = timedelta(
    seconds=int(os.environ.get("SMS_NOTIFY_TICKS", "7"))
)  # 1 = as the daemon does, in five times the time
SHORT = [name for name, story in EVERY.items() if story.ends <= timedelta(hours=3)]


@pytest.mark.parametrize("ended", SHORT, ids=str, indirect=True)
def test_a_clock_that_leaps_decides_what_one_decides_that_ticks_all_the_time(ended: Player) -> None:
    leaping = StoryVerdict(ended.played.story, ended.played.texts, unmet(ended, ended.played.story.expect))

    assert judge(ended.played.story, every=TICKS) == leaping


# Each expectation can fail.


def opposite(expected: dict[str, object]) -> dict[str, object] | None:
    """What must not hold where `expected` does; None where one has no opposite of its own."""
    changed = copy.deepcopy(expected)
    if "texted" in changed:
        changed["silent"] = changed.pop("texted")
    elif "silent" in changed:
        changed["texted"] = changed.pop("silent")
    elif "most" in changed:
        least = int(str(changed.pop("most"))) + 1
        changed["least"] = str(least)
    elif "least" in changed:
        changed["most"] = str(int(str(changed.pop("least"))) - 1)
    elif "is" in changed:
        changed["is"] = "resolved" if changed["is"] != "resolved" else "unheard"
    elif "texts" in changed:
        changed["texts"] = [*expected["texts"], {"to": "alice", "text": "*"}]  # type: ignore[misc]
    else:
        return None
    return changed


@cache
def document_of(file: str) -> dict:
    """With texts alone."""
    return yaml.load(Path(file).read_text("utf-8"), yaml.CBaseLoader)  # noqa: S506


def opposed(original: Story, file: Path) -> Story:
    """The story with the opposite of everything that it expects."""
    document = document_of(original.file)
    (only,) = (one for one in document["stories"] if one["story"] == original.name)
    contrary = [opposite(one) or {"credits": str(int(one["credits"]) - 1)} for one in only["expect"]]
    stories = [{**only, "expect": contrary}]
    file.write_text(yaml.dump({**document, "stories": stories}, Dumper=yaml.CSafeDumper), "utf-8")
    (story,) = read_stories(file)
    return story


@pytest.mark.parametrize("ended", EVERY, ids=str, indirect=True)
def test_the_opposite_of_each_expectation_that_holds_fails(ended: Player, tmp_path: Path) -> None:
    story = opposed(ended.played.story, tmp_path / "opposite.yml")

    assert [(one.at, one.given) for one in story.events] == [
        (one.at, one.given) for one in ended.played.story.events
    ]
    assert [one.line for one in unmet(ended, story.expect)] == [one.line for one in story.expect]


def test_a_story_that_fails_is_named_and_its_exit_code_says_so(tmp_path: Path) -> None:
    file = tmp_path / "opposite.yml"
    story = opposed(next(iter(EVERY.values())), file)
    result = run(file)

    assert result.exit_code == 1
    assert f"FAILED {file}: {story.name}" in result.stdout


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("a*c", "abbc", True),
        ("a*c", "abbcd", False),
        ("A", "a", False),
        (r"2\*2", "2*2", True),
        (r"2\*2", "2x2", False),
        ("a.c", "abc", False),
        ("*b*", "a\nb\nc", True),
        ("[x]", "x", False),
        ("ab*ba", "aba", False),
        ("a**b", "ab", True),
        ("*" * 40 + "zz", "a" * 400, False),
    ],
)
def test_a_star_is_the_only_wild_card(pattern: str, text: str, expected: bool) -> None:
    assert fits(pattern, text) is expected


# What is written wrong.

CONFIG = """\
config: |
  people:
    alice: {number: "+32470000001"}
  route: {receiver: oncall}
  receivers: [{name: oncall, notify: ["person:alice"]}]
stories:
  - story: One
    start: 2026-11-23T12:00:00Z
    events:
      - {at: 0s, alertmanager: {firing: [{alertname: A, severity: critical}]}}
    expect:
      - {texted: alice, text: "*"}
"""

FIRING = "alertmanager: {firing: [{alertname: A, severity: critical}]}"
WRONG = [
    ("events:", "evnts:", 9, "did you mean `events`?"),
    (FIRING, "nagios: {type: PROBLEM, servce: disk, host: db1}", 10, "did you mean `service`?"),
    (FIRING, "pipe: {text: a, label: {'': b}}", 10, "a label without a name"),
    ("severity: critical", "$annotations: [a]", 10, "has the wrong shape"),
    ("severity: critical", "$annotations: {a: {b: c}}", 10, "has the wrong shape"),
    ('text: "*"}', 'text: ""}', 12, "which no text is"),
    ('{texted: alice, text: "*"}', "{count: alice, least: 0}", 12, "`least` above 0"),
    ("start: 2026", "start: 9999", 8, "not a time with its zone"),
    ('text: "*"}', 'text: "*", from: 5h}', 12, "a time in which nothing can happen"),
    ('text: "*"}', 'text: "*", from: 10m, by: 5m}', 12, "a time in which nothing can happen"),
    (FIRING, "gateway: {error: 106, count: 0}", 10, "for no text"),
    ("- {at: 0s, alertmanager", "- {at: 0s, alertmanger", 10, "did you mean `alertmanager`?"),
    ("{firing:", "{fireing:", 10, "did you mean `firing`?"),
    ("text: ", "txt: ", 12, "did you mean `text`?"),
    ('{texted: alice, text: "*"}', '{texted: alice, silent: alice, text: "*"}', 12, "an expectation has one"),
    ('{texted: alice, text: "*"}', '{texted: alice, most: 1, text: "*"}', 12, "`most` says nothing beside"),
    ('{texted: alice, text: "*"}', "{believes: alice, labels: {a: b}, is: firring}", 12, "must be one of"),
    (
        '{texted: alice, text: "*"}',
        '{texted: alice, text: "*", by: 5}',
        12,
        "is neither a duration nor a time",
    ),
    ("at: 0s", "at: never", 10, "is neither a duration nor a time"),
    ("at: 0s", "at: 2026-11-23T11:00:00Z", 10, "before the start"),
    ("start: 2026-11-23T12:00:00Z", "start: today", 8, "not a time with its zone"),
    ("{alertname: A,", "{$start: 5m, alertname: A,", 10, "`$start` is not a key of an alert"),
    ("- {at: 0s, alertmanager", "- {at: 0s, ack: {labels: {}}, alertmanager", 10, "is empty"),
    ("      - {texted", "      -{texted", 12, "is not YAML"),
    ("config: |", "confg: |", 1, "did you mean `config`?"),
    ("expect:\n", "expect: []\n    nothing:\n", 11, "is empty"),
]


@pytest.mark.parametrize(("right", "wrong", "line", "words"), WRONG)
def test_what_is_written_wrong_is_told_with_file_and_line(
    right: str, wrong: str, line: int, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "story.yml"
    file.write_text(CONFIG.replace(right, wrong, 1), "utf-8")

    result = run(file)

    assert result.exit_code == 2
    assert any(one.startswith(f"{file}:{line}:") and words in one for one in result.stderr.splitlines()), (
        result.stderr
    )


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = run(tmp_path / "none.yml")

    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_a_wrong_configuration_fails_the_story_with_the_daemon_s_words(tmp_path: Path) -> None:
    file, alone = tmp_path / "story.yml", tmp_path / "sms-notify.yml"
    text = CONFIG.replace("receiver: oncall}", "receiver: oncal}").replace("+32470000001", "12")
    file.write_text(text, "utf-8")
    alone.write_text("\n".join(line[2:] for line in text.splitlines()[1:5]), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(alone, os.environ)

    result = run(file)

    assert result.exit_code == 1
    for fault in caught.value.faults[1:]:  # the first: a daemon needs a gateway, a story does not
        assert f"{file}:{fault.line + 1}: {fault.path}: {fault.what}" in result.stdout


def test_a_configuration_in_a_file_of_its_own_is_read_from_beside_the_story(tmp_path: Path) -> None:
    lines = CONFIG.splitlines()
    (tmp_path / "sms-notify.yml").write_text("\n".join(line[2:] for line in lines[1:5]), "utf-8")
    file = tmp_path / "story.yml"
    file.write_text("config_file: sms-notify.yml\n" + "\n".join(lines[5:]), "utf-8")

    result = run(file)

    assert result.exit_code == 0, result.output


REFUSED = [
    ('json: "42"', "the body is neither an alert nor a list of alerts"),
    ("json: {nothing: known}", "the object is not an alert"),
    ("zabbix: {EVENT.VALUE: x, EVENT.UPDATE.STATUS: '1'}", "zabbix:"),
    ("nagios: {team: web}", "nothing of a notification"),
    ("pipe: '{\"name\": '", "pipe:"),
    ("gateway: {error: 106, to: alcie}", "did you mean `alice`?"),
    ("ack: {labels: {alertname: A}}", "nothing is open"),
    ("unack: {labels: {alertname: A}}", "nothing was ever heard"),
    ("close: {labels: {alertname: A}}", "nothing was ever heard"),
    ("link: {to: alice}", "has no text with a link"),
    ("gone: {labels: {alertname: A}}", "lists no alert with these labels"),
    ("override: {schedule: primary, person: alice, for: 1h}", "there is no schedule `primary`"),
    (
        "gateway: {error: 106, name: mian}",
        "`mian` is not a gateway of the configuration (did you mean `main`?)",
    ),
    ("gateway: {error: 106, to: '+32470000001'}", "is somebody's number (write `alice`)"),
]


@pytest.mark.parametrize(("event", "words"), REFUSED)
def test_an_event_that_would_be_refused_fails_the_story_with_its_line(
    event: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "story.yml"
    file.write_text(
        CONFIG.replace("alertmanager: {firing: [{alertname: A, severity: critical}]}", event), "utf-8"
    )

    result = run(file)

    assert result.exit_code == 1
    assert f"{file}:10: " in result.stdout
    assert words in result.stdout


@pytest.mark.parametrize("event", NOT_BUILT)
def test_an_event_that_is_not_built_yet_fails_its_story_alone(event: str, tmp_path: Path) -> None:
    file = tmp_path / "story.yml"
    second = CONFIG.partition("stories:\n")[2].replace("story: One", "story: Two")
    first = CONFIG.replace(
        "    expect:", f"      - {{at: 1m, {event}: {{labels: {{alertname: A}}}}}}\n    expect:"
    )
    file.write_text(first + second, "utf-8")

    result = run(file)

    assert result.exit_code == 1
    assert f"{event} is not built yet" in result.stdout
    assert f"ok     {file}: Two" in result.stdout


def test_an_expectation_of_somebody_whom_nobody_knows_fails(tmp_path: Path) -> None:
    file = tmp_path / "story.yml"
    file.write_text(CONFIG.replace("{texted: alice", "{silent: alcie"), "utf-8")

    result = run(file)

    assert result.exit_code == 1
    assert f"{file}:12: `alcie` is nobody in people (did you mean `alice`?)" in result.stdout


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ('{silent: "+32470000001"}', "is somebody's number (write `alice`)"),
        ('{silent: "+32470000002"}', "is a number that the configuration does not name"),
        ("{silent: 'gateway-group:ops'}", "is a group that no receiver names"),
        ("{believes: operator, labels: {alertname: A}, is: nothing}", "believes nothing"),
    ],
)
def test_an_expectation_of_whom_nothing_can_reach_fails(expected: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "story.yml"
    file.write_text(CONFIG.replace('{texted: alice, text: "*"}', expected), "utf-8")

    result = run(file)

    assert result.exit_code == 1
    assert f"{file}:12: " in result.stdout
    assert words in result.stdout


def test_faults_of_a_file_are_json_too(tmp_path: Path) -> None:
    file = tmp_path / "story.yml"
    file.write_text(CONFIG.replace("texted", "text3d"), "utf-8")

    result = run("--json", file)

    assert result.exit_code == 2
    assert json.loads(result.stdout)["faults"][0]["line"] == 12


def test_an_expectation_of_an_operator_whom_no_channel_reaches_fails(tmp_path: Path) -> None:
    file = tmp_path / "story.yml"
    gateway = "[{name: main, type: 1601sms, url: 'https://a.example/', username: a, password: b, sender: A}]"
    text = CONFIG.replace("  route:", f"  gateways: {gateway}\n  route:").replace(
        "{texted: alice", "{silent: operator"
    )
    file.write_text(text, "utf-8")

    result = run(file)

    assert result.exit_code == 1
    assert f"{file}:13: `operator` is reached by no channel of the configuration" in result.stdout


def test_two_stories_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "story.yml"
    file.write_text(CONFIG + CONFIG.partition("stories:\n")[2], "utf-8")

    result = run(file)

    assert result.exit_code == 2
    assert f"{file}:13: `One` is the name of another story, on line 7" in result.stderr


# What is printed.


def test_the_texts_of_a_story_that_holds_are_printed_on_demand(tmp_path: Path) -> None:
    file = tmp_path / "story.yml"
    file.write_text(CONFIG, "utf-8")

    assert "alice: FIRING critical A" not in run(file).stdout
    assert "Mon 12:00:00 UTC (+0s)  alice: FIRING critical A" in run("-v", file).stdout


def test_json_has_what_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "story.yml"
    file.write_text(CONFIG.replace('text: "*"', 'text: "OK*"'), "utf-8")

    result = run("--json", file)

    told = json.loads(result.stdout)
    (story,) = told["stories"]
    assert result.exit_code == 1
    assert (told["passed"], told["failed"]) == (0, 1)
    assert (story["file"], story["line"], story["story"], story["passed"]) == (str(file), 7, "One", False)
    assert story["failures"] == [
        {"line": 12, "expectation": "{texted: alice, text: OK*}", "why": "no such text"}
    ]
    (text,) = story["texts"]
    assert (text["at"], text["after_seconds"], text["to"]) == ("2026-11-23T12:00:00Z", 0.0, ["alice"])
    assert story["credits"] == text["credits"] == 1


def test_every_event_and_every_expectation_is_played_by_a_story() -> None:
    text = "\n".join(file.read_text("utf-8") for file in FILES)
    names = [field.alias or name for name, field in EventText.model_fields.items()]
    names += [field.alias or name for name, field in ExpectText.model_fields.items()]

    missing = {name for name in names if f"{name}:" not in text}

    assert missing <= {*NOT_BUILT, "config_file"}


# What the documents say.

PAGE = (Path(__file__).parent.parent / "docs" / "how-to" / "stories.md").read_text("utf-8")


SPANS = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL))
WORDS = set(re.findall(r"\w+", " ".join(SPANS)))
KEYS = [
    field.alias or name
    for model in (EventText, Weather, ExpectText)
    for name, field in model.model_fields.items()
]


@pytest.mark.parametrize("key", dict.fromkeys(KEYS))
def test_the_page_names_every_event_and_expectation(key: str) -> None:
    assert key in WORDS


def test_the_example_holds() -> None:
    result = run(Path(__file__).parent.parent / "configs" / "stories.yml")

    assert result.exit_code == 0, result.output


def test_a_shell_completes_the_command_and_its_files() -> None:
    words = {"COMP_WORDS": "sms-notify te", "COMP_CWORD": "1", "_SMS_NOTIFY_COMPLETE": "bash_complete"}
    completed = CliRunner().invoke(group, prog_name="sms-notify", env=words)
    words |= {"COMP_WORDS": "sms-notify test con", "COMP_CWORD": "2"}
    files = CliRunner().invoke(group, prog_name="sms-notify", env=words)

    assert completed.stdout == "plain,test\n"
    assert files.stdout == "file,con\n"
