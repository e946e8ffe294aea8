"""What a template of the administrator's can say, and what neither it nor a label can do."""

import re
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Status
from sms_notify.wording import gsm
from sms_notify.wording.content import Notice, Reader, TextedIncident, Tone
from sms_notify.wording.templates import (
    Fallback,
    Rendered,
    TemplateFault,
    _names,
    _names_of_one,
    compile_template,
    render,
    tidy,
)

SEED = "{{ status|short }} {{ alertname }} {{ instance }}: {{ summary }}"
DOCS = Path(__file__).parent.parent / "docs" / "reference" / "templates.md"
STARTED = datetime(2026, 1, 5, 13, 5, tzinfo=UTC)


def told(tag: str = "k3f9", annotations: dict[str, str] | None = None, **labels: str) -> TextedIncident:
    return TextedIncident(tag, Alert("am", "f1", Status.FIRING, labels, annotations or {}, STARTED))


def say(
    source: str, *incidents: TextedIncident, status: Status = Status.FIRING, zone: str = "Europe/Brussels"
) -> Rendered:
    notice = Notice(status, incidents or (told(alertname="HostDown", instance="web1"),))
    return render(compile_template("t", source), notice, Reader(zone))


def test_a_template_speaks_of_status_labels_and_annotations_by_their_names() -> None:
    one = told(alertname="HostDown", instance="web1", annotations={"summary": "web1 is unreachable"})
    assert say(SEED, one) == Rendered("FIRING HostDown web1: web1 is unreachable")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ status }} {{ status|short }}", "firing FIRING"),
        ("{{ severity }}", "critical"),
        ("{{ labels.severity }}", "page"),
        ("{{ x }} {{ labels.x }} {{ annotations.x }} {{ annotations['x'] }}", "label label note note"),
        ("{{ only }}", "noted"),
        ("{{ tag }} {{ count }} {{ alerts|length }}", "k3f9 1 1"),
        ("{{ since }} {{ since|local }} {{ since|local('%d/%m %H:%M') }}", "14:05 14:05 05/01 14:05"),
        ("{{ alerts[0].since }} {{ alerts[0].instance }}", "14:05 web1:9100"),
        ("{{ labels.items }}", "a label called items"),
        ("{{ instance.split(':')[0] }} {{ instance|replace(':9100', '') }}", "web1 web1"),
        ("{{ instance ~ '-' ~ count }} {{ instance + '!' }}", "web1:9100-1 web1:9100!"),
        ("{{ ['a', 'b']|join('/') }} {{ ', '.join(['a', 'b']) }}", "a/b a, b"),
        ("{% for a in alerts %}{{ loop.index }} {{ a.labels.x }}{% endfor %}", "1 label"),
        ("{{ '3.14159'|round(2) }} {{ '2.6'|round }}", "3.14 3"),
        ("{{ alerts|map(attribute='labels.x')|join(', ') }}", "label"),
        ("one\n\n  two {{ x }}", "one\ntwo label"),
    ],
)
def test_what_a_template_can_say(source: str, text: str) -> None:
    labels = {"severity": "page", "x": "label", "instance": "web1:9100", "items": "a label called items"}
    assert say(source, told(annotations={"x": "note", "only": "noted"}, **labels)) == Rendered(text)


def test_a_resolved_notice_is_told_as_ok() -> None:
    assert say("{{ status }} {{ status|short }}", status=Status.RESOLVED).text == "resolved OK"


@pytest.mark.parametrize(
    ("status", "tone", "kind"),
    [
        (Status.FIRING, Tone.NEWS, "news"),
        (Status.FIRING, Tone.REMINDER, "reminder"),
        (Status.FIRING, Tone.ESCALATED, "escalated"),
        (Status.FIRING, Tone.FLAPPING, "flapping"),
        (Status.FIRING, Tone.UNHEARD, "unheard"),
        (Status.RESOLVED, Tone.FLAPPING, "resolved"),
    ],
)
def test_the_kind_says_why_it_is_told(status: Status, tone: Tone, kind: str) -> None:
    notice = Notice(status, (told(kind="Deployment", alertname="X"),), tone=tone, times=3)
    rendered = render(compile_template("t", "{{ kind }} {{ labels.kind }} {{ times }}"), notice, Reader())
    assert rendered.text == f"{kind} Deployment 3"


def test_an_address_and_a_next_text_that_there_is_not_are_empty() -> None:
    assert say("{{ alertname }}: {{ ack }}, {{ silent_until }}").text == "HostDown"
    assert say("{% if silent_until %}x{% else %}y{% endif %}").text == "y"


def test_every_name_of_our_own_is_documented() -> None:
    one = Notice(Status.FIRING, (told(),))
    names = set(_names(one, UTC, 10, 10)) | set(_names_of_one(one.incidents[0], UTC, 10, 10))
    assert names - set(re.findall(r"`(\w+)`", DOCS.read_text("utf-8"))) == set()


@pytest.mark.parametrize(
    "missing",
    [
        "x",
        "labels.x",
        "annotations.x.y",
        "x.split(':')[0]",
        "x|upper",
        "x + '!'",
        "x[:9]",
        "x|local",
        "x|default('')",
    ],
)
def test_a_label_that_is_not_there_is_empty_and_never_an_error(missing: str) -> None:
    assert say("a {{ %s }} b" % missing).text in ("a b", "a ! b")  # noqa: UP031 - braces all around


@pytest.mark.parametrize(
    "value", ["{{7*7}}", "{{cycler.__init__.__globals__}}", "{% for x in y %}", "{# gone? #}", "%s {0} $x"]
)
def test_template_source_inside_a_label_is_told_as_it_is(value: str) -> None:
    assert (
        say("{{ instance }} {{ note }}", told(instance=value, annotations={"note": value})).text
        == f"{value} {value}"
    )


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("{{ status", 1),
        ("a\nb\n{% if x %}", 3),
        ("a\n{{ x|shrot }}", 2),
        ("{% if no %}\n{{ x|shrot }}{% endif %}", 2),
        ("a\n{% include 'passwd' %}", 2),
        ("{% macro m() %}{% endmacro %}", 1),
        ("\n{% set x %}{{ y }}{% endset %}", 2),
        ("{% for a in alerts recursive %}{{ loop(alerts) }}{% endfor %}", 1),
        ("{% for a in s %}{% for b in s %}{% for c in s %}{% endfor %}{% endfor %}{% endfor %}", 1),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", 1),
        ("{{ " + "9" * 5000 + " }}", 1),
        ("x" * 10_001, 1),
    ],
)
def test_a_fault_in_a_template_is_found_when_it_is_read_and_names_its_line(source: str, line: int) -> None:
    with pytest.raises(TemplateFault) as caught:
        compile_template("default", source)
    assert caught.value.line == line
    assert caught.value.what


def test_an_unknown_filter_is_named_with_those_there_are() -> None:
    with pytest.raises(TemplateFault, match=r"no filter 'shrot'.*short"):
        compile_template("default", "{{ status|shrot }}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**8 }}",
        "{{ 'a' * 100000000 }}",
        "{{ 100000000 * 'a' }}",
        "{{ [1] * 100000000 }}",
        "{{ 10**10**9 }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ '{:>999999999}'.format('a') }}",
        "{{ 'a'.center(999999999) }}",
        "{{ 'a'['center'](999999999) }}",
        "{{ 'a'.zfill(999999999) }}",
        "{{ 'a'.encode('utf-8') }}",
        "{{ since|local('%0999999999Y') }}",
        "{{ since.strftime('%0999999999Y') }}",
        "{{ (5).to_bytes(999999999, 'big') }}",
        "{{ ('x' * 15000)|replace('x', 'y' * 15000) }}",
        "{{ ('x' * 15000).replace('x', 'y' * 15000) }}",
        "{{ ('x' * 9000)|list|join('y' * 9000) }}",
        "{% set a = 'x' * 15000 %}{% set b = a ~ a %}{{ b }}",
        "{% set a = 'x' * 15000 %}{% set b = a + a %}{{ b }}",
        "{{ 1 / 0 }}",
        "{{ 'a' + 1 }}",
    ],
)
def test_a_template_that_grows_too_large_or_fails_is_given_up_for_the_built_in_wording(source: str) -> None:
    compiled = compile_template("t", source)
    tracemalloc.start()
    try:
        rendered = render(compiled, Notice(Status.FIRING, (told(alertname="X"),)), Reader())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (rendered.text, rendered.fallback) == ("", Fallback.FAILED)
    assert 0 < len(rendered.detail) <= 200
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "source",
    [
        "{{ range(1000000000) }}",
        "{{ nothing }}",
        " \n ",
        "{{ cycler.__init__.__globals__ }}",
        "{{ ''.__class__.__mro__ }}",
    ],
)
def test_a_template_that_renders_nothing_is_told_from_one_that_fails(source: str) -> None:
    assert say(source).fallback is Fallback.EMPTY
    assert say(source).text == ""


def test_endless_output_is_stopped() -> None:
    labels = {f"l{number}": "x" * 300 for number in range(300)}
    text = say(
        "{% for a in labels %}{% for b in labels %}{{ labels[b] }}{% endfor %}{% endfor %}", told(**labels)
    ).text
    assert len(text) == 4_000


@pytest.mark.parametrize(
    "source",
    [
        "self._TemplateReference__context",
        "self.__class__",
        "labels.__class__",
        "alerts.__class__",
        "alerts[0].__init__",
        "since.tzinfo",
        "tag.__class__.__mro__",
        "cycler",
        "loop",
    ],
)
def test_no_template_reaches_the_interpreter(source: str) -> None:
    assert say("x {{ " + source + " }}").text == "x"


def test_labels_win_over_annotations_and_our_own_names_win_over_both() -> None:
    hostile = told(
        summary="label", tag="k3f9", annotations={"summary": "note", "status": "resolved"}, count="999"
    )
    assert say("{{ summary }} {{ status }} {{ count }}", hostile).text == "label firing 1"


def test_of_several_alerts_a_shared_label_is_told_once_and_others_as_a_short_list() -> None:
    three = [
        told(alertname="HostDown", instance=f"web{n}", annotations={"summary": f"no {n}"}) for n in (1, 2, 3)
    ]
    text = say("{{ count }}x {{ alertname }}: {{ instance }} {{ summary }}{{ labels.instance }}", *three).text
    assert text == "3x HostDown: web1, web2, +1"


def test_a_text_is_the_same_whatever_the_order_of_the_labels() -> None:
    labels = {"b": "2", "a": "1", "c": "3"}
    source = "{{ labels }} {% for name in labels %}{{ name }}{% endfor %}"
    backwards = dict(reversed(labels.items()))
    assert say(source, told(**labels)).text == say(source, told(**backwards)).text == "a=1 b=2 c=3 abc"


def test_line_breaks_in_a_label_make_no_new_line_in_the_text() -> None:
    assert say("{{ x }}", told(x="web1\nOK all is well\r\u2028now")).text == "web1 OK all is well now"


def test_a_zone_that_is_not_known_is_utc() -> None:
    assert say("{{ since }}", zone="Mars/Olympus").text == "13:05"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("FIRING Foo : ", "FIRING Foo"),
        ("FIRING Foo : down", "FIRING Foo: down"),
        ("FIRING Foo: ", "FIRING Foo"),
        ("FIRING Foo: #k3f9", "FIRING Foo #k3f9"),
        (": down", "down"),
        ("a , , b", "a, b"),
        ("a - - b", "a - b"),
        ("a () [ ] b", "a b"),
        ("a  b\t c", "a b c"),
        ("a - #", "a"),
        (" : , - ", ""),
        ("DiskFull / 95%", "DiskFull / 95%"),
        ("port [::1]:9100 of main()", "port [::1]:9100 of main()"),
        ("-5 degrees", "-5 degrees"),
    ],
)
def test_what_missing_fields_leave_behind_is_tidied_away(raw: str, clean: str) -> None:
    assert tidy(raw) == clean


any_text = st.text(st.characters(exclude_categories=()), max_size=80)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(any_text, any_text, max_size=5), any_text)
def test_whatever_the_labels_hold_the_text_is_gsm_and_the_template_stands(
    labels: dict[str, str], note: str
) -> None:
    alert = Alert("am", "f", Status.FIRING, labels | {"alertname": "X"}, {"summary": note})
    rendered = render(
        compile_template("t", SEED), Notice(Status.FIRING, (TextedIncident("k3f9", alert),)), Reader()
    )
    assert rendered.fallback is None
    assert rendered.text.startswith("FIRING X")
    assert gsm.septets(rendered.text) >= len(rendered.text)
