"""What is done, what is stale and why, what failed and why; nothing is run."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pipeline.errors import NoEpoch
from pipeline.sources import ArchiveFrames, Campaign, MeasuredCampaign
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import reduce as reduce_tasks
from pipeline.tasks.measure import Job
from pipeline.workflow import products

EXAMPLES_SHOWN = 3  # exposures named per reason unless all are asked for


def status_lines(campaigns: Sequence[Campaign], *, everything: bool = False) -> list[str]:
    """A report on every campaign, line by line.

    Parameters
    ----------
    everything : bool
        Name every exposure instead of the first few per reason.
    """
    lines: list[str] = []
    for campaign in campaigns:
        lines.append(f"{campaign.name} ({campaign.workspace})")
        if isinstance(campaign, ArchiveFrames):
            lines += _night_lines(campaign)
        if isinstance(campaign, MeasuredCampaign):
            lines += _exposure_lines(campaign, everything)
        reason = products.staleness(campaign.summary_product, campaign.ingredients())
        lines.append(f"  statistics: {'stale, ' + reason if reason else 'done'}")
    return lines


def _night_lines(campaign: ArchiveFrames) -> list[str]:
    """Which nights are to be reduced, and why."""
    stale = {job.night: reduce_tasks.stale(job) for job in campaign.nights}
    lines = [f"  nights: {len(stale)}, {sum(not reasons for reasons in stale.values())} reduced"]
    for night, reasons in stale.items():
        lines += [f"    {night}: {exposure}: {why}" for exposure, why in reasons.items()]
    return lines


def _exposure_lines(campaign: MeasuredCampaign, everything: bool) -> list[str]:
    jobs, reference = campaign.jobs, products.read_stamp(campaign.reference)
    groups: dict[str, list[str]] = {}
    for job in jobs:
        groups.setdefault(_state(job), []).append(job.entry.exposure_id)
    lines = [f"  exposures: {len(jobs)}"]
    for state, names in sorted(groups.items(), key=lambda item: (item[0] != "done", item[0])):
        shown = names if everything else names[:EXAMPLES_SHOWN]
        more = len(names) - len(shown)
        detail = "" if state == "done" and not everything else ": " + ", ".join(shown)
        lines.append(
            f"    {len(names)} {state}{detail}{f' and {more} more' if more and detail else ''}"
        )
    lines.append(f"  reference: {'done' if reference else 'not chosen yet'}")
    cost = _cost(jobs)
    return [*lines, cost] if cost else lines


def _state(job: Job) -> str:
    if job.entry.error is not None:
        word = "excluded" if isinstance(job.entry.error, NoEpoch) else "failed"
        return f"{word}, {type(job.entry.error).__name__}: {job.entry.error}"
    stale = measure_tasks.staleness(job)
    if stale:
        stage, reason = next(iter(stale.items()))
        return f"stale, {stage}: {reason}"
    for product in (job.detection, job.measurement):
        stamp = products.read_stamp(product)
        if stamp is not None and stamp.state == products.FAILED:
            return f"failed, {stamp.error_type}: {stamp.error}"
    return "done" if job.reference else "detected"


def _cost(jobs: Iterable[Job]) -> str:
    """Time and memory that the products took, from their stamps."""
    wall: defaultdict[str, float] = defaultdict(float)
    peak = 0.0
    for job in jobs:
        for product in (job.cube, job.truth, job.detection, job.measurement):
            stamp = products.read_stamp(product)
            if stamp is not None:
                wall[stamp.stage] += stamp.wall_s
                peak = max(peak, stamp.peak_rss_mb)
    spent = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in sorted(wall.items()))
    return f"  spent: {spent}; at most {peak:.0f} MB in one process" if spent else ""
