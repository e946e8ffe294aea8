"""Checks about who may do what: secrets, their files, the listening address, plain http."""

from __future__ import annotations

import stat
from pathlib import Path

from pydantic_core import PydanticCustomError

from sms_notify.config.alertmanagers import check_alertmanagers
from sms_notify.config.channels import CHANNEL_TYPES, check_channel
from sms_notify.config.document import Place, Value
from sms_notify.config.secret_checks import file_text, fits_header, inline, judge_plain_http, keep_secret
from sms_notify.config.secrets import each_line
from sms_notify.config.validation import Found, entries, mapping, word
from sms_notify.config.values import is_loopback, plain_http, read_gateway_url, read_listen
from sms_notify.secret import Secret
from sms_notify.sources.installation import is_name
from sms_notify.web.passwords import is_hash
from sms_notify.web.roles import RoleError, Token, read_token, read_user

_SHORT_TOKEN = 16


def check_access(found: Found) -> None:
    data = found.document.data
    for index, gateway in enumerate(entries(data.get("gateways"))):
        place: Place = ("gateways", index)
        if word(mapping(gateway).get("type")) in CHANNEL_TYPES:
            check_channel(found, place, mapping(gateway))
        elif mapping(gateway).get("type") == "1601sms":
            _check_gateway(found, place, mapping(gateway))
    check_alertmanagers(found)
    web = mapping(data.get("web"))
    _check_tokens(found, web)
    _check_users(found, mapping(web.get("users")))
    _check_tls(found, web)
    _check_listen(found, web)
    _check_own_mode(found)


def _check_gateway(found: Found, place: Place, gateway: dict[str, Value]) -> None:
    if not keep_secret(found, place, gateway, "password"):
        found.wrong(place, "`password` is missing", "write password_file: FILE, or password: ${ENV_VAR}")
    try:
        insecure = plain_http(read_gateway_url(gateway.get("url")))
    except PydanticCustomError:
        return
    if insecure:
        judge_plain_http(found, place, gateway, "password")


def _check_tokens(found: Found, web: dict[str, Value]) -> None:
    place: Place = ("web", "webhook_tokens")
    if "webhook_tokens_file" in web:
        place = ("web", "webhook_tokens_file")
        if "webhook_tokens" in web:
            found.wrong(place, "stands beside `webhook_tokens`", "keep one of the two")
            return
        text = file_text(found, place, web["webhook_tokens_file"])
        lines = [] if text is None else each_line(text)
        if text is not None and not lines:
            found.wrong(place, "has no token in its file", "write one token a line")
    else:
        written = enumerate(entries(web.get("webhook_tokens")))
        lines = [secret for index, value in written if (secret := inline(found, (*place, index), value))]
    for number, line in enumerate(lines, 1):
        try:
            found.tokens.append(read_token(line.reveal()))
        except RoleError as error:
            found.wrong(place, f"token {number} {error}", error.advice)
    _judge_names(found, place)
    _judge_tokens(found, place)


def _judge_names(found: Found, place: Place) -> None:
    """One name may have several tokens, for rotation; one token that has two names would be one of them by chance."""
    known: dict[Secret, Token] = {}
    for number, token in enumerate(found.tokens, 1):
        if token.name and not is_name(token.name):
            what = f"the name of token {number} is not 1 to 32 letters, digits, `.`, `-` and `_`"
            found.wrong(place, what, "write TOKEN name=NAME, or the token alone")
        if known.setdefault(token.secret, token) != token:
            what = f"token {number} is there twice, with another name or role"
            found.wrong(place, what, "make a token for each installation: openssl rand -hex 24")


def _judge_tokens(found: Found, place: Place) -> None:
    for number, token in enumerate(found.tokens, 1):
        text = token.secret.reveal()
        if not fits_header(token.secret):
            what = f"token {number} has blanks or letters that no HTTP header carries"
            found.wrong(place, what, "use letters, digits, `-` and `_`")
        elif len(text) < _SHORT_TOKEN:
            what = f"token {number} is shorter than {_SHORT_TOKEN} characters and can be guessed"
            found.warn(place, what, "make one with: openssl rand -hex 24")


def _check_users(found: Found, users: dict[str, Value]) -> None:
    for name, value in users.items():
        place: Place = ("web", "users", name)
        if ":" in name or not name:
            found.wrong(
                place, "a user name cannot be empty or hold a colon", "basic auth has no way to send it"
            )
        secret = inline(found, place, value)
        try:
            user = read_user(secret.reveal()) if secret else None
        except RoleError as error:
            found.wrong(place, str(error), error.advice)
            continue
        if user and is_hash(user.hashed.reveal()):
            found.users[name] = user
        elif user:
            found.wrong(place, "is not a scrypt hash", "make one with: sms-notify hash-password")


def _check_tls(found: Found, web: dict[str, Value]) -> None:
    pair = ("tls_cert", "tls_key")
    for key, other in (pair, pair[::-1]):
        if key in web and other not in web:
            found.wrong(("web", key), f"needs `{other}` beside it", "write both, or none")
        name = word(web.get(key))
        if name and not _is_file(found.base / name):
            found.wrong(
                ("web", key), f"{found.base / name} is not a file", "check the path and who may read it"
            )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _check_listen(found: Found, web: dict[str, Value]) -> None:
    if "listen" not in web:
        return
    try:
        host, _ = read_listen(web["listen"])
    except PydanticCustomError:
        return
    guarded = any(
        web.get(key) for key in ("webhook_tokens", "webhook_tokens_file", "users", "trusted_proxies")
    )
    if not guarded and not is_loopback(host):
        what = f"{host} can be reached from other machines without a login"
        found.wrong(("web", "listen"), what, "set webhook_tokens_file or users, or listen on 127.0.0.1")


def _anybody_writes(path: Path) -> bool:
    """Of a folder also what lies in it, unless it is sticky, as /tmp is: then each changes their own alone."""
    mode = path.stat().st_mode
    writable = bool(mode & stat.S_IWOTH) and (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return writable and not mode & stat.S_ISVTX


def _check_own_mode(found: Found) -> None:
    path = Path(found.document.file)
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    for place in (path, path.parent.resolve()):
        if _anybody_writes(place):
            what = f"every user of this machine can change {place}, and so say who is texted and which commands run"
            found.wrong((), what, f"chmod o-w {place}")
    if mode & stat.S_IROTH and found.written_secrets:
        what = "is a secret in a file that every user of this machine can read"
        found.warn(
            found.written_secrets[0],
            what,
            f"let the daemon's group alone read it, chgrp sms-notify {path} && chmod 640 {path}, or use ${{ENV_VAR}}",
        )
