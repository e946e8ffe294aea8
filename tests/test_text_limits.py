"""What a text may be is the gateway's to say: what is refused for its length is cut to the room that it names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.delivery.settlement import within_bytes
from sms_notify.gateways.registry import MOST_PARTS
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS
from sms_notify.policy.account import TextLimits
from sms_notify.wording import gsm

NARROW = TextLimits(only_part=140, each_part=134, most_parts=2)


def test_texts_are_worded_within_what_the_gateway_takes() -> None:
    assert TextLimits(gsm.SINGLE, gsm.PART, gsm.MAX_PARTS) == TEXT_LIMITS
    assert MOST_PARTS == gsm.MAX_PARTS


@pytest.mark.parametrize(("limits", "rooms"), [(TEXT_LIMITS, [160, 306, 459]), (NARROW, [140, 268])])
def test_the_room_of_several_parts_is_less_than_that_of_so_many_texts(
    limits: TextLimits, rooms: list[int]
) -> None:
    assert [limits.room(parts) for parts in range(1, limits.most_parts + 1)] == rooms


@pytest.mark.parametrize("limits", [TEXT_LIMITS, NARROW])
@given(text=st.text(alphabet="aé€{ ", min_size=1, max_size=600), data=st.data())
@settings(deadline=None, max_examples=100)
def test_what_was_refused_as_too_long_is_cut_to_the_room_of_its_gateway_by_any_count(
    limits: TextLimits, text: str, data: st.DataObject
) -> None:
    parts = data.draw(st.integers(1, limits.most_parts))
    cut = within_bytes(text, parts, limits)

    assert gsm.septets(cut) <= limits.room(parts)
    assert len(cut.encode("utf-8")) <= limits.room(parts)
    assert len(cut) <= len(text)
