"""Apply: the log goes into the tallies, each record exactly once.

It promises the other rooms that rows and position change in one transaction, and that only one
process changes them at a time.
"""
