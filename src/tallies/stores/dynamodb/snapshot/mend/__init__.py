"""Mending: what was found missing is added once, even if another run mends at the same time."""
