"""What the simulation is made of: groups and rows, partitions, and shards that bring records."""
