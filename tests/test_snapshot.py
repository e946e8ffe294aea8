"""What every story decided when the core began to be rebuilt: texts, states, credits and the words of the ledger.

The core may change its shape and no decision. `snapshot.txt` has a line a story, with a digest of all that it led to. Where one
differs, SMS_NOTIFY_SNAPSHOT=DIR writes what stands behind the digests into DIR, to compare two versions with `diff -r`. A change
of decisions on purpose writes the file anew: `python tests/test_snapshot.py`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from random_stories import random_story

from sms_notify.stories.playing import Player, StoryError
from sms_notify.stories.reading import Story, read_stories

HERE = Path(__file__).parent
SNAPSHOT = HERE / "snapshot.txt"
SEEDS = 500
A_SHARE = 10  # seeds of one test

# Tables and columns keep their names while the shape of the core changes; ids and random references do not count.
TABLES = {
    "alerts": "received_at, source, status, reason, incident_id, group_key, starts_at, ends_at, routes",
    "incidents": "id, source, state, severity, labels, opened_at, last_seen_at, ended_at, closed_at, acked_at, acked_by,"
    " acked_how, flapping, raised",
    "pages": "incident_id, number, kind, nth, recipient, receiver, lane, state, why, held_by, hidden, created_at, due_at,"
    " message_id",
    "messages": "id, kind, receiver, recipient, number, severity, gateway, body, parts, state, attempts, ambiguous, created_at,"
    " sent_at, expires_at",
    "attempts": "message_id, n, gateway, started_at, ended_at, fate, reason, code, lane, parts",
    "ledger": "at, message_id, state, reason, code, gateway, severity, parts, seconds",
    "decisions": "at, incident_id, word, receiver, nth, detail",
    "agenda": "incident_id, receiver, what, nth, due_at, every",
    "troubles": "level, gateway, what, times, opened_at, told_at, closed_at",
}

# A timer that is replaced may be the same row, or a new one: that is no decision.
ORDER = {"agenda": "incident_id, receiver, what"}


def whole(story: Story) -> str:
    """All that a story led to, a line a thing."""
    with Player(story, {}) as player:
        try:
            played = player.play()
        except StoryError as error:
            return re.sub(r"\S*/", "", str(error))
        lines = [
            f"{text.at} {text.wall} {text.to} {text.gateway} {text.credits} {text.body}"
            for text in played.texts
        ]
        for table, columns in TABLES.items():
            order = ORDER.get(table, "rowid")
            rows = player.look(lambda tx, sql=f"select {columns} from {table} order by {order}": tx.all(sql))
            lines += [f"{table}: {tuple(row)}" for row in rows]
    return "\n".join(lines)


def taken(name: str, story: Story) -> str:
    text = whole(story)
    if folder := os.environ.get("SMS_NOTIFY_SNAPSHOT"):
        Path(folder).mkdir(exist_ok=True, parents=True)
        (Path(folder) / re.sub(r"\W+", "-", name)).write_text(text + "\n", "utf-8")
    return f"{hashlib.sha256(text.encode()).hexdigest()[:16]} {name}"


def of_files() -> Iterator[str]:
    for file in sorted((HERE / "stories").glob("*.yml")):
        for story in read_stories(file):
            yield taken(f"{file.name}: {story.name}", story)


def of_seeds(first: int, folder: Path) -> Iterator[str]:
    for seed in range(first, first + A_SHARE):
        file = folder / f"{seed}.yml"
        file.write_text(random_story(seed), "utf-8")
        (story,) = read_stories(file)
        yield taken(story.name, story)


KEPT = SNAPSHOT.read_text("utf-8").splitlines() if SNAPSHOT.exists() else []


def test_the_stories_lead_to_what_they_led_to() -> None:
    now = list(of_files())

    assert [line for line in now if line not in KEPT] == []


@pytest.mark.parametrize("first", range(0, SEEDS, A_SHARE))
def test_the_random_stories_lead_to_what_they_led_to(first: int, tmp_path: Path) -> None:
    now = list(of_seeds(first, tmp_path))

    assert [line for line in now if line not in KEPT] == []


def test_random_stories_are_no_empty_ones() -> None:
    assert len(KEPT) >= SEEDS
    assert len({line.split()[0] for line in KEPT}) > SEEDS * 0.95


def main() -> None:
    """Writes the snapshot anew."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        lines = [*of_files(), *(line for n in range(0, SEEDS, A_SHARE) for line in of_seeds(n, Path(folder)))]
    SNAPSHOT.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
