"""One exposure through its stages: read a product, call the pure step, write the product.

``run_job`` brings an exposure as far as it can get: simulate (if the source is the simulator),
detect and, once the reference is chosen, measure. What is not stale is left alone; a simulated cube
is purged when nothing more is to be read from it. Whatever goes wrong with one exposure ends here,
as the stamp of the stage that it went wrong in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.passbands import load_band
from pipeline.config.settings import Settings
from pipeline.errors import JobCrashed, RequestError, WorkerLost
from pipeline.measure import detect, measure
from pipeline.muse.compressed_file import is_compressed
from pipeline.muse.cube import Cube, cube_of_layers, open_cube, write_cube
from pipeline.muse.variance import AUTO
from pipeline.simulation import CampaignRealization, RenderedLayers, TruthApertures
from pipeline.tasks.boundary import limits_of, reason_of
from pipeline.tasks.entry import declare
from pipeline.tasks.fits_products import (
    read_detection,
    write_detection,
    write_measurement,
    write_truth,
)
from pipeline.tasks.job import (
    MEASURED_CODE,
    Job,
    SimulationPlan,
    build_simulation,
    cube_ingredients,
    detect_ingredients,
    done,
    exposure_folder,
    final_stamp,
    job_folder,
    measure_ingredients,
    outcome,
    reference_key,
    staleness,
    truth_ingredients,
)
from pipeline.tasks.pointings import other_pointings
from pipeline.tasks.reference import (
    candidates,
    read_reference,
    registry_digest,
    run_reference,
)
from pipeline.workflow import products
from pipeline.workflow.products import Stamp
from pipeline.workflow.supervise import supervise

__all__ = [
    "MEASURED_CODE",
    "Job",
    "SimulationPlan",
    "build_simulation",
    "candidates",
    "exposure_folder",
    "final_stamp",
    "forget_damaged",
    "job_folder",
    "mark_failed",
    "mark_lost",
    "other_pointings",
    "outcome",
    "read_reference",
    "reference_key",
    "registry_digest",
    "run_job",
    "run_reference",
    "staleness",
]

FAILURE_LOG = "failure.log"


def run_job(job: Job) -> Stamp:
    """Bring one exposure as far as it can get; returns the stamp of the last stage that ran.

    A failure of the exposure is in the stamp, whatever it was: a typed one, another exception, a
    crash, a time or memory limit. The stages run in order, and each reads what the one before
    wrote: killed in between, the next run goes on where this one stopped.

    Raises
    ------
    RequestError
        If not the exposure is at fault but the request: a full disk, a folder nobody may write.
    """
    try:
        try:
            _share_with_children(job)
            return supervise(_advance, job, limits_of(job.cube))
        except Exception as error:
            # after a crash in C, a kill from outside, a damaged product: once more
            if not (isinstance(error, JobCrashed) or _is_ours_to_mend(job, error)):
                raise
            return supervise(_advance, job, limits_of(job.cube))
    except RequestError:
        raise
    except Exception as error:  # the one boundary: it becomes the row of this exposure
        return mark_failed(job, error)


@cache
def import_libraries() -> None:
    """Import what the stages import on demand, for all children of this process at once.

    photutils takes a second, and as much again when it finds its first star: it then asks optional
    packages for their versions. A child would import all that for its one exposure.
    """
    import astropy.wcs  # noqa: F401
    import scipy.fft
    import scipy.optimize  # noqa: F401
    from photutils.detection import DAOStarFinder
    from photutils.geometry import circular_overlap_grid  # noqa: F401

    import kdmatch._match  # noqa: F401

    square = (np.arange(15) - 7.0) ** 2
    DAOStarFinder(0.1, 3.0).find_stars(np.exp(-np.add.outer(square, square) / 4))


def _share_with_children(job: Job) -> None:
    """Do here what is the same for all exposures: a child's memory ends with it."""
    import_libraries()
    staleness(job)  # digests of the code
    if job.plan is not None:
        build_simulation(job.plan, job.settings)
    if job.reference is not None:
        read_reference(job.reference)


def _is_ours_to_mend(job: Job, error: Exception) -> bool:
    """Whether an error may come of a product that was damaged; then it is forgotten."""
    return not isinstance(error, RequestError) and forget_damaged([job]) > 0


def forget_damaged(jobs: Sequence[Job]) -> int:
    """Forget products with other bytes than were made, also of the same size and time; says which.

    Every product is read whole.

    Returns
    -------
    int
        How many there are: the next run makes them again.
    """
    n_damaged = 0
    for job in jobs:
        products_of = {"truth": job.truth, "detect": job.detection, "measure": job.measurement}
        for stage, reason in staleness(job, verify=True).items():
            if reason.startswith(products.NOT_AS_MADE):
                products.tell_if_damaged(products_of[stage], reason)
                products.forget(products_of[stage])
                n_damaged += 1
    return n_damaged


def _advance(job: Job) -> Stamp:
    """All stages that are stale, in their order."""
    stale = staleness(job)
    stamp = final_stamp(job)
    opened = cache(lambda: _open(job))  # once, if anything is to be read from it
    if "truth" in stale:
        _write_truth(job)
    if "detect" in stale:
        stamp = _run_detect(job, opened)
    if job.reference is not None and done(job.detection):
        ingredients = measure_ingredients(job, reference_key(job.reference))
        if products.staleness(job.measurement, ingredients):
            stamp = _run_measure(job, job.reference, ingredients, opened)
    assert stamp is not None  # whatever is not stale has a stamp
    return stamp


def mark_failed(job: Job, error: Exception) -> Stamp:
    """Write down what ended the work on an exposure, in the stamp of the stage it happened in.

    Raises
    ------
    Exception
        The error itself, if no stage of the exposure was at work.
    """
    kind, reason = reason_of(error, job.cube, job.folder)
    # a crash and a hang may be the machine's fault: they are tried again in the next run
    circumstances = kind in ("JobCrashed", "JobHung", "WorkerLost")
    state = products.LOST if circumstances else products.FAILED
    stale, ended = staleness(job), final_stamp(job)
    stage = next((one for one in ("detect", "measure") if one in stale), "")
    if not stage and not stale and ended is not None:
        return ended  # it was killed when its work was done
    if not stage:
        raise error
    product, ingredients = job.detection, detect_ingredients(job)
    if stage == "measure":
        assert job.reference is not None
        product = job.measurement
        ingredients = measure_ingredients(job, reference_key(job.reference))
    stamp = Stamp(
        stage,
        products.digest(ingredients),
        ingredients,
        state,
        error_type=kind,
        error=reason,
    )
    products.record_failure(product, stamp)
    with products.atomic_file(job.folder / FAILURE_LOG) as file:
        file.write("\n".join([stamp.error, *getattr(error, "__notes__", ())]))
    return stamp


def mark_lost(job: Job, error: Exception) -> Stamp:
    """Write down that the worker of a job was killed more than once; the next run tries again."""
    lost = WorkerLost(f"the worker was killed ({type(error).__name__})")
    return mark_failed(job, lost)


def _write_truth(job: Job) -> None:
    """Write the true fluxes of a simulated exposure; the cube is not needed for them."""
    assert job.plan is not None
    campaign, index = build_simulation(job.plan, job.settings), job.entry.simulation_index
    assert index is not None

    def build(output: products.Output) -> None:
        table = campaign.exposure_fluxes(index, truth_apertures(job.settings))
        write_truth(output.path(job.truth.name), table)

    products.make(job.truth, "truth", truth_ingredients(job), build)


def _keep_cube(job: Job, campaign: CampaignRealization, index: int) -> None:
    """Simulate the whole cube and keep it, if it is not there."""
    ingredients = cube_ingredients(job)

    def build_cube(output: products.Output) -> None:
        write_cube(output.path(job.cube.name), campaign.headers(index), campaign.layers(index))

    if products.staleness(job.cube, ingredients) or not job.cube.exists():
        products.make(job.cube, "simulate", ingredients, build_cube)


def truth_apertures(settings: Settings) -> TruthApertures:
    """The true fluxes that can be held against the measured ones."""
    band, extraction = load_band(settings.statistics.band), settings.extraction
    method = "center" if extraction.method == "center" else "exact"  # light within a radius
    return TruthApertures(band.name, band.wave_aa, band.weight, extraction.radii_px, method)


def _open(job: Job) -> Cube:
    """The cube of a job, with what the user declares in its header.

    One that is simulated and not to be kept is rendered where it is read.
    """
    if job.plan is not None:
        campaign, index = build_simulation(job.plan, job.settings), job.entry.simulation_index
        assert index is not None
        if not job.settings.simulation.keep_cubes:
            rendering = campaign.rendering(index)
            data, stat = (RenderedLayers(rendering, part) for part in (0, 1))
            return cube_of_layers(job.cube, campaign.headers(index), data, stat)
        _keep_cube(job, campaign, index)
    how: dict[str, Any] = {}
    if job.settings.cubes.stat != AUTO:
        how["stat"] = job.settings.cubes.stat
    if is_compressed(job.cube):
        how["scratch"] = job.folder
    cube = open_cube(job.cube, **how)
    return replace(cube, header=declare(cube.header, job.entry.declared))


def _run_detect(job: Job, opened: Callable[[], Cube]) -> Stamp:
    def build(output: products.Output) -> None:
        write_detection(output.path(job.detection.name), detect(opened(), job.settings))

    return products.make(job.detection, "detect", detect_ingredients(job), build)


def _run_measure(
    job: Job, reference: Path, ingredients: Mapping[str, Any], opened: Callable[[], Cube]
) -> Stamp:
    catalogue = read_reference(reference)

    detection = read_detection(job.detection)  # damaged, it is no failure of this stage

    def build(output: products.Output) -> None:
        measurement = measure(opened(), detection, catalogue, job.settings)
        write_measurement(output.path(job.measurement.name), measurement, catalogue.star_id)

    return products.make(job.measurement, "measure", ingredients, build)
