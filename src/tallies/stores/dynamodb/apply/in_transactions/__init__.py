"""Rows that are written in transactions: each also moves the position of the shard.

It promises the apply that a batch is added once, and to all rows of a group at one moment wherever
they fit into one transaction. Where the shard is not known, each record has a marker instead.
"""
