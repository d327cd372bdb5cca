"""How far the rows are: a step function over the order of lanes, beside one value for each lane."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.stores.dynamodb.apply.progress import END, Progress, group_lane, row_lane

LANES = ["0", "1a", "1b/t/all", "1b/t/day", "7", "ff"]
ends = st.sampled_from([*LANES, END])
positions = st.integers(1, 9).map(str)
moves = st.lists(st.tuples(ends, positions), max_size=8)


def progress_of(some: list[tuple[str, str]]) -> Progress:
    progress = Progress()
    for end, to in some:
        progress = progress.moved(end, to)
    return progress


@given(moves)
def test_every_lane_has_the_furthest_that_it_was_moved_to(some: list[tuple[str, str]]) -> None:
    progress = progress_of(some)

    for lane in LANES:
        furthest = max((to for end, to in some if lane < end), default="")
        assert progress.runs[progress.run_of(lane)].position == furthest
    assert progress.least == min(run.position for run in progress.runs)


@given(moves)
def test_runs_cover_all_lanes_once_and_are_as_few_as_can_be(some: list[tuple[str, str]]) -> None:
    runs = progress_of(some).runs

    assert (runs[0].start, runs[-1].end) == ("", END)
    for left, right in pairwise(runs):
        assert left.end == right.start
        assert left.position != right.position


@given(moves)
def test_what_is_stored_is_what_is_read(some: list[tuple[str, str]]) -> None:
    progress = progress_of(some)

    assert Progress.load(progress.position, progress.dump()) == progress


@given(st.text(max_size=5))
def test_every_lane_comes_before_the_end_and_after_its_group(group: str) -> None:
    if group.isprintable():
        lane = row_lane(group, "favorites", "2082-11-23T14")
        assert "" < group_lane(group) < lane < END
        assert not {" ", ":"} & set(lane)  # they part the runs in the stored text


def test_a_whole_batch_levels_what_crashes_left() -> None:
    torn = Progress().moved("7", "3").moved("1a", "5")

    assert torn.dump() == "1a:5 7:3"
    assert torn.moved(END, "8") == Progress("8")


@pytest.mark.parametrize("end", LANES)
def test_lanes_are_never_moved_back(end: str) -> None:
    assert Progress("5").moved(end, "3") == Progress("5")
