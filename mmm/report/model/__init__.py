"""The report of one fitted model."""
