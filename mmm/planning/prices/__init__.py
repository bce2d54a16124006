"""Prices of exposure that move with what is spent: stated, estimated from the panel, and in plans."""
