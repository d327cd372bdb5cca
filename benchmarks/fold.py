"""The fold alone, beside `json.loads` of the same records.

Whoever gets records from a stream has to parse them first; the fold should vanish beside that.
Both sides work on whole batches and keep what they made until the batch is done, as a consumer
does. Parsed are both forms that batches arrive in: one document (Lambda), one text a record.
"""

import gc
import json
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.harness.measure import in_turns, seconds
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import marks
from tallies.core.change import Change
from tallies.core.fold import Folder, fold
from tallies.favorites.tally import FAVORITES

BATCHES = (10_000, 1_000, 100)
"""A Lambda batch holds 10,000 records at most; a quiet table sends small ones."""


def run(run: Run) -> Iterator[Result]:
    """The bound is for the largest batch; small ones are told as they are."""
    records = run.pick(100_000, 30_000, usual=50_000)
    images = [
        {
            "pk": f"{event.restaurant_id}#{event.user_id}",
            "restaurant_id": event.restaurant_id,
            "user_id": event.user_id,
            "created_at": event.created_at,
        }
        for event in marks(records, days=1)
    ]
    changes = [Change(None, image, f"{number:040d}") for number, image in enumerate(images)]
    texts = [_stream_record(image, number) for number, image in enumerate(images)]
    gc.freeze()  # the parser's garbage collections must not pay for the benchmark's own objects
    for batch in BATCHES:
        starts = range(0, records, batch)
        cuts = [changes[first : first + batch] for first in starts]
        lists = [texts[first : first + batch] for first in starts]
        documents = ['{"Records":[' + ",".join(part) + "]}" for part in lists]
        bound = Bound(">=", 10.0) if batch == BATCHES[0] else None
        yield _compare(run, cuts, "json.loads, each record", bound, partial(_parse_each, lists))
        yield _compare(run, cuts, "json.loads, one document", None, partial(_parse_all, documents))
    gc.unfreeze()


def _compare(
    run: Run,
    cuts: list[list[Change]],
    peer_name: str,
    bound: Bound | None,
    parse: Callable[[], None],
) -> Result:
    records = sum(map(len, cuts))

    def folded() -> None:
        folders = [Folder(FAVORITES)]
        for cut in cuts:
            fold(folders, cut)

    (found,) = in_turns(
        run.pick(9, 5, usual=5),
        lambda: [records / seconds(folded)],
        lambda: [records / seconds(parse)],
    )
    return Result(
        what=f"fold of {len(cuts[0]):,} records at once",
        unit="records/s",
        ours=found.ours,
        peer_name=peer_name,
        peer=found.peer,
        ratio=found.ratio,
        bound=bound,
        higher_is_better=True,
    )


def _parse_each(batches: list[list[str]]) -> None:
    for texts in batches:
        _ = [json.loads(text) for text in texts]


def _parse_all(documents: list[str]) -> None:
    for document in documents:
        _ = json.loads(document)


def _stream_record(image: dict[str, str], number: int) -> str:
    """One record as DynamoDB Streams hands it to Lambda."""
    record = {
        "eventID": f"{number:032x}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_428_000,
            "Keys": {"pk": {"S": image["pk"]}},
            "NewImage": {name: {"S": value} for name, value in image.items()},
            "SequenceNumber": f"{number:040d}",
            "SizeBytes": 160,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": (
            "arn:aws:dynamodb:eu-central-1:123456789012:table/favorites"
            "/stream/2026-11-23T00:00:00.000"
        ),
    }
    return json.dumps(record, separators=(",", ":"))
