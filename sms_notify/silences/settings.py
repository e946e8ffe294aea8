"""What one entry of `alertmanagers:` says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sms_notify.secret import Secret

_NONE = Secret("")


@dataclass(frozen=True, slots=True)
class AlertmanagerSettings:
    """An Alertmanager whose silences count. `url` is its address as people open it, with a path prefix where it has one.

    `token` goes out as a bearer, else `username` and `password` as basic authentication. With `create_silences` an
    acknowledgement with us makes a silence there that lasts `silence_for`. `ca_file` (PEM) is trusted beside the machine's
    own authorities; `timeout` is one whole request in seconds.
    """

    url: str
    token: Secret = _NONE
    username: str = ""
    password: Secret = _NONE
    create_silences: bool = False
    silence_for: timedelta = timedelta(hours=4)
    ca_file: str = ""
    timeout: float = 10.0
