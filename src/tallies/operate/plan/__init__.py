"""The plan: what four designs cost a month, how stale they are, and where each reaches its limit.

From the ground up: `load` says what comes in, `folding` how many rows a batch of it touches,
`units` what those cost to write, `batches` how it arrives, `designs` what each design comes to,
`limits` what binds first, and `plan` puts it together.
"""
