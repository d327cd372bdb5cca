"""Rows that hold their own positions: each says which records it holds.

It promises the apply that a row takes each record once, without a transaction: the row and its
position change in one update.
"""
