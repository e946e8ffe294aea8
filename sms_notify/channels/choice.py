"""The road that an entry of the configuration means."""

from __future__ import annotations

from sms_notify.channels.apprise import AppriseRoad
from sms_notify.channels.base import Road
from sms_notify.channels.command import CommandRoad
from sms_notify.channels.email import EmailRoad
from sms_notify.channels.settings import CommandSettings, EmailSettings, RoadSettings, WebhookSettings
from sms_notify.channels.webhook import WebhookRoad


def road_of(settings: RoadSettings) -> Road:
    """Opens nothing and checks nothing: the first telling does."""
    match settings:
        case EmailSettings():
            return EmailRoad(settings)
        case WebhookSettings():
            return WebhookRoad(settings)
        case CommandSettings():
            return CommandRoad(settings)
    return AppriseRoad(settings)
