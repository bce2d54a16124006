"""One model over shards of regions, by Ray Train."""
