"""What is brought onto this machine once, from its publishers, into a folder that git ignores."""
