"""The commands. Each lives in a file of its own and is imported when it is asked for, so that `--help` stays quick.

Importing this file costs next to nothing, and has to: it stands before every command hook. So nothing is imported here,
click and `__future__` included, but what has been chosen.
"""

import sys

from sms_notify.hook import HOOKS, run

# name → (module below this one, attribute, one line for --help)
COMMANDS = {
    "serve": ("serve", "serve", "Run the daemon: take alerts, send texts, follow reports."),
    "demo": ("demo", "demo", "Simulator, daemon and a staged incident to watch."),
    "import-sachet": ("importing", "import_sachet", "Make an sms-notify.yml from sachet's config.yaml."),
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
    "nagios": ("hooks", "nagios", "Hand over a notification of Nagios; no daemon needed."),
    "icinga": ("hooks", "icinga", "Hand over a notification of Icinga 2."),
    "checkmk": ("hooks", "checkmk", "Hand over a notification of Checkmk (notification script)."),
    "zabbix": ("hooks", "zabbix", "Hand over a notification of Zabbix (alert script)."),
    "pipe": ("hooks", "pipe", "Hand over what comes on standard input: JSON or text."),
    "hook-path": ("hooks", "hook_path", "Print the path of the hooks' one self-contained file."),
    "send": ("send", "send", "Send one message by hand."),
    "unbar": ("unbar", "unbar", "Text a number again that a gateway refused."),
    "reach": ("reach", "reach", "Who can be texted, by which gateway, since when known."),
    "credits": ("credits", "credits_command", "Balance and spend of the account."),
    "report": ("credits", "report", "Ask the gateway what became of a text."),
    "outbox": ("outbox", "outbox_group", "Scheduled texts that wait at the gateway: list, remove."),
    "delivery-url": ("credits", "delivery_url", "The call-back address to enter at the provider."),
    "incidents": ("incidents", "incidents", "The open incidents, or all."),
    "nodes": ("nodes", "nodes", "The daemons that share one PostgreSQL, and which of them leads."),
    "watch": ("watch", "watch_group", "What must be heard again and again; the text of a silent site."),
    "ack": ("ack", "ack", "Acknowledge incidents: escalation and reminders stop."),
    "unack": ("ack", "unack", "Take an acknowledgement back: the escalation starts again."),
    "close": ("ack", "close", "Close an incident that its source will never end."),
    "messages": ("messages", "messages", "The newest texts, and what became of each."),
    "explain": ("explain", "explain", "The whole story of one incident or message."),
    "db": ("db", "db_group", "The database: is it sound, a copy of it, erase what is too old."),
    "migrate-store": ("migrating", "migrate_store", "Copy the database into another, of either kind."),
    "forget": ("forget", "forget", "Erase a person's numbers and texts from the ledger."),
    "backtest": (
        "backtest",
        "backtest",
        "What recorded alerts would have cost, and whom they would have reached.",
    ),
    "test": ("test", "story_tests", "Stories: unit tests of a configuration, on a virtual clock."),
}


def __getattr__(name: str) -> object:
    """`group`, the root of the commands, is made when somebody asks for it."""
    if name != "group":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sms_notify.cli.tree import group

    return group


def main() -> None:
    """The console script: our own errors are one clear message on standard error and exit 1."""
    words = sys.argv[1:]
    if words[:1] and words[0] in HOOKS and words[1:2] not in (["-h"], ["--help"]):
        run(words)  # ends the process
    import click

    from sms_notify.cli.tree import group
    from sms_notify.errors import SmsNotifyError

    try:
        group(prog_name="sms-notify")
    except SmsNotifyError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
