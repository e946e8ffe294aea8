"""Debian's Icinga 2 as a process, with a configuration of the test's own around the file that we ship."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from checking import ExternalCommands
from systems import INTEGRATIONS, Program, filled_in

SHIPPED = INTEGRATIONS / "icinga2" / "sms-notify.conf"
SHIPPED_HOOK = "/opt/sms-notify/lib/python3.11/site-packages/sms_notify/hook.py"
USER = "nagios"  # whom Debian runs it as
OK, WARNING, CRITICAL = 0, 1, 2
UP, DOWN = 0, 1

# Results come through the command pipe alone. The shipped file comes last, as any of conf.d may.
MAIN = """\
include <itl>
object CheckerComponent "checker" { }
object NotificationComponent "notification" { }
object FileLogger "main" { severity = "information"; path = LogDir + "/icinga2.log" }
object ExternalCommandListener "command" { command_path = InitRunDir + "/icinga2.cmd" }
template Host "passive" { check_command = "dummy"; enable_active_checks = false; max_check_attempts = 1 }
template Service "passive" { check_command = "dummy"; enable_active_checks = false; max_check_attempts = 1 }
"""
HOST = 'object Host "{host}" {{ import "passive"; address = "192.0.2.1" }}\n'
SERVICE = 'object Service "{service}" {{ import "passive"; host_name = "{host}" }}\n'
_FOLDERS = ("DataDir", "LogDir", "CacheDir", "InitRunDir", "SpoolDir")
_PROBLEMS = re.compile(r"^\[[^]]*\] (?:warning|critical)/.*", re.MULTILINE)
_OF_THE_TEST = "warning/ExternalCommandListener: This feature is DEPRECATED"


def as_icinga(folder: Path, *more: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """`icinga2 daemon` as its own user, with all that it writes below `folder`.

    The environment is all that a service of Debian's gets.
    """
    # A change of user undoes what makes the process end with its parent, so it is said again.
    user = ("setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--pdeathsig", "KILL")
    told = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", **(environment or {})}
    constants = [f"-D{name}={folder / name}" for name in _FOLDERS] + [f"-DConfigDir={folder}"]
    # Below a shell, for as the first of a process namespace it does not end where its configuration is refused.
    daemon = ("sh", "-c", '"$@"; exit $?', "sh", "icinga2", "daemon", "-c", str(folder / "icinga2.conf"))
    named = (f"{name}={value}" for name, value in told.items())
    return [*user, "env", "-i", *named, *daemon, *constants, *more]


def configure(folder: Path, shipped: str, services: Mapping[str, Iterable[str]]) -> None:
    """`services` are those of each host."""
    for path in (folder, *(folder / name for name in _FOLDERS)):
        path.mkdir()
        shutil.chown(path, USER, USER)
    (folder / "sms-notify.conf").write_text(shipped, "utf-8")
    objects = "".join(_objects(services))
    (folder / "icinga2.conf").write_text(f'{MAIN}{objects}include "sms-notify.conf"\n', "utf-8")


def checked(folder: Path) -> str:
    """What `icinga2 daemon -C` says. Raises AssertionError where it refuses."""
    done = subprocess.run(as_icinga(folder, "-C"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def problems(said: str) -> list[str]:
    """Its warnings and worse, but for the one about the pipe that the tests use."""
    return [line for line in _PROBLEMS.findall(said) if _OF_THE_TEST not in line]


class Icinga(Program, ExternalCommands):
    """Hands its notifications over to `spool`; `services` are those of each host."""

    def __init__(self, folder: Path, hook: Path, spool: Path, services: Mapping[str, Iterable[str]]) -> None:
        self._log = folder / "LogDir" / "icinga2.log"
        self.pipe = folder / "InitRunDir" / "icinga2.cmd"
        configure(folder, filled_in(SHIPPED, {SHIPPED_HOOK: str(hook)}), services)
        icinga = as_icinga(folder, environment={"SMS_NOTIFY_SPOOL": str(spool)})
        # It consists of three processes of which two outlive a kill of the first, and it does not always act on SIGTERM.
        # In a process namespace they end with its first, hooks under way included.
        super().__init__("", folder / "said", "unshare", "--pid", "--fork", "--kill-child", *icinga)

    def _ready(self) -> bool:
        return "Activated all objects" in self.said() and stat.S_ISFIFO(self.pipe.stat().st_mode)

    def said(self) -> str:
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def notifications(self) -> list[str]:
        """Those for which our command has ended, well or not, as type and checked object: `Problem web-1!HTTP`."""
        found = re.findall(
            r"Completed sending '(\w+)' notification '(.*)!sms-notify' for checkable", self.said()
        )
        return [f"{kind} {about}" for kind, about in found]

    def kill(self) -> None:
        # unshare goes once its child has, and that once nothing in its namespace runs that could write into our folder.
        unshare = self.process.pid
        if self.process.poll() is None:
            for child in Path(f"/proc/{unshare}/task/{unshare}/children").read_text("ascii").split():
                os.kill(int(child), signal.SIGKILL)
        self.process.wait(20)


def _objects(services: Mapping[str, Iterable[str]]) -> Iterable[str]:
    for host, names in services.items():
        yield HOST.format(host=host)
        yield from (SERVICE.format(host=host, service=name) for name in names)
