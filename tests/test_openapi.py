"""The description of the machine-facing surface: valid, complete, and true of the server that gives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route
from web_serving import SOON, Recorder, Served, post, serving, status_of

from sms_notify.errors import SmsNotifyError, StoreError
from sms_notify.secret import Secret
from sms_notify.sources import generic, grafana, zabbix
from sms_notify.sources.status_words import RESOLVED_WORDS
from sms_notify.web import passwords
from sms_notify.web.body import MAX_BODY
from sms_notify.web.openapi import document
from sms_notify.web.roles import Role, Token, User
from sms_notify.web.schemas import alert_fields, schemas
from sms_notify.web.settings import WebSettings
from sms_notify.web.webhooks import SOURCES, Patience, build

TOKEN, USER = "t0ken-canary", "alertmanager-canary"
HASHED = passwords.hash_password("s3cret", b"0123456789abcdef")
EVERY = frozenset(Role)
LOCKED = WebSettings(
    port=0, tokens=(Token(Secret(TOKEN), roles=EVERY),), users={USER: User(Secret(HASHED), EVERY)}
)
BEARER = {"Authorization": f"Bearer {TOKEN}"}
WHOLE = document(SOURCES, tokens=True, users=True)
METHODS = {"get", "post", "put", "delete", "patch"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def locked() -> Iterator[Served]:
    with serving(settings=LOCKED) as served:
        yield served


def send(served: Served, path: str, body: bytes, **more: Any) -> requests.Response:
    return requests.post(served.url(path), data=body, timeout=SOON, allow_redirects=False, **more)


def operations(described: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


# The document


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize("users", [True, False])
def test_it_is_openapi_3_1_whatever_is_asked_for(tokens: bool, users: bool) -> None:
    described = document(SOURCES, tokens=tokens, users=users)
    OpenAPIV31SpecValidator(described).validate()
    asked = {name for requirement in described["security"] for name in requirement}
    assert asked == set(described["components"]["securitySchemes"])
    assert asked == {*(["token"] if tokens else []), *(["user"] if users else [])}


def test_every_route_for_machines_is_in_it_and_no_other() -> None:
    routes = build(Recorder().hooks(), LOCKED).routes  # without pages, so all of them
    served = {
        (method.lower(), route.path.rstrip("/"))
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert served == set(operations(WHOLE))


def test_every_component_is_used_and_every_operation_has_a_name_of_its_own() -> None:
    text = json.dumps(WHOLE)
    for kind in ("schemas", "responses"):
        unused = {name for name in WHOLE["components"][kind] if f'"#/components/{kind}/{name}"' not in text}
        assert unused == set()
    names = [operation["operationId"] for operation in operations(WHOLE).values()]
    assert len(names) == len(set(names))


def test_a_webhook_that_nobody_described_is_noticed() -> None:
    with pytest.raises(KeyError):
        document({"/new": lambda _: generic.parse(b"[]")}, tokens=True, users=True)


def test_the_fields_are_those_that_the_parsers_look_at() -> None:
    assert set(alert_fields()) == {*generic.SPEAKING, *generic.OWN_IDS, *generic.ROW_IDS}
    described = schemas()
    alongside = set(described["GrafanaAlert"]["properties"]) - set(
        described["AlertmanagerAlert"]["properties"]
    )
    assert alongside == {*grafana.ALONG, "values"}
    assert set(described["Zabbix"]["properties"]) == {*zabbix.MACROS.split()}
    assert all(word in described["Alert"]["properties"]["status"]["description"] for word in RESOLVED_WORDS)


# The server that gives it


def test_it_is_given_to_anybody_and_holds_no_secret(locked: Served) -> None:
    answer = requests.get(locked.url("/openapi.json"), timeout=SOON)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == WHOLE
    assert not {word for word in (TOKEN, USER, HASHED, "s3cret") if word in answer.text}


def test_where_nothing_is_asked_for_it_asks_for_nothing(served: Served) -> None:
    told = requests.get(served.url("/openapi.json"), timeout=SOON).json()
    assert told == document(SOURCES, tokens=False, users=False)
    assert "401" not in told["paths"]["/alerts"]["post"]["responses"]


@pytest.mark.parametrize(("method", "path"), operations(WHOLE))
def test_what_it_says_is_open_to_all_is_open_and_the_rest_is_not(
    locked: Served, method: str, path: str
) -> None:
    operation = operations(WHOLE)[method, path]
    answer = requests.request(
        method, locked.url(path.replace("{token}", "x").replace("{secret}", "w" * 16)), timeout=SOON
    )
    assert (answer.status_code == 401) is (operation.get("security") != [])
    assert (answer.status_code == 401) is ("401" in operation["responses"])


@pytest.mark.parametrize("path", SOURCES)
def test_the_example_of_every_webhook_fits_its_schema_and_is_accepted(locked: Served, path: str) -> None:
    content = operations(WHOLE)["post", path]["requestBody"]["content"]["application/json"]
    check(content["schema"], content["example"])
    answer = send(locked, path, json.dumps(content["example"]).encode(), headers=BEARER)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})


def test_one_alert_a_line_is_accepted_where_it_says_so(served: Served) -> None:
    lines = b'{"name": "a"}\n{"name": "b"}\n'
    kinds = {path for path in SOURCES if len(operations(WHOLE)["post", path]["requestBody"]["content"]) == 2}
    taken = {path for path in SOURCES if send(served, path, lines).status_code == 200}
    assert kinds == {"/alerts"} < taken


def announced_too_large(served: Served, path: str) -> requests.Response:
    """The answer comes before the body, which is never sent."""
    request = requests.Request("POST", served.url(path), BEARER).prepare()
    request.headers["Content-Length"] = str(MAX_BODY + 1)
    with requests.Session() as session:
        return session.send(request, timeout=SOON)


def documented(answer: requests.Response, method: str, path: str) -> dict[str, Any]:
    """What the document says of this answer; its body and its headers are as it says."""
    response = operations(WHOLE)[method, path]["responses"][str(answer.status_code)]
    if "$ref" in response:
        response = WHOLE["components"]["responses"][response["$ref"].split("/")[-1]]
    [kind] = {kind for kind in response["content"] if answer.headers["Content-Type"].startswith(kind)}
    assert {name for name in response.get("headers", {}) if name not in answer.headers} == set()
    if kind == "application/json":
        check(response["content"][kind]["schema"], answer.json())
    return dict(response)


@pytest.mark.parametrize("path", SOURCES)
def test_every_answer_of_a_webhook_is_in_it(locked: Served, path: str) -> None:
    refused = {
        400: send(locked, path, b"{", headers=BEARER),
        401: send(locked, path, b"{}", headers={"Authorization": "Bearer guessed"}),
        403: send(locked, path, b"{}", headers={**BEARER, "Origin": "https://attacker.example"}),
        413: announced_too_large(locked, path),
        415: send(locked, path, b"{}", headers={**BEARER, "Content-Encoding": "gzip"}),
    }
    example = operations(WHOLE)["post", path]["requestBody"]["content"]["application/json"]["example"]
    with serving(Recorder(fault=StoreError("the disk is full"))) as broken:
        refused[503] = send(broken, path, json.dumps(example).encode())
    assert {status: answer.status_code for status, answer in refused.items()} == {s: s for s in refused}
    for answer in refused.values():
        documented(answer, "post", path)
    documented(send(locked, path, json.dumps(example).encode(), headers=BEARER), "post", path)
    told = operations(WHOLE)["post", path]["responses"]
    assert {*map(int, told)} == {200, 408, 431, *refused}


def test_a_slow_body_and_large_headers_get_the_answers_that_it_tells_of() -> None:
    with serving(patience=Patience(body=0.1)) as served:
        assert status_of(served.ask(post(b"{", path="/alerts", length=9))) == 408
        assert status_of(served.ask(post(b"{}", "X-Large: " + "x" * 70_000, path="/alerts"))) == 431


def test_a_name_that_is_not_ours_gets_the_answer_that_it_tells_of_where_no_login_is_asked_for(
    served: Served,
) -> None:
    told = requests.get(served.url("/openapi.json"), timeout=SOON).json()
    for path in (*SOURCES, "/metrics"):
        method = "get" if path == "/metrics" else "post"
        headers = {"Host": "rebound.attacker.example"}
        assert requests.request(method, served.url(path), headers=headers, timeout=SOON).status_code == 421
        assert "421" in told["paths"][path][method]["responses"]
        assert "421" not in WHOLE["paths"][path][method]["responses"]


def test_every_answer_of_the_others_is_in_it(locked: Served) -> None:
    gets = [path for method, path in operations(WHOLE) if method == "get"]
    for path in gets:
        answer = requests.get(
            locked.url(path.replace("{token}", "x").replace("{secret}", "w" * 16)),
            headers=BEARER,
            timeout=SOON,
        )
        assert answer.status_code == 200
        documented(answer, "get", path)
    foreign = {**BEARER, "Origin": "https://attacker.example"}
    for path in ("/metrics", "/openapi.json"):
        answer = requests.get(locked.url(path), headers=foreign, timeout=SOON)
        assert answer.status_code == 403
        documented(answer, "get", path)
    with serving(Recorder(reasons=("the disk is full",))) as troubled:
        documented(requests.get(troubled.url("/-/ready"), timeout=SOON), "get", "/-/ready")


def test_every_answer_to_a_reload_is_in_it(locked: Served) -> None:
    documented(send(locked, "/-/reload", b"", headers=BEARER), "post", "/-/reload")
    documented(send(locked, "/-/reload", b""), "post", "/-/reload")
    with serving(Recorder(fault=SmsNotifyError("x.yml:1: a fault\x1b[2J\nx.yml:2: another"))) as refusing:
        refused = send(refusing, "/-/reload", b"")
        documented(refused, "post", "/-/reload")
        assert (refused.status_code, refused.text) == (500, "x.yml:1: a fault\\x1b[2J\nx.yml:2: another\n")
    with serving(Recorder(fault=StoreError("the disk is full"))) as broken:
        assert send(broken, "/-/reload", b"").status_code == 503


# Bodies made from the schemas


def check(schema: dict[str, Any], value: object) -> None:
    Draft202012Validator({**schema, "components": WHOLE["components"]}).validate(value)


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": WHOLE["components"]})


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    return {**resolved(WHOLE["components"]["schemas"][schema["$ref"].split("/")[-1]]), **schema}


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of the words that our schemas are written in; another word is a KeyError."""
    schema = resolved(schema)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema and "type" not in schema:
        return st.one_of([values(one) for one in schema["anyOf"]])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([KINDS[kind](schema) for kind in kinds])


def numbers(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    least, most = schema.get("minimum", schema.get("exclusiveMinimum", -1e300)), schema.get("maximum", 1e300)
    return st.floats(least, most) | st.integers(int(least), int(most))


def texts(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda moment: moment.isoformat() + "Z") | st.text(max_size=9)
    return st.text(max_size=20) | st.sampled_from(sorted(RESOLVED_WORDS))


def objects(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    named = {name: values(one) for name, one in schema.get("properties", {}).items()}
    required = {name: named.pop(name) for name in schema.get("required", ())}
    others = (
        values(schema["additionalProperties"]) if "additionalProperties" in schema else st.just({"x": [1]})
    )
    more = st.dictionaries(st.text(max_size=6), others, max_size=2)
    some = st.sets(st.sampled_from(sorted(named)), max_size=5) if named else st.just(set())
    known = some.flatmap(
        lambda names: st.fixed_dictionaries({**required, **{name: named[name] for name in names}})
    )
    return st.builds(lambda extra, meant: {**extra, **meant}, more, known)


KINDS = {
    "null": lambda _: st.none(),
    "boolean": lambda _: st.booleans(),
    "integer": lambda schema: st.integers(schema["minimum"], schema["maximum"]),
    "number": numbers,
    "string": texts,
    "array": lambda schema: st.lists(values(schema["items"]), max_size=3),
    "object": objects,
}
BODIES = {"/alertmanager": "Alertmanager", "/grafana": "Grafana", "/alerts": "Alerts"}


@pytest.mark.parametrize(("path", "name"), BODIES.items())
def test_what_fits_the_schema_is_accepted_whole(served: Served, path: str, name: str) -> None:
    sent: list[int] = []
    bodies = values(WHOLE["components"]["schemas"][name])
    with requests.Session() as session:

        @given(bodies.filter(validator(name).is_valid))
        @settings(max_examples=80, deadline=None)
        def accepted(value: Any) -> None:
            answer = session.post(served.url(path), json.dumps(value).encode(), timeout=SOON)
            listed = value.get("alerts", [value]) if isinstance(value, dict) else value
            assert (answer.status_code, answer.json()) == (200, {"accepted": len(listed)}), answer.text
            sent.append(len(listed))

        accepted()
    assert max(sent) > 1


@pytest.mark.parametrize(
    "value",
    [
        7,
        None,
        "x",
        {},
        {"colour": "red"},
        {"alerts": [7]},
        {"name": "x", "alerts": [7]},
        [7],
        {"labels": 7},
        [{"labels": ["x"]}],
    ],
    ids=json.dumps,
)
def test_what_the_server_refuses_does_not_fit(served: Served, value: object) -> None:
    assert send(served, "/alerts", json.dumps(value).encode()).status_code == 400
    assert not validator("Alerts").is_valid(value)
