"""`sms-notify nagios|icinga|checkmk|zabbix|pipe`: the command hooks, and `hook-path`.

`cli.main` runs a hook without ever coming here, because click takes three times as long to load as the hook takes.
What stands here is their `--help`, and the way through `sms-notify --config FILE nagios …`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from sms_notify import hook

F = TypeVar("F", bound=Callable[..., Any])
_PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def _spool_option(command: F) -> F:
    about = f"The hand-over folder; else $SMS_NOTIFY_SPOOL, else {os.fsdecode(hook.FOLDER)}."
    return click.option("--spool", metavar="DIR", help=about)(command)


def _run(name: str, spool: str | None, arguments: Sequence[str]) -> None:
    hook.run([name, *([] if spool is None else ["--spool", spool]), *arguments])


@click.command(context_settings=_PASSED_ON)
@_spool_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def nagios(spool: str | None, arguments: Sequence[str]) -> None:
    """Hand over a notification of Nagios: its arguments, and its macros in the environment (NAGIOS_…, or without it).

    It also reads options with their value apart, MACRO=value, and sentences such as "PROBLEM: web1/disk is CRITICAL".

    Exit 0: on disk; 75: could not be stored; 2: wrong use. The daemon need not run.

    \b
    Example:
      sms-notify nagios --type='$NOTIFICATIONTYPE$' --host='$HOSTNAME$' --state='$HOSTSTATE$'
    """
    _run("nagios", spool, arguments)


@click.command(context_settings=_PASSED_ON)
@_spool_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def icinga(spool: str | None, arguments: Sequence[str]) -> None:
    """Hand over a notification of Icinga 2: its arguments, and ICINGA_… in the environment. It also reads the
    options of Icinga's mail scripts (-t, -l, -e, -s, -o …), and everything that the nagios hook reads.

    Exit 0: on disk; 75: could not be stored; 2: wrong use. The daemon need not run.

    \b
    Example:
      sms-notify icinga --type=PROBLEM --host=web1 --state=DOWN
    """
    _run("icinga", spool, arguments)


@click.command(context_settings=_PASSED_ON)
@_spool_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def checkmk(spool: str | None, arguments: Sequence[str]) -> None:
    """Hand over a notification of Checkmk: its context in the environment (NOTIFY_…). An option adds a label.

    Exit 0: on disk; 75: could not be stored; 2: wrong use. The daemon need not run.

    \b
    Example:
      sms-notify checkmk --team=dba
    """
    _run("checkmk", spool, arguments)


@click.command(context_settings=_PASSED_ON)
@_spool_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def zabbix(spool: str | None, arguments: Sequence[str]) -> None:
    """Hand over a notification of Zabbix, called as an alert script: SENDTO SUBJECT MESSAGE, or SENDTO MESSAGE.

    Exit 0: on disk; 75: could not be stored, and Zabbix tries again; 2: wrong use. The daemon need not run.

    \b
    Example:
      sms-notify zabbix '{ALERT.SENDTO}' '{ALERT.SUBJECT}' '{ALERT.MESSAGE}'
    """
    _run("zabbix", spool, arguments)


@click.command()
@_spool_option
@click.option("--name", metavar="NAME", help="All lines are one alert of this name.")
@click.option("--label", "labels", metavar="NAME=VALUE", multiple=True, help="Adds a label; may be repeated.")
@click.option("--severity", metavar="WORD", help="How bad it is: critical, warning, info.")
@click.option("--one", is_flag=True, help="All of standard input is one alert.")
@click.option("--resolved", is_flag=True, help="It has ended.")
def pipe(
    spool: str | None,
    name: str | None,
    labels: Sequence[str],
    severity: str | None,
    one: bool,
    resolved: bool,
) -> None:
    """Hand over what comes on standard input: JSON (one alert, a list, one a line, or what Alertmanager sends) or text,
    one alert a line.

    Empty standard input means no alert, and exit 0 (with --resolved it is the end of one). Exit 0: on disk; 75: could
    not be stored; 2: wrong use. The daemon need not run.

    \b
    Example:
      backup.sh 2>&1 >/dev/null | sms-notify pipe --label host=db1 --severity critical
    """
    words = [f"--label={label}" for label in labels]
    words += [f"--{option}={value}" for option, value in (("name", name), ("severity", severity)) if value]
    flags = (("--one", one), ("--resolved", resolved))
    _run("pipe", spool, [*words, *(flag for flag, given in flags if given)])


@click.command("hook-path")
def hook_path() -> None:
    """Print the path of the hooks' one self-contained file.

    \b
    Example:
      python3 -IS "$(sms-notify hook-path)" nagios --type=PROBLEM --host=web1 --state=DOWN
    """
    click.echo(hook.__file__)
