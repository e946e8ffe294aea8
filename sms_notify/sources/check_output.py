"""Which line of what a check printed says something: a text has room for one."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A state is in the text anyhow; a frame, a heading or the name of the check says nothing beside it.
_EMPTY = re.compile(
    r"\b(?:check_\w+|ok|warning|critical|unknown|up|down|unreachable|warn|crit|error|errors|status|state|result|output|check|plugin"
    r"|service|host|details?|summary)\b|[^\w]|_",
    re.IGNORECASE,
)
SERVICE_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
"""Of a service, by the number with which a plug-in exits."""

# `PING CRITICAL:` is how plug-ins begin, whatever the service is called here.
_HEADING = re.compile(rf"\W*[A-Z][A-Z0-9_ -]* (?:{'|'.join(SERVICE_STATES)})\W*")
_TRACEBACK = "Traceback (most recent call last)"


def speaking_line(text: str, named: Sequence[str]) -> tuple[str, str]:
    """The line, and the others in their order. `named` are the host and the service, which the text names already."""
    lines = text.split("\n")
    speaking = [at for at, line in enumerate(lines) if _says(line, named)]
    if not speaking:
        return lines[0], "\n".join(lines[1:]).strip()
    first = speaking[-1 if lines[speaking[0]].startswith(_TRACEBACK) else 0]
    return lines[first].strip(), "\n".join(lines[:first] + lines[first + 1 :]).strip()


def _says(line: str, named: Sequence[str]) -> bool:
    if _HEADING.fullmatch(line):
        return False
    for name in filter(None, named):
        line = line.replace(name, "")
        line = re.sub(rf"\b{re.escape(name)}\b", "", line, flags=re.IGNORECASE)
    return _EMPTY.sub("", line) != ""
