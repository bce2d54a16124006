"""Plans of record: frozen when they are committed, explained once their periods have come."""
