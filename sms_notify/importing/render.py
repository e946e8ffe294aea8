"""The plan as a file that a person reads: what to change, where it came from, what could not be taken over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sms_notify.importing.alertmanager import Branch
from sms_notify.importing.notes import NoteGroup, grouped
from sms_notify.importing.plan import ImportedReceiver, ImportPlan
from sms_notify.importing.reading import shown
from sms_notify.importing.yamltext import WIDTH, change, comment, flow, key_list, masked, quoted, scalar

_SENDER = "ACME-Ops"
_PORT = 9876


def render(plan: ImportPlan) -> str:
    """The whole text, which ends in a line end."""
    parts = (
        _head,
        _storage,
        _web,
        _gateways,
        _alertmanagers,
        _people,
        _route,
        _receivers,
        _intervals,
        _templates,
    )
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part(plan)))) + "\n"


def _notes(plan: ImportPlan, section: str, indent: int = 0) -> Iterator[str]:
    for group in grouped(note for note in plan.notes if plan.section(note) == section):
        yield from _remark(plan, group, indent)


def _remark(plan: ImportPlan, group: NoteGroup, indent: int) -> Iterator[str]:
    file = group.notes[0].file
    source = plan.config if file == plan.config.file else plan.alertmanager
    yield from comment(group.text(source.short if source else file), indent)


def _head(plan: ImportPlan) -> Iterator[str]:
    files = f"{plan.config.short} (sachet)"
    if plan.alertmanager:
        files += f" and {plan.alertmanager.short} (Alertmanager)"
    yield from comment(f"Made from {files} by `sms-notify import-sachet`.")
    yield "#"
    yield from comment("1. Look at every line that ends in CHANGE.")
    yield from comment(
        f"2. What begins with a file and a line, like `{plan.config.short}:12`, could not be taken over as it was. With ! it "
        "changes who is told."
    )
    yield from comment("3. sms-notify check-config sms-notify.yml")
    yield from comment("4. sms-notify routes test alertname=HostDown severity=critical")
    yield from _notes(plan, "top")


def _storage(plan: ImportPlan) -> Iterator[str]:
    where = plan.storage or "/var/lib/sms-notify/sms-notify.db"
    yield change(f"storage: {scalar(f'sqlite://{where}')}", "its folder must be yours to write")


def _web(_: ImportPlan) -> Iterator[str]:
    yield "web:"
    yield from comment(
        f"sachet's port was {_PORT} and its path /alert, which is here, too. Take the port over when sachet has "
        "stopped, and the url in Alertmanager stays as it is.",
        2,
    )
    yield change("  listen: 127.0.0.1:9601", "or another free port")
    yield from comment(
        "sachet took alerts from everybody. Beyond this machine a token is asked for: write one a line into a file, "
        "chmod 600, and listen on 0.0.0.0 instead.",
        2,
    )
    yield "  # webhook_tokens_file: tokens"


def _gateways(plan: ImportPlan) -> Iterator[str]:
    yield "gateways:"
    yield from _notes(plan, "providers", 2)
    yield "  - name: main"
    yield "    type: 1601sms"
    yield change("    url: https://gateway.example.org/module/", "the folder of gateway.php")
    yield change("    username: acme")
    yield change("    password_file: password", "the password alone, chmod 600")
    yield change(
        f"    sender: {scalar(plan.sender or _SENDER)}", "1601SMS has to know it" if plan.sender else ""
    )


def _alertmanagers(_: ImportPlan) -> Iterator[str]:
    yield "alertmanagers:"
    yield from comment(
        "Alertmanager sends no end of what ends while a silence, an inhibition or a mute time covers it. Without this, people "
        "are reminded of what is over. With a login, see `alertmanagers` in docs/reference/configuration.md.",
        2,
    )
    yield change("  - url: http://127.0.0.1:9093", "as people open it; both of a pair")


def _people(plan: ImportPlan) -> Iterator[str]:
    if not plan.people:
        return
    usable = any(person.usable for person in plan.people)
    yield "people:" if usable else "# people:"
    for person in plan.people:
        yield from _notes(plan, f"person {person.name}", 2)
        for remark in person.remarks:
            yield from comment(masked(remark, plan.hidden), 2)
        if person.usable:
            yield f"  {scalar(person.name)}: {{number: {scalar(person.number)}}}"
        else:
            was = shown(masked(person.number, plan.hidden))
            yield change(f"  # {scalar(person.name)}: {{number: +…}}", f"was {was}")


def _route(plan: ImportPlan) -> Iterator[str]:
    yield from _notes(plan, "route")
    if plan.alertmanager:
        yield from comment(
            f"The tree of {plan.alertmanager.short}: the same labels lead to the same people. Grouping, "
            "inhibition and silences stay there."
        )
    if plan.routing.root.receiver is None and plan.alertmanager:
        yield from comment(f"`{plan.elsewhere}` is where no text was sent: nobody is told.")
    yield "route:"
    yield from _branch(plan, plan.routing.root, 2)


def _branch(plan: ImportPlan, branch: Branch, indent: int) -> Iterator[str]:
    blank = " " * indent
    yield f"{blank}receiver: {scalar(plan.name(branch))}"
    if branch.repeat:
        yield f"{blank}repeat_interval: {branch.repeat}"
    if branch.mute:
        yield from key_list("mute_time_intervals", branch.mute, indent)
    if branch.active:
        yield from key_list("active_time_intervals", branch.active, indent)
    if branch.continue_:
        yield f"{blank}continue: true"
    if branch.routes:
        yield f"{blank}routes:"
    for child in branch.routes:
        yield from _child(plan, child, indent + 2)


def _child(plan: ImportPlan, child: Branch, indent: int) -> Iterator[str]:
    """An entry of `routes`: its first line has the dash."""
    lines = [*_matchers(plan, child, indent + 2), *_branch(plan, child, indent + 2)]
    yield f"{' ' * indent}- {lines[0].strip()}"
    yield from lines[1:]


def _matchers(plan: ImportPlan, child: Branch, indent: int) -> Iterator[str]:
    lines = key_list("matchers", child.matchers, indent) if child.matchers else []
    yield from (map(change, lines) if plan.guessed else lines)


def _receivers(plan: ImportPlan) -> Iterator[str]:
    yield "receivers:"
    yield from _notes(plan, "receivers", 2)
    for answer in plan.answers:
        yield from _receiver(plan, answer)
    if plan.goes_elsewhere:
        yield f"  - name: {scalar(plan.elsewhere)}"
        if plan.guessed:
            everybody = (name for answer in plan.answers for name in answer.notify)
            yield from _notify(dict.fromkeys(everybody))
        else:
            yield from comment("Alertmanager tells of these in another way; here they are recorded.", 4)


def _receiver(plan: ImportPlan, answer: ImportedReceiver) -> Iterator[str]:
    receiver = answer.receiver
    yield f"  - name: {scalar(receiver.name)}"
    yield from _notes(plan, f"receiver {receiver.name}", 4)
    if receiver.text:
        yield from comment("Its text was:", 4)
        yield from quoted(receiver.text, plan.hidden, 4)
    yield from _notify(answer.notify)
    yield from _not_yet(answer)
    if not answer.send_resolved:
        yield "    send_resolved: false"
    if receiver.long:
        yield "    max_parts: 3  # each part costs a credit"


def _notify(names: Iterable[str]) -> Iterator[str]:
    targets = [f"person:{name}" for name in names]
    if targets:
        yield from key_list("notify", targets, 4)


def _not_yet(answer: ImportedReceiver) -> Iterator[str]:
    """Those whose numbers have to be corrected first."""
    if not answer.unusable:
        return
    why = "in its place, once the numbers are right" if answer.notify else "NOBODY IS TOLD until this counts"
    everybody = [f"person:{name}" for name in (*answer.notify, *answer.unusable)]
    line = f"    # notify: {flow(list(everybody))}"
    if len(change(line, why)) <= WIDTH:
        yield change(line, why)
        return
    yield change("    # notify:", why)
    yield from (f"    #   - {scalar(target)}" for target in everybody)


def _intervals(plan: ImportPlan) -> Iterator[str]:
    if plan.routing.intervals:
        yield "time_intervals:"
    for name, times in plan.routing.intervals.items():
        yield f"  - name: {scalar(name)}"
        yield "    time_intervals:"
        for one in times if isinstance(times, list) else []:
            yield f"      - {flow(one)}"


def _templates(plan: ImportPlan) -> Iterator[str]:
    yield from _notes(plan, "templates")
    yield from comment(
        "The built-in wording needs no template and always fits. It says status, severity, what, where, how it is, "
        "since when, tag:"
    )
    yield from quoted("FIRING critical HostDown web1:9100: does not answer since 14:05 #k3f9", ())
    yield from comment("Your own is named here and chosen by a receiver with `template: short`:")
    yield "# templates:"
    yield "#   short: '{{ status|short }} {{ alertname }} {{ instance }}: {{ summary }} #{{ tag }}'"
