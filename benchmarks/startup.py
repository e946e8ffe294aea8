"""How long commands take to start, beside the interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rounds import Say, Values
from servers import ONE_PERSON, write_config


def one_round(say: Say) -> Values:
    """Milliseconds from the start of each process to its end."""
    say("commands")
    with tempfile.TemporaryDirectory() as folder:
        config = write_config(Path(folder), ONE_PERSON, port=9601, gateway=9602)
        sms_notify = [str(Path(sys.executable).with_name("sms-notify"))]
        return {
            "python": _milliseconds([sys.executable, "-c", "pass"]),
            "help": _milliseconds([*sms_notify, "--help"]),
            "check-config": _milliseconds([*sms_notify, "check-config", str(config)]),
        }


def _milliseconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000
