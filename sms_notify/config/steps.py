"""A step of an escalation, as receivers and watches have them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sms_notify.config.base_model import Model
from sms_notify.config.values import PositiveDuration, Words


class StepSection(Model):
    after: PositiveDuration = Field(description="counted from the first text")
    notify: Annotated[list[Words], Field(min_length=1)] = Field(description="as `notify` of the receiver")
