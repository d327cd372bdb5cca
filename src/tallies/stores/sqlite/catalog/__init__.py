"""Catalog: which tallies a file keeps, and the tables and triggers they need.

It promises the other rooms a schema that is complete or absent, and reports what in it is broken.
"""
