"""The source: what a tally reads from a row of its table, and which rows it counts."""
