"""Debian's Zabbix 6.0 on loopback, all of it in one folder: PostgreSQL, the server, and the front end for its API."""

from __future__ import annotations

import gzip
import json
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from conftest import Site
from daemons import TOKEN, eventually, free_port
from systems import INTEGRATIONS, Program, filled_in

SHIPPED = INTEGRATIONS / "zabbix"
EXPORT_6_0 = SHIPPED / "sms-notify-6.0.yaml"
EXPORT_7_0 = SHIPPED / "sms-notify-7.0.yaml"
ALERT_SCRIPT = SHIPPED / "sms-notify"
SHIPPED_HOOK = "/opt/sms-notify/lib/python3.11/site-packages/sms_notify/hook.py zabbix"
SHIPPED_URL = "http://127.0.0.1:9601/zabbix"
SHIPPED_TOKEN = "a-token-of-web.webhook_tokens_file"
CHANNELS = {"webhook": "sms-notify", "script": "sms-notify script"}
RULES = {"mediaTypes": {"createMissing": True, "updateExisting": True}}

FRONT_END = Path("/usr/share/zabbix")
SCHEMA = Path("/usr/share/zabbix-server-pgsql")
CONTENTS = ("schema", "images", "data")  # in this order: each names what the one before it holds
PATIENCE = 60.0  # seconds; what Zabbix takes here is two to six
UPDATES = {"close": 1, "acknowledge": 2, "message": 4, "severity": 8}  # event.acknowledge adds them up

# Nothing of it is kept, so nothing need reach the disk; no port, and no memory that outlives it.
_POSTGRES = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "dynamic_shared_memory_type=mmap",
    "listen_addresses=",
)
# One of each is enough, and none of what polls. What it is told to watch is read again every second.
_SERVER = {
    "DBName": "zabbix",
    "DBUser": "zabbix",
    "LogType": "console",
    "ListenIP": "127.0.0.1",
    "CacheUpdateFrequency": "1",
    "HousekeepingFrequency": "0",
    "StartDBSyncers": "1",
    "StartTrappers": "1",
} | {
    f"Start{name}": "0" for name in ["Pollers", "PollersUnreachable", "Pingers", "Discoverers", "HTTPPollers"]
}


_AS_ZABBIX = ("setpriv", "--reuid=zabbix", "--regid=zabbix", "--clear-groups", "--inh-caps=-all")


class Part(Program):
    """One of the programs, as Zabbix' user; it takes its children along, also when this process is killed.

    The server's children outlive it where it is killed, and wait for a database for ever: so they go as a group.
    """

    def __init__(
        self, log: Path, ready: Callable[[], bool], *command: str | Path, ends_by: str = "KILL"
    ) -> None:
        self.log, self._is_ready = log, ready
        group = ("setsid", "sh", "-c", f"trap 'kill -{ends_by} 0' TERM; \"$@\" & wait", "sh")
        self._command = ["setpriv", "--pdeathsig", "TERM", *group, *_AS_ZABBIX, *map(str, command)]
        self.start()

    def _ready(self) -> bool:
        return self._is_ready()

    def kill(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def run_as_zabbix(*command: str | Path) -> None:
    outcome = subprocess.run([*_AS_ZABBIX, *map(str, command)], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


class Zabbix(AbstractContextManager["Zabbix"]):
    """With our media types imported, a user for each, and actions that tell of what bears the tag `channel`.

    `folder` is Zabbix' own and stays below 80 characters, for there are sockets in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.chown(folder, "zabbix", "zabbix")
        self._port = free_port()
        with ExitStack() as parts:
            self._database(parts)
            self._api(parts)
            self._server(parts)
            self._session, self._new = "", True
            self._session = self.call("user.login", username="Admin", password="zabbix")
            self._configure()
            self._parts = parts.pop_all()

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    # What it consists of

    def _database(self, parts: ExitStack) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        assert found, "PostgreSQL is not installed: python tests/real/install.py"
        tools, data = found[-1], self._folder / "data"
        options = ("--username=zabbix", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        run_as_zabbix(tools / "initdb", *options, data)
        settings = [f"--{setting}" for setting in (*_POSTGRES, f"unix_socket_directories={self._folder}")]
        command = (tools / "postgres", "-D", data, *settings)
        log = self._folder / "postgres.log"
        # A postmaster that is killed leaves its piece of shared memory to the machine.
        parts.enter_context(Part(log, self._has_database, *command, ends_by="QUIT"))
        parts.callback(run_as_zabbix, tools / "pg_ctl", "stop", "--silent", "--mode=immediate", "-D", data)
        assert self._sql(b"create database zabbix", "postgres"), self.said("psql")
        contents = [gzip.decompress((SCHEMA / f"{name}.sql.gz").read_bytes()) for name in CONTENTS]
        assert self._sql(b"".join(contents), "zabbix"), self.said("psql")

    def _has_database(self) -> bool:
        return self._sql(b"select 1", "postgres")

    def _sql(self, statements: bytes, database: str) -> bool:
        options = ("-h", str(self._folder), "-d", database, "-X", "-q", "-v", "ON_ERROR_STOP=1")
        with (self._folder / "psql.log").open("wb") as log:
            command = [*_AS_ZABBIX, "psql", *options]
            return (
                subprocess.run(command, input=statements, stdout=log, stderr=log, check=False).returncode == 0
            )

    def _api(self, parts: ExitStack) -> None:
        pages = self._folder / "pages"
        shutil.copytree(
            FRONT_END, pages, ignore=shutil.ignore_patterns("locale"), ignore_dangling_symlinks=True
        )
        settings = pages / "zabbix.conf.php"
        constant = pages / "include" / "classes" / "core" / "CConfigFile.php"
        constant.write_text(filled_in(constant, {"'/etc/zabbix/zabbix.conf.php'": f"'{settings}'"}), "utf-8")
        database = {"TYPE": "POSTGRESQL", "SERVER": str(self._folder), "DATABASE": "zabbix", "USER": "zabbix"}
        lines = [
            f"$DB['{name}'] = '{value}';" for name, value in (database | {"PORT": "0", "SCHEMA": ""}).items()
        ]
        settings.write_text("\n".join(["<?php", *lines, "$DB['PASSWORD'] = '';", ""]), "utf-8")
        address = f"127.0.0.1:{free_port()}"
        self._url = f"http://{address}/api_jsonrpc.php"
        log = self._folder / "php.log"
        parts.enter_context(Part(log, self._answers, "php", "-S", address, "-t", pages))

    def _answers(self) -> bool:
        try:
            return str(self._post("apiinfo.version", {})["result"]).startswith("6.0.")
        except OSError:
            return False

    def _server(self, parts: ExitStack) -> None:
        scripts = self._folder / "alertscripts"
        scripts.mkdir()
        self._script = scripts / ALERT_SCRIPT.name
        places = {"DBHost": self._folder, "ListenPort": self._port, "AlertScriptsPath": scripts}
        places |= {"SocketDir": self._folder, "PidFile": self._folder / "pid", "TmpDir": self._folder}
        config = self._folder / "zabbix_server.conf"
        config.write_text("".join(f"{name}={value}\n" for name, value in (_SERVER | places).items()), "utf-8")
        log = self._folder / "server.log"
        parts.enter_context(Part(log, self._listens, "zabbix_server", "-f", "-c", config))

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), 5).close()
        except OSError:
            return False
        return True

    def said(self, program: str) -> str:
        return (self._folder / f"{program}.log").read_text("utf-8", "replace")

    # What it is told through its API

    def call(self, method: str, **parameters: Any) -> Any:
        answer = self._post(method, parameters)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _post(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        body |= {"auth": self._session} if getattr(self, "_session", "") else {}
        request = urllib.request.Request(
            self._url, json.dumps(body).encode(), {"Content-Type": "application/json-rpc"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(json.loads(answer.read()))

    def take(self, export: Path) -> bool:
        """Imports the file as it is, whether or not its media types are there already."""
        return (
            self.call("configuration.import", format="yaml", source=export.read_text("utf-8"), rules=RULES)
            is True
        )

    def media_type(self, name: str) -> dict[str, Any]:
        (found,) = self.call("mediatype.get", filter={"name": name}, output="extend")
        return dict(found)

    def _configure(self) -> None:
        """What README.md tells the administrator to do; and a host, with the one that Zabbix watches itself put away."""
        assert self.take(EXPORT_6_0)
        (own,) = self.call("host.get", filter={"host": "Zabbix server"}, output=["hostid"])
        self.call("host.update", hostid=own["hostid"], status=1)
        (group,) = self.call("hostgroup.create", name="Web")["groupids"]
        (locked_out,) = self.call("usergroup.get", filter={"name": "No access to the frontend"})
        for channel, media_type in CHANNELS.items():
            self._tell_through(channel, self.media_type(media_type)["mediatypeid"], locked_out["usrgrpid"])
        (self._host,) = self.call(
            "host.create", host="web1", name="Web 1 (Zürich)", groups=[{"groupid": group}]
        )["hostids"]

    def _tell_through(self, channel: str, media_type: str, group: str) -> None:
        media = {"mediatypeid": media_type, "sendto": "sms-notify"}
        user = {"username": f"sms-notify-{channel}", "passwd": secrets.token_urlsafe(24), "medias": [media]}
        super_admin = "3"
        (user_id,) = self.call("user.create", **user, roleid=super_admin, usrgrps=[{"usrgrpid": group}])[
            "userids"
        ]
        message = {"default_msg": 1, "mediatypeid": media_type}
        told = [{"operationtype": 0, "opmessage": message, "opmessage_usr": [{"userid": user_id}]}]
        repeated = {"esc_step_from": 1, "esc_step_to": 0, "esc_period": "12h"}
        tagged = {"conditiontype": 26, "operator": 0, "value": channel, "value2": "channel"}
        self.call(
            "action.create",
            name=f"sms-notify through the {channel}",
            eventsource=0,
            filter={"evaltype": 0, "conditions": [tagged]},
            operations=[step | repeated for step in told],
            recovery_operations=told,
            update_operations=told,
        )

    def aim(self, site: Site, spool: Path, hook: Path, token: str = TOKEN) -> None:
        """Fills in what ends in CHANGE, so that both channels lead to this daemon."""
        self._script.write_text(
            filled_in(ALERT_SCRIPT, {SHIPPED_HOOK: f"{hook} zabbix --spool {spool}"}), "utf-8"
        )
        self._script.chmod(0o755)
        ours = self.media_type(CHANNELS["webhook"])
        changed = {"URL": f"{site.daemon.url}/zabbix", "Token": token}
        given = [
            parameter | {"value": changed.get(parameter["name"], parameter["value"])}
            for parameter in ours["parameters"]
        ]
        self.call("mediatype.update", mediatypeid=ours["mediatypeid"], parameters=given)

    def watch(self, key: str, channel: str, name: str, *, text: bool = False, severity: int = 4) -> str:
        """A trapper item, and a trigger called `name`: of a number over 90, or of each text that is not `ok`."""
        self._new = True
        when = f'last(/web1/{key})<>"ok"' if text else f"last(/web1/{key})>90"
        more = {"priority": severity, "opdata": "now {ITEM.VALUE}", "url": "https://runbook.example.net/1"}
        tags = [{"tag": "channel", "value": channel}, {"tag": "team", "value": "infra"}]
        return self._trigger(key, name, when, many=text, tags=tags, **more)

    def _trigger(self, key: str, name: str, when: str, *, many: bool, **more: Any) -> str:
        item = {"hostid": self._host, "key_": key, "name": key, "type": 2, "value_type": 4 if many else 0}
        self.call("item.create", **item)
        trigger = {"description": name, "expression": when, "type": int(many), "manual_close": 1}
        (found,) = self.call("trigger.create", **trigger, **more)["triggerids"]
        return str(found)

    def send(self, key: str, value: object) -> None:
        """One value through zabbix_sender, once the server knows what was made to watch it."""
        if self._new:
            self._wait_until_known()
            self._new = False
        assert self._take(key, value), f"zabbix_sender could not send {key}"

    def _wait_until_known(self) -> None:
        """The server reads items, triggers and tags anew each second, one after the other.

        A value that it takes when it knows the item alone is lost for the trigger, and an event before the tags comes
        to no action. So one more trigger is made, and is tried until an event of it has its tag.
        """
        key = f"known.{time.monotonic_ns()}"
        tags = [{"tag": "known", "value": "yes"}]
        trigger = self._trigger(key, key, f'last(/web1/{key})<>"ok"', many=True, tags=tags)
        found = {"objectids": trigger, "selectTags": "extend"}

        def known() -> bool:
            return self._take(key, "?") and any(one["tags"] for one in self.call("problem.get", **found))

        assert eventually(known, PATIENCE), self.said("server")

    def _take(self, key: str, value: object) -> bool:
        command = ["zabbix_sender", "-z", "127.0.0.1", "-p", str(self._port), "-s", "web1", "-k", key]
        done = subprocess.run(
            [*command, "-o", str(value)], capture_output=True, text=True, timeout=60, check=False
        )
        return "processed: 1; failed: 0" in done.stdout

    def problem(self, trigger: str) -> str:
        """The id of the trigger's newest problem, when there is one."""
        found: list[str] = []

        def there() -> bool:
            events = self.call(
                "problem.get", objectids=trigger, sortfield="eventid", sortorder="DESC", limit=1
            )
            found.extend(event["eventid"] for event in events)
            return bool(found)

        assert eventually(there, PATIENCE), self.said("server")
        return found[0]

    def end(self, event: str) -> str:
        """The id of the event that ended the problem; messages about the end are kept under it."""
        (found,) = self.call("event.get", eventids=event, output=["r_eventid"])
        return str(found["r_eventid"])

    def update(self, event: str, *what: str, message: str = "", severity: int = 0) -> None:
        """What somebody does to a problem in Zabbix, as `Zabbix Administrator (Admin)`."""
        more = {"message": message} if message else {}
        more |= {"severity": severity} if severity else {}
        self.call("event.acknowledge", eventids=event, action=sum(UPDATES[word] for word in what), **more)

    def alerts(self, event: str) -> list[dict[str, Any]]:
        """What Zabbix shows of its messages about that problem: status 0 is still tried, 1 sent, 2 failed."""
        return list(self.call("alert.get", eventids=event, output="extend", sortfield="alertid"))
