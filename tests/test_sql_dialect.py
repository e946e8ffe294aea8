"""The SQL of the store is understood by SQLite and by PostgreSQL alike: nothing that only the first of them takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

STORE = Path(__file__).parent.parent / "sms_notify" / "store"
# The schema and its migrations are SQLite's; opening, locking and migrating a file are as well.
FILES = sorted(
    path
    for path in STORE.glob("*.py")
    if path.name not in ("schema.py", "migrations.py", "sqlite.py", "in_memory.py")
)

# What a statement must not have, and what PostgreSQL says to it.
ONLY_SQLITE = {
    "a scalar min or max": (
        r"\bm(?:in|ax)\([^()]*,",
        "these are aggregates there; `case when` or `least` instead",
    ),
    "a unary plus": (
        r"(?:^|[\s(,=])\+[a-z_:]",
        "it is an operator of numbers, and hides no column from a planner",
    ),
    "a parameter without a type": (
        r"(?<!text)(?<!\w):\w+ is (?:not )?null",
        "it cannot tell its type: cast it",
    ),
    "like": (r"\b(?:like|glob|match|regexp)\b", "case counts there; compare the beginning by substr"),
    "insert or": (r"\binsert or\b|\breplace into\b", "on conflict … do … instead"),
    "a double-quoted text": (r'"', "it is a name there"),
    "a sum of truths": (
        r"\bsum\((?!case\b)[^()]*(?:[=<>]|\bis\b|\bin\b|\bexists\b)",
        "truth is no number: case when",
    ),
    "truth as a number": (
        r"(?:\bis (?:not )?null\)?|\bexists \([^()]*\)) *[=+*] *[01:]",
        "truth is no number there",
    ),
    "a parameter as truth": (
        r"(?:\b(?:and|or|not|where|when) |\():\w+ (?:and|or|then)\b",
        "it is a number there; compare it with 1",
    ),
    "a number as truth": (r"\b(?:where|and|or|not) [01]\b", "a number is no truth there"),
    "functions": (
        r"\b(?:ifnull|iif|instr|printf|strftime|julianday|datetime|unixepoch|group_concat|total|char|hex|json_\w+)\(",
        "they are called otherwise",
    ),
    "the row's own number": (r"\b(?:rowid|oid|_rowid_)\b", "there is none"),
    "a limit of two numbers": (r"\blimit [:\w]+ *,|\blimit -", "limit … offset …"),
    "hints": (r"\bindexed by\b|\bnot indexed\b|\bcollate nocase\b", "there are none"),
    "a comparison with ==": (r"==", "="),
    "a table in from without a name": (
        r"\bfrom \((?!(?s:.*)\) as \w+)",
        "until version 16 a subquery must have a name",
    ),
    "an order by what distinct leaves out": (
        r"\bselect distinct (?:(?!\bselect\b).)*\border by\b",
        "it orders by what is selected alone; sort it, or list it below",
    ),
}

# What stands in files that are being written anew; each is to be mended there, and then to leave this table.
# The same for lists of words, which `in_list` makes of a property of their enum.
SPELLED_OUT: set[str] = set()


def statements(path: Path) -> Iterator[str]:
    """The SQL of a file: its texts but docstrings; what is put into one stands as a word, for it is one or a list of them."""
    tree = ast.parse(path.read_text("utf-8"))
    docs = {
        id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
    }
    parts = {id(part) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for part in n.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "x" for v in node.values)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docs | parts)
        ):
            yield node.value


def sql_of(path: Path) -> list[str]:
    words = re.compile(
        r"\b(?:select|insert into|update \w+ set|delete from|where|from|union|order by|case when)\b"
    )
    return [text for text in statements(path) if words.search(text)]


def bare_columns(sql: str) -> list[str]:
    """Columns that are selected beside an aggregate and not grouped by: SQLite takes them from any row."""
    found = re.search(
        r"\bselect ((?:(?!\bselect\b|\bfrom\b).)*) from (?:(?!\bselect\b).)*\bgroup by ([\w., +]+)", sql
    )
    if found is None:
        return []
    grouped = {name.strip() for name in re.split(r",|\border by\b|\blimit\b|\bunion\b", found[2])}
    selected = [item.split(" as ")[0].strip() for item in found[1].split(", ")]
    return [
        item
        for item in selected
        if not re.match(r"(?:count|sum|min|max|avg)\(|'|[0-9]", item) and item not in grouped
    ]


@pytest.mark.parametrize("construct", ONLY_SQLITE)
def test_no_statement_has_what_only_sqlite_takes(construct: str) -> None:
    pattern, instead = ONLY_SQLITE[construct]
    found = {path.name: sql for path in FILES for sql in sql_of(path) if re.search(pattern, sql, re.DOTALL)}

    assert found == {}, instead


def test_no_statement_selects_what_it_does_not_group_by() -> None:
    assert {path.name: bare for path in FILES for sql in sql_of(path) if (bare := bare_columns(sql))} == {}


def test_no_list_of_words_is_spelled_out_a_second_time() -> None:
    found = {path.name for path in FILES for sql in sql_of(path) if re.search(r"\bin \('\w+'", sql)}

    assert found <= SPELLED_OUT, "which words belong together is said by a property of their enum"
    assert found == SPELLED_OUT, "it is mended: take it out of the set"


@pytest.mark.parametrize(
    ("construct", "sql"),
    [
        ("a scalar min or max", "update t set a = min(a, :now) where id = 1"),
        ("a unary plus", "select +a from t order by +id"),
        ("a parameter without a type", "select 1 from t where (:only is null or id = :only)"),
        ("like", "select 1 from t where a like b || '%'"),
        ("insert or", "insert or ignore into t values (1)"),
        ("a double-quoted text", 'select 1 from t where a = "b"'),
        ("a sum of truths", "select coalesce(sum(a = 'x'), 0) from t"),
        ("truth as a number", "select 1 from t where (a is null) = 1"),
        ("a parameter as truth", "select 1 from t where a = 1 or (:again and b = 2)"),
        ("a number as truth", "select 1 from t where 1"),
        ("functions", "select ifnull(a, 1) from t"),
        ("the row's own number", "select 1 from t order by rowid"),
        ("a limit of two numbers", "select 1 from t limit 1, 2"),
        ("hints", "select 1 from t indexed by i"),
        ("a comparison with ==", "select 1 from t where a == 1"),
        ("a table in from without a name", "select 1 from (select 2 from t)"),
        ("an order by what distinct leaves out", "select distinct a from t order by b"),
    ],
)
def test_each_construct_is_seen(construct: str, sql: str) -> None:
    assert re.search(ONLY_SQLITE[construct][0], sql, re.DOTALL)


def test_a_column_that_is_not_grouped_by_is_seen() -> None:
    assert bare_columns("select a, b, count(*) as n from t where c = 1 group by a") == ["b"]
    assert bare_columns("select t.a, max(b) from t group by t.a order by t.a") == []


def test_the_statements_are_found() -> None:
    assert sum(len(sql_of(path)) for path in FILES) > 150
