"""The command line: arguments to calls, and errors to one line."""

from tallies.cli.main import main

__all__ = ["main"]
