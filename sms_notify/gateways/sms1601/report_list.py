"""The gateway's list of last reports, whose format is documented nowhere: read what looks like a report.

A line is a report when it names one status of the seed's table and a number that can be an smsID; order,
separators, labels and case do not matter. Everything else is left to the reader: nothing here may fail.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from sms_notify.gateways.base import LastReports, Report
from sms_notify.gateways.sms1601.report_fields import instant_in, reference_in, status_in

_LINE_END = re.compile(r"\r\n|\r|\n|<br[ ]{0,4}/?>|</tr>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,200}>")
_STATUS = re.compile(
    r"(?<![A-Z0-9])(?:NOT[ \t_-]{0,4}DELIVERED|DELIVERED|BUFFERED|SUBMITTED|REJECTED|NONE)(?![A-Z0-9])",
    re.IGNORECASE,
)
_HOUR = r"[ T,]{1,3}(\d\d:\d\d(?::\d\d)?)(?![\d:])"
# The seed writes a time in two ways (report page and call-back); the one between is everybody's.
_TIMES = (
    (re.compile(rf"(?<!\d)(\d\d/\d\d/\d{{4}}){_HOUR}", re.ASCII), "%d/%m/%Y %H:%M:%S"),
    (re.compile(rf"(?<!\d)(\d{{4}}-\d\d-\d\d){_HOUR}", re.ASCII), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"(?<![^\s;,|=:])(20\d{6})(\d{6})(?![^\s;,|])", re.ASCII), "%Y%m%d %H%M%S"),
)
_TOKEN = re.compile(r"(?:([A-Za-z]{2,12})[ ]?[=:][ ]?)?([^\s;,|=]{1,200})")
_SMSID = re.compile(r"[0-9]{1,20}")
_SMSID_LABELS, _REFERENCE_LABELS = ("smsid", "id"), ("referentie", "reference", "ref")


def read_list(text: str, zone: tzinfo) -> LastReports:
    """The reports in a text, one a line, in its order; `zone` is the gateway's clock."""
    lines = [line for line in (_printable(line) for line in _LINE_END.split(text)) if line.strip()]
    read = [_report(_TAG.sub(" ", line), zone) for line in lines]
    reports = tuple(report for report in read if report is not None)
    return LastReports(reports, len(lines) - len(reports), "\n".join(lines))


def _report(line: str, zone: tzinfo) -> Report | None:
    line = line.replace('"', " ").replace("'", " ")
    found = _STATUS.findall(line)
    status = status_in(found[0]) if len(found) == 1 else None
    at, rest = _time(_STATUS.sub(" ", line), zone)
    smsid, reference = _names(rest)
    return Report(smsid, status, at, reference) if status is not None and smsid else None


def _time(line: str, zone: tzinfo) -> tuple[datetime | None, str]:
    """The first time in the line, and the line without it."""
    for pattern, form in _TIMES:
        if found := pattern.search(line):
            day, hour = found.groups()
            whole = f"{day} {hour}:00" if len(hour) == len("10:23") else f"{day} {hour}"
            return instant_in(whole, form, zone), f"{line[: found.start()]} {line[found.end() :]}"
    return None, line


def _names(rest: str) -> tuple[str, str]:
    """smsID and reference, each empty where the line has none.

    Labels decide. Without them the first number is the smsID, and what stands alone beside it is the
    reference; where more is left (a phone number, say) nobody can tell which it would be.
    """
    tokens = [((found[1] or "").lower(), found[2]) for found in _TOKEN.finditer(rest) if found[2] != "-"]
    labelled = {label: word for label, word in tokens if label}
    bare = [word for label, word in tokens if not label]
    smsid = _first(labelled, _SMSID_LABELS) or next((w for w in bare if _SMSID.fullmatch(w)), "")
    others = [word for word in bare if word != smsid]
    reference = _first(labelled, _REFERENCE_LABELS) or (others[0] if len(others) == 1 else "")
    return (smsid if _SMSID.fullmatch(smsid) else ""), reference_in(reference)


def _first(labelled: dict[str, str], labels: tuple[str, ...]) -> str:
    return next((labelled[label] for label in labels if label in labelled), "")


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else " " for character in line)
