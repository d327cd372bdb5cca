"""HTTP: the questions about the tallies of any store, and what every such service needs."""
