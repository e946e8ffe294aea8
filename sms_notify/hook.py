"""Hands one notification over to the daemon's spool folder, whether or not the daemon runs: a command hook.

    python3 -IS …/sms_notify/hook.py nagios|icinga|zabbix|pipe [--spool DIR] ARGUMENTS…

Monitoring systems start this eighty times at once and some kill it without warning, so it is one file that imports
nothing but what an interpreter has loaded anyway (no `os`, no `__future__`: each would cost more than all of the work).
It parses nothing: the daemon does. It writes, syncs, renames and syncs the folder; then it leaves.

Exit 0: on disk (or nothing to hand over). 75: could not be stored. 2: wrong use.
"""

import posix
import sys
import time

HOOKS = ("nagios", "icinga", "zabbix", "pipe")
FOLDER = "/var/spool/sms-notify"
FOLDER_VARIABLE = b"SMS_NOTIFY_SPOOL"
# What a macro becomes in the environment. Not NAGIOS__HOSTX and its like, custom variables, nor the rest of SMS_NOTIFY_…:
# both may hold passwords.
ENVIRONMENT = (b"NAGIOS_", b"ICINGA_", b"SMS_NOTIFY_LABEL_")
NOT_OF_IT = (b"NAGIOS__",)
OF_ENVIRONMENT = ("nagios", "icinga")
PIPE_OPTIONS = ("--label", "--severity", "--name")  # each takes a value
PIPE_FLAGS = ("--resolved",)

# A record: MAGIC, then fields, then END. A field is one letter, the length of its value in bytes, a colon, the value, a
# newline. h: the hook; t: nanoseconds since 1970; a: an argument; e: NAME=value of the environment; b: standard input.
MAGIC = b"sms-notify hand-over 1\n"
END = b".\n"
ARGUMENTS_LIMIT = 400_000  # bytes; Linux takes 128 KiB for one argument
ENVIRONMENT_LIMIT = 100_000  # all of Nagios' macros are 6 KB
BODY_LIMIT = 1_000_000
RECORD_LIMIT = 1_600_000  # the three, and room for a length at each of them
MOST_FIELDS = 4_000
TEMPORARY = ".new-"  # how the name of a file begins that is not whole yet
MODE = 0o640  # whatever the umask is: the daemon is another user of the folder's group

OK, WRONG_USE, NOT_STORED = 0, 2, 75
USAGE = """\
Usage: hook.py nagios [--spool DIR] ARGUMENTS...
       hook.py icinga [--spool DIR] ARGUMENTS...
       hook.py zabbix [--spool DIR] SENDTO SUBJECT MESSAGE
       ... | hook.py pipe [--spool DIR] [--name NAME] [--label NAME=VALUE]...
                        [--severity WORD] [--resolved]

Hands one notification over to sms-notify, whether or not its daemon runs. DIR is else $SMS_NOTIFY_SPOOL, else
/var/spool/sms-notify. Exit 0: on disk; 75: could not be stored; 2: wrong use.

Example: echo 'backup of db1 failed' | hook.py pipe --label host=db1 --severity critical
"""


class WrongUseError(Exception):
    """The command line cannot be meant; the text says why."""


def main(arguments: list[str]) -> int:
    """One hand-over; returns the exit code. `arguments` begin with the name of the hook."""
    if arguments[:1] in (["-h"], ["--help"]) or arguments[1:2] in (["-h"], ["--help"]):
        _say(1, USAGE)
        return OK
    try:
        hook, folder, rest = _understood(arguments)
        return _hand_over(hook, folder, rest)
    except WrongUseError as error:
        _say(2, f"sms-notify: {error}; nothing was handed over (see --help)\n")
        return WRONG_USE


def run(arguments: list[str]) -> None:
    """`main`, and then the end of the process: an interpreter that tidies up takes a tenth of the whole time."""
    try:
        code = main(arguments)
    except KeyboardInterrupt:  # at a terminal that `pipe` was reading from
        code = 130
    posix._exit(code)


def encode(hook: bytes, at: int, arguments: list[bytes], environment: list[bytes], body: bytes) -> bytes:
    """The record. `at` is in nanoseconds since 1970; `environment` is NAME=value."""
    fields = [(b"h", hook), (b"t", b"%d" % at)]
    fields += [(b"a", argument) for argument in arguments]
    fields += [(b"e", variable) for variable in environment]
    fields.append((b"b", body))
    return MAGIC + b"".join([b"%s%d:%s\n" % (kind, len(value), value) for kind, value in fields]) + END


def store(folder: str, record: bytes, at: int) -> None:
    """Returns when `record` is on the disk under its name in `folder`. Raises OSError when it is not.

    A kill leaves a whole file or a temporary one, at whatever moment it comes.
    """
    directory = posix.open(folder, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC)
    try:
        # Names are taken in order, so the time comes first; hosts and containers may share a folder, and a process id.
        _write(directory, f"{at:020d}-{posix.getpid()}-{posix.urandom(6).hex()}", record)
        posix.fsync(directory)
    finally:
        posix.close(directory)


def _write(directory: int, name: str, record: bytes) -> None:
    temporary = TEMPORARY + name
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
    file = posix.open(temporary, flags, MODE, dir_fd=directory)
    try:
        posix.fchmod(file, MODE)
        while record:
            record = record[posix.write(file, record) :]
        posix.fsync(file)
        posix.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        _remove(temporary, directory)
        raise
    finally:
        posix.close(file)


def _understood(arguments: list[str]) -> tuple[str, str, list[str]]:
    """The hook, the folder, and the arguments that go to the daemon. Raises WrongUseError."""
    if not arguments or arguments[0] not in HOOKS:
        raise WrongUseError(f"the first word must be one of {', '.join(HOOKS)}")
    hook, rest = arguments[0], arguments[1:]
    folder = _text(posix.environ.get(FOLDER_VARIABLE, b"")) or FOLDER
    kept: list[str] = []
    while rest:
        option, equals, value = rest[0].partition("=")
        if option == "--spool":
            if not equals and len(rest) == 1:
                raise WrongUseError("--spool needs the name of a folder")
            folder, rest = (value, rest[1:]) if equals else (rest[1], rest[2:])
        elif hook == "pipe":
            taken = _pipe_option(option, equals, value, rest)
            kept, rest = kept + rest[:taken], rest[taken:]
        else:  # from the first word on that is not ours: what a plugin said may look like an option
            kept, rest = rest, []
    if not folder:
        raise WrongUseError("--spool needs the name of a folder")
    return hook, folder, kept[1:] if kept[:1] == ["--"] else kept


def _pipe_option(option: str, equals: str, value: str, rest: list[str]) -> int:
    """How many words it takes up. Raises WrongUseError."""
    if option in PIPE_FLAGS and not equals:
        return 1
    if option not in PIPE_OPTIONS:
        known = ", ".join(("--spool", *PIPE_OPTIONS, *PIPE_FLAGS))
        raise WrongUseError(
            f"pipe does not know {rest[0]!r}: alerts come on standard input, options are {known}"
        )
    if not equals:
        if len(rest) == 1:
            raise WrongUseError(f"{option} needs a value")
        value = rest[1]
    if option == "--label" and value.find("=") < 1:
        raise WrongUseError(f"--label takes NAME=VALUE, not {value!r}")
    return 1 if equals else 2


def _hand_over(hook: str, folder: str, words: list[str]) -> int:
    arguments = [word.encode(_ENCODING, _ERRORS) for word in words]
    environment = _environment() if hook in OF_ENVIRONMENT else []
    _check(hook, arguments, environment)
    body, whole = b"", True
    try:
        if hook == "pipe":
            body, whole = _standard_input()
            if not body and not (whole and "--resolved" in words):
                return _told_of_the_rest(whole, body)
        at = time.time_ns()
        store(folder, encode(hook.encode(), at, arguments, environment, body), at)
    except OSError as error:
        _say(2, f"sms-notify: {folder}: {error.strerror}; {_advice(error)}; the notification is NOT stored\n")
        return NOT_STORED
    return _told_of_the_rest(whole, body)


def _check(hook: str, arguments: list[bytes], environment: list[bytes]) -> None:
    """Raises WrongUseError for what the daemon could make nothing of."""
    if hook == "zabbix" and len(arguments) != 3:
        raise WrongUseError(f"zabbix takes three arguments, SENDTO SUBJECT MESSAGE, not {len(arguments)}")
    if hook in OF_ENVIRONMENT and not arguments and not environment:
        raise WrongUseError(f"{hook} got no arguments, and no {hook.upper()}_ variables in the environment")
    if len(arguments) > MOST_FIELDS // 2 or sum(map(len, arguments)) > ARGUMENTS_LIMIT:
        raise WrongUseError(
            f"more than {MOST_FIELDS // 2} arguments, or more than {ARGUMENTS_LIMIT} bytes in them"
        )


def _environment() -> list[bytes]:
    """The macros among the variables, as many as there is room for."""
    kept: list[bytes] = []
    room = ENVIRONMENT_LIMIT
    for name, value in posix.environ.items():
        if name.startswith(ENVIRONMENT) and not name.startswith(NOT_OF_IT) and len(kept) < MOST_FIELDS // 4:
            room -= len(name) + len(value) + 1
            if room >= 0:
                kept.append(name + b"=" + value)
    return kept


def _standard_input() -> tuple[bytes, bool]:
    """What is there, and whether that is all. Of more than the limit, the whole lines within it; of a JSON list, and of
    nothing but blanks, nothing.
    """
    chunks, size = [], 0
    while size <= BODY_LIMIT and (chunk := posix.read(0, 65_536)):
        chunks.append(chunk)
        size += len(chunk)
    body = b"".join(chunks)
    whole = size <= BODY_LIMIT
    if not whole:
        listed = body.lstrip()[:1] == b"["
        body = b"" if listed else body[: body.rfind(b"\n", 0, BODY_LIMIT) + 1]
    return body if body.strip() else b"", whole


def _told_of_the_rest(whole: bool, body: bytes) -> int:
    if whole:
        return OK
    what = f"its first {len(body)} bytes are stored, the rest is NOT" if body else "it is NOT stored"
    _say(2, f"sms-notify: more than {BODY_LIMIT} bytes on standard input: {what}; send less at once\n")
    return NOT_STORED


def _advice(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "make the folder (docs/hooks.md has the line), or name another with --spool"
    if isinstance(error, NotADirectoryError):
        return "--spool and $SMS_NOTIFY_SPOOL name a folder"
    if isinstance(error, PermissionError):
        return "the caller's user must be in the folder's group, and be restarted after it was added"
    return "make room there or mend the disk, then try again"


def _remove(name: str, directory: int) -> None:
    try:
        posix.unlink(name, dir_fd=directory)
    except OSError:
        return  # the daemon removes it when it is old


def _say(handle: int, text: str) -> None:
    try:
        posix.write(handle, text.encode(_ENCODING, _ERRORS))
    except OSError:
        return  # nobody listens; the exit code says it too


def _text(raw: bytes) -> str:
    return raw.decode(_ENCODING, _ERRORS)


_ENCODING = sys.getfilesystemencoding()
_ERRORS = sys.getfilesystemencodeerrors()

if __name__ == "__main__":
    run(sys.argv[1:])
