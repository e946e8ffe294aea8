"""How single values of the configuration are read: the text that was written in, what it means out.

They raise `PydanticCustomError` with our words and advice, and say nothing of a value that may be a secret.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from sms_notify.config.durations import DurationError, parse_duration
from sms_notify.policy.matchers import Matcher, MatcherError, parse_matchers
from sms_notify.policy.rate_limits import Limit, parse_limit
from sms_notify.store.postgres_address import AddressError, address_of, is_postgres

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
# RFC 1918, RFC 6598, RFC 4193, and what never leaves its link or its machine.
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)
_LONGEST_NAME = 12
_SENDER = re.compile(r"[A-Za-z0-9 ._-]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LANGUAGE = re.compile(r"[a-z]{2}")


def refused(what: str, advice: str = "") -> PydanticCustomError:
    """The one error that validators here raise; `faults.py` makes a Fault of it."""
    return PydanticCustomError("refused", "{what}", {"what": what, "advice": advice})


def read_text(value: object) -> str:
    if not isinstance(value, str):
        raise refused("must be a text", "give one value")
    if not value.strip():
        raise refused("is empty", "give a value, or remove the key")
    return value


def read_duration(value: object) -> timedelta:
    text = read_text(value)
    try:
        return parse_duration(text)
    except DurationError as error:
        raise refused(f"`{text}` {error}", error.advice) from None


def _positive(value: object) -> timedelta:
    found = read_duration(value)
    if not found:
        raise refused("must be longer than 0s", "write it like 5m")
    return found


def _timeout(value: object) -> float:
    seconds = read_duration(value).total_seconds()
    if not 1 <= seconds <= 60:
        raise refused("must be between 1s and 60s", "write it like 15s")
    return seconds


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _timezone(value: object) -> str:
    text = read_text(value)
    if text in _zones():
        return text
    near = difflib.get_close_matches(text, sorted(_zones()), 1)
    advice = f"did you mean `{near[0]}`?" if near else "write an IANA name such as Europe/Amsterdam"
    raise refused(f"`{text}` is not a time zone", advice)


def _language(value: object) -> str:
    text = read_text(value)
    if not _LANGUAGE.fullmatch(text):
        raise refused(f"`{text}` is not a language", "write two small letters: en, nl, fr")
    return text


def read_boolean(value: object) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    text = read_text(value)
    if text.lower() not in words:
        raise refused(f"`{text}` is neither true nor false", "write true or false")
    return words[text.lower()]


def read_gateway_url(value: object) -> str:
    example = "https://gateway.example.org/module/"
    url = _http_url(value, example)
    if url.rstrip("/").endswith(".php"):
        raise refused("names a page of the gateway", f"name the folder that it lies in, like {example}")
    return url if url.endswith("/") else f"{url}/"


def _external_url(value: object) -> str:
    return _http_url(value, "https://sms.example.org").rstrip("/")


_OTHER_KEYS = "use the keys that are made for them"


def _http_url(value: object, example: str, *, query: bool = False, login: str = _OTHER_KEYS) -> str:
    """Checks an address without quoting it: it may hold a password, which is one of the things refused."""
    text = read_text(value).strip()
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise refused("is not an http or https address", f"write it like {example}")
    if parts.username is not None or parts.password is not None:
        raise refused("holds a user name or password", login)
    if parts.fragment or (parts.query and not query):
        raise refused("holds a `?` or `#`", f"write it like {example}")
    return text


def plain_http(url: str) -> bool:
    """True where the address would carry the password in the clear over a network (loopback is none)."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`; a name other than localhost may point anywhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _sender(value: object) -> str:
    """The gateway's errors 109 (empty), 110 (number without +), 111 (too long), 113 (characters)."""
    text = read_text(value)
    if text.startswith("+"):
        if not re.fullmatch(r"\+[1-9][0-9]{5,14}", text):
            raise refused(f"`{text}` is not a number", "write + and 6 to 15 digits, without blanks")
    elif text.isdigit():
        what = f"`{text}` is a number without its + (the gateway's error 110)"
        raise refused(what, "write + and the country code")
    elif not _SENDER.fullmatch(text):
        advice = "use letters, digits, blank, `.`, `-` and `_`"
        what = f"`{text}` has characters that not all networks take (the gateway's error 113)"
        raise refused(what, advice)
    elif len(text) > _LONGEST_NAME:
        what = f"`{text}` is longer than {_LONGEST_NAME} characters (the gateway's error 111)"
        raise refused(what, "shorten it")
    return text


def _mail_host(value: object) -> str:
    text = read_text(value).strip()
    if not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:]+", text):
        raise refused("is not a host", "write a name or an address, and the port under `port`")
    return text


def _mail_address(value: object) -> str:
    text = read_text(value).strip()
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+", text):
        raise refused("is not an e-mail address", "write it like ops@example.org")
    return text


def read_webhook_url(text: str) -> str:
    """An address that may hold a token in path or query. Raises PydanticCustomError, which does not quote it."""
    return _http_url(text, "https://chat.example.org/hooks/…", query=True)


def read_alertmanager_url(value: object) -> str:
    url = _http_url(value, "https://alertmanager.example.org").rstrip("/")
    if re.search(r"/api/v[0-9]", url):
        raise refused("names a path of its API", "write the address as people open it, without /api/…")
    return url


def read_calendar_url(text: str) -> str:
    """An address that may hold a token in path or query. Raises PydanticCustomError, which does not quote it."""
    if text.strip().startswith("webcal:"):
        raise refused("begins with webcal:", "write https: in its place, it is the same address")
    login = "use an address that needs none: most calendars have a secret one for other programs"
    return _http_url(text, "https://calendar.example.org/….ics", query=True, login=login)


def read_listen(value: object) -> tuple[str, int]:
    text = read_text(value).strip()
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]*)):([0-9]{1,5})", text)
    if not found or int(found[3]) > 65535:
        raise refused("is not a `host:port`", "write it like 127.0.0.1:9601 or [::1]:9601")
    host = found[1] or found[2]
    if not host:
        raise refused("has no host", "write 127.0.0.1 for this machine only, or 0.0.0.0 for every interface")
    return host, int(found[3])


def _network(value: object) -> IPNetwork:
    """An address is a network of one."""
    text = read_text(value).strip()
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise refused("is not an address or a network", "write 127.0.0.1, ::1 or 10.0.0.0/8") from None
    # Not by is_private, which looks at both ends alone: 0.0.0.0/0 begins and ends in reserved ranges.
    within = any(network.version == one.version and network.subnet_of(one) for one in _PRIVATE)  # type: ignore[arg-type]
    if network.num_addresses > 1 and not within:
        raise refused(
            "is not a private network: anybody there could be any user", "name the proxy's own address"
        )
    return network


def _storage(value: object) -> str:
    text = read_text(value).strip()
    if is_postgres(text):
        return _server(text)
    path = text.removeprefix("sqlite://")
    if path == text:
        raise refused("is not a storage address", "write it like sqlite:///var/lib/sms-notify/sms-notify.db")
    if not path.startswith("/") or path.endswith("/") or "?" in path or "#" in path:
        advice = "write sqlite:// and the whole path, like sqlite:///var/lib/sms-notify/sms-notify.db"
        raise refused("does not name a file", advice)
    return text


def _server(text: str) -> str:
    try:
        address_of(text)
    except AddressError as error:
        raise refused(error.what, error.advice) from None
    return text


def _matcher(value: object) -> tuple[Matcher, ...]:
    text = read_text(value)
    try:
        found = parse_matchers(text)
    except MatcherError as error:
        advice = 'write it like severity="critical" or team=~"db|web"'
        raise refused(f"{error.what} at column {error.column} of `{text}`", advice) from None
    if not found:
        raise refused("has no matcher and would match everything", "write one, or remove it")
    for matcher in found:
        _check_equals(matcher, text)
    return found


def _check_equals(matcher: Matcher, text: str) -> None:
    """Alertmanager reads `alertname==Watchdog` as the value `=Watchdog`, which no alert has. In quotes it is meant."""
    if matcher.value.startswith("=") and not matcher.op.regex and f'"{matcher.value}"' not in text:
        meant = replace(matcher, value=matcher.value.removeprefix("=").strip())
        raise refused(f"`{matcher.op}=` in `{text}` is written `{matcher.op}`", f"write it like {meant}")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def off_as_none(value: object) -> object:
    """`off`, `no` and `false` in the place of what can be left away."""
    return None if isinstance(value, str) and value.strip().lower() in ("off", "no", "false") else value


def _word(value: object) -> str:
    return read_text(value).strip().lower()


def _limit(value: object) -> Limit:
    text = read_text(value)
    try:
        return parse_limit(text)
    except ValueError as error:
        what, _, advice = str(error).partition("; ")
        raise refused(f"`{text}` {what}", advice) from None


def _limits(value: object) -> object:
    return [] if off_as_none(value) is None else _listed(value)


def _date(value: object) -> date:
    text = read_text(value).strip()
    try:
        found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or not 1970 <= found.year <= 9000:
        raise refused(f"`{text}` is not a date", "write year-month-day, like 2026-01-05")
    return found


def wait_of(value: object) -> timedelta | None:
    """For checks beside the shape of the file: None for what is no duration, which is told elsewhere."""
    try:
        return read_duration(value)
    except PydanticCustomError:
        return None


def _as(read: Callable[[Any], Any], schema: str = "string") -> tuple[BeforeValidator, WithJsonSchema]:
    return BeforeValidator(read), WithJsonSchema({"type": schema})


Duration = Annotated[timedelta, *_as(read_duration)]
PositiveDuration = Annotated[timedelta, *_as(_positive)]
Timeout = Annotated[float, *_as(_timeout)]
Timezone = Annotated[str, *_as(_timezone)]
Language = Annotated[str, *_as(_language)]
Boolean = Annotated[bool, *_as(read_boolean, "boolean")]
GatewayUrl = Annotated[str, *_as(read_gateway_url)]
ExternalUrl = Annotated[str, *_as(_external_url)]
Sender = Annotated[str, *_as(_sender)]
MailHost = Annotated[str, *_as(_mail_host)]
MailAddress = Annotated[str, *_as(_mail_address)]
Listen = Annotated[tuple[str, int], *_as(read_listen)]
Network = Annotated[IPNetwork, *_as(_network)]
Day = Annotated[date, *_as(_date)]
Storage = Annotated[str, *_as(_storage)]
Words = Annotated[str, *_as(read_text)]
Number = Annotated[str, BeforeValidator(read_text), WithJsonSchema({"type": ["string", "integer"]})]
OneMatcher = Annotated[tuple[Matcher, ...], *_as(_matcher)]
Matchers = Annotated[
    list[OneMatcher],
    BeforeValidator(_listed),
    Field(min_length=1),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1}),
]
AnyMatchers = Annotated[
    list[OneMatcher],
    BeforeValidator(_listed),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]
"""As `Matchers`, or `[]`."""
OneOrMore = Annotated[
    list[Words],
    BeforeValidator(_listed),
    Field(min_length=1),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1}),
]
"""`night`, or `[night, weekend]`."""
WordList = Annotated[
    list[Annotated[str, *_as(_word)]],
    BeforeValidator(_listed),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": ["string", "integer"]}}),
]
"""`P1`, or `[P1, "1"]`; in any case, so in small letters from here on."""
LimitTexts = Annotated[
    list[Annotated[Limit, BeforeValidator(_limit)]],
    BeforeValidator(_limits),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]
"""`5/15m`, `[5/15m, 11/1h]`, or `off`."""
