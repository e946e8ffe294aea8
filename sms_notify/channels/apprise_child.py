"""The process that tells by apprise: reads its errand as JSON from stdin and says how it went by its exit code."""

from __future__ import annotations

import importlib
import json
import sys
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Codes that no interpreter ends with by itself (1, 2)."""

    ALL = 0
    SOME = 10
    REFUSED = 11
    UNUSABLE = 12
    NOT_INSTALLED = 13


def main() -> Exit:
    errand = json.load(sys.stdin)
    try:
        apprise = importlib.import_module("apprise")
    except ImportError:
        return Exit.NOT_INSTALLED
    kind = apprise.NotifyType.FAILURE if errand["urgent"] else apprise.NotifyType.WARNING
    results = [_tell(apprise, url, errand, kind) for url in errand["urls"]]
    if all(told is None for told in results):
        return Exit.UNUSABLE
    if all(results):
        return Exit.ALL
    return Exit.SOME if any(results) else Exit.REFUSED


def _tell(apprise: Any, url: str, errand: dict[str, Any], kind: Any) -> bool | None:
    """Whether the services of one URL took it; None for a URL of no service."""
    services = apprise.Apprise()
    if not services.add(url):
        return None
    return bool(services.notify(title=errand["title"], body=errand["body"], notify_type=kind))


if __name__ == "__main__":
    sys.exit(main())
