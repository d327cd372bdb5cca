"""Boards: groups in the order of a measure, over a window or a weighted sum of windows."""
