"""Who is on call: schedules, overrides and calendars."""
