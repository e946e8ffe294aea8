"""sms-notify stands between a monitoring system and a phone. The rooms, in the order in which an alert passes them:

    alert       what a monitoring system told us, as one value
    sources     bytes from a monitoring system → alerts                                     pure
    decide      who must hear of an alert, when, and why not: episodes, routes, intervals, on-call, limits    pure
    wording     what the text says: alphabet, parts, templates                              pure
    plan        what deciding needs of a configuration
    hearing     which incident an alert belongs to, and whether it is news
    engine      accept, tick, acknowledge: the steps in one transaction, with `now` passed in
    owing       who is owed what of what was heard, and from when on
    turns       what follows while nobody acknowledges: escalation steps, reminders
    paging      from what people are to hear to texts: one each, or merged where the limits say so
    bundling    which pages make one text, and what that text has to say
    allowance   what limits and budgets leave one reader now
    roster      who is on call now
    handover    a text to who takes over, a warning of a gap ahead
    upkeep      what time does to messages: leases, evidence, age, closed gateways
    store       the durable middle, and the only SQL
    sender      claim, send, settle
    settling    what an answer does: to the message, to what would meet the same trouble, to whoever must hear of it
    troubles    our own trouble, noted for the operator
    barring     whether a number can be texted, in one set of words
    probing     asking at no cost whether what was refused is taken again
    gateways    one request to the SMS gateway → an outcome
    roads       our own trouble by another road: e-mail, webhook, command, apprise
    silences    an Alertmanager silence acknowledges, and an acknowledge makes one
    telling     our own trouble, told to a person once, by `roads` other than the gateway
    reports     what became of the texts: call-backs and polling
    story       why somebody did or did not get a text, told from the rows
    preview     what would become of an alert with these labels at that time
    metrics     every metric, read from the ledger
    calendars   on-call shifts out of an iCalendar
    config      YAML with positions → settings, or every fault with line and advice
    timetable   the schedules with the shifts of their calendars; the last good copy of each
    importing   another program's configuration → one of ours, and what could not be taken over
    hook        the command hooks' one self-contained file: a notification durably into the spool folder
    spool       what the hooks handed over: read, committed, and only then removed
    intake      what the hooks handed over, into the engine; the operator hears of what cannot be taken
    web         webhooks in, metrics and health out, the pages for people
    journal     what the daemon writes into its log
    service     tells systemd that we serve, and that we are not stuck
    assembly    from settings to the parts that obey them; reads clock and randomness
    signals     what the daemon does with signals
    units       threads that come and go together with what the configuration names
    running     what one configuration has built, exchanged as a whole
    calendarkeeping  the calendars of one configuration, read into its engine
    webside     what the web front asks for, as transactions
    reloading   one reload at a time, and what none can change
    wiring      from a configuration to what runs by it
    app         the daemon: builds everything, keeps it running, exchanges it at a reload
    cli         the commands (`__main__` is the command itself)
    simulator   a local 1601SMS gateway with a page that shows the phones
    backtest    recorded alerts through one or two configurations on a virtual clock: what it would have cost
    stories     unit tests of a configuration: what happens, and what the phones must get, on a virtual clock
    demo        simulator, daemon and a staged incident (`demo.yml` is its configuration)

Beside the road: `errors` (what a person is told), `secret` (what nobody is told), `logs` (one event, one line).
Imports point one way only; `tests/test_rules.py` holds it.
"""
