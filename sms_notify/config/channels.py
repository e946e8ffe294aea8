"""Checks of the entries of `gateways:` that are not SMS gateways: their secrets, files and addresses."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_core import PydanticCustomError

from sms_notify.config.document import Place, Value
from sms_notify.config.models import GATEWAY_MODELS, GatewaySection
from sms_notify.config.secret_checks import (
    check_ca,
    file_text,
    fits_header,
    inline,
    judge_plain_http,
    keep_secret,
    may,
)
from sms_notify.config.secrets import each_line
from sms_notify.config.validation import Found, entries, word
from sms_notify.config.values import is_loopback, plain_http, read_webhook_url

CHANNEL_TYPES = frozenset(kind for kind, model in GATEWAY_MODELS.items() if model is not GatewaySection)


def check_channel(found: Found, place: Place, entry: dict[str, Value]) -> None:
    """Keeps the entry's secrets in `found`, and tells what is wrong with it beside its shape."""
    check = {
        "email": _check_email,
        "webhook": _check_webhook,
        "command": _check_command,
        "apprise": _check_apprise,
    }
    check[word(entry["type"])](found, place, entry)


def _check_email(found: Found, place: Place, entry: dict[str, Value]) -> None:
    check_ca(found, place, entry)
    login = keep_secret(found, place, entry, "password")
    if login != ("username" in entry):
        missing = "username" if login else "password"
        found.wrong(
            place, f"`{missing}` is missing for the login", "write username and password, or none of both"
        )
    secret = found.secrets.get((*place, "password"))
    if secret and not secret.reveal().isascii():
        key = "password" if "password" in entry else "password_file"
        found.wrong((*place, key), "has letters that are not ASCII", "no login of SMTP carries them")
    if login and word(entry.get("tls")) == "none" and not is_loopback(word(entry.get("host")).strip()):
        what = "shows the password to everybody on the way"
        found.wrong((*place, "tls"), what, "write starttls or tls, or use a server that asks for no login")


def _check_webhook(found: Found, place: Place, entry: dict[str, Value]) -> None:
    check_ca(found, place, entry)
    keep_secret(found, place, entry, "token")
    token = found.secrets.get((*place, "token"))
    if token and not fits_header(token):
        key = "token" if "token" in entry else "token_file"
        found.wrong(
            (*place, key), "has blanks or letters that no HTTP header carries", "check what was pasted"
        )
    if not keep_secret(found, place, entry, "url"):
        found.wrong(place, "`url` is missing", "write url_file: FILE, or url: ${ENV_VAR}")
    url = found.secrets.get((*place, "url"))
    if url:
        _check_url(found, place, entry, url.reveal())


def _check_url(found: Found, place: Place, entry: dict[str, Value], url: str) -> None:
    try:
        insecure = plain_http(read_webhook_url(url))
    except PydanticCustomError as fault:
        context = fault.context or {}
        key = "url" if "url" in entry else "url_file"
        found.wrong((*place, key), str(context["what"]), str(context["advice"]))
        return
    if insecure:
        judge_plain_http(found, place, entry, "url and the note")


def _check_command(found: Found, place: Place, entry: dict[str, Value]) -> None:
    program = next(iter(entries(entry.get("command"))), None)
    if not word(program).strip():
        return
    where: Place = (*place, "command", 0)
    if "/" not in word(program):
        found.wrong(where, "is a name without its folder", "write the whole path: nothing is looked for")
    elif not _is_program(found.base / word(program)):
        found.wrong(where, f"{found.base / word(program)} is not a program", "check the path, and chmod +x")


def _check_apprise(found: Found, place: Place, entry: dict[str, Value]) -> None:
    where: Place = (*place, "urls_file" if "urls_file" in entry else "urls")
    urls = found.urls.setdefault(place, [])
    if "urls_file" not in entry and "urls" not in entry:
        found.wrong(place, "`urls` is missing", "write urls_file: FILE, or urls: [${ENV_VAR}]")
    elif "urls_file" in entry and "urls" in entry:
        found.wrong(where, "stands beside `urls`", "keep one of the two")
    elif "urls_file" in entry:
        text = file_text(found, where, entry["urls_file"])
        urls += [] if text is None else each_line(text)
        if text is not None and not urls:
            found.wrong(where, "has no URL in its file", "write one URL a line")
    else:
        read = [inline(found, (*where, index), url) for index, url in enumerate(entries(entry["urls"]))]
        urls += [url for url in read if url]
        if entry["urls"] == []:
            found.wrong(where, "is empty", "give at least one URL")
    _judge_urls(found, place, where)


def _judge_urls(found: Found, place: Place, where: Place) -> None:
    for number, url in enumerate(found.urls[place], 1):
        if "://" not in url.reveal():
            found.wrong(where, f"URL {number} has no `://`", "write it like mailtos://… or tgram://…")


def _is_program(path: Path) -> bool:
    return may(path, os.X_OK)
