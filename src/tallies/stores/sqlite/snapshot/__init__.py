"""Snapshot: every tally beside a count over the source, as of one moment.

It promises the other rooms drifts that are real, though writers and aggregation go on meanwhile.
"""
