"""What an alert on its way says of itself."""

from __future__ import annotations

import pytest
from owing import OPEN, ROUTE, heard

from sms_notify.policy.cases import Case
from sms_notify.policy.routing import Route
from sms_notify.policy.vocabulary import Heard

OTHER = Route("dba", "route.routes[1]")


def test_each_receiver_stands_there_once_and_has_all_its_routes() -> None:
    again = Route("oncall", "route.routes[2]")
    case = heard(Heard.FIRST, ROUTE, OTHER, again)

    assert case.receivers == ("oncall", "dba")
    assert case.routes_to("oncall") == [ROUTE, again]
    assert case.routes_to("nobody") == []


def test_what_has_no_incident_has_no_id() -> None:
    with pytest.raises(AssertionError):
        _ = Case(OPEN.subject.alert, Heard.NEVER_FIRED, None, OPEN.opened_at).id
