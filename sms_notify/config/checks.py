"""Checks across the file: names that must exist, be unique or be used, and the numbers behind them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sms_notify.config.document import Place, Value
from sms_notify.config.found import Found, entries, mapping, routes, word
from sms_notify.config.phone import Number, NumberError, parse_number
from sms_notify.config.roads import ROADS
from sms_notify.decide.people import Target, TargetKind
from sms_notify.roads.settings import OperatorKind, OperatorTarget


def check_names(found: Found) -> None:
    data = found.document.data
    _check_unique(found, "gateways")
    _check_unique(found, "receivers")
    _check_people(found, mapping(data.get("people")))
    _check_teams(found, mapping(data.get("teams")), mapping(data.get("people")))
    _check_receivers(found)
    _check_operator(found)
    _check_routes(found)
    _check_templates(found)


def _near(name: str, known: Iterable[str], what: str) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, 1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known {what}: {', '.join(known)}" if known else f"there are no {what} yet"


def _check_unique(found: Found, key: str) -> None:
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries(found.document.data.get(key))):
        name = word(mapping(entry).get("name"))
        place: Place = (key, index, "name")
        if name in seen:
            what = f"`{name}` is the name of another one, on line {seen[name]}"
            found.wrong(place, what, "give each a name of its own")
        elif name:
            seen[name] = found.document.fault(place, "").line


def _check_people(found: Found, people: dict[str, Value]) -> None:
    owners: dict[str, str] = {}
    for name, person in people.items():
        place: Place = ("people", name, "number")
        number = _number(found, place, word(mapping(person).get("number")))
        if number is None:
            continue
        found.numbers[name] = number.e164
        if number.e164 in owners:
            what = f"is the number of {owners[number.e164]} too"
            found.wrong(place, what, "give each person a number of their own")
        owners.setdefault(number.e164, name)


def _number(found: Found, place: Place, text: str) -> Number | None:
    if not text.strip():
        return None
    try:
        number = parse_number(text)
    except NumberError as fault:
        found.wrong(place, fault.what, fault.advice)
        return None
    if not number.assigned:
        found.warn(
            place, "is in no number range that we know", "check the digits; texts are sent to it anyway"
        )
    return number


def _check_teams(found: Found, teams: dict[str, Value], people: dict[str, Value]) -> None:
    for team, members in teams.items():
        for index, member in enumerate(entries(members)):
            if isinstance(member, str) and member not in people:
                what = f"`{member}` is nobody in people"
                found.wrong(("teams", team, index), what, _near(member, people, "people"))


def _check_receivers(found: Found) -> None:
    notifies = False
    for index, receiver in enumerate(entries(found.document.data.get("receivers"))):
        for number, text in enumerate(entries(mapping(receiver).get("notify"))):
            notifies = True
            if word(text).strip():
                _check_target(found, ("receivers", index, "notify", number), word(text).strip())
    gateways = found.document.data.get("gateways")
    if notifies and not gateways:
        found.wrong((), "`gateways` is missing, and there is somebody to notify", "add a gateway")
    elif notifies and not _texting(found):
        found.wrong(
            ("gateways",), "none of them texts, and there is somebody to notify", "add one of type 1601sms"
        )


def _texting(found: Found) -> bool:
    """Whether an account that texts is written; an entry of no known type has a fault of its own and counts."""
    return any(
        word(mapping(entry).get("type")) not in ROADS
        for entry in entries(found.document.data.get("gateways"))
    )


def _check_operator(found: Found) -> None:
    listed = [word(text).strip() for text in entries(found.document.data.get("operator"))]
    roads = _roads(found)
    for index, text in enumerate(listed):
        place: Place = ("operator", index)
        if text in listed[:index]:
            found.wrong(place, f"`{text}` stands here twice", "keep one of the two")
        elif text.startswith("gateway:"):
            _check_road_target(found, place, text.removeprefix("gateway:"), roads)
        elif text:
            forms = "write person:NAME, team:NAME, gateway:NAME or +NUMBER"
            _check_target(found, place, text, f"did you mean `gateway:{text}`?" if text in roads else forms)
            target = found.targets.get(place)
            if (
                target and target.kind is not TargetKind.GROUP
            ):  # which notyet.py refuses: nobody answers for a group
                found.operator.append(OperatorTarget(OperatorKind(target.kind.value), target.name))
    _judge_operator(found, listed, roads)


def _roads(found: Found) -> dict[str, Place]:
    """The entries of `gateways:` that `operator` may name."""
    listed = enumerate(entries(found.document.data.get("gateways")))
    places = {
        word(mapping(entry).get("name")): index
        for index, entry in listed
        if word(mapping(entry).get("type")) in ROADS
    }
    return {name: ("gateways", index, "name") for name, index in places.items() if name.strip()}


def _check_road_target(found: Found, place: Place, name: str, roads: dict[str, Place]) -> None:
    named = [word(mapping(entry).get("name")) for entry in entries(found.document.data.get("gateways"))]
    found.operator.append(OperatorTarget(OperatorKind.GATEWAY, name))
    if name in named and name not in roads:
        what = f"`{name}` texts, and our own trouble is mostly that texts do not go"
        found.wrong(place, what, f"name one of type {', '.join(sorted(ROADS))}, or a person")
    elif name not in roads:
        found.wrong(place, f"there is no gateway `{name}`", _near(name, roads, "gateways that do not text"))


def _judge_operator(found: Found, listed: list[str], roads: dict[str, Place]) -> None:
    if any(listed) and not any(text.startswith("gateway:") for text in listed):
        what = "has no road but texts, and our own trouble is mostly that texts do not go"
        found.warn(("operator",), what, f"add a gateway of type {', '.join(sorted(ROADS))}")
    if any(listed) and not all(text.startswith("gateway:") for text in listed) and not _texting(found):
        found.wrong(("operator",), "names somebody to text, and no gateway texts", "add one of type 1601sms")
    for name, place in roads.items():
        if f"gateway:{name}" not in listed:
            found.warn(
                place, f"`operator` does not name `{name}`", f"add gateway:{name} to it, or remove this entry"
            )


def _check_target(
    found: Found, place: Place, text: str, advice: str = "write person:NAME, team:NAME or +NUMBER"
) -> None:
    kind, _, name = text.partition(":")
    data = found.document.data
    if text.startswith("+"):
        number = _number(found, place, text)
        if number:
            found.targets[place] = Target(TargetKind.NUMBER, number.e164)
    elif kind in (TargetKind.PERSON, TargetKind.TEAM) and name:
        known = mapping(data.get("people" if kind == TargetKind.PERSON else "teams"))
        found.targets[place] = Target(TargetKind(kind), name)
        if name not in known:
            what = f"there is no {kind} `{name}`"
            found.wrong(place, what, _near(name, known, "people" if kind == TargetKind.PERSON else "teams"))
    elif kind == TargetKind.GROUP and name:
        groups = _groups(data)
        found.targets[place] = Target(TargetKind.GROUP, name)
        if name not in groups:
            what = f"no gateway has `{name}` under `groups`"
            found.wrong(
                place,
                what,
                f"there is {', '.join(sorted(groups))}" if groups else "add it to the gateway's `groups`",
            )
    else:
        found.wrong(place, f"`{text}` is no target", _target_advice(text, data, advice))


def _groups(data: dict[str, Value]) -> set[str]:
    """The groups of the gateways' address books that the configuration names."""
    gateways = (mapping(gateway) for gateway in entries(data.get("gateways")))
    return {word(group) for gateway in gateways for group in entries(gateway.get("groups"))}


def _target_advice(text: str, data: dict[str, Value], otherwise: str) -> str:
    for kind, known in ((TargetKind.PERSON, "people"), (TargetKind.TEAM, "teams")):
        if text in mapping(data.get(known)):
            return f"did you mean `{kind}:{text}`?"
    return otherwise


def _check_routes(found: Found) -> None:
    listed = entries(found.document.data.get("receivers"))
    names = [word(mapping(entry).get("name")) for entry in listed]
    used: set[str] = set()
    for place, node in routes(found.document.data):
        name = word(node.get("receiver"))
        used.add(name)
        if name.strip() and name not in names:
            found.wrong(
                (*place, "receiver"), f"there is no receiver `{name}`", _near(name, names, "receivers")
            )
        _check_grouping(found, place, node)
        _check_reachable(found, place, node)
    for index, name in enumerate(names):
        if name and name not in used:
            what = f"no route leads to `{name}`"
            found.warn(("receivers", index, "name"), what, "add a route, or remove it")


def _check_grouping(found: Found, place: Place, node: dict[str, Value]) -> None:
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
                ("receivers", index, "template"), what, _near(name, [*templates, "default"], "templates")
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
