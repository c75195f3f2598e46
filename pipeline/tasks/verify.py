"""Every product hashed, every checksum of every cube read: what ``status --verify`` does.

What it finds is kept: a cube whose data are damaged is a failed exposure from then on, until its
file changes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.errors import ChecksumMismatch, ExposureError, printable
from pipeline.muse.checksums import Checksums, verify_checksums
from pipeline.tasks.job import Job, detect_ingredients, staleness
from pipeline.tasks.measure import mark_failed
from pipeline.workflow import products
from pipeline.workflow.stamps import Stamp


def verify_jobs(
    jobs: Sequence[Job], step: Callable[[], None] = lambda: None
) -> Iterator[tuple[str, str]]:
    """Yield (exposure, what is wrong) for every product or cube that is not as it should be.

    Parameters
    ----------
    jobs : sequence of Job
        Of a campaign, with their reference.
    step : callable
        Called after each exposure: progress.
    """
    for job in jobs:
        if job.entry.error is None:
            for text in [*_products(job), *_cube(job)]:
                yield job.entry.exposure_id, text
        step()


def _products(job: Job) -> list[str]:
    found = staleness(job, verify=True)
    return [f"{stage}: {reason}" for stage, reason in found.items()]


def _cube(job: Job) -> list[str]:
    """What the checksums of a reader's cube say; it is kept in the stamp of its detection."""
    if job.entry.cube_path is None:
        return []
    try:
        sums = verify_checksums(job.cube)
    except ExposureError as error:
        return [f"{type(error).__name__}: {error}"]
    if sums.wrong_data:
        damaged = mismatch(job.cube, sums)
        products.forget(job.detection)  # whatever was measured: of damaged data
        mark_failed(job, damaged)
        return [f"ChecksumMismatch: {damaged}"]
    if sums.wrong_header:
        text = f"CHECKSUM of {', '.join(sums.wrong_header)} does not hold: the header was edited"
        _warn(job, text)
        return [f"warning: {printable(job.cube.name)}: {text}"]
    return []


def mismatch(path: Path, sums: Checksums) -> ChecksumMismatch:
    """The refusal of a file with damaged data."""
    return ChecksumMismatch(
        f"{path.name}: DATASUM of {', '.join(sums.wrong_data)} does not hold, the data are damaged; "
        "fetch or reduce it again"
    )


def _warn(job: Job, text: str) -> None:
    stamp: Stamp | None = products.read_stamp(job.detection)
    current = products.digest(detect_ingredients(job))
    if stamp is not None and stamp.key == current and text not in stamp.warnings:
        warned = replace(stamp, warnings=tuple(sorted({*stamp.warnings, text})))
        products.write_stamp(job.detection, warned)
