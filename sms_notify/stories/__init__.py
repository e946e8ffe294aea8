"""Stories: unit tests for a configuration. A file says what happens, and who must read what; the daemon's own loader,
parsers, engine, senders, reports and limits play it on a virtual clock.
"""
