"""The daemon's side of the hand-over folder: nothing is lost, nothing is believed, nothing stops the rest."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workbench import NOON, VirtualClock

from sms_notify import hook
from sms_notify.alert import Delivery, Handed, Unread
from sms_notify.errors import ParseError, StoreError
from sms_notify.spool import MOST_IN_QUARANTINE, MOST_PARTS, QUARANTINE, Spool, Taken, read

UNREAD = {
    "in part": (Unread("not JSON", b"{oops"), Unread("a number", b"7")),
    "in many parts": (Unread("not JSON", b"x"),) * 50,
}
NANO = 1_000_000_000
WORDS = st.binary(max_size=60).filter(lambda raw: b"\0" not in raw)
NAMES = st.text("ABCZ_", min_size=1).map(lambda name: b"NAGIOS_" + name.encode())


# The record.


@given(
    st.sampled_from(hook.HOOKS),
    st.integers(0, 4_000_000_000 * NANO),
    st.lists(WORDS),
    st.dictionaries(NAMES, WORDS),
    st.binary() | st.binary(max_size=40).map(lambda raw: raw * 5_000),
)
def test_a_record_says_what_the_hook_was_given(
    name: str, at: int, arguments: list[bytes], environment: dict[bytes, bytes], body: bytes
) -> None:
    variables = [b"%s=%s" % pair for pair in environment.items()]

    handed = read(hook.encode(name, at, arguments, variables, body))

    assert handed.hook == name
    assert (handed.at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == at // 1_000
    assert [raw.encode("utf-8", "surrogateescape") for raw in handed.arguments] == arguments
    assert {
        raw.encode(): value.encode("utf-8", "surrogateescape") for raw, value in handed.environment.items()
    } == environment
    assert handed.body == body


@given(st.data())
def test_no_torn_record_is_ever_read(data: st.DataObject) -> None:
    arguments = data.draw(st.lists(WORDS))
    record = hook.encode("nagios", NANO, arguments, [b"NAGIOS_X=" + hook.END], data.draw(st.binary()))
    cut = data.draw(st.integers(0, len(record) - 1))

    for torn in (record[:cut], record[:cut] + bytes(len(record) - cut), record[:cut] + hook.END):
        if torn != record:
            with pytest.raises(ParseError):
                read(torn)


@given(st.binary(max_size=300) | st.lists(st.sampled_from([b"h6:nagios\n", b"t1:1\n", b"b0:\n", b"a99:x\n"])))
def test_whatever_lies_there_is_a_record_or_a_parse_error(found: bytes | list[bytes]) -> None:
    content = found if isinstance(found, bytes) else hook.MAGIC + b"".join(found) + hook.END
    with suppress(ParseError):
        assert read(content).hook in hook.HOOKS


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"{}", "not a hand-over"),
        (hook.MAGIC.replace(b" 1\n", b" 2\n") + hook.END, "version"),
        (hook.MAGIC + b"h4:pipe\n" + hook.END, "must be there once"),
        (hook.encode("rm", 1, [], [], b""), "no hook"),
        (hook.encode("pipe", -1, [], [], b""), "time"),
        (hook.encode("pipe", 10**19, [], [], b""), "time"),
        (hook.encode("pipe", 1, [b""] * 5_000, [], b""), "fields"),
        (hook.encode("pipe", 1, [], [], b"x" * hook.RECORD_LIMIT), "longer"),
        (hook.MAGIC + b"a99999999999:x\n" + hook.END, "no field"),
        (hook.MAGIC + b"a1:xy\n" + hook.END, "torn"),
        (hook.MAGIC + b"b0:\nh4:pipe\nt1:1\n" + hook.END, "order"),
    ],
)
def test_what_is_no_record_is_told_why(content: bytes, why: str) -> None:
    with pytest.raises(ParseError, match=why):
        read(content)


# The folder.


@dataclass
class Desk:
    """A spool, and what was accepted from it; `broken` has the answers of a store that does not obey."""

    folder: Path
    clock: VirtualClock = field(default_factory=VirtualClock)
    accepted: list[str] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)
    poison: str = ""
    after: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        self.spool = self.again()
        assert self.spool.prepare() == ""

    def again(self) -> Spool:
        """Another process on the same folder."""
        return Spool(self.folder, parse, self.accept, self.clock)

    def accept(self, records: Sequence[Taken]) -> None:
        if self.broken:
            raise self.broken.pop(0)
        if any(record.delivery.group == self.poison for record in records):
            raise ZeroDivisionError
        self.accepted += [record.delivery.group for record in records]
        self.commits.append(len(records))
        self.after()

    def hand(self, *words: str) -> None:
        for word in words:
            at = int(self.clock.move(seconds=1).timestamp() * NANO)
            hook.store(os.fsencode(self.folder), hook.encode("nagios", at, [word.encode()], [], b""), at)

    def pile_up(self, count: int) -> None:
        """As `hand` does, without its syncs."""
        for n in range(count):
            self.put(f"{n:020}-1-ab", hook.encode("nagios", NANO, [b"%d" % n], [], b""))

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def minute(self) -> None:
        for _ in range(300):
            self.spool.sweep_once()

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.name != QUARANTINE)

    @property
    def aside(self) -> list[str]:
        return sorted(path.name for path in (self.folder / QUARANTINE).iterdir())


def parse(handed: Handed) -> Delivery:
    [word] = handed.arguments
    if word == "unparsable":
        raise ParseError("says nothing")
    if word == "a bug of ours":
        raise KeyError(word)
    return Delivery("nagios", (), group=word, unread=UNREAD.get(word, ()))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "spool")


def test_what_was_handed_over_is_taken_in_its_order_and_then_gone(desk: Desk) -> None:
    desk.hand("PROBLEM", "ACKNOWLEDGEMENT", "RECOVERY")

    swept = desk.spool.sweep_once()

    assert (swept.taken, swept.refused, swept.left, swept.more, swept.problem) == (3, (), 0, False, "")
    assert desk.accepted == ["PROBLEM", "ACKNOWLEDGEMENT", "RECOVERY"]
    assert desk.files == []
    assert desk.spool.sweep_once().taken == 0


def test_nothing_is_removed_before_it_is_committed(desk: Desk) -> None:
    seen: list[list[str]] = []
    desk.after = lambda: seen.append(desk.files)
    desk.hand("one")
    names = desk.files

    desk.spool.sweep_once()

    assert seen == [names]


def test_a_record_keeps_its_id_when_it_is_handed_over_again(desk: Desk) -> None:
    ids: list[str] = []
    crashing = Spool(desk.folder, parse, lambda records: _crash(ids, records), desk.clock)
    desk.hand("one")

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            crashing.sweep_once()

    assert ids == desk.files * 2


def _crash(ids: list[str], records: Sequence[Taken]) -> None:
    ids.extend(record.id for record in records)
    raise KeyboardInterrupt


def test_many_share_a_commit_and_a_sweep_ends_after_a_thousand(desk: Desk) -> None:
    desk.pile_up(1_020)

    first, second = desk.spool.sweep_once(), desk.spool.sweep_once()

    assert (first.taken, first.more) == (1_000, True)
    assert (second.taken, second.more) == (20, False)
    assert desk.accepted == [f"{n}" for n in range(1_020)]
    assert len(desk.commits) <= 21


def test_while_the_store_does_not_obey_everything_stays_and_is_told(desk: Desk) -> None:
    desk.pile_up(60)
    desk.broken = [StoreError("disk full")]

    swept = desk.spool.sweep_once()

    assert (swept.taken, swept.left) == (0, 60)
    assert "disk full" in swept.problem
    assert len(desk.files) == 60
    assert desk.aside == []


def test_a_store_that_does_not_obey_is_not_asked_at_once_again_but_soon(desk: Desk) -> None:
    desk.hand("one")
    desk.broken = [StoreError("disk full")]
    desk.spool.sweep_once()

    taken = [desk.spool.sweep_once().taken for _ in range(10)]

    assert taken[0] == 0
    assert sum(taken) == 1


def test_a_store_that_fails_midway_breaks_no_order(desk: Desk) -> None:
    desk.pile_up(120)
    desk.after = lambda: desk.broken.append(StoreError("gone")) if len(desk.commits) == 1 else None

    first = desk.spool.sweep_once()
    desk.minute()

    assert (first.taken, first.left, first.more) == (50, 70, False)
    assert desk.accepted == [f"{n}" for n in range(120)]


@pytest.mark.parametrize("word", ["unparsable", "a bug of ours", "poison"])
def test_what_cannot_be_taken_goes_aside_alone(desk: Desk, word: str) -> None:
    desk.poison = "poison"
    desk.hand("before", word, "after")

    swept = desk.spool.sweep_once()

    assert desk.accepted == ["before", "after"]
    assert desk.files == []
    [refused] = swept.refused
    assert Path(refused.kept).read_bytes().startswith(hook.MAGIC)
    assert refused.why
    assert (swept.taken, swept.left) == (2, 0)


def test_a_part_that_is_no_alert_goes_aside_alone(desk: Desk) -> None:
    desk.hand("before", "in part", "after")

    swept = desk.spool.sweep_once()

    assert desk.accepted == ["before", "in part", "after"]
    assert desk.files == []
    first, second = swept.refused
    assert [Path(one.kept).read_bytes() for one in (first, second)] == [b"{oops", b"7"]
    assert (first.why, second.why) == ("not JSON", "a number")


def test_many_parts_that_are_no_alerts_share_the_last_file(desk: Desk) -> None:
    desk.hand("in many parts")

    swept = desk.spool.sweep_once()

    assert len(swept.refused) == len(desk.aside) == MOST_PARTS
    assert b"".join((desk.folder / QUARANTINE / name).read_bytes() for name in desk.aside).count(b"x") == 50


def hostile(folder: Path) -> Iterator[str]:
    """Whatever somebody who may write into the folder can think of."""
    (folder / "0-link").symlink_to("/etc/passwd")
    yield "0-link"
    (folder / "0-dangling").symlink_to("nowhere")
    yield "0-dangling"
    os.mkfifo(folder / "0-fifo")
    yield "0-fifo"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "0-socket"))
    yield "0-socket"
    (folder / "0-folder").mkdir()
    (folder / "0-folder" / "file").write_text("")
    yield "0-folder"
    with (folder / "0-huge").open("wb") as file:
        file.truncate(1 << 40)
    yield "0-huge"
    (folder / "0-empty").write_text("")
    yield "0-empty"
    os.link(folder / "0-empty", folder / "0-hard")
    yield "0-hard"
    for name in (b"0-\xff\xfe\x1b[2J\n", b"0" * 255, "é".encode() * 127):
        (folder / os.fsdecode(name)).write_bytes(b"x")
        yield os.fsdecode(name)


def test_nothing_hostile_stops_the_others_or_is_followed(desk: Desk) -> None:
    names = list(hostile(desk.folder))
    desk.hand("real")

    swept = desk.spool.sweep_once()

    assert desk.accepted == ["real"]
    assert sorted(refused.name for refused in swept.refused) == sorted(names)
    assert all(os.path.lexists(refused.kept) for refused in swept.refused)
    assert desk.files == []
    assert Path("/etc/passwd").exists()
    assert (desk.folder / QUARANTINE).stat().st_mode & 0o777 == 0o700


def test_the_quarantine_is_bounded_and_the_oldest_make_room(desk: Desk) -> None:
    for n in range(MOST_IN_QUARANTINE + 5):
        (desk.folder / QUARANTINE / f"20260101T000000.{n:06}-x").write_text("")
    desk.put("bad", b"x")

    desk.spool.sweep_once()

    assert len(desk.aside) == MOST_IN_QUARANTINE
    assert desk.aside[0].startswith("20260101T000000.000006")
    assert desk.aside[-1].endswith("-bad")


def test_a_quarantine_that_somebody_else_laid_out_is_not_used(desk: Desk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (desk.folder / QUARANTINE).rmdir()
    (desk.folder / QUARANTINE).symlink_to(elsewhere)
    desk.put("bad", b"x")
    desk.hand("real")

    swept = desk.spool.sweep_once()

    assert desk.accepted == ["real"]
    assert [refused.kept for refused in swept.refused] == [""]
    assert "moved aside" in swept.refused[0].why
    assert list(elsewhere.iterdir()) == []
    assert "bad" in desk.files
    assert desk.again().prepare() != ""


def test_what_is_not_whole_yet_is_left_alone_and_removed_when_it_is_old(desk: Desk) -> None:
    young, old = desk.put(f"{hook.TEMPORARY}young", b"half"), desk.put(f"{hook.TEMPORARY}old", b"half")
    other = desk.put(".keep", b"")
    seconds = desk.clock().timestamp()
    os.utime(young, (seconds - 3_500, seconds - 3_500))
    os.utime(old, (seconds - 3_700, seconds - 3_700))

    swept = desk.spool.sweep_once()

    assert (swept.taken, swept.refused) == (0, ())
    assert (young.exists(), old.exists(), other.exists()) == (True, False, True)


def test_a_folder_that_is_gone_is_told_and_taken_up_when_it_is_back(desk: Desk) -> None:
    desk.hand("one")
    hidden = desk.folder.rename(desk.folder.with_name("hidden"))

    swept = desk.spool.sweep_once()
    hidden.rename(desk.folder)
    desk.minute()

    assert "No such file" in swept.problem
    assert desk.accepted == ["one"]


# Whose it is.


@contextmanager
def somebody_else(*paths: Path) -> Iterator[None]:
    """Not root, to whom no permission means anything; `paths` become theirs."""
    if os.geteuid() != 0:
        yield
        return
    for path in paths:
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared_desk() -> Iterator[Desk]:
    """Where anybody may walk to."""
    with tempfile.TemporaryDirectory() as folder:
        outside = Path(folder)
        outside.chmod(0o755)
        with somebody_else(outside):
            yield Desk(outside / "spool")


def test_what_may_not_be_read_is_told_once_left_and_taken_when_it_may(shared_desk: Desk) -> None:
    desk = shared_desk
    desk.hand("one", "two")
    closed = desk.folder / desk.files[0]
    closed.chmod(0)

    first, second = desk.spool.sweep_once(), desk.spool.sweep_once()
    desk.minute()
    assert desk.accepted == ["two"]
    closed.chmod(0o640)
    desk.minute()

    assert (first.left, second.left) == (1, 1)
    assert "Permission denied" in first.refused[0].why
    assert second.refused == ()
    assert desk.accepted == ["two", "one"]


def test_what_cannot_be_removed_is_not_taken_twice(shared_desk: Desk) -> None:
    desk = shared_desk
    desk.hand("one")
    desk.folder.chmod(0o555)

    first = desk.spool.sweep_once()
    desk.minute()
    desk.folder.chmod(0o755)
    desk.hand("two")
    desk.minute()

    assert "cannot be removed" in first.refused[0].why
    assert desk.accepted == ["one", "two"]
    assert desk.files == []


def test_a_new_folder_is_its_groups_and_nobody_elses(desk: Desk) -> None:
    assert desk.folder.stat().st_mode & 0o7777 == 0o3770


def test_a_folder_open_to_everybody_is_told(desk: Desk) -> None:
    desk.folder.chmod(0o1777)

    assert "chmod 3770" in desk.spool.prepare()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    told = Spool(tmp_path / "a" / "b", parse, lambda _: None, lambda: NOON).prepare()

    assert "No such file" in told
