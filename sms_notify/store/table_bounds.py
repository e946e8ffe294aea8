"""What keeps each table from growing without end, for all of them: a new table gets its line here, and its rule where that is."""

from __future__ import annotations

from enum import StrEnum


class Bound(StrEnum):
    """Why a table stays small, or who erases what."""

    RUN = "a run of `keep` walks through it"
    INCIDENT = "its rows are erased with their incident"
    MESSAGE = "its rows are erased with their message"
    CONFIGURATION = "a row each for something that the configuration names, or named"
    CLOCK = "a row goes soon after its time"
    ENDED = "a row goes when what it stands for ends"
    MONTHS = "a few rows a month, kept for ever"
    ONE_ROW = "there is one row"


BOUNDS: dict[str, Bound] = {
    "incidents": Bound.RUN,
    "alerts": Bound.RUN,  # those of an incident with it
    "messages": Bound.RUN,
    "decisions": Bound.RUN,  # those about an incident with it
    "armed": Bound.RUN,  # those of an incident with it, and those of the site that were taken back after some days
    "scheduled": Bound.RUN,
    "overrides": Bound.RUN,
    "own_ids": Bound.RUN,  # once no incident has that name
    "troubles": Bound.RUN,  # particulars a day after they were told; the others are few, and are used again
    "breakers": Bound.RUN,
    "pages": Bound.INCIDENT,
    "members": Bound.INCIDENT,
    "silences": Bound.INCIDENT,
    "beliefs": Bound.INCIDENT,  # with its words already
    "tried": Bound.INCIDENT,
    "attempts": Bound.MESSAGE,
    "ledger": Bound.MESSAGE,
    "agenda": Bound.ENDED,  # the incident, or the hand-off
    "holds": Bound.ENDED,  # the limit, and what it holds
    "groups": Bound.CLOCK,
    "handed": Bound.CLOCK,
    "configured": Bound.CONFIGURATION,
    "holders": Bound.CONFIGURATION,
    "calendars": Bound.CONFIGURATION,
    "balances": Bound.CONFIGURATION,
    "number_trials": Bound.CONFIGURATION,
    "watches": Bound.CONFIGURATION,
    "month_accounts": Bound.MONTHS,
    "disarmed": Bound.ONE_ROW,
}
