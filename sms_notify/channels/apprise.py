"""Telling by apprise (the optional extra), in a process of its own: `python -m sms_notify.channels.apprise_child`.

Its services know no total time limit, and its log and those of the libraries below it quote URLs, which hold
tokens. A process can be killed with all it does, and what it prints is thrown away; the URLs go in by stdin,
where no list of processes shows them. The price is the start of one process for each telling.
"""

from __future__ import annotations

import json
import sys

from sms_notify.channels.apprise_child import Exit
from sms_notify.channels.base import ChannelResult, Ended, Note, body_of, result_of, subject_of
from sms_notify.channels.command import not_started
from sms_notify.channels.process import kept_environment, run
from sms_notify.channels.settings import AppriseSettings
from sms_notify.net.bounded import Bound, Leash

_GRACE = 1.0
# where Python and the services find their packages, authorities and the way out
_VARIABLES = ("PYTHONPATH", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")

_MEANINGS: dict[int, ChannelResult] = {
    Exit.ALL: ChannelResult(Ended.TOLD),
    Exit.SOME: ChannelResult(Ended.TOLD, "some of the services refused"),
    Exit.REFUSED: ChannelResult(Ended.REFUSED, "no service took it"),
    Exit.UNUSABLE: ChannelResult(Ended.MISCONFIGURED, "apprise knows no service behind any of the URLs"),
    Exit.NOT_INSTALLED: ChannelResult(
        Ended.MISCONFIGURED,
        "apprise is not installed: install sms-notify with its extra, sms-notify[apprise]",
    ),
}


class AppriseChannel:
    """Tells every service behind the URLs."""

    def __init__(self, settings: AppriseSettings) -> None:
        self._settings = settings
        self._bound = Bound(settings.timeout + _GRACE)

    @property
    def name(self) -> str:
        return self._settings.name

    def tell(self, note: Note) -> ChannelResult:
        """TOLD when at least one service took it."""
        return result_of(self._bound.run(lambda leash: self._tell(note, leash)))

    def _tell(self, note: Note, leash: Leash) -> ChannelResult:
        subject = subject_of(note)
        errand = {
            "urls": [url.reveal() for url in self._settings.urls],
            "title": subject,
            "body": body_of(note) or subject,
            "urgent": note.urgent,
        }
        # -P: no folder that we happen to stand in may bring its own `apprise`
        argv = (sys.executable, "-P", "-m", "sms_notify.channels.apprise_child")
        environment = kept_environment(*_VARIABLES, *_PROXIES)
        leash.leaves()
        try:
            finished = run(argv, json.dumps(errand).encode("ascii"), environment, self._settings.timeout)
        except OSError as error:
            return not_started(error)
        if finished.code is None:
            return ChannelResult(Ended.UNKNOWN, "killed at its time limit")
        return _MEANINGS.get(
            finished.code, ChannelResult(Ended.UNKNOWN, f"apprise broke off: exit {finished.code}")
        )
