"""What the tests of Nagios and Icinga share: their external commands, and what our daemon knows and has told."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from conftest import NAMES, Site
from daemons import command

from sms_notify.simulator.server import Simulator


class ExternalCommands:
    """A program that is told of results, and of what people do, through a named pipe."""

    pipe: Path

    def command(self, *lines: str) -> None:
        """External commands, as its own web pages give them; a lone surrogate stands for a byte that is not UTF-8."""
        told = "".join(f"[{time.time():.0f}] {line}\n" for line in lines).encode(errors="surrogateescape")
        file = os.open(self.pipe, os.O_WRONLY)
        try:
            while told:
                told = told[os.write(file, told) :]
        finally:
            os.close(file)

    def service(self, host: str, service: str, state: int, output: str) -> None:
        """A result of a service's check."""
        self.command(f"PROCESS_SERVICE_CHECK_RESULT;{host};{service};{state};{output}")

    def host(self, host: str, state: int, output: str) -> None:
        """A result of a host's check."""
        self.command(f"PROCESS_HOST_CHECK_RESULT;{host};{state};{output}")


def incidents(site: Site) -> list[dict[str, object]]:
    return list(json.loads(command(site.config, "incidents", "--json").stdout))


def states(site: Site) -> dict[str, str]:
    """`open`, or `acknowledged by alice`, of each."""
    return {str(row["what"]): _state(row) for row in incidents(site)}


def _state(row: dict[str, object]) -> str:
    by = row["acknowledged_by"]
    return f"{row['state']} by {by}" if by else str(row["state"])


def told(simulator: Simulator, name: str) -> list[str]:
    """The texts to Alice or Bob."""
    return [text.text for text in simulator.texts() if NAMES[text.number] == name]


def waiting(spool: Path) -> list[str]:
    """The hand-overs that nobody has taken yet."""
    return [file.name for file in spool.iterdir() if file.is_file() and not file.name.startswith(".")]
