"""Secrets and files that the document names: read or looked at, and kept for `build`. Faults tell nothing of a secret."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_core import PydanticCustomError

from sms_notify.config.document import Place, Value
from sms_notify.config.secrets import (
    SecretError,
    group_may_read,
    is_variable,
    one_line,
    read_secret,
    read_secret_file,
)
from sms_notify.config.validation import Found, word
from sms_notify.config.values import read_boolean
from sms_notify.secret import Secret


def keep_secret(found: Found, place: Place, entry: dict[str, Value], key: str) -> bool:
    """Keeps the secret of `key` or `key_file` in `found.secrets`; whether one of the two is written."""
    file = f"{key}_file"
    if key in entry and file in entry:
        found.wrong((*place, file), f"stands beside `{key}`", "keep one of the two")
    elif file in entry:
        text = file_text(found, (*place, file), entry[file])
        _keep_line(found, (*place, file), (*place, key), text)
    elif key in entry:
        secret = inline(found, (*place, key), entry[key])
        if secret:
            found.secrets[(*place, key)] = secret
    return key in entry or file in entry


def _keep_line(found: Found, place: Place, kept_as: Place, text: str | None) -> None:
    try:
        if text is not None:
            found.secrets[kept_as] = one_line(text)
    except SecretError as fault:
        found.wrong(place, fault.what, fault.advice)


def inline(found: Found, place: Place, value: Value) -> Secret | None:
    """The secret at `place`; texts that are empty or no texts have a fault of their shape already."""
    if not word(value).strip():
        return None
    try:
        secret = read_secret(word(value), found.environ)
    except SecretError as fault:
        found.wrong(place, fault.what, fault.advice)
        return None
    if not is_variable(word(value)):
        found.written_secrets.append(place)
    return secret


def file_text(found: Found, place: Place, value: Value) -> str | None:
    if not word(value).strip():
        return None
    path = found.base / word(value)
    try:
        text = read_secret_file(path)
        shared = group_may_read(path)
    except SecretError as fault:
        found.wrong(place, fault.what, fault.advice)
        return None
    except OSError as error:
        found.wrong(place, f"{path} cannot be read: {error.strerror}", "check who may read it")
        return None
    if shared:
        found.warn(place, f"{path} can be read by its group", f"chmod 600 {path}, unless that group is meant")
    return text


def fits_header(secret: Secret) -> bool:
    text = secret.reveal()
    return text.isascii() and text.isprintable() and " " not in text


def judge_plain_http(found: Found, place: Place, entry: dict[str, Value], shown: str) -> None:
    """An address that shows `shown` to the network: a fault, or a warning where that is accepted."""
    try:
        allowed = "allow_insecure_http" in entry and read_boolean(entry["allow_insecure_http"])
    except PydanticCustomError:
        return
    url: Place = (*place, "url" if "url" in entry else "url_file")
    what = f"is plain http, so that everybody on the way reads the {shown}"
    if allowed:
        found.warn(url, what, "use https where the provider has it")
    else:
        found.wrong(url, what, "write https://, or accept it with allow_insecure_http: true")


def check_ca(found: Found, place: Place, entry: dict[str, Value]) -> None:
    name = word(entry.get("ca_file"))
    if name.strip() and not may(found.base / name, os.R_OK):
        what = f"{found.base / name} cannot be read"
        found.wrong((*place, "ca_file"), what, "check the path and who may read it")


def may(path: Path, mode: int) -> bool:
    try:
        return path.is_file() and os.access(path, mode)
    except (OSError, ValueError):
        return False
