"""Forks: no connection is open when the process is forked.

SQLite forbids to carry a connection into a forked process, even to close it there
(https://sqlite.org/howtocorrupt.html, section 2.6). It also keeps one list of locks for all
connections of a process: a child that inherits an open file believes to hold locks that it does
not, for the connections of its own, too. So the parent closes what is idle just before, and both
open anew when they need to.
"""

import os
from itertools import count
from weakref import WeakValueDictionary


class Forkable:
    """Something with a state that a forked process must not go on with."""

    def before_fork(self) -> None:
        """Close connections, and open none until one of the other two is called."""

    def after_fork(self) -> None:
        """Go on, in the parent."""

    def after_fork_in_child(self) -> None:
        """Begin anew, in the child. What could not be closed before is left alone for ever."""


_all: WeakValueDictionary[int, Forkable] = WeakValueDictionary()
_numbers = count()


def follow(holder: Forkable) -> None:
    """Have it told of forks for as long as it lives, after those that it was made of: a thread that
    is begun in a child finds a database that is ready."""
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


if hasattr(os, "register_at_fork"):  # not on Windows, which forks nothing
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
