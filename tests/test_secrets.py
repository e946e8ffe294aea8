"""The password, its SHA-1 and the tokens are nowhere: for every way a send can fail, everything the daemon
writes, shows or keeps is searched for them, in every spelling that a URL or a header gives them.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import urllib.error
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from daemons import PASSWORD, TOKEN, Daemon, command, eventually, get, payload, post, write_config
from test_gateway_transport import Loopback

BASIC_PASSWORD = "Zq9canary-basic-8431"
BASIC_HASH = "scrypt:16384$8$1$"


def answer(text: bytes, status: bytes = b"200 OK", more: bytes = b"") -> Callable[[bytes], bytes]:
    head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%bConnection: close\r\n\r\n" % (status, len(text), more)
    return lambda _: head + text


FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "refused as a wrong password": answer(b"ERROR 104"),
    "refused for want of credits": answer(b"ERROR 108"),
    "refused for the number": answer(b"ERROR 106"),
    "an unknown error": answer(b"ERROR 999 klantpwd"),
    "a web page": answer(b"<html><body>OK</body></html>"),
    "an empty answer": answer(b""),
    "bytes that are not text": answer(bytes(range(128, 256))),
    "a redirect": answer(b"", b"302 Found", b"Location: http://127.0.0.1:9/\r\n"),
    "not found": answer(b"no such page", b"404 Not Found"),
    "a server error": answer(b"oops", b"500 Internal Server Error"),
    "the request repeated": lambda request: answer(request)(request),
    "the request repeated in a 404": lambda request: answer(request, b"404 Not Found")(request),
    "half a head": lambda _: b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nOK 12",
    "no HTTP": lambda request: request,
    "nothing at all": lambda _: b"",
}


def spellings() -> dict[str, bytes]:
    sha1 = hashlib.sha1(PASSWORD.encode()).hexdigest()  # noqa: S324 - the gateway's own encoding
    found: dict[str, bytes] = {}
    for name, text in {
        "password": PASSWORD,
        "SHA-1": sha1,
        "token": TOKEN,
        "basic password": BASIC_PASSWORD,
    }.items():
        raw = text.encode()
        found |= {
            name: raw,
            f"{name} in a URL": urllib.parse.quote(text, safe="").encode(),
            f"{name} in a form": urllib.parse.quote_plus(text).encode(),
            f"{name} in base64": base64.b64encode(raw).rstrip(b"="),
            f"{name} in hex": raw.hex().encode(),
            f"{name} in latin-1": text.encode("latin-1"),
            f"{name} as repr": repr(text).strip("'\"").encode(),
        }
    return found | {"credentials": base64.b64encode(f"ops:{BASIC_PASSWORD}".encode())}


def everything(daemon: Daemon) -> dict[str, bytes]:
    """All that the daemon and the commands say or keep."""
    process = Path(f"/proc/{daemon.process.pid}")
    shown = {
        "log": daemon.log.read_bytes(),
        "metrics": get(daemon.url, "/metrics").encode(),
        "ready": get(daemon.url, "/-/ready").encode(),
        "command line": (process / "cmdline").read_bytes(),
        "environment": (process / "environ").read_bytes(),
    }
    for file in (daemon.config.parent / "data").iterdir():
        shown[file.name] = file.read_bytes()
    for line in (
        ("messages",),
        ("messages", "--json"),
        ("explain", "1"),
        ("explain", "m1"),
        ("credits",),
        ("check-config",),
    ):
        done = command(daemon.config, *line)
        shown[" ".join(line)] = done.stdout.encode() + done.stderr.encode()
    return shown


def search(daemon: Daemon, context: str) -> None:
    for place, content in everything(daemon).items():
        for name, secret in spellings().items():
            assert secret not in content, f"{context}: the {name} is in the {place}"
        assert b"Traceback" not in content, f"{context}: a traceback in the {place}"


def tell(daemon: Daemon, name: str) -> None:
    """An alert, and the attempt to text it, up to its end."""
    with daemon.store.transaction() as tx:  # each way of failing is tried, whatever the one before has closed
        tx.run("delete from breakers")
    daemon.store.close()
    before = daemon.rows("select count(*) from attempts where ended_at is not null")[0][0]
    assert post(daemon.url, payload(name)) == 200
    assert eventually(
        lambda: daemon.rows("select count(*) from attempts where ended_at is not null")[0][0] > before
    )


@pytest.fixture
def users(tmp_path: Path) -> str:
    done = command(
        write_config(tmp_path, "http://127.0.0.1:9/module/"), "hash-password", stdin=BASIC_PASSWORD + "\n"
    )
    return done.stdout.strip()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["password_encoding: sha1", "password_encoding: plain", "method: post"])
def test_no_secret_shows_wherever_a_send_fails(tmp_path: Path, users: str, how: str) -> None:
    current: list[Callable[[bytes], bytes]] = []

    def behave(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(current[0](server.requests[-1]))

    with Loopback(behave) as server:
        current.append(FAULTS["an empty answer"])
        url = server.url.rpartition("/")[0] + "/"
        gateway = f"[{{name: main, type: 1601sms, url: '{url}', username: acme, password_file: password, sender: ACME,"
        config = write_config(
            tmp_path,
            url,
            gateways=f"{gateway} timeout: 2s, {how}}}]",
            people="{alice: {number: '+32 470 00 00 01'}}",
            receivers="[{name: oncall, notify: [person:alice]}]",
        )
        text = config.read_text("utf-8").replace(
            "webhook_tokens_file: tokens", f"webhook_tokens_file: tokens, users: {{ops: '{users}'}}"
        )
        config.write_text(text, "utf-8")
        config.chmod(0o600)
        daemon = Daemon(config, "--log-level", "debug")
        try:
            for name, fault in FAULTS.items():
                current[0] = fault
                tell(daemon, name.replace(" ", ""))
            credentials = base64.b64encode(f"ops:{BASIC_PASSWORD}".encode()).decode()
            _post_as(daemon, f"Basic {credentials}")
            _post_as(daemon, f"Bearer {TOKEN}x")
            post(daemon.url, TOKEN.encode())
            search(daemon, how)
            assert len(server.requests) >= len(FAULTS)
            spelled = spellings()["SHA-1" if "sha1" in how or "post" in how else "password in a URL"]
            assert any(spelled in request for request in server.requests), (
                "the search knows how the password is sent"
            )
            assert daemon.stop() == 0
            assert PASSWORD.encode() not in daemon.log.read_bytes()
        finally:
            if daemon.process.poll() is None:
                daemon.kill()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/module/",
        "https://127.0.0.1:{port}/module/",
        "https://no.such.host.invalid/module/",
    ],
)
def test_no_secret_shows_where_no_connection_comes_about(tmp_path: Path, url: str) -> None:
    with Loopback(lambda connection, _: connection.sendall(b"this is not TLS\r\n")) as server:
        daemon = Daemon(
            write_config(tmp_path, url.replace("{port}", str(server.port))), "--log-level", "debug"
        )
        try:
            tell(daemon, "HostDown")
            search(daemon, url)
        finally:
            daemon.kill()


def test_a_configuration_that_is_wrong_everywhere_shows_no_secret(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:9/module/")
    text = config.read_text("utf-8").replace(
        "password_file: password", f"password: ['{PASSWORD}'], password_encoding: '{PASSWORD}'"
    )
    config.write_text(text.replace("webhook_tokens_file: tokens", f"webhook_tokens: [['{TOKEN}']]"), "utf-8")
    done = command(config, "check-config")

    assert done.returncode == 1
    for name, secret in spellings().items():
        assert secret not in done.stdout.encode() + done.stderr.encode(), name


def _post_as(daemon: Daemon, authorization: str) -> None:
    import urllib.request

    request = urllib.request.Request(
        f"{daemon.url}/alertmanager", payload("ByOther"), {"Authorization": authorization}
    )
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        error.close()
