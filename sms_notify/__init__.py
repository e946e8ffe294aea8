"""sms-notify stands between a monitoring system and a phone. The rooms, in the order in which an alert passes them:

    alert       what a monitoring system told us, as one value
    sources     bytes from a monitoring system → alerts                                     pure
    policy      the rules, over values: what an alert means, who is owed what, when, in which text, and why not    pure
    wording     what the text says: alphabet, parts, templates                              pure
    engine      accept, tick, acknowledge: loads what a step may touch, lets policy change it, writes it back
    oncall      who is on call: rotations with their overrides, calendars
    store       the durable middle, and the only SQL
    delivery    claim, send, settle; delivery reports; free questions whether what was refused is taken again
    self_alerts our own problems, noted for the operator
    barring     whether a number can be texted, in one set of words
    net         a request to somebody else's server: bounded in time and size, sent at most once, silent about secrets
    gateways    one request to the SMS gateway → an outcome; the registry knows the types that there are
    channels    the operator by e-mail, webhook, command or apprise
    operator_notifier  our own problems, told to a person once
    silences    an Alertmanager silence acknowledges, and an acknowledgement makes one
    explain     why somebody did or did not get a text, and what would become of an alert
    metrics     every metric, read from the ledger
    config      YAML with positions → settings, or every fault with line and advice
    importing   another program's configuration → one of ours, and what could not be taken over
    hook        the command hooks' one self-contained file: a notification durably into the spool folder
    spool_folder  whose the folder of the hooks must be, and what keeps it from being emptied
    spool       what the hooks handed over: read, committed, and only then removed
    web         webhooks in, metrics and health out, the pages for people
    daemon      builds everything, keeps it running, exchanges it at a reload; systemd, signals, the log.
                Its `wiring` leads from settings to the parts that obey them, for the commands as well
    cli         the commands (`__main__` is the command itself)
    simulator   a local 1601SMS gateway with a page that shows the phones
    virtual     a daemon on a virtual clock, for replays, stories and what an alert would lead to
    backtest    recorded alerts through one or two configurations on a virtual clock: what it would have cost
    stories     unit tests of a configuration: what happens, and what the phones must get, on a virtual clock
    demo        simulator, daemon and a staged incident (`demo.yml` is its configuration)

Beside them: `errors` (what a person is told), `ownership` (why a file is not to be had),
`secret` (what nobody is told), `logs` (one event, one line).
Imports point one way only; `tests/test_rules.py` holds it.
"""
