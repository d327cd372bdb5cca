"""Rows: the tables of the tallies, what they are called, and how rows are read.

It promises the other rooms exact numbers of any size, and answers to every question from the rows
alone.
"""
