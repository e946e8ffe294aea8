"""Where a problem is: a host and what is special about it, told so that no two places read alike.

A label that we do not know is told by its name (`shard=3`), for it may be all that tells two problems apart. What only says
how a value was collected, or who takes care of it, is told where two problems of one text differ in nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from sms_notify.alert import GRADE_LABELS, MONITOR, OWN_ID, WATCH, Alert
from sms_notify.wording.content import TextedIncident
from sms_notify.wording.templates import one_line

Place = tuple[str, ...]
"""The parts of a place in reading order; empty where no label names one."""

Telling = Callable[[Sequence[Place]], Sequence[Place]]
"""How the places of one kind of problem are told: whole, or shorter."""

_HOSTS = ("exported_instance", "host", "hostname", "nodename", "node", "instance")
_WORKLOADS = (
    *("exported_pod", "pod", "deployment", "statefulset", "daemonset", "replicaset", "cronjob", "job_name"),
    *("persistentvolumeclaim", "horizontalpodautoscaler", "hpa", "ingress"),
)
_PROBED = ("target", "url", "probe")
_SPECIAL = (
    *_PROBED,
    "rulename",  # of Grafana's `DatasourceNoData`: which rule has none
    *("exported_job", "exported_service", "service", "app", "container", "room", "mountpoint", "filesystem", "volume"),
    *("device", "disk", "interface", "ifName", "ifDescr", "ifAlias", "unit", "name", "queue", "topic", "consumergroup"),
    *("database", "datname", "db", "vhost", "sensor", "cluster", "region", "datacenter", "dc", "zone", "site"),
    *("env", "environment", "tenant"),
)  # fmt: skip
_RANKS = {name: rank for rank, name in enumerate(_SPECIAL)}
_TOLD_FIRST = frozenset((*_HOSTS, *_WORKLOADS, "namespace", "exported_namespace"))
_TEXTS = frozenset((
    *("summary", "description", "message", "text", "title", "runbook", "runbook_url", "dashboard", "panel", "value"),
))  # fmt: skip
_UNTOLD = frozenset((
    *("alertname", *GRADE_LABELS, "priority", "state", "state_type", "notification"),
    *_TEXTS,
    *("job", "endpoint", "prometheus", "prometheus_replica", "alertgroup", "alert_group", "receiver"),
    *("uid", "id", "image", "image_id", "image_spec", "fstype", "metrics_path"),
    *("team", "owner", "contact", "sendto", "hostgroup", "hostgroups", "servicegroup", "servicegroups", "address"),
    *("grafana_folder", "rule_uid", "ref_id", "datasource", "datasource_uid"),
))  # fmt: skip
_KNOWN = _TOLD_FIRST | _RANKS.keys() | _UNTOLD
_SIMPLE = _UNTOLD | {"instance"}
_TOLD_LAST = GRADE_LABELS | _TEXTS | {"alertname"}
_SOURCE = "the source"
_BESIDE = (_SOURCE, OWN_ID)  # no labels: with a blank in their names
_EMPTY = '""'
_WHOSE = (MONITOR, "org")  # of two installations all else may be equal
_OTHERS = 3  # labels that we do not know
_NEEDED = 2  # host, and what is special about it
_VALUE = 64  # characters of a label
_ENDS = 10  # of these the last: what tells two pods apart stands there
# Exporters of the whole cluster, and of the node that they run on.
_KUBE_STATE = re.compile(r"kube-state")
_EXPORTER = re.compile(r"kube-state|(?:node|windows)[-_]exporter")
# Of these jobs several ask one target, each in its own way: `blackbox-icmp`, `probe/shop`; `blackbox` alone says nothing.
_PROBING = re.compile(r"(?<![a-z])(?:blackbox|probe|icmp|ping)", re.IGNORECASE)
_EXPORTER_WORDS = re.compile(r"blackbox|exporter|probes?|prometheus|[^a-z0-9]", re.IGNORECASE)
_PORT = re.compile(r"(\[[^\]]*\]|[^:/]*):\d{1,5}")


def place_of(alert: Alert) -> Place:
    """Host, or namespace and workload, then what is special about it. Of a watch: its name, and which instance it is."""
    if alert.source == WATCH:
        return _of_watch(alert.labels)
    return _place(tuple(alert.labels.items()), alert.source.startswith("zabbix"))


@lru_cache(4096)  # a problem is told to several people, and again
def _place(pairs: tuple[tuple[str, str], ...], tagged: bool) -> Place:
    """`tagged`: what we do not know are tags, and the event's name says what they say."""
    labels = _without_exporter({name: value for name, value in pairs if value}, tagged)
    if labels.keys() <= _SIMPLE and not _is_collector(labels) and not _way_of_asking(labels):
        at = labels.get("instance") or _job(labels)
        return (shortened(at),) if at else _who(labels)
    found = [*_hosts(labels), *_specials(labels), *_others(labels, tagged)]
    name = labels.get("alertname", "")
    return tuple(dict.fromkeys(part for part in found if part and part != name)) or _who(labels)


def _of_watch(labels: Mapping[str, str]) -> Place:
    """By name: `by` may be any label, also one that says nothing of where other alerts are."""
    names = sorted(labels.keys() - _TOLD_LAST, key=lambda name: (name != WATCH, name))
    return tuple(f"{one_line(name)}={shortened(labels[name])}" for name in names)


def needed_of(told: TextedIncident) -> Place:
    """What of its place a template's text must say, so that a reader can tell: not the labels that we do not know."""
    return (*tuple(part for part in place_of(told.alert) if "=" not in part)[:_NEEDED], *told.apart)


def where_of(alert: Alert) -> str:
    """Its place in one line, empty where no label names one."""
    return " ".join(place_of(alert))


def places_of(incidents: Sequence[TextedIncident]) -> list[Place]:
    """The places of several in one text: where two of one name are alike, the labels that differ are named."""
    places = [tuple(dict.fromkeys((*place_of(told.alert), *told.apart))) for told in incidents]
    if len(set(places)) == len(places):
        return places
    alike: dict[tuple[str, str, Place], list[int]] = {}
    for at, told in enumerate(incidents):
        key = told.alert.labels.get("alertname", ""), told.alert.severity, places[at]
        alike.setdefault(key, []).append(at)
    for (*_, place), members in alike.items():
        for at, apart in zip(members, told_apart([incidents[at].alert for at in members]), strict=True):
            places[at] = (*place, *apart)
    return places


def told_apart(alerts: Sequence[Alert]) -> list[Place]:
    """Of each the label that none of the others has like it, else a few that do so together. Of equal labels the word of its
    severity, whose it is, or the id that its sender gave it.
    """
    names = {name for alert in alerts for name in alert.labels}
    told = sorted(name for name in names - _TOLD_LAST if not name.startswith("__"))
    order = [*told, *sorted(GRADE_LABELS), *_BESIDE, *sorted(names & _TEXTS)]
    columns = [said for said in (_said_by(name, alerts) for name in order) if len(set(said)) > 1]
    counted = [(said, Counter(said)) for said in columns]
    together = _fewest(columns, len(alerts))
    return [
        _one_of([said[at] for said, times in counted if times[said[at]] == 1])
        or tuple(said[at] for said in together)
        for at in range(len(alerts))
    ]


def _one_of(words: Sequence[str]) -> Place:
    """What it has rather than what it lacks."""
    return tuple(sorted(words, key=lambda one: one.endswith(_EMPTY))[:1])


def _fewest(columns: Sequence[Sequence[str]], many: int) -> Sequence[Sequence[str]]:
    """Those that tell most of them apart, until all are; few, for a text has other things to say."""
    chosen: list[Sequence[str]] = []
    told: list[Place] = [() for _ in range(many)]
    for said in sorted(columns, key=lambda said: -len(set(said))):
        if len(set(told)) == many or len(chosen) == _OTHERS:
            break
        chosen.append(said)
        told = [(*had, one) for had, one in zip(told, said, strict=True)]
    return chosen


def _said_by(name: str, alerts: Sequence[Alert]) -> list[str]:
    """`team=web`; `team=""` where it has none. Of long values that differ in their middle, the piece that differs."""
    if name == _SOURCE:
        return [alert.source for alert in alerts]
    whole = [(alert.annotations if name == OWN_ID else alert.labels).get(name, "") for alert in alerts]
    told = list(map(shortened, whole))
    if len(set(told)) < len(set(whole)):
        pairs = enumerate(zip(min(whole), max(whole), strict=False))
        at = max(0, next((n for n, (one, other) in pairs if one != other), 0) - _ENDS)
        told = [value and f"..{one_line(value[at : at + _VALUE // 2])}" for value in whole]
    lead = "id" if name == OWN_ID else one_line(name)
    return [f"{lead}={value or _EMPTY}" for value in told]


def as_told(places: Sequence[Place]) -> Sequence[Place]:
    return places


def without_ports(places: Sequence[Place]) -> Sequence[Place]:
    """Without the ports of hosts, unless two places would read alike."""
    bare = [tuple(map(without_port, place)) for place in places]
    return bare if len(set(bare)) == len(set(places)) else places


def without_port(text: str) -> str:
    port = _PORT.fullmatch(text)
    return port[1] if port and port[1] else text


def hoisted(places: Sequence[Place]) -> tuple[str, list[str]]:
    """What all of them have in common, and each without that: `db1` and `/`, `/var`."""
    first, rest = places[0], places[1:]
    common = frozenset(first).intersection(*rest) if rest and len(first) > 1 else frozenset()
    whole = [" ".join(place) for place in places]
    if not common or any(len(place) <= len(common) for place in places):
        return "", whole
    shorter = [" ".join(part for part in place if part not in common) for place in places]
    if len(set(shorter)) < len(set(whole)):  # the same words in another order
        return "", whole
    return " ".join(part for part in first if part in common), shorter


def _hosts(labels: Mapping[str, str]) -> Iterable[str]:
    namespace = labels.get("exported_namespace") or labels.get("namespace")
    workload = next((labels[name] for name in _WORKLOADS if name in labels), None)
    if workload is not None:
        return (f"{shortened(namespace)}/{shortened(workload)}" if namespace else shortened(workload),)
    host = _host(labels)
    if any(_leads_to(host, labels.get(name, "")) for name in _PROBED):
        host = ""
    scraped = () if host or _is_probe(labels) else (_job(labels), labels.get("service"))
    return map(shortened, filter(None, (namespace, host, *scraped)))


def _host(labels: Mapping[str, str]) -> str:
    """With the port that the instance has at this host. The instance alone where it is not only who asked."""
    name = next((name for name in _HOSTS if name in labels), None)
    if name is None or (name == "instance" and (_is_probe(labels) or _is_collector(labels))):
        return ""
    host, instance = labels[name], labels.get("instance", "")
    return instance if instance.startswith(f"{host}:") else host


def _leads_to(host: str, address: str) -> bool:
    """Whether it is the host of this address, which then says it: `https://shop.example.org/`, `db1:5432`."""
    return bool(host) and re.match(rf"(\w+://)?{re.escape(host)}(?![^:/?#])", address) is not None


def _job(labels: Mapping[str, str]) -> str:
    job = labels.get("job", "")
    return "" if "kube-state" in job or "pushgateway" in job else job


def _without_exporter(labels: dict[str, str], tagged: bool) -> dict[str, str]:
    """Without the pod that collected it, where other labels say where it is."""
    of_another = "exported_namespace" in labels and "exported_pod" not in labels
    exporter = _KUBE_STATE if "kube-state" in labels.get("job", "") else _EXPORTER
    if not of_another and not exporter.search(labels.get("pod", "")):
        return labels
    left = {name: value for name, value in labels.items() if name not in ("pod", "container")}
    if exporter.search(left.get("service", "")):
        del left["service"]
    has_workload = any(name in left for name in _WORKLOADS)
    if not has_workload and _host(left):  # a node has no namespace
        left.pop("namespace", None)
    return left if has_workload or any((_host(left), *_specials(left), *_others(left, tagged))) else labels


def _is_probe(labels: Mapping[str, str]) -> bool:
    return any(name in labels for name in _PROBED)


def _is_collector(labels: Mapping[str, str]) -> bool:
    """Whether `instance` is where many things are collected, so that it says nothing of where this one is."""
    instance = labels.get("instance", "")
    return (
        "exported_namespace" in labels
        or "kube-state" in labels.get("job", "")
        or "pushgateway" in instance
        or instance.endswith(":9091")
    )


def _specials(labels: Mapping[str, str]) -> Iterable[str]:
    names = sorted(labels.keys() & _RANKS.keys(), key=_RANKS.__getitem__)
    told = [_clear(name, labels[name]) for name in names if not _is_said(name, labels)]
    return [*told, *filter(None, [_way_of_asking(labels)])]


def _way_of_asking(labels: Mapping[str, str]) -> str:
    """The job of a probe, where it says more than that it is one."""
    job = labels.get("job", "")
    says = bool(_PROBING.search(job)) and bool(_EXPORTER_WORDS.sub("", job))
    return shortened(job) if says else ""


def _clear(name: str, value: str) -> str:
    """A number or a letter alone says nothing."""
    bare = value.isdigit() or (len(value) == 1 and value.isalnum())
    return f"{name}={value}" if bare else shortened(value)


def _is_said(name: str, labels: Mapping[str, str]) -> bool:
    """By another label. `service` beside `endpoint` is that of the scrape."""
    if name in ("device", "disk"):
        return "mountpoint" in labels
    if name == "ifDescr":
        return "ifName" in labels
    if name == "service":
        return "endpoint" in labels or labels[name] in labels.get("alertname", "")
    return name == "name" and labels[name].startswith("k8s_")


def _others(labels: Mapping[str, str], tagged: bool) -> Iterable[str]:
    asked = labels.keys() & _WHOSE if tagged else labels.keys() - _KNOWN
    names = sorted(
        (name for name in asked if not name.startswith("__")), key=lambda name: (name not in _WHOSE, name)
    )
    return [f"{one_line(name)}={shortened(labels[name])}" for name in names[:_OTHERS]]


def _who(labels: Mapping[str, str]) -> Place:
    """Of what has no place at all: whose it is."""
    return tuple(f"{name}={shortened(labels[name])}" for name in ("team", "owner") if name in labels)


def shortened(value: str) -> str:
    """`value` on one line, in at most 64 characters; cut in its middle."""
    told = one_line(value)
    return told if len(told) <= _VALUE else f"{told[: _VALUE - _ENDS - 2]}..{told[-_ENDS:]}"
