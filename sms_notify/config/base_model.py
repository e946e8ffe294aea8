"""What every model of the file has in common, and the word `off`."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from sms_notify.config.values import off_as_none

T = TypeVar("T")


class Model(BaseModel):
    # inputs may be passwords typed into the wrong key, so no error ever shows one
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        model_title_generator=lambda model: model.__name__.removesuffix("Section"),  # an editor shows it
    )


class _OffInSchema:
    """An editor is told `off`, where pydantic would say null."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        either = [{"const": "off"} if one == {"type": "null"} else one for one in schema["anyOf"]]
        return {**schema, "anyOf": either}


OrOff: TypeAlias = Annotated[T | None, BeforeValidator(off_as_none), _OffInSchema()]
"""A value, or None where the file says `off`."""
