"""The shape of the code, held by tests: which room may know which, and what no pure room may touch."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
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
        "policy.outcomes",
        "channels.settings",
        "silences.settings",
        "hook",
        "ownership",
        "web.settings",
        "wording.content",
        "web.passwords",
        "web.roles",
    },
    {"policy", "sources", "wording", "logs", "net", "spool_folder"},
    {"gateways", "store", "channels"},
    {"self_alerts", "barring", "oncall"},
    {"engine"},
    {"delivery"},
    {"metrics", "spool"},
    {"virtual"},  # the whole daemon in one thread: above all of it, below everybody who replays it
    {"operator_notifier", "silences"},
    {"config"},
    {"explain", "importing", "oncall.schedules"},
    {"web", "simulator", "daemon.wiring"},
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
    ("channels", "gateways"),
    ("sources", "policy"),
    ("sources", "wording"),
]
# The simulator must share no code with the client it answers: their agreement would prove nothing.
FORBIDDEN = {
    "simulator": {"gateways", "net", "store", "engine", "config", "web", "policy", "policy.outcomes"}
}

ONE_ROOM = {
    "sqlite3": {"store"},
    "psycopg": {"store"},
    "requests": {"net", "simulator"},
    "urllib3": {"net"},
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
    "orjson": {"sources", "simulator", "store"},
    "re2": {"policy"},
}
PURE = (
    "policy",
    "sources",
    "wording",
    "alert",
    "oncall.roster",
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
    "daemon/app.py",
    "daemon/wiring.py",
    "demo.py",
    "simulator/server.py",
    "net/sockets.py",
    "store/committer.py",
}

# File names that say enough with their room's before them.
MANY_HAVE = {"__init__", "base", "settings"}


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    dotted = ".".join(parts)
    if any(dotted in layer for layer in LAYERS):
        return dotted
    return parts[0]


@cache
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


def outside_the_gateways() -> list[Path]:
    known = {"gateways", "simulator"}
    return [path for path in FILES if path.relative_to(PACKAGE).parts[0] not in known]


def test_only_the_gateways_know_a_provider() -> None:
    known = {path.name for path in outside_the_gateways() if any("sms1601" in n for n in imports_of(path))}

    assert known == set()


def test_the_registry_alone_leads_to_a_provider() -> None:
    common = [path for path in (PACKAGE / "gateways").glob("*.py") if path.name != "registry.py"]

    assert {path.name for path in common if any("sms1601" in name for name in imports_of(path))} == set()


CODES = range(100, 200)


def compared_codes(source: str) -> list[int]:
    """The lines that compare what is called a code or an error with a number, spelled there or under a name of the
    module, and those of tables by such numbers.
    """
    tree = ast.parse(source)
    named = {name for node in tree.body if isinstance(node, ast.Assign) for name in _names_of_codes(node)}

    def is_code(node: ast.expr) -> bool:
        if isinstance(node, ast.Tuple | ast.Set | ast.List):
            return any(is_code(one) for one in node.elts)
        if isinstance(node, ast.Name):
            return node.id in named
        return isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value in CODES

    def compares(node: ast.AST) -> bool:
        match node:
            case ast.Compare(left=left, comparators=others):
                sides = [left, *others]
                spoken = {getattr(side, "attr", getattr(side, "id", "")) for side in sides}
                return bool(spoken & {"code", "error"}) and any(map(is_code, sides))
            case ast.Dict(keys=[_, *_] as keys):
                return all(key is not None and is_code(key) for key in keys)
            case ast.MatchValue(value=value):
                return is_code(value)
        return False

    return [node.lineno for node in ast.walk(tree) if compares(node)]


def _names_of_codes(node: ast.Assign) -> set[str]:
    names = {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    numbers = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
    return names if any(isinstance(n, int) and n in CODES for n in numbers) else set()


def test_only_the_gateways_know_a_code_by_its_number() -> None:
    compared = {path.name: compared_codes(path.read_text("utf-8")) for path in outside_the_gateways()}

    assert {name: lines for name, lines in compared.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "if outcome.code == 102: pass",
        "_PAST, _GONE = 121, 122\nif got.code != _PAST: pass",
        "if code in (106, 112): pass",
        "BY_CODE = {100: 1}",
        "match code:\n    case 108: pass",
    ],
)
def test_a_code_that_is_known_by_its_number_is_noticed(source: str) -> None:
    assert compared_codes(source)


@pytest.mark.parametrize("source", ["if finished.code == 0: pass", "if a.code != b.code: pass", "wide = 160"])
def test_other_numbers_are_no_codes(source: str) -> None:
    assert compared_codes(source) == []


def test_policy_knows_neither_store_nor_gateways() -> None:
    known = {room.split(".")[0] for path in (PACKAGE / "policy").glob("*.py") for room in ours(path)}

    assert known & {"store", "gateways", "delivery", "engine"} == set()


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


@pytest.mark.parametrize(
    "name", [path.stem for path in FILES if path.parent == PACKAGE / "policy" and path.stem != "__init__"]
)
def test_every_policy_has_a_test_file_of_its_own(name: str) -> None:
    tests = ROOT / "tests" / "policy" / f"test_{name}.py"

    assert tests.is_file(), "policy is pure: write its rules as tables of values"
    assert f"sms_notify.policy.{name}" in imports_of(tests)
    assert "def test_" in tests.read_text("utf-8")


def test_a_file_of_a_deciding_room_is_known_by_its_name_alone() -> None:
    """A room that is a single file, or does not exist yet, has no names to confuse."""
    rooms = [PACKAGE / room for room in ("policy", "engine", "delivery", "store")]
    names = Counter(path.stem for room in rooms for path in room.rglob("*.py") if path.stem not in MANY_HAVE)

    assert {name for name, times in names.items() if times > 1} == set()


def test_a_class_is_known_by_its_name_alone() -> None:
    names = Counter(
        node.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )

    assert {name for name, times in names.items() if times > 1} == set()
