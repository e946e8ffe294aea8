"""The key `site_alive`: its shape, and what it comes to."""

from __future__ import annotations

from pydantic import Field

from sms_notify.config.base_model import Model
from sms_notify.config.durations import spell_duration
from sms_notify.config.validation import Found
from sms_notify.config.values import Boolean, PositiveDuration, Words
from sms_notify.policy.site_alive import USUAL, SiteAlive


class SiteAliveSection(Model):
    """The gateway itself texts `notify` when nothing was heard of this site for `after`."""

    after: PositiveDuration = Field(
        default=USUAL,
        json_schema_extra={"default": spell_duration(USUAL)},
        description="how long this site may be silent; 2m to 1d",
    )
    notify: list[Words] = Field(
        min_length=1, description="whom the gateway texts: person:x, team:x, schedule:x, +number"
    )
    disarm_on_stop: Boolean = Field(
        default=False, description="take the text back when the daemon stops cleanly"
    )


def site_alive_of(section: SiteAliveSection | None, found: Found) -> SiteAlive | None:
    if section is None:
        return None
    listed = range(len(section.notify))
    targets = tuple(found.targets[("site_alive", "notify", number)] for number in listed)
    return SiteAlive(section.after, tuple(dict.fromkeys(targets)), section.disarm_on_stop)
