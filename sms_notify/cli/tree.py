"""The tree of commands as click sees it; the table of them is `cli.COMMANDS`."""

from __future__ import annotations

import importlib
import os

import click
from click.shell_completion import CompletionItem

from sms_notify.cli import COMMANDS


class LazyGroup(click.Group):
    """Knows its commands by name and imports one only to run or describe it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"sms_notify.cli.{module}"), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names by the table: click's own would import every command at each TAB."""
        names = [
            CompletionItem(name, help=about)
            for name, (_, _, about) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    help="Configuration file; else $SMS_NOTIFY_CONFIG, else sms-notify.yml here, else /etc/sms-notify/sms-notify.yml.",
)
@click.version_option(package_name="sms-notify")
@click.pass_context
def group(ctx: click.Context, config_file: str | None) -> None:
    """Takes alerts, decides once who must hear of them, and texts them through a prepaid SMS gateway.

    Example: sms-notify --config /etc/sms-notify/sms-notify.yml serve
    """
    ctx.obj = config_file
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":  # https://no-color.org
        ctx.color = False
