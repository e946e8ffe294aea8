"""A notification command of Nagios (and its kin: Naemon, Centreon, Shinken): arguments or macros in, alerts out.

https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/macrolist.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sms_notify.alert import Delivery
from sms_notify.sources import input_limits
from sms_notify.sources.host_check import delivery_of
from sms_notify.sources.macros import check_of, read

SOURCE = "nagios"
# Which macros stand for an option of ours where they come by their own names; `{}` is HOST or SERVICE.
MACROS = {
    "type": ("NOTIFICATIONTYPE",),
    "host": ("HOSTNAME",),
    "service": ("SERVICEDESC",),
    "state": ("{}STATE",),
    "last-state": ("LAST{}STATE",),
    "state-type": ("{}STATETYPE",),
    "since": ("LAST{}STATECHANGE",),
    "output": ("{}OUTPUT",),
    "long-output": ("LONG{}OUTPUT",),
    "author": ("NOTIFICATIONAUTHOR", "NOTIFICATIONAUTHORNAME"),
    "comment": ("NOTIFICATIONCOMMENT",),
    "address": ("HOSTADDRESS",),
    "time": ("TIMET",),
    "notification-id": ("{}NOTIFICATIONID",),
    "hostgroups": ("HOSTGROUPNAMES",),
    "servicegroups": ("SERVICEGROUPNAMES",),
    "notes-url": ("{}NOTESURL",),
    "action-url": ("{}ACTIONURL",),
}
_ESCAPED = re.compile(r"\\([n\\])")


def parse(arguments: Sequence[str], environment: Mapping[str, str], at: datetime) -> Delivery:
    """What one call tells; `at` is when it was made. Arguments come before the environment.

    Custom variables ($_HOSTX$) are not taken from the environment, where all of them would come, passwords too: pass
    on by name what is to be a label. Raises ParseError where nothing of it is a notification.
    """
    said = read(arguments, environment, "NAGIOS_", MACROS)
    output = "\n".join(filter(None, (said.raw("output"), _lines(said.raw("long-output")))))
    return delivery_of(check_of(said, SOURCE, output, at))


def _lines(text: str) -> str:
    """Nagios writes a line end of long output as the two characters \\n, and doubles backslashes."""
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else "\\", text[: 4 * input_limits.MAX_VALUE])
