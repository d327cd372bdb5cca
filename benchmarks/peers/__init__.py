"""This store beside Redis and PostgreSQL."""
