"""Catalog: which tallies a store keeps, in which tables, and how that set changes.

It promises the other rooms one set of tallies in each epoch: a write of an earlier epoch is
refused.
"""
