"""HTTP: the questions about the tallies of any store, and what every service of them needs."""
