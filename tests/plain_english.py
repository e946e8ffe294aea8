"""Phrases that once stood in the project and may not come back, as regular expressions, each with what to write instead.

CONTRIBUTING.md says how we write. `is no X` is one of them: write `is not an X`, or say what it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PHRASES = {
    r"who acknowledges stops": "Acknowledging stops escalation and reminders.",
    r"what is over is held": "Texts above a limit are held and merged into one, never dropped",
    r"was not heard of for a day counts as over": "an alert not heard of for 24 hours …",
    r"no text can tell that|a text cannot tell that no text": "an SMS cannot report that SMS is down",
    r"what goes wrong between us and the gateway": "sms-notify reports its own gateway problems",
    r"each accepted alert gets one word": "Every accepted alert ends in one outcome",
    r"a form asks for what makes no sense": "the form has invalid values",
    r"no strange web page can": "so that no other website can post there",
    r"its way through the routes anew": "is routed again",
    r"a moment that none of them fills": "Time that none of them covers is a gap",
    r"asks nobody, waits for nobody": "contacts nothing and needs no configuration but the folder",
    r"oldest of them first": "Show the newest messages, oldest first.",
    r"what another one than": "sources other than Alertmanager wait for `group_wait`",
    r"\bour own trouble": "sms-notify problems",
    r"acknowledged by nobody": "not acknowledged",
    r"nobody takes care of": "not acknowledged",
    r"the next until \d": "next text at 14:15",
    r"\bcoming and going": "flapping",
    r"the operator could not deliver": "the phone network could not deliver it",
    r"\ban acknowledge\b": "an acknowledgement",
    # "there is no receiver" is good English, and "is no longer" says something else.
    r"(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more\b)": "is not an X",
}
_FOUND = re.compile("|".join(f"(?P<p{number}>{phrase})" for number, phrase in enumerate(PHRASES)), re.I)


def not_plain(text: str) -> list[str]:
    """Each phrase that is found, with what to write instead. Line ends count as blanks, and bold words as plain ones."""
    found = _FOUND.finditer(re.sub(r"\s+(?:[#>*-]+ )?", " ", text.replace("**", "")))
    better = list(PHRASES.values())
    return [f"{match[0]!r}: write {better[int(str(match.lastgroup)[1:])]!r}" for match in found]


def shown(source: str) -> Iterator[str]:
    """The texts of a Python file that a user may see: all but docstrings, and those of commands too (`--help`)."""
    tree = ast.parse(source)
    helps = {
        id(node.body[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(re.search("command|group", ast.unparse(decorator)) for decorator in node.decorator_list)
    }
    hidden = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and id(node) not in helps
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            hidden |= {id(part) for part in node.values}
            yield "".join(_said(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in hidden:
            yield node.value


def _said(part: ast.expr) -> str:
    """A piece of an f-string; a value is a number to whoever looks for phrases."""
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "0"


def shown_in(path: Path) -> str:
    text = path.read_text("utf-8")
    if path.suffix == ".html":
        return re.sub(r"</?(?:b|em|strong|code|span|a)\b[^>]*>", "", re.sub(r"\{\{.*?\}\}", "0", text)) + text
    return "\n".join(shown(text)) if path.suffix == ".py" else text
