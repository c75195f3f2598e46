"""What a campaign takes as it grows: time, memory and size of the site for 100 to 10 000 exposures.

    python -m benchmarks.growth FOLDER [--exposures 100 1000 10000] [--measured N] [--jobs 2]

Writes small cubes (``benchmarks.small_cubes``) into FOLDER, 1.1 MB each, and runs the commands that a
user runs, each as a process of its own: measure, report, the same with nothing to do, status, and the
report after one more night. CPU seconds are those of all processes; memory is that of the run's own
process, anonymous and at its peak. FOLDER is kept: what was measured there is not measured again.

``--measured N`` measures the first N exposures only. The products of the others are then copies of
theirs, with stamps that say so: measuring takes as long for each, while statistics, pages and status
see as many exposures as are asked for.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.small_cubes import CONFIGURATION, PER_NIGHT, is_truncated, write_small_cubes
from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.sources.cubes import CubeFolder
from pipeline.sources.request import Request
from pipeline.tasks.job import (
    Job,
    detect_ingredients,
    measure_ingredients,
    reference_key,
)
from pipeline.workflow import products
from pipeline.workflow.executors import Workers
from pipeline.workflow.stamps import DONE, Recorded, Stamp, read_stamp, write_stamp

SIZES = (100, 1000, 10_000)
SAMPLED_S = 0.02  # between two looks at the memory of a process


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    cpu_s: float  # user and system, of all its processes
    wall_s: float
    anonymous_mb: float  # peak of its own process
    status: int


@dataclass(frozen=True)
class Row:
    """One size of a campaign."""

    n: int
    measured: int
    measure: Cost
    report: Cost
    nothing: Cost
    status: Cost
    night: Cost
    site_mb: float


def run(command: list[str]) -> Cost:
    """Cost of a command; what it says goes to the error output.

    Raises
    ------
    RuntimeError
        If it does not end with status 0.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started, peak = time.monotonic(), 0.0
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sys.stderr)
    while True:
        ended, status, used = os.wait4(child.pid, os.WNOHANG)
        if ended:
            break
        peak = max(peak, _anonymous_mb(child.pid))
        time.sleep(SAMPLED_S)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with status {child.returncode}")
    cpu_s = used.ru_utime + used.ru_stime
    return Cost(cpu_s, time.monotonic() - started, peak, child.returncode)


def _anonymous_mb(pid: int) -> float:
    """Anonymous memory of a process now; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = [line.split()[1] for line in text.splitlines() if line.startswith("RssAnon")]
    return float(found[0]) / 1024 if found else 0.0


class Place:
    """The folders of one size of campaign.

    Parameters
    ----------
    folder : Path
        Of all sizes; cubes are written once for all.
    n : int
        Exposures.
    jobs : int
    """

    def __init__(self, folder: Path, n: int, jobs: int) -> None:
        self._folder, self.n, self._jobs = folder, n, jobs
        self.cubes, self.work, self.site = (
            folder / f"{name}-{n}" for name in ("cubes", "work", "site")
        )
        self.config = folder / "report.toml"
        self.config.write_text(CONFIGURATION, encoding="utf-8")

    def fill(self, n: int) -> None:
        """Have the first ``n`` cubes of all in the folder of this size."""
        self.cubes.mkdir(parents=True, exist_ok=True)
        for path in write_small_cubes(self._folder / "cubes", 0, n):
            if not (self.cubes / path.name).exists():
                (self.cubes / path.name).hardlink_to(path)
        for path in sorted(self.cubes.glob("*.fits"))[n:]:
            path.unlink()

    def build(self, *options: str) -> Cost:
        """The cost of ``build_report.py``."""
        command = [sys.executable, "build_report.py", *self._options, "--site", str(self.site)]
        return run([*command, "--jobs", str(self._jobs), *options])

    def status(self) -> Cost:
        """The cost of ``python -m pipeline status``."""
        return run([sys.executable, "-m", "pipeline", "status", *self._options])

    @property
    def _options(self) -> list[str]:
        named = {"config": self.config, "cubes": self.cubes, "work": self.work}
        return ["--source", "cubes", *(w for k, v in named.items() for w in (f"--{k}", str(v)))]

    def campaign(self) -> CubeFolder:
        """The campaign as it stands."""
        settings = read_settings(self.config)
        request = Request(
            settings, ROOT, ("cubes",), self.cubes, None, self.work, Workers(self._jobs), ()
        )
        return CubeFolder(request)


def plant_copies(place: Place) -> int:
    """Give every exposure that is not measured the products of one that is; returns how many."""
    campaign = place.campaign()
    jobs = [job for job in campaign.jobs if job.entry.error is None]
    jobs = [job for job in jobs if not is_truncated(int(job.cube.stem))]  # these fail by themselves
    done = [job for job in jobs if _is_done(job)]
    missing = [job for job in jobs if not _is_done(job)]
    for number, job in enumerate(missing):
        _plant(done[number % len(done)], job)
    campaign.write_cache()
    return len(missing)


def _is_done(job: Job) -> bool:
    stamp = read_stamp(job.measurement)
    return stamp is not None and stamp.state == DONE


def _plant(source: Job, job: Job) -> None:
    assert job.reference is not None
    job.folder.mkdir(parents=True, exist_ok=True)
    wanted = {
        "detect": (source.detection, job.detection, detect_ingredients(job)),
        "measure": (
            source.measurement,
            job.measurement,
            measure_ingredients(job, reference_key(job.reference)),
        ),
    }
    for stage, (old, new, ingredients) in wanted.items():
        new.unlink(missing_ok=True)
        new.hardlink_to(old)
        write_stamp(
            new,
            Stamp(
                stage,
                products.digest(ingredients),
                ingredients,
                DONE,
                {new.name: Recorded.of(new)},
                warnings=(f"a copy of {source.entry.exposure_id}, by benchmarks.growth",),
            ),
        )


def grow(folder: Path, n: int, measured: int, jobs: int) -> Row:
    """One row of the table."""
    place, measured = Place(folder, n, jobs), min(n, measured)
    place.fill(measured)
    measure = place.build("--until", "measure")
    place.fill(n)
    if measured < n:
        plant_copies(place)
    report = place.build()
    nothing = place.build()
    status = place.status()
    site_mb = sum(path.stat().st_size for path in place.site.rglob("*") if path.is_file()) / 1e6
    place.fill(n + PER_NIGHT)
    place.build("--until", "measure")
    night = place.build()
    return Row(n, measured, measure, report, nothing, status, night, site_mb)


COLUMNS = (
    "exposures",
    "measured, CPU s each",
    "statistics and site, CPU s (wall)",
    "each, ms",
    "MB",
    "nothing to do, CPU s",
    "status, CPU s (wall)",
    "one more night, CPU s",
    "site, MB",
)


def line(row: Row) -> str:
    """A row as Markdown."""
    return (
        f"| {row.n} | {row.measured}, {row.measure.cpu_s / row.measured:.3f} "
        f"| {row.report.cpu_s:.1f} ({row.report.wall_s:.0f}) | {1e3 * row.report.cpu_s / row.n:.1f} "
        f"| {row.report.anonymous_mb:.0f} | {row.nothing.cpu_s:.1f} "
        f"| {row.status.cpu_s:.1f} ({row.status.wall_s:.1f}) | {row.night.cpu_s:.1f} "
        f"| {row.site_mb:.1f} |"
    )


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="12 GB for 10 000 exposures")
    parser.add_argument("--exposures", type=int, nargs="+", default=SIZES)
    parser.add_argument("--measured", type=int, default=max(SIZES), help="default: all")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", flush=True)
    for n in options.exposures:
        print(line(grow(options.folder, n, options.measured, options.jobs)), flush=True)
    print(
        f"\n{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python "
        f"{platform.python_version()}, {datetime.now(UTC).date().isoformat()}"
    )


if __name__ == "__main__":
    main()
