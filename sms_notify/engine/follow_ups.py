"""What follows when an acknowledgement has ended: loads what deciding it needs, and texts what is owed."""

from __future__ import annotations

from collections.abc import Sequence

from sms_notify.engine.texting import Texting
from sms_notify.engine.working_set import WorkingSet
from sms_notify.policy.batching import Texted
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.steps_anew import StepsAnew


class FollowUps:
    """By one configuration. The incidents are loaded with everything that anybody was to hear of them."""

    def __init__(self, plan: Plan, texting: Texting) -> None:
        self._plan = plan
        self._texting = texting

    def begin(self, working: WorkingSet, incident_ids: Sequence[int]) -> list[Texted]:
        """After the end of their acknowledgements."""
        if not incident_ids:
            return []
        return self._texting.owe(working, self._anew(working, incident_ids).begin(incident_ids))

    def lapse(self, working: WorkingSet) -> list[Texted]:
        """Of the acknowledgements that have lapsed by now, and those that were asked of in vain."""
        working.load_ids()
        found = working.load_lapsed()
        anew = self._anew(working, [incident.id for incident in found])
        return self._texting.owe(working, anew.lapse(found))

    def _anew(self, working: WorkingSet, incident_ids: Sequence[int]) -> StepsAnew:
        if self._plan.schedules:
            working.load_roster(self._plan.directory)
        return StepsAnew(self._plan, working.rows, working.notices(incident_ids))
