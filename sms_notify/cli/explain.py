"""`explain`: the whole story of one incident or message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

import click

from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import now_utc, row_of
from sms_notify.cli.terminal import wrapped
from sms_notify.errors import UsageError
from sms_notify.explain import timeline
from sms_notify.logs import printable
from sms_notify.store.database import open_store
from sms_notify.store.tx import Tx
from sms_notify.wording.clock import Clock, zone_name


@click.command()
@config_option
@json_option
@click.argument("id_", metavar="ID")
@click.pass_context
def explain(ctx: click.Context, config_file: str | None, as_json: bool, id_: str) -> None:
    """Show why somebody got a text or did not. ID is the tag in a text (k3f9), an incident's number or a message (m12).

    A text that is still queued says what holds it, and when it is tried next.

    Example: sms-notify explain k3f9
    """
    settings, now = settings_of(ctx, config_file), now_utc()
    names = tuple(gateway.name for gateway in settings.gateways)
    beside = timeline.Beside(Clock(now).soon, settings.route, settings.receivers, names, now)
    with open_store(settings.storage_url).reading() as tx:
        story = _story(tx, id_, beside)
    if story is None:
        raise UsageError(
            f"there is no incident and no message {id_!r}; `sms-notify messages` shows the newest"
        )
    shown = zip(stamps([line.at for line in story.lines], now), story.lines, strict=True)
    lines = (wrapped(f"  {at}  {'  ' * line.depth}", printable(line.what)) for at, line in shown)
    document = story.about | {"events": [event.document for event in story.events]}
    say(document, as_json, "\n".join((printable(story.headline), *lines)))


def stamps(times: Sequence[datetime], now: datetime, zone: tzinfo | None = None) -> list[str]:
    """The time of each line; with the date where it begins a day, unless all of them are of today."""
    shown = [at.astimezone(zone) for at in times]
    days, clocks = [f"{at:%Y-%m-%d}" for at in shown], [f"{at:%H:%M:%S} {zone_name(at)}" for at in shown]
    if set(days) <= {f"{now.astimezone(zone):%Y-%m-%d}"}:
        return clocks
    new = [day if day != before else " " * len(day) for day, before in zip(days, ["", *days], strict=False)]
    return [f"{day} {at}" for day, at in zip(new, clocks, strict=True)]


def _story(tx: Tx, id_: str, beside: timeline.Beside) -> timeline.TimelineStory | None:
    found = row_of(id_)
    if found is None:
        return None
    tell = timeline.of_message if found[0] == "message" else timeline.of_incident
    return tell(tx, found[1], beside)
