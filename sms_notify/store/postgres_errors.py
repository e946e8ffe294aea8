"""What PostgreSQL says, in words for people: what it is first, for anybody; then where and why, for the log."""

from __future__ import annotations

import psycopg

from sms_notify.errors import StoreError

# The first two characters of a code, or all five: https://www.postgresql.org/docs/current/errcodes-appendix.html
_WORDS = {
    "55P03": "another writer held PostgreSQL's lock for too long",
    "53100": "the disk of PostgreSQL is full",
    "58030": "PostgreSQL could not read or write its disk",
    "XX001": "PostgreSQL says that a table is damaged",
    "XX002": "PostgreSQL says that an index is damaged",
    "25006": "PostgreSQL takes no writes; it is a standby",
    "42501": "PostgreSQL does not allow it",
    "57P": "PostgreSQL is going down or coming up",
    "53": "PostgreSQL has no more to give",
    "28": "PostgreSQL does not know the user or the password",
    "3D": "PostgreSQL has no such database",
}
_SEE = "see that the server runs, and that `storage` and the password file are right"
# What libpq says when a connection is refused -> what to do.
_ADVICE = {
    "no pg_hba.conf entry": "add a line for this host, role and database to the server's pg_hba.conf, and reload PostgreSQL",
    "no password supplied": "see that the file that `passfile` names is there, that it belongs to the daemon's user with mode"
    " 0600, and that a line of it has this host, port, database and role",
    "root certificate file": "name the certificate of the server's authority in `storage`: `sslrootcert=FILE`",
}


def store_error(name: str, error: psycopg.Error) -> StoreError:
    """With the error as its cause, so that its code is found."""
    said = StoreError(f"{_words(error)}: {name}: {primary(error)}")
    said.__cause__ = error
    return said


def unreachable(name: str, error: psycopg.Error) -> StoreError:
    """No connection could be made; libpq's words hold the user and the host, and never the password."""
    why = primary(error)
    advice = next((advice for words, advice in _ADVICE.items() if words in why), _SEE)
    said = StoreError(f"PostgreSQL cannot be reached: {name}: {why}; {advice}")
    said.__cause__ = error
    return said


def lost_commit(name: str, error: psycopg.Error) -> StoreError:
    """The daemon's jobs stand being asked again; a person may have to look."""
    what = "the connection to PostgreSQL was lost while it wrote, and perhaps it has written"
    said = StoreError(f"{what}: {name}: {primary(error)}; look what is there before you ask again")
    said.__cause__ = error
    return said


def primary(error: psycopg.Error) -> str:
    """The server's sentence without its details, which quote rows."""
    return error.diag.message_primary or " ".join(str(error).split())


def _words(error: psycopg.Error) -> str:
    code = error.sqlstate
    if code is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return "the connection to PostgreSQL was lost"
    fitting = (words for begins, words in _WORDS.items() if (code or "").startswith(begins))
    return next(fitting, "PostgreSQL refused it")
