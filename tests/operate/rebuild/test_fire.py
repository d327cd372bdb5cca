"""Field cases 6, 8 and 12 with real processes, each killed at any moment: no drift is left.

12: nothing has to be redriven by hand after a failure; what a dead process left is carried over by
the next. `python -m tests.operate.rebuild` goes on for hours.
"""

import os
from pathlib import Path

from tests.conformance.backend import Backend
from tests.operate.rebuild.fire import Fire

ROUNDS = int(os.environ.get("TALLIES_KILL_ROUNDS", "12")) // 3


def test_case_6_8_12_rebuild_under_fire(backend: Backend, tmp_path: Path) -> None:
    with Fire(backend, seed=1, folder=tmp_path) as fire:
        for _ in range(ROUNDS):
            fire.round()
    backend.settle()
    assert list(backend.store.verify().drifted) == []
    for who in ("writer", "aggregator"):
        assert fire.met[f"killed {who}"], who
