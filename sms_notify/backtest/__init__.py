"""Recorded alerts through one or two configurations, on a virtual clock: what they would have cost and told.

The engine, the sender and the SQL are those of the daemon; the gateway is paper. `docs/how-to/backtest.md` tells what is counted.
"""
