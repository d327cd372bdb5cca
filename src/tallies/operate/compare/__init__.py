"""The comparison: the same events, the same engine, in one run; five ways to keep the counts.

Each peer is written as somebody who knows the engine would write it. `designs` says what a design
is, `on_sqlite` and `on_dynamodb` contain them, `run` measures and kills them, `killed` is the
process that is killed.
"""
