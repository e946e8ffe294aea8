"""Where the same route tree does something else here than in Alertmanager."""

from __future__ import annotations

from sms_notify.alert import SEVERITY, Severity
from sms_notify.importing.alertmanager import Branch
from sms_notify.importing.notes import Weight
from sms_notify.importing.reading import Reading
from sms_notify.policy.matchers import Matcher, parse_matchers

_CRITICAL = {SEVERITY: Severity.CRITICAL.value}
_OTHERS = tuple(word for word in Severity.CRITICAL.spellings if word not in _CRITICAL.values())


def judge_differences(reading: Reading, root: Branch) -> None:
    """Notes the routes that take other spellings of critical here, and those whose mute times keep ends from us."""
    for branch in root.walk():
        each = (found for text in branch.matchers for found in parse_matchers(text))
        if any(_sees_more(one) for one in each):
            _note_spellings(reading, branch)
        if branch.receiver is not None and (branch.mute or branch.active):
            _note_mute(reading, branch)


def _sees_more(one: Matcher) -> bool:
    """Whether Alertmanager tells `critical` from another spelling of it by this matcher, which our routes do not."""
    if one.name != SEVERITY or one.matches(_CRITICAL) is one.op.negated:
        return False
    return any(one.matches({SEVERITY: word}) is one.op.negated for word in _OTHERS)


def _note_spellings(reading: Reading, branch: Branch) -> None:
    words = ", ".join(_OTHERS)
    what = f"compares `{SEVERITY}` with `critical`: here {words} count as `critical` as well, and so does any case of them"
    advice = "where such a word means less with you, say so, like `severities: {warning: [high]}`"
    reading.note(branch.place, what, advice, Weight.WHO_IS_TOLD)


def _note_mute(reading: Reading, branch: Branch) -> None:
    what = "mutes by time: of what ends meanwhile Alertmanager sends no end, and before 0.28 its lists do not tell either"
    advice = (
        "when sachet has gone, remove its mute_time_intervals and active_time_intervals in Alertmanager: "
        "sms-notify.yml has the same times, and then hears of the end"
    )
    reading.note(branch.place, what, advice)
