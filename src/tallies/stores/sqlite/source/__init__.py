"""Source: the table that is counted, and the log of its changes.

It promises the other rooms that every change of a row, by whatever statement, is in the log in the
order of commits, with what the tallies need of the row before and after the change.
"""
