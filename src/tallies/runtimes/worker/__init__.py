"""The worker: a process that keeps reading the change stream, alone or beside others."""

from tallies.runtimes.worker.worker import Worker

__all__ = ["Worker"]
