"""Where a secret comes from: the file itself, `${ENV_VAR}`, or a file of its own (`…_file`)."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from sms_notify.ownership import why_denied
from sms_notify.secret import Secret

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MAX_BYTES = 65536


class SecretError(ValueError):
    """Why a secret cannot be had, without a word of it."""

    def __init__(self, what: str, advice: str) -> None:
        self.what = what
        self.advice = advice
        super().__init__(what)


def is_variable(text: str) -> bool:
    return _VARIABLE.fullmatch(text.strip()) is not None


def read_secret(text: str, environ: Mapping[str, str]) -> Secret:
    """The secret that a value of the configuration stands for. Raises SecretError."""
    found = _VARIABLE.fullmatch(text.strip())
    if found:
        return Secret(_from_environment(found[1], environ))
    if "${" in text:
        what = "holds `${`, and a variable must be the whole value"
        raise SecretError(what, "put a secret that has `${` in it into a file of its own")
    if "\n" in text:
        raise SecretError("holds a line end", "write it on one line")
    return Secret(text)


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if value is None:
        raise SecretError(f"the environment variable {name} is not set", "set it where the daemon starts")
    if not value:
        raise SecretError(f"the environment variable {name} is empty", "set it where the daemon starts")
    return value


def read_secret_file(path: Path) -> str:
    """The text of a secret file. Raises SecretError for one that is missing, empty or open to everybody."""
    try:
        mode = path.stat().st_mode
        _check_mode(path, mode)
        raw = path.read_bytes()[: _MAX_BYTES + 1]
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(f"{path} is not UTF-8", "save it as text") from None
    except (OSError, ValueError) as error:
        if isinstance(error, SecretError):
            raise
        reason, advice = why_denied(path, error), "check the path and who may read it"
        raise SecretError(f"{path} cannot be read: {reason}", advice) from None
    if len(raw) > _MAX_BYTES:
        raise SecretError(f"{path} is larger than 64 KiB", "this does not look like a secret")
    if not text.strip():
        raise SecretError(f"{path} is empty", "write the secret into it")
    return text


def _check_mode(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):  # a FIFO would block the start for ever
        raise SecretError(f"{path} is not a regular file", "name a file")
    if mode & stat.S_IRWXO:
        raise SecretError(f"{path} is open to every user of this machine", f"chmod 600 {path}")


def group_may_read(path: Path) -> bool:
    """Whether more than the owner reads the file: allowed (0640, a group of its own), but worth a warning."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IWGRP))


def one_line(text: str) -> Secret:
    """A secret that is alone in its file, without the one line end that editors add. Raises SecretError."""
    value = text.removesuffix("\n").removesuffix("\r")
    if "\n" in value:
        raise SecretError("has more than one line", "keep the one line that is the secret")
    return Secret(value)


def each_line(text: str) -> list[Secret]:
    """Secrets one a line; blank lines and lines that begin with `#` do not count."""
    # Not by splitlines, which also ends a line at a form feed: what follows would be a secret that nobody wrote as one.
    lines = (line.strip() for line in re.split(r"\r?\n|\r", text))
    return [Secret(line) for line in lines if line and not line.startswith("#")]
