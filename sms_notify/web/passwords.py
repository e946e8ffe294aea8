"""Passwords of the page's users as scrypt hashes: `scrypt:<n>$<r>$<p>$<salt, base64>$<hash, base64>`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

_N, _R, _P = 2**14, 8, 1  # 16 MiB and some 50 ms a try, scrypt's own advice for interactive use (RFC 7914, 2)
_SHAPE = re.compile(r"scrypt:([0-9]{1,8})\$([0-9]{1,2})\$([0-9]{1,2})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)")
_MAX_MEMORY = 64 * 1024 * 1024  # a hash from elsewhere must not make a login cost more than this


@dataclass(frozen=True, slots=True, repr=False)
class _Hash:
    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def of(self, password: str) -> bytes:
        raw = password.encode("utf-8", "surrogatepass")
        size = len(self.digest)
        return hashlib.scrypt(
            raw, salt=self.salt, n=self.n, r=self.r, p=self.p, maxmem=_MAX_MEMORY * 2, dklen=size
        )


def hash_password(password: str, salt: bytes) -> str:
    """The text for `users:`; `salt` is 16 random bytes, new for every password."""
    empty = _Hash(_N, _R, _P, salt, bytes(32))
    encoded = (base64.b64encode(part).decode() for part in (salt, empty.of(password)))
    return f"scrypt:{_N}${_R}${_P}$" + "$".join(encoded)


def is_hash(text: str) -> bool:
    """Whether `verify` can use `text`."""
    return _parse(text) is not None


def verify(hashed: str, password: str) -> bool:
    """Compares in constant time; False too for a text that is not a hash of ours. Costs some 50 ms."""
    found = _parse(hashed)
    return found is not None and hmac.compare_digest(found.of(password), found.digest)


def _parse(text: str) -> _Hash | None:
    shape = _SHAPE.fullmatch(text)
    if not shape:
        return None
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in shape.groups()[3:])
    except binascii.Error:
        return None
    n, r, p = (int(part) for part in shape.groups()[:3])
    usable = n > 1 and n & (n - 1) == 0 and r > 0 and p > 0 and 128 * n * r * p <= _MAX_MEMORY
    return _Hash(n, r, p, salt, digest) if usable and salt and len(digest) >= 16 else None
