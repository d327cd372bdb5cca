"""Rows: the tables, what a row is called in them, and how rows are read.

It promises the other rooms names that cannot collide, tables of the right shape, and answers to
every question from the rows alone. It never writes a row.
"""
