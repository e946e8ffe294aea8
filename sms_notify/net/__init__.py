"""One request to somebody else's server: bounded in time and size, sent at most once, and silent about secrets."""
