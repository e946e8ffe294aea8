"""What another server said, made fit for ledger, log and page: no secrets, no phone numbers, one short line."""

from __future__ import annotations

import re
import ssl

from sms_notify.secret import Secret

_INVISIBLE = re.compile(r"[^!-~]+")
_UNPRINTABLE = re.compile(r"[^ -~]+")
_NUMBER = re.compile(r"(?:[0-9][ ./()-]{0,2}){6,}[0-9]")
_DETAIL_LENGTH = 200


def clean(text: str) -> str:
    """Printable ASCII, at most 200 characters, numbers masked."""
    ascii_only = _UNPRINTABLE.sub(" ", text)
    return _NUMBER.sub("[number]", " ".join(ascii_only.split()))[:_DETAIL_LENGTH].rstrip()


def quoted(text: str, hide: tuple[Secret, ...] = ()) -> str:
    """The start of an answer, for the operator.

    An answer that repeats our credentials (an error page with the request's URL) is not quoted at all:
    cutting the password out leaves whatever spelling of it we did not think of.
    """
    return "(the answer repeats our credentials and is not shown)" if tells(text, hide) else clean(text)


def tells(text: str, hide: tuple[Secret, ...]) -> bool:
    """Whether a text holds a secret in one of the spellings of `hide`.

    Case, blanks and unprintables count for nothing, so that UTF-16 or a line break hides no password.
    """
    folded = _folded(text)
    return any(form in folded for form in (_folded(secret.reveal()) for secret in hide) if form)


def words(error: BaseException) -> str:
    """What went wrong without the exception's own text, which may hold secrets or the URL."""
    if isinstance(error, TimeoutError):
        return "no answer within the time limit"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'broken off'}"
    if isinstance(error, OSError):
        return error.strerror or "connection lost"
    return type(error).__name__


def _folded(text: str) -> str:
    return _INVISIBLE.sub("", text).casefold()
