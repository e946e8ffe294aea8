"""Which line of a check's output a text shows."""

from __future__ import annotations

import pytest

from sms_notify.sources.check_output import speaking_line

NAMED = ("web1", "disk")
OUTPUTS = [
    ("DISK CRITICAL - 3% left", "DISK CRITICAL - 3% left"),
    ("DISK CRITICAL - 3% left\n/var 3%", "DISK CRITICAL - 3% left"),
    ("CRITICAL\n/var: 97%", "/var: 97%"),
    ("DISK CRITICAL\n/var: 97%", "/var: 97%"),
    ("Disk: \n\n/var: 97%", "/var: 97%"),
    ("PING CRITICAL:\nPacket loss = 100%", "Packet loss = 100%"),
    ("[CRIT] check_foo\nno answer", "no answer"),
    ("** disk on web1 **\n------\n/var 97%", "** disk on web1 **"),
    ("** disk **\n------\n/var 97%", "/var 97%"),
    ("eth0 DOWN\neth1 is up since 3d", "eth0 DOWN"),
    ("\n\n  no answer  \n", "no answer"),
    ('Traceback (most recent call last):\n  File "x", line 1\nOSError: no route', "OSError: no route"),
    ("CRITICAL", "CRITICAL"),
    ("CRITICAL\n----", "CRITICAL"),
    ("-0.5\nmore", "-0.5"),
    ("磁盘已满\nmore", "磁盘已满"),
    ("", ""),
]


@pytest.mark.parametrize(("output", "line"), OUTPUTS)
def test_the_first_line_that_says_something_is_told(output: str, line: str) -> None:
    assert speaking_line(output, NAMED)[0] == line


@pytest.mark.parametrize("output", [output for output, _ in OUTPUTS])
def test_no_word_of_an_output_is_lost(output: str) -> None:
    told, rest = speaking_line(output, NAMED)
    assert sorted(f"{told} {rest}".split()) == sorted(output.split())


def test_a_name_that_a_pattern_could_be_made_of_is_a_name() -> None:
    assert speaking_line("a.b*( CRITICAL\nfull", ("a.b*(", ""))[0] == "full"
