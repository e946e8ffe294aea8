"""Hands one notification over to the daemon's spool folder, whether or not the daemon runs: a command hook.

    python3 -IS …/sms_notify/hook.py nagios|icinga|checkmk|zabbix|pipe [--spool DIR] ARGUMENTS…

Monitoring systems start this eighty times at once and some kill it without warning, so it is one file that imports
nothing but what an interpreter has loaded anyway (no `os`, no `__future__`: each would cost more than all of the work).
It is compiled anew at each start, and that is most of what it costs: a tenth of a millisecond for every ten lines of
code. Hence bytes throughout, no helper that is not needed, and parsing is the daemon's.

Exit 0: on disk (or nothing to hand over). 75: could not be stored. 2: wrong use.
"""

import posix
import sys
import time

HOOKS = ("nagios", "icinga", "checkmk", "zabbix", "pipe")
FOLDER = b"/var/spool/sms-notify"
# What a macro becomes in the environment. Not NAGIOS__HOSTX and its like, custom variables, nor the rest of SMS_NOTIFY_…
# and of NOTIFY_…: they may hold passwords.
LABELS = (b"SMS_NOTIFY_LABEL_", b"NOTIFY_HOSTTAG_", b"NOTIFY_HOSTLABEL_", b"NOTIFY_SERVICELABEL_")
ENVIRONMENT = {"nagios": (b"NAGIOS_", b"ICINGA_"), "icinga": (b"NAGIOS_", b"ICINGA_"), "checkmk": ()}
NOT_OF_IT = b"NAGIOS__"
# These by their own names, or behind NOTIFY_ (Checkmk).
MACROS = (
    b"NOTIFICATIONTYPE HOSTNAME HOSTALIAS HOSTDISPLAYNAME HOSTADDRESS HOSTSTATE LASTHOSTSTATE LASTHOSTSTATECHANGE HOSTOUTPUT"
    b" LONGHOSTOUTPUT SERVICEDESC SERVICEDISPLAYNAME SERVICESTATE LASTSERVICESTATE LASTSERVICESTATECHANGE SERVICEOUTPUT"
    b" LONGSERVICEOUTPUT NOTIFICATIONAUTHOR NOTIFICATIONAUTHORNAME NOTIFICATIONCOMMENT TIMET HOSTGROUPNAMES"
    b" SERVICEGROUPNAMES WHAT MICROTIME OMD_SITE PREVIOUSHOSTHARDSTATE PREVIOUSSERVICEHARDSTATE EC_ID"
).split()
# Without the value of one of these there is nothing to tell; the letters are those of Icinga's own scripts.
TELLING = (
    b"type host service state output comment notificationtype hostname hostalias hostdisplayname hostaddress address"
    b" servicedesc servicename servicedisplayname hoststate servicestate hoststateid servicestateid hostoutput serviceoutput"
    b" notificationcomment message msg text m l body"
).split()
SECRET = (b"u", b"p", b"k", b"a")
FILLERS = {b"is", b"on", b"host", b"service", b"alert", b"nagios", b"icinga"}
MARKS = b":/*()!-=[]<>,.;#|'\""
DIGITS = b"+0123456789 ()./-"
PIPE_OPTIONS = (b"--label", b"--severity", b"--name")  # each takes a value
PIPE_FLAGS = (b"--resolved", b"--one")

# A record: MAGIC, then fields, then END. A field is one letter, the length of its value in bytes, a colon, the value, a
# newline. h: the hook; t: nanoseconds since 1970; a: an argument; e: NAME=value of the environment; b: standard input.
MAGIC = b"sms-notify hand-over 1\n"
END = b".\n"
MOST_WORDS = 3_000  # arguments and macros; Nagios has 206 macros
WORDS_LIMIT = 500_000  # bytes in them; Linux takes 128 KiB for one, all of Nagios' macros are 6 KB
BODY_LIMIT = 1_000_000
RECORD_LIMIT = 1_600_000  # both, and room for a length at each of them
TEMPORARY = ".new-"  # how the name of a file begins that is not whole yet
MODE = 0o640  # whatever the umask is: the daemon is another user of the folder's group

OK, WRONG_USE, NOT_STORED = 0, 2, 75
ADVICE = {
    FileNotFoundError: b"make the folder (docs/how-to/hooks.md has the line), or name another with --spool",
    NotADirectoryError: b"--spool and $SMS_NOTIFY_SPOOL name a folder",
    PermissionError: b"the caller's user must be in the folder's group, and be restarted after it was added",
}
LINES = {
    "nagios": b"nagios '--type=$NOTIFICATIONTYPE$' '--host=$HOSTNAME$' '--service=$SERVICEDESC$' '--state=$SERVICESTATE$'"
    b" '--output=$SERVICEOUTPUT$'",
    "icinga": b"icinga '--type=$notification.type$' '--host=$host.name$' '--service=$service.name$'"
    b" '--state=$service.state$' '--output=$service.output$'",
    "checkmk": b"checkmk, in a script that Checkmk starts, so that NOTIFY_HOSTNAME and the others are in the environment",
    "zabbix": b"zabbix '{ALERT.SENDTO}' '{ALERT.SUBJECT}' '{ALERT.MESSAGE}'",
}
USAGE = b"""\
Usage: hook.py nagios [--spool DIR] ARGUMENTS...
       hook.py icinga [--spool DIR] ARGUMENTS...
       hook.py checkmk [--spool DIR] [--LABEL=VALUE]...
       hook.py zabbix [--spool DIR] SENDTO SUBJECT MESSAGE
       ... | hook.py pipe [--spool DIR] [--name NAME] [--label NAME=VALUE]...
                          [--severity WORD] [--one] [--resolved]

Hands one notification over to sms-notify, whether or not its daemon runs. DIR is else $SMS_NOTIFY_SPOOL, else
/var/spool/sms-notify. Exit 0: on disk; 75: could not be stored; 2: wrong use.

Example: echo 'backup of db1 failed' | hook.py pipe --label host=db1 --severity critical
"""


def run(arguments: list[str]) -> None:
    """`main`, and then the end of the process: an interpreter that tidies up takes a tenth of the whole time."""
    try:
        code = main(arguments)
    except KeyboardInterrupt:  # at a terminal that `pipe` was reading from
        code = 130
    posix._exit(code)


def main(arguments: list[str]) -> int:
    """One hand-over; returns the exit code. `arguments` begin with the name of the hook."""
    words = [word.encode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()) for word in arguments]
    if b"-h" in words[:2] or b"--help" in words[:2]:
        return _said(USAGE, OK)
    hook = "".join(arguments[:1])
    folder, words = _folder(hook, words[1:])
    macros = _macros(hook) if hook in ENVIRONMENT else []
    if wrong := _wrong(hook, folder, words, macros):
        return _said(b"sms-notify: %s; nothing was handed over (see --help)\n" % wrong, WRONG_USE)
    body = cut = b""
    try:
        if hook == "pipe":
            body, cut = _standard_input()
        if hook != "pipe" or body or (PIPE_FLAGS[0] in words and not cut):
            at = time.time_ns()
            store(folder, encode(hook, at, words, macros, body), at)
    except OSError as error:
        advice = ADVICE.get(type(error), b"make room there or mend the disk, then try again")
        why = (folder, str(error.strerror).encode(), advice)
        return _said(b"sms-notify: %s: %s; %s; the notification is NOT stored\n" % why, NOT_STORED)
    return _said(cut, NOT_STORED) if cut else OK


def encode(hook: str, at: int, words: list[bytes], macros: list[bytes], body: bytes) -> bytes:
    """The record. `at` is in nanoseconds since 1970; `macros` are NAME=value."""
    fields = [(b"h", hook.encode()), (b"t", b"%d" % at)]
    fields += [(b"a", word) for word in words] + [(b"e", macro) for macro in macros] + [(b"b", body)]
    return MAGIC + b"".join([b"%s%d:%s\n" % (kind, len(value), value) for kind, value in fields]) + END


def store(folder: bytes, record: bytes, at: int) -> None:
    """Returns when `record` is on the disk under its name in `folder`. Raises OSError when it is not.

    A kill leaves a whole file or a temporary one, at whatever moment it comes.
    """
    directory = posix.open(folder, posix.O_DIRECTORY)
    # Names are taken in order, so the time comes first; hosts and containers may share a folder, and a process id.
    name = f"{at:020}-{posix.getpid()}-{posix.urandom(6).hex()}"
    try:
        _write(directory, name, record)
        posix.fsync(directory)
    finally:
        posix.close(directory)


def _write(directory: int, name: str, record: bytes) -> None:
    temporary = TEMPORARY + name
    file = posix.open(temporary, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL, MODE, dir_fd=directory)
    try:
        posix.fchmod(file, MODE)
        while record:
            record = record[posix.write(file, record) :]
        posix.fsync(file)
        posix.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        posix.unlink(temporary, dir_fd=directory)
        raise
    finally:
        posix.close(file)


def _folder(hook: str, words: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Where to, and the words that are not about it. Zabbix' own are texts, which may look like an option."""
    for at, word in enumerate(words[:1] if hook == "zabbix" else words):
        option, equals, value = word.partition(b"=")
        if option == b"--spool":
            more = 1 if equals else 2
            return value or b"".join(words[at + 1 : at + more]), words[:at] + words[at + more :]
    return posix.environ.get(b"SMS_NOTIFY_SPOOL") or FOLDER, words


def _macros(hook: str) -> list[bytes]:
    found, own, named = posix.environ, ENVIRONMENT[hook] + LABELS, set(MACROS)
    if hook == "checkmk":
        named = {b"NOTIFY_" + name for name in MACROS}
    elif b"NOTIFICATIONTYPE" not in found:
        named = set()
    elif b"HOSTALIAS" in found and found.get(b"HOSTNAME") == posix.uname().nodename.encode():
        named.remove(b"HOSTNAME")  # a container has its own in the environment
    return [
        b"%s=%s" % (name, value)
        for name, value in found.items()
        if name in named or (name.startswith(own) and not name.startswith(NOT_OF_IT))
    ]


def _wrong(hook: str, folder: bytes, words: list[bytes], macros: list[bytes]) -> bytes:
    """Why the daemon could make nothing of it, as far as that can be seen from here."""
    if hook not in HOOKS:
        return b"the first word must be nagios, icinga, checkmk, zabbix or pipe"
    if not folder:
        return b"--spool needs the name of a folder"
    if hook in LINES and not _tells(words[1:] if hook == "zabbix" else words, macros, hook == "zabbix"):
        return b"no text can come of these words; use: " + LINES[hook]
    if len(words + macros) > MOST_WORDS or sum(map(len, words + macros)) > WORDS_LIMIT:
        return b"more than %d arguments and macros, or more than %d bytes in them" % (MOST_WORDS, WORDS_LIMIT)
    return _wrong_for_pipe(words) if hook == "pipe" else b""


def _tells(words: list[bytes], macros: list[bytes], any_word: bool) -> bool:
    """Whether one of them says what, where or how; or one that belongs to no option is a sentence, or several are."""
    before, loose = b"", list[bool]()
    for word in words + [b"--" + macro for macro in macros]:
        name, equals, value = word.partition(b"=")
        key = name.lower().translate(None, b"-_.")
        if name[:1] == b"-" and key and not equals and b" " not in name and not any_word:
            before, loose = key, []
            continue
        telling = key in TELLING or key[6:] in TELLING  # nagios, icinga, notify
        if equals and b" " not in name:
            before = key
        else:
            key, value, telling = before, word, before in TELLING
        # A macro that was not filled ($HOSTNAME$) says nothing.
        parts = value.split(b"$")
        said = b" ".join(parts[:: 2 if len(parts) > 2 else 1]).translate(None, MARKS).lower().split()
        nothing = FILLERS.issuperset(said) or value.startswith(b"{ALERT.")
        contact = not value.strip(DIGITS) or (b"@" in value and b" " not in value)
        sentence = b" " in value.strip() and not contact and len(key) < 2 and key not in SECRET
        if not nothing and (telling or any_word or sentence):
            return True
        if not key:
            loose.append(not nothing and not contact)
    return any(loose[1:])  # a name or a number may stand first


def _wrong_for_pipe(words: list[bytes]) -> bytes:
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition(b"=")
        if option in PIPE_OPTIONS:
            value = value if equals else next(rest, b"")
            if not value or (option == b"--label" and value.find(b"=") < 1):
                return option + b" takes " + (b"NAME=VALUE" if option == b"--label" else b"a value")
        elif word not in PIPE_FLAGS:
            return b"pipe knows no " + word + b": alerts come on standard input"
    return b""


def _standard_input() -> tuple[bytes, bytes]:
    """What is there, and what to say of more than the limit: then only the whole lines within it are kept, of a JSON list
    nothing. Nothing but blanks is nothing.
    """
    body = chunk = posix.read(0, 65_536)
    while chunk and len(body) <= BODY_LIMIT:
        chunk = posix.read(0, 65_536)
        body += chunk
    if len(body) <= BODY_LIMIT:
        return body if body.strip() else b"", b""
    body = b"" if body.lstrip().startswith(b"[") else body[: body.rfind(b"\n", 0, BODY_LIMIT) + 1]
    told = (BODY_LIMIT, len(body))
    return (
        body,
        b"sms-notify: more than %d bytes; the first %d are stored, the rest is NOT: send less\n" % told,
    )


def _said(text: bytes, code: int) -> int:
    try:
        posix.write(2 if code else 1, text)
    except OSError:
        return code  # nobody listens; the exit code says it too
    return code


if __name__ == "__main__":
    run(sys.argv[1:])
