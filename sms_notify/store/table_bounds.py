"""What keeps each table from growing without end, for all of them: a new table gets its line here, and its rule where that is."""

from __future__ import annotations

from enum import StrEnum


class TableBound(StrEnum):
    """Why a table stays small, or who erases what."""

    RUN = "a run of `keep` walks through it"
    INCIDENT = "its rows are erased with their incident"
    MESSAGE = "its rows are erased with their message"
    CONFIGURATION = "a row each for something that the configuration names, or named"
    CLOCK = "a row goes soon after its time"
    ENDED = "a row goes when what it stands for ends"
    MONTHS = "a few rows a month, kept for ever"
    ONE_ROW = "there is one row"


BOUNDS: dict[str, TableBound] = {
    "incidents": TableBound.RUN,
    "alerts": TableBound.RUN,  # those of an incident with it
    "messages": TableBound.RUN,
    "decisions": TableBound.RUN,  # those about an incident with it
    "armed": TableBound.RUN,  # those of an incident with it, and those of the site that were taken back after some days
    "scheduled": TableBound.RUN,
    "overrides": TableBound.RUN,
    "own_ids": TableBound.RUN,  # once no incident has that name
    "troubles": TableBound.RUN,  # particulars a day after they were told; the others are few, and are used again
    "breakers": TableBound.RUN,
    "pages": TableBound.INCIDENT,
    "members": TableBound.INCIDENT,
    "silences": TableBound.INCIDENT,
    "beliefs": TableBound.INCIDENT,  # with its words already
    "tried": TableBound.INCIDENT,
    "attempts": TableBound.MESSAGE,
    "ledger": TableBound.MESSAGE,
    "agenda": TableBound.ENDED,  # the incident, or the hand-off
    "holds": TableBound.ENDED,  # the limit, and what it holds
    "groups": TableBound.CLOCK,
    "handed": TableBound.CLOCK,
    "nodes": TableBound.CLOCK,
    "configured": TableBound.CONFIGURATION,
    "holders": TableBound.CONFIGURATION,
    "calendars": TableBound.CONFIGURATION,
    "balances": TableBound.CONFIGURATION,
    "number_trials": TableBound.CONFIGURATION,
    "watches": TableBound.CONFIGURATION,
    "month_accounts": TableBound.MONTHS,
    "disarmed": TableBound.ONE_ROW,
    "leader": TableBound.ONE_ROW,
}
