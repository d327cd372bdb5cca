"""The fair lock in front of the one connection that writes."""

from threading import Event, Thread

from tallies.stores.sqlite.turnstile import Turnstile


def test_one_at_a_time_and_a_wait_ends() -> None:
    turnstile = Turnstile()
    assert turnstile.enter(0.0)
    assert not turnstile.enter(0.01)
    turnstile.leave()
    assert turnstile.enter(0.0)


def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    turnstile = Turnstile()
    assert turnstile.enter(0.0)
    impatient = Thread(target=lambda: turnstile.enter(0.01))
    impatient.start()
    impatient.join()
    turnstile.leave()
    assert turnstile.enter(0.0)


def test_who_comes_back_at_once_does_not_overtake_who_waits() -> None:
    """A plain lock goes back to the busy thread thousands of times; here once at most."""
    turnstile, entered = Turnstile(), Event()
    assert turnstile.enter(1.0)

    def wait() -> None:
        assert turnstile.enter(60.0)
        entered.set()
        turnstile.leave()

    waiting = Thread(target=wait)
    waiting.start()
    while not turnstile._next.locked():  # until it is in line
        pass
    turnstile.leave()
    assert turnstile.enter(60.0)
    assert entered.is_set()
    turnstile.leave()
    waiting.join()
