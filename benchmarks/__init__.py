"""Measurements of tallies beside its peers, as ratios taken in one run."""
