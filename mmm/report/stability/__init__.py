"""The page of a stability loop."""
