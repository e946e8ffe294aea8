"""What a reader believes of a problem: the last that may have reached them (`rules.md` section 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sms_notify.policy.vocabulary import Kind, State


class Belief(StrEnum):
    """What somebody takes for true, because the last text that may have arrived said so."""

    NOTHING = "nothing"
    FIRING = "firing"
    FLAPPING = "flapping"
    UNHEARD = "unheard"
    RESOLVED = "resolved"

    @property
    def of_trouble(self) -> bool:
        """True where its reader is owed the end."""
        return self in (Belief.FIRING, Belief.FLAPPING, Belief.UNHEARD)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a text told one reader of one problem. `state` is the text's; None = an end that was not to be texted,
    which counts as said.
    """

    kind: Kind
    flapping: bool
    state: State | None


def believed(said: Iterable[Said]) -> Belief:
    """`said` in the order in which it was said. What was refused, cancelled or not delivered said nothing."""
    belief = Belief.NOTHING
    for one in said:
        if one.state is not None and not one.state.may_have_arrived:
            continue
        if one.state is None and belief is Belief.NOTHING:
            continue  # whoever never heard of it is told of no end
        belief = _after(one)
    return belief


def _after(one: Said) -> Belief:
    if one.kind is Kind.RESOLVED:
        return Belief.RESOLVED
    if one.kind is Kind.UNHEARD:
        return Belief.UNHEARD
    return Belief.FLAPPING if one.flapping else Belief.FIRING
