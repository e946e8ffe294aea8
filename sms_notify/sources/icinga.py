"""A NotificationCommand of Icinga 2: arguments or environment in, alerts out.

Its macros come as they are, without a shell and with real line ends; there is no problem id and no notification number.
https://icinga.com/docs/icinga-2/latest/doc/03-monitoring-basics/#notification-commands
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sms_notify.alert import Delivery
from sms_notify.sources import nagios
from sms_notify.sources.host_check import delivery_of
from sms_notify.sources.macros import check_of, read

SOURCE = "icinga"
_OWN = {
    "type": "NOTIFICATION.TYPE",
    "host": "HOST.NAME",
    "service": "SERVICE.NAME",
    "state": "{}.STATE",
    "last-state": "{}.LAST_STATE",
    "state-type": "{}.STATE_TYPE",
    "since": "{}.LAST_STATE_CHANGE",
    "output": "{}.OUTPUT",
    "author": "NOTIFICATION.AUTHOR",
    "comment": "NOTIFICATION.COMMENT",
    "address": "ADDRESS",
    "time": "ICINGA.TIMET",
    "notes-url": "{}.NOTES_URL",
    "action-url": "{}.ACTION_URL",
}
# Scripts that came from Nagios name them as Nagios does.
MACROS = {option: (_OWN.get(option, ""), *names) for option, names in nagios.MACROS.items()}


def parse(arguments: Sequence[str], environment: Mapping[str, str], at: datetime) -> Delivery:
    """What one call tells; `at` is when it was made. Arguments come before the environment.

    Raises ParseError where nothing of it is a notification.
    """
    return delivery_of(check_of(read(arguments, environment, ("ICINGA_", "NAGIOS_"), MACROS), SOURCE, at))
