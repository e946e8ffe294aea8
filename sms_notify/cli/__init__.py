"""The commands. Each lives in a file of its own and is imported when it is asked for, so that `--help` stays quick."""

from __future__ import annotations

import importlib
import sys

import click

from sms_notify.errors import SmsNotifyError

# name → (module below this one, attribute, one line for --help)
COMMANDS = {
    "serve": ("serve", "serve", "Run the daemon: take alerts, send texts, follow reports."),
    "demo": ("demo", "demo", "Simulator, daemon and a staged incident to watch."),
    "simulator": (
        "simulator",
        "simulator_command",
        "A local 1601SMS gateway with a page that shows the phones.",
    ),
    "check-config": (
        "config",
        "check_config",
        "Validate the configuration: every fault with line and advice.",
    ),
    "config": ("config", "config_group", "Helpers around the configuration file."),
    "hash-password": ("config", "hash_password", "Make the scrypt hash for `web.users`."),
    "routes": ("routes", "routes_group", "The tree of routes, and what would become of an alert."),
    "oncall": ("oncall", "oncall_group", "Who is on call, and overrides."),
    "send": ("send", "send", "Send one message by hand."),
    "credits": ("account", "credits_command", "Balance and spend of the account."),
    "report": ("account", "report", "What became of a text, asked at the gateway."),
    "outbox": ("outbox", "outbox_group", "What waits at the gateway: take it back."),
    "delivery-url": ("account", "delivery_url", "The call-back address to enter at the provider."),
    "incidents": ("ledger", "incidents", "The open incidents."),
    "ack": ("ack", "ack", "Somebody takes care of it: the escalation stops."),
    "messages": ("ledger", "messages", "The ledger of messages."),
    "explain": ("ledger", "explain", "The whole story of one incident or message."),
    "backtest": ("backtest", "backtest", "What recorded alerts would have cost and told."),
}


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    help="Configuration file; else $SMS_NOTIFY_CONFIG, else the usual places.",
)
@click.version_option(package_name="sms-notify")
@click.pass_context
def group(ctx: click.Context, config_file: str | None) -> None:
    """Takes alerts, decides once who must hear of them, and texts them through a prepaid SMS gateway.

    Example: sms-notify --config /etc/sms-notify/sms-notify.yml serve
    """
    ctx.obj = config_file


def main() -> None:
    """The console script: our own errors are one clear message on standard error and exit 1."""
    try:
        group(prog_name="sms-notify")
    except SmsNotifyError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
