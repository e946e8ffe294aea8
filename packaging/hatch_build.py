"""What the wheel holds beside the package, by hatchling's hook: it lands in share/ of wherever it is installed.

The man pages and completion files are made here, by `share.py`, whenever the commands can be imported: with
`--no-build-isolation` where the requirements are installed, as all our own ways to build have it. An isolated build
has only hatchling, and makes a package without them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The pages link to each other by relative paths, so they keep their places beside each other.
READING = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "configs", "integrations")
OURS = "share/sms-notify"


class ShareHook(BuildHookInterface[Any]):
    """Adds what is there; an editable install needs none of it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        shared: dict[str, str] = build_data["shared_data"]
        shared.update({str(root / name): f"{OURS}/{name}" for name in READING if (root / name).exists()})
        if find_spec("click") is None:
            self.app.display_warning("built without click: no man pages and no completion files")
            return
        shared[str(_made(root, self.metadata.version))] = "share"


def _made(root: Path, version: str) -> Path:
    folder = root / "build" / "share"
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, str(root / "packaging" / "share.py"), str(folder), version]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(root)}, check=True)
    return folder
