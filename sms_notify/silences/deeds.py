"""What a round over the Alertmanagers leads to, by the engine of the configuration that runs at that moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sms_notify.delivery.sender import Clock, Commit
from sms_notify.engine import Engine
from sms_notify.policy.vocabulary import AckBy, AckEnd
from sms_notify.silences.client import AlertmanagerClient
from sms_notify.silences.ends import ended
from sms_notify.silences.keeper import Keeper
from sms_notify.store.silences import AlertKey
from sms_notify.store.tx import Tx


def keeper_of(
    engine: Callable[[], Engine], commit: Commit, asked: Sequence[AlertmanagerClient], clock: Clock
) -> Keeper:
    """A keeper over these Alertmanagers."""

    def acknowledge(tx: Tx, ids: Sequence[int], by: str, silence_id: str, now: datetime) -> Sequence[int]:
        return engine().acknowledge(tx, ids, by, AckBy.SILENCE, now, ref=silence_id)

    def take_back(tx: Tx, ids: Sequence[int], by: str, silence_id: str, now: datetime) -> Sequence[int]:
        return engine().unacknowledge(tx, ids, by, AckEnd.SILENCE_ENDED, now, ref=silence_id)

    def resolve(tx: Tx, keys: Sequence[AlertKey], now: datetime) -> None:
        engine().accept(tx, ended(tx, keys, now), now)

    def hold_back(tx: Tx, ids: Sequence[int], now: datetime) -> None:
        engine().hold_back(tx, ids, now)

    return Keeper(commit, asked, acknowledge, take_back, resolve, hold_back, clock)
