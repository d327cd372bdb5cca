"""The workload: what comes in, and what a batch of it comes to.

`load` says what comes in and when, `popularity` how it spreads over restaurants, `folding` how many
rows a batch of it touches, `moves` how often leaderboards by buckets change by it, and `batches`
how it arrives.
"""
