"""Alertmanager's silences: one that covers an incident acknowledges it, and an acknowledgement can make one."""
