"""The plan: what four designs cost a month, how stale they are, and where each reaches its limit.

From the ground up: `workload` says what comes in and how many rows a batch of it touches, `units`
what those cost to write, `durations` how long that takes, `designs` what each design comes to,
`limits` what binds first, and `plan` puts it together.
"""
