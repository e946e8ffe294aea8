"""`watch`: what must be heard again and again, and who is texted when this whole site falls silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import click

from sms_notify.cli.common import config_option, json_option, say, settings_of
from sms_notify.cli.options import has_database, now_utc
from sms_notify.cli.switch import disarm, roster_of, switch_document, try_switch
from sms_notify.cli.terminal import table
from sms_notify.config.settings import Settings
from sms_notify.delivery.switch_state import SwitchState, SwitchWord, never_armed, switch_lines, switch_state
from sms_notify.policy.vocabulary import WatchState
from sms_notify.policy.watches import WatchStanding, standings
from sms_notify.store import watch_rows
from sms_notify.store.database import open_store
from sms_notify.wording.clock import Clock, exact

_HEADER = ("STATE", "LAST HEARD", "PAGES AT", "WATCH")
_LATE = timedelta(minutes=1)  # a daemon that is busy, or starts, is not dead
_OVERDUE = "a page is overdue, so sms-notify does not run or cannot work: look at its service and its log"
_NOTHING = "nothing is watched: the configuration has neither `watch` nor `site_alive`"


@click.group("watch", invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def watch_group(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """What must be heard again and again (`watch:` in the configuration), and the text that the gateway sends when
    this whole site falls silent (`site_alive:`). Without a subcommand this is `watch list`.

    \b
    Example:
      sms-notify watch
    """
    if ctx.invoked_subcommand is None:
        _show(ctx, settings_of(ctx, config_file), as_json)
    elif config_file is not None:
        ctx.obj = config_file


@watch_group.command("list")
@config_option
@json_option
@click.pass_context
def watch_list(ctx: click.Context, config_file: str | None, as_json: bool) -> None:
    """Show each watch, and each instance of it that is known: its state, when it was heard last, and when it
    pages if it is not heard again. An instance that is gone for good is forgotten when its incident is closed
    with `sms-notify close`. Then show how `site_alive` stands. Exit 1 if a watch is missing, a page
    is overdue, or `site_alive` is not armed.

    \b
    Example:
      sms-notify watch list --json
    """
    _show(ctx, settings_of(ctx, config_file), as_json)


watch_group.add_command(try_switch)
watch_group.add_command(disarm)


def _show(ctx: click.Context, settings: Settings, as_json: bool) -> None:
    (found, switch), clock = _look(settings), Clock(now_utc())
    rows = [_columns(one, clock) for one in found]
    lines = [table(rows, _HEADER, _colour)] if rows else []
    overdue = any(one.pages_at is not None and one.pages_at < clock.now - _LATE for one in found)
    lines += [_OVERDUE] if overdue else []
    lines += [] if switch.word is SwitchWord.OFF else switch_lines(switch, clock.at, clock.now)
    document = {"watches": [_document(one) for one in found], **switch_document(switch)}
    say(document, as_json, "\n".join(lines) or _NOTHING, whole=True)
    missing = any(one.state is WatchState.MISSING for one in found)
    if missing or overdue or switch.word is SwitchWord.NOT_ARMED:
        ctx.exit(1)


def _look(settings: Settings) -> tuple[list[WatchStanding], SwitchState]:
    store = open_store(settings.storage_url)
    if not has_database(store, "WATCHES AND SITE_ALIVE"):
        return standings((), settings.watches), never_armed(settings.site_alive)
    with store.reading() as tx:
        found = standings(watch_rows.every(tx), settings.watches)
        return found, switch_state(tx, settings.site_alive, roster_of(settings), now_utc())


def _columns(one: WatchStanding, clock: Clock) -> tuple[str, ...]:
    heard = "never" if one.heard_at is None else exact(one.heard_at)
    return one.state, heard, "-" if one.pages_at is None else clock.soon(one.pages_at), one.what


def _colour(row: Sequence[str]) -> str | None:
    return "red" if row[0] == WatchState.MISSING else None


def _document(one: WatchStanding) -> dict[str, object]:
    return {
        "watch": one.name,
        "labels": dict(one.labels),
        "state": one.state,
        "heard_at": one.heard_at,
        "pages_at": one.pages_at,
    }
