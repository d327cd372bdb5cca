"""How long the tests of the embedded store wait: a file on this machine is quick."""

from functools import partial

from tests import waiting

until = partial(waiting.until, wait_seconds=20.0)
