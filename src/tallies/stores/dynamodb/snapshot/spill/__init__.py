"""The spill: what a snapshot has read, kept in files, and its comparison.

It promises the snapshot that a table may be larger than memory, and that a snapshot that was killed
goes on where it was.
"""
