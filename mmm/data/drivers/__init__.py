"""Checks of series that are neither plain media nor plain controls."""
