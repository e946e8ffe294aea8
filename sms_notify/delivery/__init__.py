"""From a queued message to what became of it: claim, send, settle, reports, free questions."""
