"""Declarations: what to count, read from a file and written back."""
