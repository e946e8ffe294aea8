"""Debian's nagios4 as a process, with a configuration of the test's own around the file that we ship."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from checking import ExternalCommands
from daemons import eventually
from systems import INTEGRATIONS, Program, filled_in

SHIPPED = INTEGRATIONS / "nagios" / "sms-notify.cfg"
SHIPPED_HOOK = "/opt/sms-notify/lib/python3.11/site-packages/sms_notify/hook.py"
DEBIAN = Path("/etc/nagios4")
USER = "nagios"
OK, WARNING, CRITICAL = 0, 1, 2
UP, DOWN = 0, 1

# Seconds instead of minutes, results from the command file alone, and Debian's illegal_macro_output_chars. Nothing is
# fetched, and nothing of the machine's own Nagios is read or written.
MAIN = """\
log_file={folder}/nagios.log
cfg_file={folder}/sms-notify.cfg
cfg_file={folder}/objects.cfg
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
status_file={folder}/status.dat
state_retention_file={folder}/retention.dat
command_file={folder}/nagios.cmd
query_socket={folder}/nagios.qh
lock_file={folder}/nagios.pid
temp_file={folder}/nagios.tmp
temp_path={folder}
check_result_path={folder}/results
nagios_user=nagios
nagios_group=nagios
check_external_commands=1
check_for_updates=0
event_broker_options=0
check_workers=2
use_syslog=0
retain_state_information=0
interval_length=1
check_result_reaper_frequency=1
execute_service_checks=0
execute_host_checks=0
enable_notifications=1
enable_flap_detection=0
notification_timeout=30
daemon_dumps_core=0
enable_environment_macros=1
illegal_object_name_chars=`~!$%^&*|'"<>?,()=
illegal_macro_output_chars=`~$&|'"<>
"""
OBJECTS = """\
define timeperiod {
    timeperiod_name  24x7
    alias            always
    sunday           00:00-24:00
    monday           00:00-24:00
    tuesday          00:00-24:00
    wednesday        00:00-24:00
    thursday         00:00-24:00
    friday           00:00-24:00
    saturday         00:00-24:00
}
define contactgroup {
    contactgroup_name  admins
    alias              whom the shipped contact joins
}
define command {
    command_name  none
    command_line  /bin/true
}
"""
CHECKED = """\
    check_command          none
    check_period           24x7
    max_check_attempts     1
    check_interval         60
    retry_interval         60
    active_checks_enabled  0
    notification_interval  3600
    notification_period    24x7
    contact_groups         admins
"""
HOST = (
    "define host {{\n    host_name  {host}\n    address  192.0.2.1\n    notification_options  d,u,r,f,s\n"
    + CHECKED
    + "}}\n"
)
SERVICE = (
    "define service {{\n    host_name  {host}\n    service_description  {service}\n"
    "    notification_options  u,w,c,r,f,s\n" + CHECKED + "}}\n"
)
# What nagios.log says of a command that did not do what it should.
_FAILED = re.compile(r"exited with return code|died by signal|timed out|early_timeout=1|stderr line|failed")


def warnings(main: Path) -> list[str]:
    """Of `nagios4 -v`, which also writes the objects as it understood them. Raises AssertionError where it refuses."""
    done = subprocess.run(["nagios4", "-vp", str(main)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if line.lower().startswith("warning")]


def beside_debians_own(folder: Path, shipped: str) -> Path:
    """Debian's whole configuration as it is installed, with `shipped` in place of what the machine has in conf.d.

    The objects as Nagios understood them come into `precached_object_file` beside it.
    """
    _own(folder)
    (folder / "sms-notify.cfg").write_text(shipped, "utf-8")
    text = (DEBIAN / "nagios.cfg").read_text("utf-8")
    text = re.sub(r"^cfg_dir=/etc/nagios4/conf.d$", f"cfg_file={folder}/sms-notify.cfg", text, flags=re.M)
    for name in ("object_cache_file", "precached_object_file", "log_file"):
        text = re.sub(rf"^{name}=.*$", f"{name}={folder}/{name}", text, flags=re.M)
    (folder / "nagios.cfg").write_text(text, "utf-8")
    return folder / "nagios.cfg"


class Nagios(Program, ExternalCommands):
    """Runs as its own user, whose notifications go to `spool`; `services` are those of each host."""

    def __init__(self, folder: Path, hook: Path, spool: Path, services: Mapping[str, Iterable[str]]) -> None:
        self.main = folder / "nagios.cfg"
        self.pipe = folder / "nagios.cmd"
        self._nagios_log = folder / "nagios.log"
        _own(folder)
        _own(folder / "results")
        self.main.write_text(MAIN.format(folder=folder), "utf-8")
        (folder / "objects.cfg").write_text(OBJECTS + "".join(_objects(services)), "utf-8")
        (folder / "sms-notify.cfg").write_text(filled_in(SHIPPED, {SHIPPED_HOOK: str(hook)}), "utf-8")
        # A change of user undoes what makes the process end with its parent, so it is said again: TERM, which ends
        # its workers too. The environment is all that a service of Debian's gets.
        user = ("setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--pdeathsig", "TERM")
        environment = (
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
            f"SMS_NOTIFY_SPOOL={spool}",
        )
        super().__init__("", folder / "said", "setsid", *user, *environment, "nagios4", str(self.main))

    def _ready(self) -> bool:
        return self.pipe.is_fifo() and "Successfully launched command file worker" in self.said()

    def said(self) -> str:
        """All of nagios.log; what came from outside may be in any encoding."""
        return self._nagios_log.read_text("utf-8", "replace") if self._nagios_log.exists() else ""

    def notifications(self) -> list[str]:
        """Those for which it has started our command: what stands in its log after the contact's name."""
        return re.findall(r"(?:SERVICE|HOST) NOTIFICATION: sms-notify;(.*)", self.said())

    def failures(self) -> list[str]:
        """What it has to say of commands that failed."""
        return [line for line in self.said().splitlines() if _FAILED.search(line)]

    def __exit__(self, *_: object) -> None:
        """Also its workers and the hooks under way have ended then, which write into folders that are to be removed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        assert eventually(lambda: not _session(self.process.pid), 20), _session(self.process.pid)


def _own(folder: Path) -> None:
    folder.mkdir()
    shutil.chown(folder, USER, USER)


def _objects(services: Mapping[str, Iterable[str]]) -> Iterable[str]:
    for host, names in services.items():
        yield HOST.format(host=host)
        yield from (SERVICE.format(host=host, service=name) for name in names)


def _session(leader: int) -> list[str]:
    """The processes of its session that still run; proc(5) has the session as the fourth word after the name."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state = (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(state[3]) == leader and state[0] != "Z":
            found.append(f"{process.name}: {state[0]}")
    return found
