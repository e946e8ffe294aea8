"""The shape of the code, held by tests: which room may know which, and what no pure room may touch."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sms_notify"
FILES = sorted(PACKAGE.rglob("*.py"))

# Lower may never import higher. A room is a folder or a file of the package; values come first.
LAYERS = [
    {
        "errors",
        "secret",
        "alert",
        "gateways.base",
        "gateways.sms1601.settings",
        "channels.settings",
        "silences.settings",
        "hook",
        "web.settings",
        "wording.content",
        "web.passwords",
    },
    {"policy", "sources", "wording", "logs"},
    {"gateways", "store", "channels"},
    {"self_alerts", "ruleset", "barring"},
    {"delivery"},
    {"oncall", "hearing", "upkeep", "allowance", "bundling"},
    {"paging"},
    {"owing", "turns", "handover"},
    {"engine"},
    {"metrics", "spool"},
    {"virtual"},  # the whole daemon in one thread: above all of it, below everybody who replays it
    {"operator_notifier", "silences"},
    {"config"},
    {"explain", "importing", "oncall.schedules"},
    {"web", "simulator", "assembly"},
    {"daemon"},
    {"demo", "backtest"},
    {"stories"},
    {"cli"},
    {"__main__"},
]
# Rooms of one layer that may not know each other.
STRANGERS = [
    ("gateways", "store"),
    ("channels", "store"),
    ("web", "simulator"),
    ("sources", "policy"),
    ("sources", "wording"),
]
# The simulator must share no code with the client it answers: their agreement would prove nothing.
FORBIDDEN = {"simulator": {"gateways", "store", "engine", "config", "web", "policy"}}

ONE_ROOM = {
    "sqlite3": {"store"},
    "requests": {"gateways", "simulator"},
    "urllib3": {"gateways"},
    "smtplib": {"channels"},
    "subprocess": {"channels"},
    "yaml": {"config"},
    "pydantic": {"config", "simulator", "stories"},
    "phonenumbers": {"config"},
    "jinja2": {"wording", "simulator", "web"},
    "icalendar": {"oncall"},
    "recurring_ical_events": {"oncall"},
    "matplotlib": {"backtest"},
    "anyascii": {"wording"},
    "prometheus_client": {"metrics"},
    "click": {"cli"},
    "uvicorn": {"web", "simulator"},
    "starlette": {"web", "simulator"},
    "orjson": {"sources", "simulator"},
    "re2": {"policy"},
}
PURE = (
    "policy",
    "sources",
    "wording",
    "alert",
    "ruleset",
    "oncall.roster",
    "paging",
    "allowance",
    "bundling",
    "upkeep",
    "owing",
    "hearing",
    "turns",
    "handover",
    "engine",
    "explain",
    "virtual",
    "secret",
    "errors",
)
IMPURE = {
    "time",
    "os",
    "random",
    "secrets",
    "socket",
    "threading",
    "subprocess",
    "requests",
    "sqlite3",
    "pathlib",
    "logging",
}
CLOCKS = re.compile(r"\b(datetime\.now|datetime\.utcnow|date\.today|time\.time|time\.monotonic)\(\w*\)")
MAY_READ_CLOCKS = {
    "assembly.py",
    "daemon/app.py",
    "demo.py",
    "simulator/server.py",
    "gateways/transport.py",
    "channels/bounded.py",
    "store/committer.py",
}


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    dotted = ".".join(parts)
    if any(dotted in layer for layer in LAYERS):
        return dotted
    return parts[0]


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    """The rooms of ours that a file imports."""
    names = {name.removeprefix("sms_notify.") for name in imports_of(path) if name.startswith("sms_notify.")}
    known = {room for layer in LAYERS for room in layer}
    rooms = set()
    for name in names:
        parts = name.split(".")
        candidates = [".".join(parts[: n + 1]) for n in range(len(parts))]
        fitting = [candidate for candidate in candidates if candidate in known]
        if fitting:
            rooms.add(fitting[-1])
    return rooms


def layer_of(room: str) -> int:
    return next(n for n, layer in enumerate(LAYERS) if room in layer)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way_only(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        assert ours(path) == set()
        return
    for other in ours(path) - {room}:
        assert layer_of(other) <= layer_of(room), (
            f"{path.name} ({room}) imports {other}, which stands above it"
        )
        assert not {(room, other), (other, room)} & set(STRANGERS), f"{room} must not know {other}"
        assert other not in FORBIDDEN.get(room, set()), f"{room} must not know {other}"


@pytest.mark.parametrize("library", ONE_ROOM)
def test_a_library_is_known_in_one_room(library: str) -> None:
    users = {
        path.relative_to(PACKAGE).with_suffix("").parts[0]
        for path in FILES
        if any(name == library or name.startswith(library + ".") for name in imports_of(path))
    }

    assert users, f"nobody uses {library}: take it out of this table and of pyproject.toml"
    assert users <= ONE_ROOM[library]


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if ".".join(p.relative_to(PACKAGE).with_suffix("").parts).startswith(PURE)],
    ids=lambda path: path.stem,
)
def test_pure_rooms_touch_no_clock_no_environment_and_no_io(path: Path) -> None:
    touched = {name.split(".")[0] for name in imports_of(path)} & IMPURE

    assert touched == set()
    assert not CLOCKS.search(path.read_text("utf-8"))


def test_clocks_are_read_at_the_edges_alone() -> None:
    readers = {str(path.relative_to(PACKAGE)) for path in FILES if CLOCKS.search(path.read_text("utf-8"))}

    assert {
        reader
        for reader in readers
        if not reader.startswith(("cli/", "web/")) and reader not in MAY_READ_CLOCKS
    } == set()


def test_files_stay_one_idea_each() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in FILES}

    assert {name: n for name, n in lengths.items() if n > 400} == {}
    assert sum(n <= 300 for n in lengths.values()) >= 0.9 * len(lengths)


def test_functions_stay_short() -> None:
    lengths = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                body = node.end_lineno - node.body[0].lineno + 1
                lengths.append(body)
                assert body <= 40, f"{path.name}:{node.lineno} {node.name} has {body} lines"

    assert sorted(lengths)[len(lengths) // 2] <= 10


def test_the_preview_holds_no_rule() -> None:
    """It reads what the engine has decided; of policy it knows values, and functions that spell or read one."""
    path = PACKAGE / "explain" / "preview.py"
    deep = (
        name.removeprefix("sms_notify.policy.").partition(".")[2]
        for name in imports_of(path)
        if ".policy." in name
    )

    assert {name for name in deep if name.islower()} <= {"tag_of", "step_of"}
    assert not ours(path) & {
        "wording",
        "hearing",
        "owing",
        "turns",
        "paging",
        "bundling",
        "allowance",
        "upkeep",
    }


def test_the_map_names_every_room() -> None:
    text = (PACKAGE / "__init__.py").read_text("utf-8")
    rooms = {
        p.name for p in PACKAGE.iterdir() if (p.is_dir() and p.name != "__pycache__") or p.suffix == ".py"
    } - {"__init__.py"}

    assert {room for room in rooms if f"{room.removesuffix('.py')}" not in text} == set()


def test_nothing_happens_at_import() -> None:
    """A module's own level defines; it does not call anything that starts, opens, reads or prints."""
    doing = {"open", "print", "connect", "start", "run", "getenv", "basicConfig"}
    for path in FILES:
        for node in ast.parse(path.read_text("utf-8")).body:
            calls = [
                n.value.func for n in [node] if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)
            ]
            names = {c.id if isinstance(c, ast.Name) else getattr(c, "attr", "") for c in calls}
            assert not names & doing, f"{path.name}: {names}"
