"""What becomes of the design between 7,000 writes a day and a million a second: a simulation."""
