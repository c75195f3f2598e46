"""Time, memory and agreement under permutations.

    python -m benchmarks.kdmatch.cost

Prints two Markdown tables. CPU seconds (user + system) of `kdmatch.match` alone; resident memory of a
process with NumPy before a match and at its peak (Linux).
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import kdmatch
from benchmarks.kdmatch.settings import offset
from kdmatch import _binding
from kdmatch.synthetic import Pair, affine_of, simulate_pair

SIZES = (25, 50, 100, 200, 400, 2_000, 10_000, 100_000)


def pair_of(n: int, seed: int) -> Pair:
    """Rotation 1 deg, 20 % missing and spurious; a MUSE field up to 400 stars, then 900 px^2 a star."""
    field_px = (319.0, 313.0) if n <= 400 else (30 * n**0.5, 30 * n**0.5)
    truth = affine_of(rotation_deg=1, offset_px=offset(np.random.default_rng(seed)))
    return simulate_pair(n, truth, missing=0.2, spurious=0.2, field_px=field_px, seed=seed)


def cpu_ms(n: int, trials: int, **options: object) -> tuple[float, float]:
    """Median and maximum over fields, each the least of three calls."""
    spent = []
    for seed in range(trials):
        pair = pair_of(n, seed)
        repeats = []
        for _ in range(3):
            start = time.process_time()
            kdmatch.match(pair.reference, pair.target, **options)
            repeats.append(time.process_time() - start)
        spent.append(1e3 * min(repeats))
    return float(np.median(spent)), max(spent)


def refusal_ms(n: int, trials: int) -> float:
    """Median CPU time to refuse unrelated catalogues: every candidate is looked at."""
    spent = []
    for seed in range(trials):
        first, second = np.random.default_rng([seed, n]).uniform(0, 1, (2, n, 2)) * (319, 313)
        start = time.process_time()
        try:
            kdmatch.match(first, second)
            raise AssertionError("unrelated catalogues matched")
        except kdmatch.NoMatch:
            spent.append(1e3 * (time.process_time() - start))
    return float(np.median(spent))


def memory_mb(n: int) -> tuple[float, float]:
    """Resident memory before one match and at its peak, in a process of its own."""
    code = f"from benchmarks.kdmatch import cost; cost.report_memory({n})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, peak = map(float, done.stdout.split())
    return before, peak


def report_memory(n: int) -> None:
    """In the child: print resident memory before the match and its peak [MB]."""
    pair = pair_of(n, 0)
    _binding.library()  # loaded before, so that its pages are not counted
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the imports
    before = _status_mb("VmRSS")
    kdmatch.match(pair.reference, pair.target)
    print(before, _status_mb("VmHWM"))


def _status_mb(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))


def permuted(n: int) -> tuple[int, float]:
    """Distinct results of 20 permutations of both lists, and the greatest field error [px]."""
    pair = pair_of(n, 0)
    rng = np.random.default_rng(n)
    seen = {
        kdmatch.match(
            rng.permutation(pair.reference), rng.permutation(pair.target)
        ).affine.tobytes()
        for _ in range(20)
    }
    errors = [pair.field_error_px(np.frombuffer(one).reshape(2, 3)) for one in seen]
    return len(seen), max(errors)


def main() -> None:
    """Print the tables."""
    print(
        "| N | match, median (max) CPU ms | with prior | refusal, median CPU ms | peak MB (before) |"
    )
    print("|---|---|---|---|---|")
    for n in SIZES:
        trials = 15 if n <= 400 else 3
        median, most = cpu_ms(n, trials)
        led, _ = cpu_ms(n, trials, prior=[[1, 0, 0], [0, 1, 0]])
        refused = f"{refusal_ms(n, 5):.0f}" if n <= 400 else ""
        before, after = memory_mb(n)
        print(f"| {n} | {median:.2f} ({most:.2f}) | {led:.2f} | {refused} | {after:.0f} ({before:.0f}) |",
              flush=True)  # fmt: skip
    print("\n| N | distinct results of 20 permutations | greatest error px |\n|---|---|---|")
    for n in (6, 25, 100, 400):
        count, error = permuted(n)
        print(f"| {n} | {count} | {error:.3f} |", flush=True)


if __name__ == "__main__":
    main()
