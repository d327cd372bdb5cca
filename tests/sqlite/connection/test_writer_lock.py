"""The fair lock in front of the one connection that writes."""

from threading import Event, Thread

from tallies.stores.sqlite.connection.writer_lock import WriterLock


def test_one_at_a_time_and_a_wait_ends() -> None:
    lock = WriterLock()
    assert lock.enter(0.0)
    assert not lock.enter(0.01)
    lock.leave()
    assert lock.enter(0.0)


def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    lock = WriterLock()
    assert lock.enter(0.0)
    impatient = Thread(target=lambda: lock.enter(0.01))
    impatient.start()
    impatient.join()
    lock.leave()
    assert lock.enter(0.0)


def test_who_comes_back_at_once_does_not_overtake_who_waits() -> None:
    """A plain lock goes back to the busy thread thousands of times; here once at most."""
    lock, entered = WriterLock(), Event()
    assert lock.enter(1.0)

    def wait() -> None:
        assert lock.enter(60.0)
        entered.set()
        lock.leave()

    waiting = Thread(target=wait)
    waiting.start()
    while not lock._next.locked():  # until it is in line
        pass
    lock.leave()
    assert lock.enter(60.0)
    assert entered.is_set()
    lock.leave()
    waiting.join()
