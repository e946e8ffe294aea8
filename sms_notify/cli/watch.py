"""`sms-notify watch`: what is expected to be heard, and who is told when this site falls silent."""

from __future__ import annotations

import click

from sms_notify.cli.common import config_option, json_option
from sms_notify.cli.switch import disarm, show_switch, switch_command, try_switch


@click.group("watch", invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def watch_group(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """How `site_alive` stands: the text that the gateway sends when this whole site falls silent. Without a
    subcommand this is `watch switch`.

    \b
    Example:
      sms-notify watch
      sms-notify watch test
    """
    if ctx.invoked_subcommand is None:
        show_switch(ctx, config_file, as_json=as_json)
    elif config_file is not None:
        ctx.obj = config_file


watch_group.add_command(switch_command)
watch_group.add_command(try_switch)
watch_group.add_command(disarm)
