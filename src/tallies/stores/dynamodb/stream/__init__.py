"""Stream: the change stream of the source, and which worker reads which part of it.

It promises the other rooms the records of each shard in their order, from any position on, and the
lineage of the shards; records that the stream has dropped it reports, and never skips.
"""
