"""Checks across the file: names that must exist, be unique or be used, and the numbers behind them."""

from __future__ import annotations

from sms_notify.config.document import Place, Value
from sms_notify.config.keeping import check_keep
from sms_notify.config.references import check_people_named, check_unique, near, read_number
from sms_notify.config.schedules import check_schedules
from sms_notify.config.severities import check_severities
from sms_notify.config.targets import check_operator, check_receivers, check_site_alive
from sms_notify.config.time_intervals import check_windows
from sms_notify.config.validation import Found, entries, mapping, routes, word
from sms_notify.config.watches import check_watches


def check_names(found: Found) -> None:
    data = found.document.data
    check_unique(found, "gateways")
    check_unique(found, "receivers")
    _check_people(found, mapping(data.get("people")))
    for team, members in mapping(data.get("teams")).items():
        check_people_named(found, ("teams", team), members)
    check_severities(found)
    check_windows(found)
    check_schedules(found)
    check_watches(found)
    check_receivers(found)
    check_operator(found)
    check_site_alive(found)
    check_keep(found)
    _check_routes(found)
    _check_templates(found)


def _check_people(found: Found, people: dict[str, Value]) -> None:
    owners: dict[str, str] = {}
    for name, person in people.items():
        place: Place = ("people", name, "number")
        number = read_number(found, place, word(mapping(person).get("number")))
        if number is None:
            continue
        found.numbers[name] = number.e164
        if number.e164 in owners:
            what = f"is the number of {owners[number.e164]} too"
            found.wrong(place, what, "give each person a number of their own")
        owners.setdefault(number.e164, name)


def _check_routes(found: Found) -> None:
    listed = entries(found.document.data.get("receivers"))
    names = [word(mapping(entry).get("name")) for entry in listed]
    used: set[str] = set()
    for place, node in routes(found.document.data):
        name = word(node.get("receiver"))
        used.add(name)
        if name.strip() and name not in names:
            found.wrong(
                (*place, "receiver"), f"there is no receiver `{name}`", near(name, names, "receivers")
            )
        _check_grouping(found, place, node)
        _check_reachable(found, place, node)
    for index, name in enumerate(names):
        if name and name not in used:
            what = f"no route leads to `{name}`"
            found.warn(("receivers", index, "name"), what, "add a route, or remove it")


def _check_grouping(found: Found, place: Place, node: dict[str, Value]) -> None:
    shared = [word(label) for label in entries(node.get("dedup_labels"))]
    if len(set(shared)) < len(shared):
        found.wrong((*place, "dedup_labels"), "names a label twice", "name each once")
    elif "..." in shared:
        what = "has `...`: all labels never agree between two sources"
        found.wrong((*place, "dedup_labels"), what, "name the labels that say what the problem is")
    labels = [word(label) for label in entries(node.get("group_by"))]
    if len(set(labels)) < len(labels):
        found.wrong((*place, "group_by"), "names a label twice", "name each once")
    elif "..." in labels and len(labels) > 1:
        found.wrong(
            (*place, "group_by"), "has labels beside `...`, which means all labels", "keep one of the two"
        )


def _check_reachable(found: Found, place: Place, node: dict[str, Value]) -> None:
    children = [mapping(child) for child in entries(node.get("routes"))]
    for index, child in enumerate(children[:-1]):
        if child and "matchers" not in child and "continue" not in child:
            what = "has no matchers and takes everything, so that the routes after it are never reached"
            found.warn((*place, "routes", index), what, "add matchers, or continue: true")


def _check_templates(found: Found) -> None:
    templates = mapping(found.document.data.get("templates"))
    for index, receiver in enumerate(entries(found.document.data.get("receivers"))):
        name = word(mapping(receiver).get("template"))
        if name.strip() and name != "default" and name not in templates:
            what = f"there is no template `{name}`"
            found.wrong(
                ("receivers", index, "template"), what, near(name, [*templates, "default"], "templates")
            )
    for name, source in templates.items():
        if word(source).strip():
            _check_template(found, name, word(source))


def _check_template(found: Found, name: str, source: str) -> None:
    # jinja2 takes 70 ms to import, and most configurations have no templates of their own
    from sms_notify.wording.templates import TemplateFault, compile_template

    try:
        compile_template(name, source)
    except TemplateFault as fault:
        where = f"line {fault.line} of the template: " if "\n" in source.strip() else ""
        found.wrong(
            ("templates", name),
            f"{where}{fault.what}",
            "correct it, or remove it: the built-in wording needs no template",
        )
