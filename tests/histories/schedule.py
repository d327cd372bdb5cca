"""Who runs when: concurrent invocations in one thread, switched only where the seed says so."""

from collections.abc import Callable
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet


class Actor:
    """One invocation, or one operator. Stops at every request and goes on when it is picked."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._greenlet = greenlet(self._run)
        self._work = work
        self.result: Any = None
        """What the work gave back; None while it runs, and when it was killed."""
        self.error: BaseException | None = None

    @property
    def is_over(self) -> bool:
        return self._greenlet.dead

    def go_on(self) -> None:
        """Run to the next request."""
        self._greenlet.switch()

    def kill(self) -> None:
        """As a process dies: nothing that it meant to do is done."""
        self._greenlet.throw(GreenletExit)

    def _run(self) -> None:
        try:
            self.result = self._work()
        except GreenletExit:
            pass
        except Exception as error:  # noqa: BLE001 # whoever runs the history judges it
            self.error = error


def pause() -> None:
    """Let others run, if an actor asks."""
    parent = getcurrent().parent
    if parent is not None:
        parent.switch()


def die() -> None:
    """The actor that runs dies here."""
    raise GreenletExit
