"""Attackers beside a monitoring system that does nothing wrong: its webhooks are answered, its critical texts leave."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import resource
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from daemons import TOKEN, free_port, post
from scenes import ALICE, Scene, Stage, eventually, memory
from verdicts import names_in

SECONDS, EVERY = 15, 0.5
SLOWEST_ANSWER, SLOWEST_TEXT, MOST_MEMORY = 1.0, 5.0, 150  # seconds, seconds, MB
HASH = "scrypt:16384$8$1$AAAAAAAAAAAAAAAAAAAAAA==$3tQyZHKrx6FalsPPPLn4HMDgvdTfpvomrNg+Xu+XAz8="

Attack = Callable[[Scene, threading.Event], None]


def host_of(scene: Scene) -> tuple[str, int]:
    return "127.0.0.1", int(scene.daemon.url.rpartition(":")[2])


def slow_sockets(scene: Scene, done: threading.Event) -> None:
    """Half of them stop within the headers, half within a body."""
    start, token = b"POST /alertmanager HTTP/1.1\r\nHost: localhost\r\n", TOKEN.encode()
    stops = (
        start + b"X-Half: ",
        start + b"Authorization: Bearer " + token + b"\r\nContent-Length: 99\r\n\r\n{",
    )
    with contextlib.ExitStack() as held:
        for n in range(1000):
            client = held.enter_context(socket.create_connection(host_of(scene), timeout=20))
            client.sendall(stops[n % 2])
        done.wait(SECONDS)


def ten_thousand(scene: Scene, done: threading.Event) -> None:
    labels = ({"alertname": "Flood", "severity": "warning", "instance": f"host-{n}"} for n in range(10_000))
    alerts = [{"status": "firing", "labels": one, "startsAt": "2026-11-22T12:00:00Z"} for one in labels]
    body = json.dumps({"version": "4", "groupKey": "{}", "alerts": alerts}).encode()
    started = time.monotonic()
    assert post(scene.daemon.url, body, timeout=30) == 200
    assert time.monotonic() - started < 8, "Alertmanager would have given up"
    done.wait(3)


def hundred_megabytes(scene: Scene, done: threading.Event) -> None:
    """One after the other: with its length, with none, and with a wrong one."""
    piece = b"x" * 65536
    lengths = (b"Content-Length: 104857600", b"Transfer-Encoding: chunked", b"Content-Length: 12")
    while not done.is_set():
        for length in lengths:
            head = (
                b"POST /alertmanager HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode()
            )
            with contextlib.suppress(OSError), socket.create_connection(host_of(scene), timeout=20) as client:
                client.sendall(head + b"\r\n" + length + b"\r\n\r\n")
                for _ in range(1600):
                    client.sendall(b"10000\r\n" + piece + b"\r\n" if b"chunked" in length else piece)
        done.wait(0.05)


def gzip_bombs(scene: Scene, done: threading.Event) -> None:
    bomb = gzip.compress(bytes(100_000_000))
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Encoding": "gzip"}
    while not done.is_set():
        request = urllib.request.Request(f"{scene.daemon.url}/alertmanager", bomb, headers)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=20)
        assert caught.value.code == 415
        caught.value.close()
        done.wait(0.02)


def guessers(scene: Scene, done: threading.Event) -> None:
    def guess(n: int) -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            word = base64.b64encode(f"ops:wrong-{n}-{turn}".encode()).decode()
            request = urllib.request.Request(
                f"{scene.daemon.url}/metrics", headers={"Authorization": f"Basic {word}"}
            )
            try:
                urllib.request.urlopen(request, timeout=20).close()
            except urllib.error.HTTPError as refused:
                refused.close()
            except OSError:
                pass  # cut off while it waits for its turn

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    done.wait(SECONDS)
    for thread in threads:
        thread.join(30)


ATTACKS: dict[str, Attack] = {
    "54 a thousand slow sockets": slow_sockets,
    "47 ten thousand alerts in a payload": ten_thousand,
    "53 a hundred megabytes, again and again": hundred_megabytes,
    "52 gzip bombs": gzip_bombs,
    "   forty who guess passwords": guessers,
}


@contextmanager
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("fault", ATTACKS)
def test_whoever_does_nothing_wrong_notices_nothing(
    stage: Stage, fault: str, record_property: Callable[[str, object], None]
) -> None:
    scene = stage()
    listen = f"127.0.0.1:{free_port()}"
    scene.config = scene.configure(
        web=f"{{listen: '{listen}', webhook_tokens_file: tokens, users: {{ops: '{HASH}'}}}}"
    )
    daemon = scene.start()
    answers, posted = under(ATTACKS[fault], scene)
    assert eventually(scene.all_told, timeout=30)
    mine = [text for text in reversed(scene.phones.texts()) if text.number == ALICE]
    arrived = {name: text.at for text in mine for name in names_in(text.text)}
    texts = [arrived[name] - before for name, before in posted.items()]
    peak = memory(daemon.process.pid, "VmHWM")
    slowest = f"{max(answers):.2f} s", f"{max(texts):.2f} s"
    record_property("measured", (fault, len(answers), *slowest, f"{peak} MB"))
    assert scene.tally().lost == ()
    assert max(answers) < SLOWEST_ANSWER
    assert max(texts) < SLOWEST_TEXT
    assert peak < MOST_MEMORY


def under(attack: Attack, scene: Scene) -> tuple[list[float], dict[str, float]]:
    """The seconds of each answer while the attack lasts, and when each alert was posted."""
    done, answers, posted = threading.Event(), list[float](), dict[str, float]()
    with many_descriptors(), ThreadPoolExecutor(1) as attacker:
        attacking = attacker.submit(attack, scene, done)
        ends = time.monotonic() + SECONDS
        while not attacking.done() and time.monotonic() < ends:
            scene.tries += 1
            name, before = f"F{scene.tries:04d}", time.monotonic()
            assert scene.post_once(name, timeout=20), "a webhook was refused"
            answers.append(time.monotonic() - before)
            posted[name] = before
            time.sleep(EVERY)
        done.set()
        attacking.result(60)
    return answers, posted
