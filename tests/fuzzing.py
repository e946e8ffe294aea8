"""What any bytes may do to the five doors: nothing but a value or an error of ours, and that within a second.

`python tests/fuzzing.py webhooks 600 FOLDER` looks for worse with atheris, which has to be installed beside the tests' own tools
(`pip install atheris`), and keeps in FOLDER what it found new ways with.
`python tests/fuzzing.py keep webhooks FOLDER` writes the smallest of them into `tests/corpus/webhooks.txt`, which
`test_fuzzing.py` replays.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parent))

import contextlib

from workbench import NOON, Bench, VirtualClock, a_plan

from sms_notify.alert import Delivery
from sms_notify.config.document import parse_document
from sms_notify.config.load import settings_of
from sms_notify.engine import Engine
from sms_notify.errors import ConfigError, ParseError
from sms_notify.explain import timeline
from sms_notify.gateways.sms1601 import responses
from sms_notify.hook import END, HOOKS, MAGIC
from sms_notify.oncall.calendar_fetch import CalendarError
from sms_notify.oncall.icalendar import read_calendar
from sms_notify.sources import alertmanager, generic, grafana, hook_record, prometheus, uptime_kuma, zabbix
from sms_notify.spool import read
from sms_notify.store.in_memory import ScratchStore

CORPUS = Path(__file__).with_name("corpus")
_MOST_KEPT = 250  # entries of one corpus
_LONGEST_KEPT = 1500  # bytes
_AMSTERDAM = ZoneInfo("Europe/Amsterdam")
_PARSERS = (
    alertmanager.parse,
    grafana.parse,
    partial(zabbix.parse, at=NOON),
    partial(prometheus.parse, at=NOON),
    uptime_kuma.parse,
    generic.parse,
)
_HOOKS = tuple(hook.encode() for hook in HOOKS)


def answers(data: bytes) -> None:
    status = (200, 400, 500)[data[0] % 3] if data else 200
    body = data[1:]
    responses.read_send(body, status)
    responses.read_credits(body, status)
    responses.read_report(body, status, smsid="77", zone=_AMSTERDAM)
    responses.read_last_reports(body, status, zone=_AMSTERDAM)
    responses.read_removal(body, status)
    words = body.decode("utf-8", "replace").split("\n")
    names = ("smsid", "status", "datum", "referentie")
    responses.read_callback(dict(zip(names, words, strict=False)), zone=_AMSTERDAM)


def webhooks(data: bytes) -> None:
    """The first byte says to which source the rest is posted; what is taken is decided, worded and explained."""
    parse = _PARSERS[data[0] % len(_PARSERS)] if data else generic.parse
    try:
        delivery = parse(data[1:])
    except ParseError:
        return
    _decide(delivery)


def spool(data: bytes) -> None:
    """A record as it lies there, and the words of a hook in a record that is whole."""
    for record in (data, _record(data)):
        try:
            delivery = hook_record.parse(read(record))
        except ParseError:
            continue
        _decide(delivery)


def _record(data: bytes) -> bytes:
    hook, *words = data.split(b"\x00")
    fields = [(b"h", _HOOKS[(hook or b"\x00")[0] % len(_HOOKS)]), (b"t", b"1700000000000000000")]
    fields += [(b"a", word) for word in words[:20]]
    fields += [(b"e", word) for word in words[20:40] if b"=" in word]
    fields += [(b"b", hook[1:])]
    return MAGIC + b"".join(b"%s%d:%s\n" % (kind, len(value), value) for kind, value in fields) + END


def configuration(data: bytes) -> None:
    try:
        text = data.decode("utf-8")
        settings_of(parse_document(text, "fuzzed.yml"), {"SECRET": "canary"}, Path("/nonexistent"))
    except (UnicodeDecodeError, ConfigError):
        pass


def calendar(data: bytes) -> None:
    with contextlib.suppress(CalendarError):
        read_calendar(data, ("alice", "bob"), NOON, NOON + timedelta(days=14), "Europe/Amsterdam")


def _decide(delivery: Delivery) -> None:
    bench = _bench()
    with bench.store.transaction() as tx:
        bench.engine.accept(tx, delivery, bench.clock())
        bench.engine.tick(tx, bench.clock() + timedelta(minutes=6))
        newest = tx.one("select max(id) as id from incidents")
        if newest is not None and newest["id"] is not None:
            timeline.of_incident(tx, newest["id"], timeline.Beside(str))
        for table in _TABLES:
            tx.run(f"delete from {table}")


_TABLES = (
    "incidents",
    "members",
    "alerts",
    "pages",
    "messages",
    "agenda",
    "groups",
    "holds",
    "beliefs",
    "own_ids",
    "ledger",
    "decisions",
)


@cache
def _bench() -> Bench:
    plan = a_plan()
    told_at_once = replace(plan, route=replace(plan.route, group_wait=timedelta(0)))
    return Bench(ScratchStore(), Engine(told_at_once, "node"), VirtualClock(NOON))


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (answers, webhooks, spool, configuration, calendar)
}


def kept(name: str) -> list[bytes]:
    """The corpus of a target."""
    lines = (CORPUS / f"{name}.txt").read_text("ascii").splitlines()
    return [base64.b64decode(line) for line in lines]


def keep(name: str, folder: Path) -> None:
    found = sorted({file.read_bytes() for file in folder.iterdir()}, key=lambda body: (len(body), body))
    short = [body for body in found if len(body) <= _LONGEST_KEPT]
    few = (
        short
        if len(short) <= _MOST_KEPT
        else [short[n * len(short) // _MOST_KEPT] for n in range(_MOST_KEPT)]
    )
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{name}.txt").write_text(
        "".join(base64.b64encode(body).decode() + "\n" for body in few), "ascii"
    )


def fuzz(name: str, seconds: int, folder: Path) -> None:
    import atheris

    atheris.instrument_all()
    options = [
        f"-max_total_time={seconds}",
        "-timeout=5",
        "-max_len=4096",
        "-rss_limit_mb=1500",
        f"-artifact_prefix={folder}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(folder)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1] == "keep":
        keep(sys.argv[2], Path(sys.argv[3]))
    else:
        where = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
        fuzz(sys.argv[1], int(sys.argv[2]), where)
