"""The plan: what four designs cost a month, how stale they are, and where each of them ends.

From the ground up: `load` says what comes, `folding` how many rows a batch of it touches, `units`
what those cost to write, `batches` how it arrives, `designs` what that makes of each design,
`limits` what binds first, and `plan` puts it together.
"""
