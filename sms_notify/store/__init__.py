"""The durable middle: the only SQL of the program, over one file of SQLite.

Accepting ends with a commit here and sending begins with a claim here. A commit that returned is on the disk
(write-ahead log, `synchronous=FULL`); a transaction that did not commit leaves nothing.
"""
