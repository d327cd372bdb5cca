"""Reading: the source and the tallies, at a bounded rate, while both are written to."""
