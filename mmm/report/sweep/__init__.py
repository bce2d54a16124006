"""The report of a search for settings."""
