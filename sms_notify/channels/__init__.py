"""Other channels to a person than the SMS gateway, for self-alerts: e-mail, webhook, a local command, apprise.

`base` has the values, `settings` what the configuration says, `choice` makes a channel of its settings. One
telling is one attempt: it never raises, ends within its time, and is repeated by whoever asked, if at all.
"""
