"""Refits of a whole portfolio on Ray."""
