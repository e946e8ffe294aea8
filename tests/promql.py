"""What our own metrics are called, as a scraper sees them, and what an expression of Prometheus' names beside them."""

from __future__ import annotations

import re

from prometheus_client.metrics import MetricWrapperBase

from sms_notify.metrics import Metrics

OUR_OWN = {"instance", "job"}  # Prometheus adds these to whatever it scrapes
WORDS = {"sum", "max", "min", "by", "on", "and", "or", "unless", "bool", "absent", "clamp_max", "Inf"}
WORDS |= {"increase", "histogram_quantile"}
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
_METRICS = Metrics(["main"], "node")


def families() -> dict[str, tuple[str, ...]]:
    """Every metric of ours → the names of its samples."""
    return {
        metric._name: tuple(f"{metric._name}{suffix}" for suffix in SUFFIXES[metric._type])
        for metric in _defined()
    }


def exported() -> dict[str, set[str]]:
    """Every name that a scrape can hold, with its labels."""
    return {
        name: {*metric._labelnames, *(["le"] if name.endswith("_bucket") else [])}
        for metric in _defined()
        for name in families()[metric._name]
    }


def unknown_in(expression: str, beside: dict[str, set[str]] | None = None) -> set[str]:
    """What an expression names that is neither a metric nor a label of all its metrics nor a word of PromQL's. `beside` are
    metrics that are not ours, with their labels.
    """
    labels = {**exported(), **(beside or {})}
    bare = re.sub(r"\[[^\]]*\]", "", re.sub(r'"[^"]*"', "", expression))
    unknown = set()
    for metric, matchers in re.findall(r"([\w:]+)\{([^}]*)\}", bare):
        unknown |= set(re.findall(r"\w+", matchers)) - labels.get(metric, set()) - OUR_OWN
    names = set(re.findall(r"[A-Za-z_][\w:]*", re.sub(r"\{[^}]*\}", "", bare)))
    of_all = [labels[name] for name in names & labels.keys()]
    some = set.union(*of_all) if of_all else set()
    shared = set.intersection(*of_all) if of_all else set()
    return unknown | (names - labels.keys() - (some if " on " in bare else shared) - OUR_OWN - WORDS)


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"sms_notify_\w+", expression))


def _defined() -> list[MetricWrapperBase]:
    return [value for value in vars(_METRICS).values() if isinstance(value, MetricWrapperBase)]
