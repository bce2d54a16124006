"""Budgets, targets and scenarios of a fitted model."""
