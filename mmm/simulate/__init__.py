"""Simulated portfolios whose truth is known; they share no mathematics with the model."""
