"""`sms-notify import-sachet`: a configuration of sachet as one of ours."""

from __future__ import annotations

from pathlib import Path

import click

from sms_notify.config.document import MAX_BYTES
from sms_notify.errors import ConfigError, Fault, UsageError
from sms_notify.importing import Imported, Source, convert, grouped
from sms_notify.logs import printable
from sms_notify.ownership import why_denied


@click.command("import-sachet")
@click.option(
    "--alertmanager",
    metavar="FILE",
    help="Alertmanager's configuration: its routes tell which receiver hears of what.",
)
@click.option("--output", metavar="FILE", help="Write to FILE, which must not exist yet; else to stdout.")
@click.argument("config")
def import_sachet(alertmanager: str | None, output: str | None, config: str) -> None:
    """Print an sms-notify.yml that does what a configuration of sachet did.

    CONFIG is sachet's config.yaml. What could not be taken over is a comment in the output, and is listed on standard
    error with its line number; first, and marked with !, what changes who is told. Credentials are left out. Exit 1
    if CONFIG is not a configuration of sachet.

    \b
    Example:
      sms-notify import-sachet config.yaml --alertmanager alertmanager.yml --output sms-notify.yml
    """
    made = convert(
        _read(config), _read(alertmanager) if alertmanager else None, _database(output) if output else ""
    )
    _write(made.text, output)
    for group in grouped(made.notes):
        click.echo(printable(str(group)), err=True)
    click.echo(_sum(made, output), err=True)


def _read(file: str) -> Source:
    """Raises ConfigError where it is not text."""
    try:
        with Path(file).open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError([Fault(file, 0, "", "is not UTF-8", "save it as UTF-8 text")]) from None
    except (OSError, ValueError) as error:
        reason, advice = why_denied(Path(file), error), "check the path and who may read it"
        raise ConfigError([Fault(file, 0, "", f"cannot be read: {reason}", advice)]) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError([Fault(file, 0, "", "is larger than 1 MiB", "this is not a configuration")])
    return Source(file, text)


def _database(output: str) -> str:
    """Beside the configuration; empty where the folder's name cannot stand in `storage`."""
    path = str(Path(output).absolute().with_name("sms-notify.db"))
    return path if path.isprintable() and not set(path) & set("?#") else ""


def _write(text: str, output: str | None) -> None:
    """Never over a file that is there: it may hold an evening's work."""
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with Path(output).open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{output} exists already; name another file, or remove it first") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{output} cannot be written: {why_denied(Path(output), error)}") from None


def _sum(made: Imported, output: str | None) -> str:
    groups = grouped(made.notes)
    marked = sum(group.marked for group in groups)
    notes = f"{len(groups)} notes above, and in it as comments; {marked} marked ! change who is told"
    file = output or "sms-notify.yml"
    return (
        f"receivers: {made.receivers}, people: {made.people}; {notes if groups else 'all is taken over'}. "
        f"Next: change the lines that end in CHANGE, then sms-notify check-config {file}"
    )
