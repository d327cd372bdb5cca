"""A death that nothing catches."""


class Killed(BaseException):
    """Nothing catches it."""


def die(what: str, done: int, total: int | None) -> None:
    """At the first page."""
    if done:
        raise Killed(done)
