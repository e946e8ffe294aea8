"""The gateway of a storm: the simulator as a process of its own, which fails now and then."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

from daemons import PASSWORD, eventually, free_port
from handsets import Arrival

# The gateway takes texts and does not say so, refuses them, and is slow; each rarely, or it counts as closed.
_FAULTS = (
    "drop_after:close,scope=sends,probability=0.004,seed=1",
    "drop_before:close,scope=sends,probability=0.004,seed=2",
    "error:120,scope=sends,probability=0.004,seed=3",
    "latency:0.8,scope=sends,probability=0.01,seed=4",
)


class SimulatedGateway:
    """`sms-notify simulator` as a process, and what reached its phones."""

    def __init__(self, folder: Path) -> None:
        self.base = f"http://127.0.0.1:{(port := free_port())}"
        (folder / "gateway-password").write_text(PASSWORD, "utf-8")
        account = ("--username", "acme", "--password-file", str(folder / "gateway-password"))
        faults = [part for fault in _FAULTS for part in ("--fault", fault)]
        listen = ("--listen", f"127.0.0.1:{port}", "--credits", "1000000")
        command = [sys.executable, "-m", "sms_notify", "simulator", *listen, *account, *faults]
        self._log = (folder / "gateway.log").open("wb")
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        assert eventually(lambda: self.answers("/api/texts") is not None)

    def answers(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(f"{self.base}{path}", timeout=30) as answer:
                return json.load(answer)
        except OSError:
            return None

    def be_well(self) -> None:
        """From now on it breaks nothing, or what is told last would be told again a minute later."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.base}/api/faults", method="DELETE")):
            pass

    def texts(self) -> list[Arrival]:
        """On the clock that the promises are on: both are this machine's."""
        ahead = time.time() - time.monotonic()
        return [
            Arrival(
                datetime.fromisoformat(text["at"]).timestamp() - ahead,
                text["number"],
                text["text"],
                text["reference"],
                True,
            )
            for text in self.answers("/api/texts")
        ]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._log.close()
