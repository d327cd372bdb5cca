"""The worker: a process that reads the change stream for good, alone or beside others."""

from tallies.runtimes.worker.worker import Worker

__all__ = ["Worker"]
