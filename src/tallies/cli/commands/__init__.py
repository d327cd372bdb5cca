"""The commands, each a file, or a file for those that share their options."""
