"""The README's ten-minute set-up and the quickstart's commands, run as they stand, block after block in one shell."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from docs_pages import DOCS, ROOT, blocks, read, section

# Between two blocks a person looks at what came; a script has to wait until the address answers.
UNTIL_IT_ANSWERS = "until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.1; done"
LISTENS = {"simulator": "1601", "serve": "9601"}


# What the README's one call of curl does, for a machine that has none.
CURL = """
import sys, urllib.request
given = dict(zip(sys.argv[1:], sys.argv[2:]))
(url,) = (one for one in sys.argv[1:] if one.startswith("http"))
name, _, value = given["-H"].partition(": ")
print(urllib.request.urlopen(urllib.request.Request(url, given["-d"].encode(), {name: value})).read().decode())
"""


def set_up() -> list[str]:
    told = section(read(ROOT / "README.md"), "Ten minutes to the first text")
    return [block for kind, block in blocks(told) if kind == "sh"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def installed(home: Path) -> None:
    """What the first block makes, but for the half minute of pip: a folder with the program in `bin`."""
    folder = home / "sms-notify-try" / "bin"
    folder.mkdir(parents=True)
    program = folder / "sms-notify"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m sms_notify "$@"\n', "utf-8")
    program.chmod(0o755)
    if shutil.which("curl") is None:
        (folder / "curl").write_text(f"#!{sys.executable}\n{CURL}", "utf-8")
        (folder / "curl").chmod(0o755)


def script(ports: dict[str, int]) -> str:
    first, *rest = set_up()
    lines = ["set -eu", "trap 'kill $(jobs -p) && wait' EXIT", first.splitlines()[-1]]
    for block in rest:
        started = re.findall(r"^sms-notify (simulator|serve).*&$", block, re.MULTILINE)
        lines += [block, *(UNTIL_IT_ANSWERS.format(port=LISTENS[program]) for program in started)]
    text = "\n".join(lines).replace("sms-notify simulator", "sms-notify simulator --listen 127.0.0.1:1601")
    text = text.replace("web:\n", "web:\n  listen: 127.0.0.1:9601\n")
    for shown, free in ports.items():
        text = re.sub(rf"(127\.0\.0\.1[:/]){shown}", rf"\g<1>{free}", text)
    return text


def in_shell(home: Path, text: str) -> subprocess.CompletedProcess[str]:
    """The text, run by bash in a home where the program is installed."""
    installed(home)
    path = f"{home}/sms-notify-try/bin:/usr/bin:/bin"
    environment = {"HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["bash", "-c", text],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_set_up_works_as_it_stands_and_ends_with_an_acknowledged_incident(tmp_path: Path) -> None:
    ran = in_shell(tmp_path, script({"1601": free_port(), "9601": free_port()}))

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for said in (
        "sms-notify.yml: OK (people: 2, receivers: 2, routes: 2, gateways: 1, channels: 0)",
        "gateway main: OK: would take a text to alice; 500 credits",
        "alice: sent as m1, 1 part(s)",
        '{"accepted": 1}',
        "FIRING critical DiskFull db1",
        "DiskFull db1 acknowledged; 1 escalation step will not run",
    ):
        assert said in ran.stdout, ran.stdout


def test_the_quickstarts_configuration_answers_who_is_on_call_and_who_would_be_texted(tmp_path: Path) -> None:
    told = section(read(DOCS / "quickstart.md"), "1. Who is on call")
    example, commands = (block for _, block in blocks(told))
    (tmp_path / "sms-notify.yml").write_text(example, "utf-8")
    (tmp_path / "password").write_text("not-a-secret\n", "utf-8")
    (tmp_path / "password").chmod(0o600)
    ran = in_shell(tmp_path, "set -eu\n" + commands)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "OK (people: 2, receivers: 2, routes: 2, gateways: 1, channels: 1)" in ran.stdout
    assert "primary (Europe/Brussels): " in ran.stdout
    assert "HELD UNTIL" in ran.stdout
