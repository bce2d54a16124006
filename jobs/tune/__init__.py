"""Searches for the settings of one market, by Ray Tune or in one process."""
