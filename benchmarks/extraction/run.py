"""Extraction from a cube of full size, beside reading the file and beside other libraries.

    python -m benchmarks.extraction.run --scratch DIR [--rounds 9] [--ours-only] [--mpdaf-python PATH]

Makes a cube of 2.9 GB in DIR (removed at the end), keeps it warm in the file cache, runs every
method in a fresh process, interleaved, and prints one Markdown table. CPU seconds are comparable on
a shared machine, wall times are not.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.extraction.full_cube import make_full_cube, star_positions

ROOT = Path(__file__).resolve().parents[2]
Result = dict[str, float]
OURS = ("ours", "ours_exact", "chain")
LABELS = {
    "cat": "`cat cube > /dev/null`",
    "ours": "`extract_spectra`, method center",
    "ours_exact": "`extract_spectra`, method exact",
    "chain": "`detect` + `measure`",
    "photutils": "photutils `aperture_photometry`",
    "mpdaf": "mpdaf `Cube.aperture`",
    "definition": "mask of the whole image, summed per layer",
}


def cat(cube: Path) -> Result:
    """CPU and wall seconds of reading the file once."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with Path(os.devnull).open("wb") as nowhere:
        subprocess.run(["cat", str(cube)], stdout=nowhere, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"cpu_s": cpu, "wall_s": time.perf_counter() - start}


def method(name: str, cube: Path, python: str = sys.executable, *options: str) -> Result:
    """What a method reports of itself."""
    command = [python, "-m", "benchmarks.extraction.methods", name, str(cube), *options]
    command += ["--positions", str(cube.with_suffix(".txt"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_all(
    cube: Path, rounds: int, runs: dict[str, Callable[[], Result]]
) -> dict[str, list[Result]]:
    """Every method once per round, the file read before each so that it is warm."""
    results: dict[str, list[Result]] = {name: [] for name in runs}
    for index in range(rounds):
        for name, run in runs.items():
            warm = cat(cube)
            results[name].append({**run(), "cat_cpu_s": warm["cpu_s"]})
            print(f"round {index + 1}/{rounds} {name}: {results[name][-1]}", file=sys.stderr)
    return results


def table(results: dict[str, list[Result]], memory: dict[str, Result]) -> str:
    """The Markdown table: medians of all rounds, and ratios to the ``cat`` right before."""
    lines = [
        "| | CPU s, median (range) | CPU / CPU of cat, median (range) | wall s | anonymous MB |",
        "|---|---|---|---|---|",
    ]
    for name, runs in results.items():
        factor = runs[0].get("times", 1.0)
        cpu = sorted(result["cpu_s"] * factor for result in runs)
        wall = statistics.median(result["wall_s"] * factor for result in runs)
        middle = statistics.median(cpu)
        ratios = sorted(result["cpu_s"] * factor / result["cat_cpu_s"] for result in runs)
        ratio = f"{statistics.median(ratios):.3g} ({ratios[0]:.3g}-{ratios[-1]:.3g})"
        anonymous = f"{memory[name]['anonymous_mb']:.0f}" if name in memory else ""
        share = f" (1/{factor:g} of the work, extrapolated)" if factor != 1 else ""
        lines.append(
            f"| {LABELS[name]}{share} | {middle:.3g} ({cpu[0]:.3g}-{cpu[-1]:.3g}) "
            f"| {ratio} | {wall:.3g} | {anonymous} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scratch", type=Path, required=True, help="folder with 3 GB to spare")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--mpdaf-python", default="", help="interpreter that has mpdaf")
    parser.add_argument(
        "--ours-only", action="store_true", help="neither other libraries nor the definition"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        cube = Path(folder) / "cube.fits"
        make_full_cube(cube)
        np.savetxt(cube.with_suffix(".txt"), star_positions())
        runs: dict[str, Callable[[], Result]] = {"cat": lambda: cat(cube)}
        for name in OURS if options.ours_only else (*OURS, "photutils", "definition"):
            runs[name] = lambda name=name: method(name, cube)
        if options.mpdaf_python:
            runs["mpdaf"] = lambda: method("mpdaf", cube, options.mpdaf_python)
        results = measure_all(cube, options.rounds, runs)
        memory = {name: method(name, cube, sys.executable, "--memory") for name in OURS}
        agreement = method("check", cube)
        stars = results["chain"][0]
        print(table(results, memory))
        print(
            f"\nLargest difference to plain sums over the masks, {agreement['compared']:.0f} sums of "
            f"25 stars, 5 apertures, every 37th layer, DATA and STAT: {agreement['worst']:g}. "
            f"The chain finds {stars['stars']:.0f} and matches {stars['matched']:.0f} stars. "
            f"{options.rounds} rounds, medians; {platform.machine()}, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
            f"numpy {np.__version__}, {datetime.now(UTC).date().isoformat()}."
        )
        if not options.mpdaf_python:
            print("\nmpdaf: not run, --mpdaf-python names no interpreter that has it.")


if __name__ == "__main__":
    main()
