"""Checks of a fitted model: what a reader must know before they believe it."""
