"""The commands `verify` and `rebuild`: proof that the tallies are exact, and making them so."""

import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import Any, TypeVar

import click

from tallies.cli.options import declaration_option, json_option, store_option
from tallies.cli.output import headings, out, plain, print_json, print_table, progress
from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import counted
from tallies.core.groups import named_values
from tallies.core.tally import Tally
from tallies.favorites.open import open_any
from tallies.operate.confidence import CONFIDENCE, in_words, most
from tallies.operate.verify_metrics import write_metrics
from tallies.stores.layout import GUARDS, MAX_RANKING_SHARDS, RANKINGS, Guard, LayoutWish, Ranking
from tallies.stores.protocol import Progress
from tallies.stores.sample import MAX_SEED, Sample, parse_share
from tallies.stores.verified import Drift, Verified, uncounted

Command = TypeVar("Command", bound=Callable[..., Any])
SHOWN = 1000
"""Lines of drift that a person gets to see; --json has all."""


def rate_option() -> Callable[[Command], Command]:
    """`--read-units N`."""
    return click.option(
        "--read-units",
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        help="Spend at most N read units a second (DynamoDB).",
    )


def processes_option() -> Callable[[Command], Command]:
    """`--processes N`."""
    return click.option(
        "--processes",
        type=click.IntRange(min=1),
        metavar="N",
        help="Scan with N processes (DynamoDB; default: one a core, for large tables).",
    )


def _share(_: click.Context, __: click.Parameter, text: str | None) -> float | None:
    return None if text is None else parse_share(text)


@click.command()
@click.option(
    "--sample", "share", callback=_share, metavar="SHARE", help="Only so many of the groups: 1%."
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    metavar="N",
    help="Which groups --sample takes (default: others each time).",
)
@click.option(
    "--metrics",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what was found for Prometheus, too.",
)
@rate_option()
@processes_option()
@json_option
@store_option()
def verify(
    share: float | None,
    seed: int | None,
    metrics: Path | None,
    read_units: float | None,
    processes: int | None,
    as_json: bool,
    store: str,
) -> None:
    """Compare every tally with a count over the source; exit 1 when any differs.

    Nothing is changed and nothing is paused: what is on its way is told apart from drift.

    What is read of DynamoDB is gathered in a file in TMPDIR or /var/tmp. Killed, it goes on there.

    With --sample some groups are chosen by chance, and all of their rows are compared. That saves
    reading and memory; on DynamoDB the source is read whole all the same, and rows of groups that
    have no rows in the source at all are not looked for.

    \b
    Example:  tallies verify --sample 1% --json
    """
    sample = chosen_sample(share, seed)
    started = time()
    with open_any(store) as opened, steps() as report:
        found = opened.verify(
            sample=sample, read_units=read_units, processes=processes, progress=report
        )
        tally = opened.of
        url = opened.url
    if metrics is not None:
        write_metrics(
            found, metrics, store=url, started=started, ended=time(), whole=sample is None
        )
    tell(found, tally, as_json, "drifted", sample)
    sys.exit(1 if found.drifted else 0)


def chosen_sample(share: float | None, seed: int | None) -> Sample | None:
    """The sample that the options ask for."""
    if share is not None:
        return Sample(share, secrets.randbelow(MAX_SEED + 1) if seed is None else seed)
    if seed is not None:
        raise click.UsageError("--seed says which groups a sample takes; add --sample, like 1%.")
    return None


@click.command()
@declaration_option
@click.option("--dry-run", is_flag=True, help="Only tell what would be mended; exit 1 if anything.")
@click.option(
    "--by-positions",
    is_flag=True,
    help="Know records by their shard's position from now on (DynamoDB).",
)
@click.option(
    "--ranking-shards",
    type=click.IntRange(1, MAX_RANKING_SHARDS),
    metavar="N",
    help="Spread each leaderboard over N partitions from now on (DynamoDB).",
)
@click.option(
    "--ranking",
    type=click.Choice(RANKINGS),
    help="Order leaderboards' index by this from now on (DynamoDB).",
)
@click.option(
    "--guard",
    type=click.Choice(GUARDS),
    help="Keep records from counting twice by this from now on (DynamoDB).",
)
@click.option(
    "--in-this-region",
    is_flag=True,
    help="Aggregate a global table in this region from now on (DynamoDB).",
)
@rate_option()
@processes_option()
@json_option
@store_option()
def rebuild(
    declared: Declaration | None,
    dry_run: bool,
    by_positions: bool,
    ranking_shards: int | None,
    ranking: Ranking | None,
    guard: Guard | None,
    in_this_region: bool,
    read_units: float | None,
    processes: int | None,
    as_json: bool,
    store: str,
) -> None:
    """Make every tally exact, while writers and aggregators go on.

    For a table that had rows before it had tallies, for drift that `verify` found, and after
    a stream has dropped records. Each tally is compared with a count over the source, and what it
    differs by is added. Killed, it can be run again; two at once do no harm.

    With a declaration that differs from what the store keeps, what is new is built beside the old
    tallies, and readers are switched to it when it is whole.

    Where each record got a marker (an event source mapping without a tumbling window) and now is
    to be known by its shard's position, --by-positions makes the change. Where leaderboards take
    more writes than a partition can, --ranking-shards builds them anew over several; --ranking and
    --guard build the rows anew in a form that costs fewer write units. Where a
    global table was aggregated in another region, --in-this-region goes over to this one; stop
    the other one's aggregator before.

    \b
    Example:  tallies rebuild --store dynamodb://eu-central-1/app --read-units 500
    """
    for option, given in (("by-positions", by_positions), ("in-this-region", in_this_region)):
        if dry_run and given:
            raise click.UsageError(f"--{option} changes the store; leave --dry-run out.")
    new = ""
    layout = LayoutWish(ranking_shards, ranking, guard)
    with open_any(store) as opened, steps() as report:
        if by_positions:
            opened.go_by_positions()
        if dry_run:
            new = opened.differs(declared, layout)
            found = opened.verify(read_units=read_units, processes=processes, progress=report)
        else:
            found = opened.rebuild(
                declared,
                layout=layout,
                in_this_region=in_this_region,
                read_units=read_units,
                processes=processes,
                progress=report,
            )
        tally = opened.of
    tell(found, tally, as_json, "to mend" if dry_run else "mended", to_build=new)
    sys.exit(1 if dry_run and (found.drifted or new) else 0)


@contextmanager
def steps() -> Iterator[Progress]:
    """One bar for each step of a long piece of work."""
    with progress("rows") as bar:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total, rows=0)
            bar.update(tasks[what], completed=done, total=total, rows=done)

        yield report


def tell(
    found: Verified,
    tally: Tally,
    as_json: bool,
    word: str,
    sample: Sample | None = None,
    to_build: str = "",
) -> None:
    """Print what was found to differ; of tallies that were built anew, only how much it is."""
    parts = [(part.tally or tally, part.drifted) for part in found.parts or [found]]
    if found.built:
        parts = []
    if as_json:
        print_json(
            {
                "checked": found.checked,
                **({"uncounted": found.uncounted_by} if found.uncounted else {}),
                **({"built": len(found.drifted)} if found.built else {}),
                **({"sample": described(found, sample)} if sample else {}),
                **({"to_build": to_build} if to_build else {}),
                word.replace(" ", "_"): [
                    {
                        **({"tally": of.name} if found.parts else {}),
                        **named_values(of.labels, drift.group),
                        "window": drift.window,
                        "expected": plain(drift.expected),
                        "actual": plain(drift.actual),
                        **({"measure": drift.measure} if _says_measure(of, [drift]) else {}),
                    }
                    for of, drifted in parts
                    for drift in drifted
                ],
            }
        )
        return
    for of, drifted in parts:
        if found.parts and drifted:
            out.print(f"{of.name}:")
        _print_drifts(of, drifted)
    did = "numbers built" if found.built else word
    out.print(f"{counted(found.checked, 'row')} checked, {len(found.drifted):,} {did}")
    for sentence in uncounted(found):
        out.print(sentence, soft_wrap=not out.is_terminal)
    if to_build:
        out.print(f"To be built beside what is there, and switched to: {to_build}.")
    if sample is not None:
        out.print(f"Sample: {100 * sample.share:.12g} % of the groups, seed {sample.seed}.")
        out.print(in_words(found.drifted_groups, found.groups))


def _print_drifts(of: Tally, drifted: Sequence[Drift]) -> None:
    if drifted:
        rows = [
            (*named_values(of.labels, group).values(), window, expected, actual, measure)
            for group, window, expected, actual, measure in drifted[:SHOWN]
        ]
        headers = (*headings(of), "window", "expected", "actual", "measure")
        if _says_measure(of, drifted):
            print_table(headers, rows)
        else:
            print_table(headers[:-1], [row[:-1] for row in rows])
    if len(drifted) > SHOWN:
        out.print(f"and {len(drifted) - SHOWN:,} more")
    if any(drift.measure not in of.components for drift in drifted):
        out.print(
            "A row in a wrong bucket has the right numbers, and may stand at a wrong place of its"
            " leaderboard."
        )


def _says_measure(of: Tally, drifted: Iterable[Drift]) -> bool:
    """Whether it must be said which of the numbers of a row differs."""
    return len(of.components) > 1 or any(drift.measure not in of.components for drift in drifted)


def described(found: Verified, sample: Sample) -> dict[str, float]:
    """A sample, and what it says of all groups, for programs."""
    return {
        "share": sample.share,
        "seed": sample.seed,
        "groups": found.groups,
        "drifted_groups": found.drifted_groups,
        "confidence": CONFIDENCE,
        "drifted_share_below": most(found.drifted_groups, found.groups),
    }
