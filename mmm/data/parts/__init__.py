"""A panel that no process holds: some regions at a time, and what is to be known of all of them."""
