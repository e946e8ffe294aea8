"""The running daemon: everything put together, started, exchanged at a reload, and stopped."""
