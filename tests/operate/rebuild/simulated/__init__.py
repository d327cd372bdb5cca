"""Live tables that are rebuilt, in one process and in an order that a number decides."""
