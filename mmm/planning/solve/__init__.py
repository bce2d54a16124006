"""The search for the best plan under its limits."""
