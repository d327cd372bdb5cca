"""The questions to the tallies of any store: how to ask them, and what they answer."""
