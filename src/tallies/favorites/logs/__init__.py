"""Logs of marks and unmarks: read from files, and replayed."""
