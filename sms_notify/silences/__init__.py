"""Alertmanager's silences: one that covers an incident acknowledges it, and an acknowledge can make one."""
