"""Apply: batches of change records go into the tallies, each record exactly once.

To the other rooms it promises that a row and the note of what it holds change in one step, so that
a batch may be repeated, cut anew, or broken off at any moment.
"""
