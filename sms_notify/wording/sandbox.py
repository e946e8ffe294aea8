"""Where a template runs: what it can reach, and how much it can make.

The lists say what is allowed, not what is not: a text needs little, and neither a slip (`'a' * 10**8`) nor
20 KB in a label may cost memory, time or a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache, partial
from typing import Any, NoReturn

import jinja2
from jinja2 import pass_environment
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

_GROWN = 20_000  # the longest text or list that an operator or a filter may make

_SHORT = {"firing": "FIRING", "resolved": "OK"}
_STANDARD_FILTERS = """
abs capitalize count d default dictsort first float groupby int items last length list lower map max min
reject rejectattr reverse select selectattr sort sum title trim truncate unique upper wordcount
"""
_STRING_METHODS = """
capitalize count endswith find isdigit lower lstrip partition removeprefix removesuffix rpartition rsplit
rstrip split splitlines startswith strip title upper
"""
# strftime takes a field width (`%999999d`), so only plain directives pass.
_TIME_FORMAT = re.compile(r"(?:[^%]|%[aAbBdHIjmMpSyYZ%]){1,40}")


class _Missing(jinja2.ChainableUndefined):
    """A label that is not there: empty, whatever is asked of it (`{{ instance.split(':')[0] }}`)."""

    __slots__ = ()

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self if self._undefined_exception is UndefinedError else self._fail_with_undefined_error()


class Sandbox(ImmutableSandboxedEnvironment):
    """jinja2's sandbox, made narrower."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`; of a mapping its key and nothing else, so that `labels.items` is a label."""
        if isinstance(obj, dict):
            return obj.get(attribute, self.undefined(name=attribute))
        if isinstance(obj, str) and attribute in _BOUNDED_METHODS:
            return partial(_BOUNDED_METHODS[attribute], obj)
        if _reachable(obj, attribute):
            return super().getattr(obj, attribute)
        return self.unsafe_undefined(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        return super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        left, right = _empty(left), _empty(right)
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            _refuse(f"'{operator}'")
        if operator == "+" and _length(left) + _length(right) > _GROWN:
            _refuse("so long a text")
        if operator == "*" and _product(left, right) > _GROWN:
            _refuse("so large a product")
        return super().call_binop(context, operator, left, right)


def _reachable(obj: object, attribute: str) -> bool:
    if isinstance(obj, str):
        return attribute in _STRING_METHODS.split()
    if isinstance(obj, tuple):
        return attribute in ("grouper", "list")
    return isinstance(obj, (LoopContext, jinja2.Undefined)) and not attribute.startswith("_")


def _empty(value: Any) -> Any:
    return "" if isinstance(value, jinja2.Undefined) else value


def _length(value: object) -> int:
    return len(value) if isinstance(value, (str, list, tuple)) else 0


def _product(left: Any, right: Any) -> float:
    """How large `left * right` gets: in characters or entries, or for numbers in bits."""
    for many, times in ((left, right), (right, left)):
        if isinstance(many, (str, list, tuple)):
            return len(many) * times if isinstance(times, int) else 0
    return sum(value.bit_length() for value in (left, right) if isinstance(value, int))


def _refuse(what: str) -> NoReturn:
    raise SecurityError(f"{what} is refused in a template")


def _say(value: object) -> str:
    """How a value stands in a text."""
    if value is None or isinstance(value, jinja2.Undefined):
        return ""
    if isinstance(value, datetime):
        return value.strftime("%H:%M")
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_say(one)}" for name, one in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_say, value))
    return str(value)


def _local(value: object, form: str = "%H:%M") -> str:
    if not isinstance(value, datetime):
        return _say(value)
    if not _TIME_FORMAT.fullmatch(form):
        _refuse(f"the time format '{form}'")
    return value.strftime(form)


def _short(status: object) -> str:
    word = _say(status)
    return _SHORT.get(word, word.upper())


def _round(value: object, digits: int = 0) -> float | int:
    number = float(_say(value) or 0)
    return round(number, min(digits, 9)) if digits > 0 else round(number)


def _replace(text: object, old: str, new: str, count: int = -1) -> str:
    whole = _say(text)
    if (
        len(whole) + (len(whole) + 1) * len(new) > _GROWN
        and len(whole) + whole.count(old) * len(new) > _GROWN
    ):
        _refuse("so long a text")
    return whole.replace(old, new, count)


@pass_environment
def _join(
    environment: jinja2.Environment,
    values: Iterable[object],
    d: object = "",
    attribute: str | int | None = None,
) -> str:
    chosen = map(make_attrgetter(environment, attribute), values) if attribute is not None else values
    return _join_with(_say(d), chosen)


def _join_with(separator: str, values: Iterable[object]) -> str:
    pieces, size = [], 0
    for value in values:
        pieces.append(_say(value))
        size += len(pieces[-1]) + len(separator)
        if size > _GROWN:
            _refuse("so long a text")
    return separator.join(pieces)


_BOUNDED_METHODS: dict[str, Callable[..., str]] = {"replace": _replace, "join": _join_with}


@cache
def environment() -> Sandbox:
    """The one environment of all templates: no loader, no globals, the filters listed above."""
    sandbox = Sandbox(undefined=_Missing, finalize=_say, cache_size=0, autoescape=False)
    sandbox.globals.clear()
    sandbox.filters = {name: FILTERS[name] for name in _STANDARD_FILTERS.split()}
    sandbox.filters |= {"join": _join, "local": _local, "replace": _replace}
    sandbox.filters |= {"round": _round, "short": _short, "string": _say}
    return sandbox
