"""A notification command of Nagios (and its kin: Naemon, Centreon, Shinken): arguments or macros in, alerts out.

https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/macrolist.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sms_notify.alert import Delivery
from sms_notify.sources.host_check import delivery_of
from sms_notify.sources.macros import check_of, read

SOURCE = "nagios"
# Which macros stand for an option of ours where they come by their own names; `{}` is HOST or SERVICE.
MACROS = {
    "type": ("NOTIFICATIONTYPE",),
    "host": ("HOSTNAME", "HOSTALIAS", "HOSTDISPLAYNAME", "HOSTADDRESS", "ADDRESS"),
    "service": ("SERVICEDESC", "SERVICENAME", "SERVICEDISPLAYNAME"),
    "state": ("{}STATE", "{}STATEID"),
    "last-state": ("LAST{}STATE",),
    "state-type": ("{}STATETYPE",),
    "since": ("LAST{}STATECHANGE",),
    "last-ok": ("LAST{}OK", "LAST{}UP"),
    "output": ("{}OUTPUT", "MESSAGE", "MSG", "TEXT"),
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


def parse(arguments: Sequence[str], environment: Mapping[str, str], at: datetime) -> Delivery:
    """What one call tells; `at` is when it was made. Arguments come before the environment.

    Custom variables ($_HOSTX$) are not taken from the environment, where all of them would come, passwords too: pass
    on by name what is to be a label. Raises ParseError where nothing of it is a notification.
    """
    return delivery_of(check_of(read(arguments, environment, ("NAGIOS_", "ICINGA_"), MACROS), SOURCE, at))
