#!/usr/bin/env python3
"""The container image, built by buildah on a bare Debian, and its daemon, which must send a text that the simulator gets.

Runs as root in a system of its own, which it changes: `make test-container`. The base image is that bare Debian itself,
in the place of Debian slim with Python from a registry, which a machine for tests may not reach. What is not tried is a
container engine: processes are confined by chroot alone, so that `read_only` and `cap_drop` of compose.yml are not.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packages import (
    PROJECT,
    apt_get,
    configured_by_hand,
    expect,
    point_at,
    post_comes,
    run,
    serving,
    simulator,
    step,
)

BASE, IMAGE = "localhost/base", "localhost/sms-notify"
CONTAINERFILE = "integrations/container/Containerfile"
NOT_OF_THE_BASE = (
    "proc",
    "sys",
    "dev",
    "tmp",
    "run",
    "root",
    "home",
    "var/cache",
    "var/lib/apt",
    "var/lib/containers",
)
OWNER = 9601


def main() -> int:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        archive = Path(folder) / "base.tar"
        step("the bare system as a base image", lambda: bare_system(archive))
        step("the image", built)
        step("its daemon", lambda: served(Path(folder)))
    return 0


def bare_system(archive: Path) -> None:
    left_out = [f"--exclude=./{name}/*" for name in NOT_OF_THE_BASE]
    run("tar", "--one-file-system", "-C", "/", *left_out, f"--exclude=.{archive.parent}", "-cf", archive, ".")
    apt_get("update")
    apt_get("install", "buildah")
    container = run("buildah", "from", "scratch").strip()
    run("buildah", "add", "--quiet", container, archive, "/")
    with mounted(container) as root:
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")  # its name in Python's own images
    run("buildah", "commit", "--quiet", "--rm", container, BASE)


def built() -> None:
    os.chdir(PROJECT)
    run(
        "buildah",
        "bud",
        "--quiet",
        "--isolation",
        "chroot",
        "--format",
        "docker",
        "--build-arg",
        f"BASE={BASE}",
        "-t",
        IMAGE,
        "-f",
        CONTAINERFILE,
        ".",
    )
    config = image()["Docker"]["config"]
    expect(config["User"] == f"{OWNER}:{OWNER}", "it does not run as root")
    expect(config["Healthcheck"]["Test"][0] == "CMD", "it has a health check")


def image() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(run("buildah", "inspect", "--type", "image", IMAGE))
    return described


def served(folder: Path) -> None:
    """The image's own command, with a folder of the host for each volume of compose.yml."""
    etc, state, spool = (made(folder / name) for name in ("etc", "state", "spool"))
    configuration = configured_by_hand(etc)
    text = configuration.read_text("utf-8").replace(
        f"{etc}/sms-notify.db", "/var/lib/sms-notify/sms-notify.db"
    )
    configuration.write_text(re.sub(r"^spool: .*\n", "", text, flags=re.MULTILINE), "utf-8")
    for path in (etc, *etc.iterdir()):
        os.chown(path, OWNER, OWNER)
    container = run("buildah", "from", IMAGE).strip()
    volumes = (f"{etc}:/etc/sms-notify:ro", f"{state}:/var/lib/sms-notify", f"{spool}:/var/spool/sms-notify")
    config = image()["Docker"]["config"]
    for volume in config["Volumes"]:  # else buildah lays a folder of its own over the host's
        run("buildah", "config", f"--volume={volume}-", container)
    inside = [
        "buildah",
        "run",
        "--isolation",
        "chroot",
        *(f"--volume={volume}" for volume in volumes),
        container,
        "--",
    ]
    with simulator([*inside, *config["Entrypoint"]], Path("/etc/sms-notify/password")) as gateway:
        point_at(configuration, gateway)
        run(*inside, *config["Entrypoint"], "check-config", "--online")
        with serving(configuration, [*inside, *config["Entrypoint"], *config["Cmd"]]) as port:
            post_comes(gateway, port, "db4")
            healthy(inside, config["Healthcheck"]["Test"][1:], port)
    expect((state / "sms-notify.db").stat().st_uid == OWNER, "what it remembers is on its volume")


def healthy(inside: Sequence[str], test: Sequence[str], port: int) -> None:
    run(*inside, *(word.replace(":9601/", f":{port}/") for word in test))
    expect(True, "its health check passes")


def made(folder: Path) -> Path:
    folder.mkdir()
    os.chown(folder, OWNER, OWNER)
    return folder


@contextlib.contextmanager
def mounted(container: str) -> Iterator[Path]:
    root = run("buildah", "mount", container).strip()
    try:
        yield Path(root)
    finally:
        run("buildah", "umount", container)


if __name__ == "__main__":
    if not shutil.which("apt-get"):
        raise SystemExit("on Debian only")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    sys.exit(main())
