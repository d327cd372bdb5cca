"""A batch on its way into the tallies, with either guard."""
