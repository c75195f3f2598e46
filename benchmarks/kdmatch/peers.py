"""kdmatch and its peers on the same catalogues in one run.

    python -m benchmarks.kdmatch.peers [--trials N]

Prints a Markdown table with machine, load and date. astroalign is part of the benchmark environment;
twirl is asked if it is installed (`pip install twirl`), and named as missing if not; up to 30 stars
only, since it holds every quadrilateral. Each matcher has its defaults, and the CPU time is the median
over the fields. *wrong* is a map that is 1 px or more off somewhere in the field, or any map between
unrelated lists.
"""

import argparse
import datetime
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.kdmatch import settings
from kdmatch import __version__
from kdmatch.synthetic import Pair, affine_of, simulate_pair

MOST_FOR_TWIRL = 30  # stars: it holds every quadrilateral of both lists, 3.9 million of 100 stars


def twirl(reference: np.ndarray, target: np.ndarray) -> np.ndarray | None:
    """`twirl.match.find_transform` with its defaults: an affine map through two quadrilaterals."""
    from twirl.match import find_transform

    found = find_transform(reference, target)
    return None if found is None else np.asarray(found)[:2]


def matchers() -> Iterable[tuple[str, settings.Matcher]]:
    """Name with version, and the matcher; of those that are installed."""
    yield f"kdmatch {__version__}", settings.ours
    for name, matcher in (("astroalign", settings.theirs), ("twirl", twirl)):
        if importlib.util.find_spec(name):
            yield f"{name} {importlib.metadata.version(name)}", matcher
        else:
            print(f"({name} is not installed: no row)", flush=True)


def fields(trials: int) -> Iterable[tuple[str, list[Pair]]]:
    """Name of a setting and its pairs of catalogues."""
    seeds = range(9000, 9000 + trials)
    for n in (25, 100):
        truth = affine_of(rotation_deg=1, offset_px=(7, -7))
        for lost in (0.2, 0.5):
            name = f"N = {n}, {lost:.0%} missing and spurious"
            yield (
                name,
                [simulate_pair(n, truth, missing=lost, spurious=lost, seed=s) for s in seeds],
            )
    yield (
        "N = 25, shear 0.05",
        [simulate_pair(25, affine_of(rotation_deg=40, shear=0.05), seed=s) for s in seeds],
    )
    yield "N = 25, unrelated", list(settings.unrelated_pairs(25, seeds))


def machine() -> str:
    """Processor, load and date, in a line."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return (
        f"{named[0] if named else platform.machine()}, {os.cpu_count()} cores, load {load}, {today}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=30, help="fields of each setting [30]")
    trials = parser.parse_args().trials
    known = list(matchers())
    warm = simulate_pair(25, affine_of(), seed=1)
    for _, matcher in known:
        matcher(warm.reference, warm.target)  # imports and libraries are not timed
    print(f"{machine()}\n\n{settings.HEADER}")
    for name, pairs in fields(trials):
        for label, matcher in known:
            if matcher is twirl and len(pairs[0].reference) > MOST_FOR_TWIRL:
                continue
            score = settings.Score()
            for pair in pairs:
                score.add(pair, matcher)
            print(score.row(name, label), flush=True)


if __name__ == "__main__":
    main()
