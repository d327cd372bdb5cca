"""Random histories of a table, delivered with every fault of the field, beside GROUP BY.

`python -m tests.histories --seed 17` plays one, `--seconds 3600` plays on.
"""
