"""The snapshot: source and tallies as of one position of the stream, while both are written to.

Nothing is paused. A record that is applied exactly once moves a row and its right value by the same
amount, so the difference between the two, taken at any position, is the row's drift, and adding it
mends the row whatever was applied meanwhile.
"""
