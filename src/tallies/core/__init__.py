"""The pure core: declarations, windows, change records, and the fold. No I/O, no clock, no SDK."""
