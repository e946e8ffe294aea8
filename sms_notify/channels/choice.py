"""The channel that an entry of the configuration means."""

from __future__ import annotations

from sms_notify.channels.apprise import AppriseChannel
from sms_notify.channels.base import Channel
from sms_notify.channels.command import CommandChannel
from sms_notify.channels.email import EmailChannel
from sms_notify.channels.settings import ChannelSettings, CommandSettings, EmailSettings, WebhookSettings
from sms_notify.channels.webhook import WebhookChannel


def channel_of(settings: ChannelSettings) -> Channel:
    """Opens nothing and checks nothing: the first telling does."""
    match settings:
        case EmailSettings():
            return EmailChannel(settings)
        case WebhookSettings():
            return WebhookChannel(settings)
        case CommandSettings():
            return CommandChannel(settings)
    return AppriseChannel(settings)
