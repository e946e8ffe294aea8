"""The key `limits`: its shape, and the limits it comes to."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from sms_notify.config.base_model import Model, OrOff
from sms_notify.config.durations import spell_duration
from sms_notify.config.settings import EXPIRE
from sms_notify.config.values import LimitTexts, PositiveDuration
from sms_notify.policy import rate_limits
from sms_notify.policy.rate_limits import NO_CREDIT_LIMITS, STANDARD

_CREDITS = STANDARD.credits
_FLAPPING = rate_limits.Flapping()


class CreditsSection(Model):
    per_hour: OrOff[int] = Field(default=_CREDITS.per_hour, ge=1, description="credits in any hour, or off")
    per_day: OrOff[int] = Field(default=_CREDITS.per_day, ge=1, description="credits in any 24 hours, or off")
    reserve_for_critical: int = Field(
        default=_CREDITS.reserve,
        ge=0,
        description="beyond the budgets, and the last of the balance: critical only",
    )
    low_water: int = Field(
        default=_CREDITS.low_water, ge=0, description="the balance under which the operator hears of it"
    )


class Expire(Model):
    default: PositiveDuration = Field(
        default=EXPIRE[0],
        json_schema_extra={"default": spell_duration(EXPIRE[0])},
        description="how old a text may get; an older one goes into the next text, as LATE",
    )
    critical: PositiveDuration = Field(
        default=EXPIRE[1],
        json_schema_extra={"default": spell_duration(EXPIRE[1])},
        description="the same for texts about critical problems",
    )


class FlappingSection(Model):
    """An alert flaps that began `episodes` times `within` that time; it is told again when it was calm."""

    episodes: int = Field(default=_FLAPPING.episodes, ge=2, description="so many beginnings or rises")
    within: PositiveDuration = Field(
        default=_FLAPPING.within,
        json_schema_extra={"default": spell_duration(_FLAPPING.within)},
        description="in so much time",
    )
    calm: PositiveDuration = Field(
        default=_FLAPPING.calm,
        json_schema_extra={"default": spell_duration(_FLAPPING.calm)},
        description="for so long it must neither begin nor end before it is texted again",
    )
    calm_critical: PositiveDuration = Field(
        default=_FLAPPING.calm_critical,
        json_schema_extra={"default": spell_duration(_FLAPPING.calm_critical)},
        description="the same for critical problems",
    )


class LimitsSection(Model):
    per_number: LimitTexts = Field(
        default=list(STANDARD.per_number),
        description="texts to one number, critical ones aside, like 5/15m; or off",
        json_schema_extra={"default": [str(limit) for limit in STANDARD.per_number]},
    )
    per_number_critical: LimitTexts = Field(
        default=list(STANDARD.per_number_critical),
        description="texts to one number about critical problems; or off",
        json_schema_extra={"default": [str(limit) for limit in STANDARD.per_number_critical]},
    )
    overall: LimitTexts = Field(
        default=list(STANDARD.overall), description="texts to all numbers together; or off"
    )
    credits: OrOff[CreditsSection] = Field(
        default=CreditsSection(), json_schema_extra={"default": {}}, description="what may be spent; or off"
    )
    expire: Expire = Field(
        default=Expire(), description="older texts join the next one", json_schema_extra={"default": {}}
    )
    flapping: OrOff[FlappingSection] = Field(
        default=FlappingSection(),
        json_schema_extra={"default": {}},
        description="what begins and ends too often is one text until it is calm; or off",
    )


def limits_of(written: LimitsSection | None) -> rate_limits.Limits:
    """None = `limits: off`: nothing is held for its number or its price."""
    if written is None:
        return rate_limits.Limits()
    return rate_limits.Limits(
        per_number=tuple(written.per_number),
        per_number_critical=tuple(written.per_number_critical),
        overall=tuple(written.overall),
        credits=_credits(written.credits),
        flapping=_flapping(written.flapping),
    )


def expire_of(written: LimitsSection | None) -> tuple[timedelta, timedelta]:
    """How old a text may get, and a critical one; `limits: off` changes nothing of it."""
    return (written.expire.default, written.expire.critical) if written else EXPIRE


def _credits(written: CreditsSection | None) -> rate_limits.Credits:
    if written is None:
        return NO_CREDIT_LIMITS
    return rate_limits.Credits(
        written.per_hour, written.per_day, written.reserve_for_critical, written.low_water
    )


def _flapping(written: FlappingSection | None) -> rate_limits.Flapping | None:
    if written is None:
        return None
    return rate_limits.Flapping(written.episodes, written.within, written.calm, written.calm_critical)
