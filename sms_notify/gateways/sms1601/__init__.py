"""The 1601SMS gateway: its client, answers, error codes and reports."""
