"""Forks: no connection is open when the process is forked.

SQLite forbids carrying a connection into a forked process, even to close it there
(https://sqlite.org/howtocorrupt.html, section 2.6). It also keeps one list of locks for all
connections of a process: a child that inherits an open file assumes that it holds locks that it
does not hold, even for its own connections. So the parent closes idle connections just before the
fork, and both processes open new ones when they need them.
"""

import os
from itertools import count
from weakref import WeakValueDictionary


class Forkable:
    """An object whose state a forked process must not use further."""

    def before_fork(self) -> None:
        """Close connections, and open none until one of the other two methods is called."""

    def after_fork(self) -> None:
        """Go on, in the parent."""

    def after_fork_in_child(self) -> None:
        """Begin anew, in the child. What could not be closed before is never touched again."""


_all: WeakValueDictionary[int, Forkable] = WeakValueDictionary()
_numbers = count()


def follow(holder: Forkable) -> None:
    """Call it at forks for as long as it exists, after the objects that it was made of: a thread
    that a child starts finds a database that is ready."""
    _all[next(_numbers)] = holder


def _before() -> None:
    for holder in list(_all.values()):
        holder.before_fork()


def _after() -> None:
    for holder in list(_all.values()):
        holder.after_fork()


def _after_in_child() -> None:
    for holder in list(_all.values()):
        holder.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
