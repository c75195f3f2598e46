"""Time of the statistics of all pairs: vectorised against the plain loop, in one run.

    python -m benchmarks.pair_statistics [--rounds N]

Prints a Markdown table. The plain loop is the study's algorithm with the fluxes already in
memory; the study itself read every file of spectra anew for every pair.
"""

import argparse
import time
from collections.abc import Callable
from itertools import combinations

import numpy as np

from pipeline.statistics.channels import channel_responses
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.pairs import pair_statistics, timelines
from pipeline.statistics.scatter import std_published

N_EXPOSURES, N_STARS, SNR = 65, 25, 1000.0


def synthetic_fluxes(seed: int = 3218) -> Fluxes:
    """A campaign of the study's size: 65 exposures of 25 stars with 3 % scatter."""
    rng = np.random.default_rng(seed)
    true = np.exp(rng.uniform(5, 9, N_STARS)) * np.ones((N_EXPOSURES, 1))
    err = true / SNR
    flux = true * (1 + 0.03 * rng.normal(size=true.shape)) + err * rng.normal(size=true.shape)
    nights = (np.datetime64("2019-01-01") + 5 * np.arange(N_EXPOSURES)).astype(str)
    return Fluxes(flux, err, nights, channel=np.arange(N_STARS) % 24 + 1)


def plain_loop(flux: np.ndarray) -> list[float]:
    """The study's scatter of every pair, exposure by exposure."""
    found = []
    for first, second in combinations(range(flux.shape[1]), 2):
        ratios = [row[first] / row[second] for row in flux]
        kept = np.asarray([ratio for ratio in ratios if not np.isnan(ratio)])
        mean = np.mean(kept)
        found.append(float(np.std(np.sort((kept - mean) / mean)[1:-1])))
    return found


def vectorised(flux: np.ndarray) -> np.ndarray:
    """The same for all pairs at once."""
    first, second = np.array(list(combinations(range(flux.shape[1]), 2))).T
    return std_published(flux[:, first] / flux[:, second])


def main() -> None:
    """Interleave the methods, so that the machine's other load falls on all of them alike."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    fluxes = synthetic_fluxes()
    np.testing.assert_allclose(vectorised(fluxes.flux), plain_loop(fluxes.flux), rtol=1e-12)
    methods: dict[str, Callable[[], object]] = {
        "std_published, plain loop": lambda: plain_loop(fluxes.flux),
        "std_published, vectorised": lambda: vectorised(fluxes.flux),
        "pair_statistics, all 20 columns": lambda: pair_statistics(fluxes),
        "timelines, 19 500 rows": lambda: timelines(fluxes),
        "channel_responses": lambda: channel_responses(fluxes),
    }
    times: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(rounds):
        for name, method in methods.items():
            start = time.process_time()
            method()
            times[name].append(time.process_time() - start)
    base = float(np.median(times["std_published, plain loop"]))
    n_pairs = N_STARS * (N_STARS - 1) // 2
    print(f"{N_EXPOSURES} exposures, {N_STARS} stars, {n_pairs} pairs; CPU time, {rounds} rounds\n")
    print("| method | median [ms] | min [ms] | plain loop / this |")
    print("|---|---:|---:|---:|")
    for name, values in times.items():
        middle = float(np.median(values))
        ratio = base / max(middle, 1e-9)
        print(f"| {name} | {1e3 * middle:.2f} | {1e3 * min(values):.2f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
