"""A daemon on a virtual clock: the real engine and sender over a store in memory, without a thread, a socket or a file."""
