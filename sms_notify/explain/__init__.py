"""Why somebody did or did not get a text, and what would become of an alert. Reads only."""
